"""How large a run will be: patches, models, bytes, and minutes by a short measurement on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from degcraft.config import Config
from degcraft.degrade import degrade_drawn
from degcraft.device import on_device, prepare
from degcraft.distribution import Distribution
from degcraft.metrics import measure
from degcraft.names import Name
from degcraft.networks import NetworkSpec
from degcraft.networks.encoder import Encoder
from degcraft.networks.sr import to_tensor
from degcraft.patches import count_positions
from degcraft.seeds import stream
from degcraft.settings import TrainSettings
from degcraft.sharing import FOLDS
from degcraft.space import Space, build
from degcraft.training.recorded import CALLS_BEFORE
from degcraft.training.run import Run
from degcraft.training.start import first_network
from degcraft.upscale import SelfEnsemble, upscale_tiled

SECONDS = 0.5  # of each measurement, or three rounds, whichever is longer
SLOW = 2.0  # seconds of a call that is not made again
# a second, and seconds a step at least: assumed, a third of what an H200 does, and half (docs/training.md)
GPU_OPERATIONS, GPU_STEP = 1e13, 0.001


@dataclass(frozen=True)
class Counts:
    """What a run makes.

    Attributes:
        space: the bins that there are at first.
        bins: that are described, those that are split off later included.
        patches: HR patches.
        pairs: in all distributions.
        models: distributions times seeds.
        upscaled: LR pixels that are super-resolved for the user.
        tests: models times the targets that each is tested on.
        tested: HR pixels that they make in all of these tests.
        degraded: pixels of photos that are degraded for other programs, in all distributions.
        bytes: on disk, by what takes most of it.
    """

    space: Space
    bins: int
    patches: int
    pairs: int
    models: int
    upscaled: int
    tests: int
    tested: int
    degraded: int
    bytes: dict[str, int]


def counts(
    config: Config,
    hr: Sequence[tuple[int, int]],
    upscaled: int = 0,
    tested: Mapping[str, int] | None = None,
    degraded: int = 0,
) -> Counts:
    """Count what a run makes, without making it.

    Args:
        config: of the run.
        hr: width and height of every usable HR photo.
        upscaled: pixels of all photos that will be super-resolved.
        tested: pixels of the HR test photos of each target that has some, by its name.
        degraded: pixels of all photos of ``degrade.photos``.
    """
    side, photos = config.photos.size, config.photos
    cut = side, photos.per_photo, config.scale, photos.textured
    patches = sum(count_positions(height, width, *cut) for width, height in hr)
    space = build(config.degradation)
    bins = len(space)
    distributions = len(config.expand(config.distributions))
    targets = len(config.targets)
    lr = (side // config.scale) ** 2 * 3
    upscaled *= "crafted" in config.distributions
    sets = 2 + config.evaluate.draws  # the target's own test set, `clean`, and the draws of `full`
    found = {
        "HR patches": patches * side**2 * 3,
        "pairs": distributions * config.pairs.count * lr,
        "moments of the bins": _moments(config, space, min(config.bin_features.patches, patches)),
        "super-resolved photos, at most": upscaled * config.scale**2 * 3,
        "degraded photos, at most": _degraded(config, degraded),
    }
    described = bins + (config.refine.bins - bins) * targets * bool(config.refine.rounds)
    models, pairs = distributions * len(config.seeds), distributions * config.pairs.count
    tests = [
        pixels * sets
        for distribution in config.expand(config.distributions)
        for target, pixels in (tested or {}).items()
        if Name.parse(distribution).target in ("", target)
    ] * len(config.seeds)
    degraded *= len(config.expand(config.degrade_distributions))
    return Counts(space, described, patches, pairs, models, upscaled, len(tests), sum(tests), degraded, found)


def _moments(config: Config, space: Space, patches: int) -> int:
    """Bytes of all files of the bins' moments: the space's, and of each target one a round, in which bins add up."""
    features = config.encoder.features if config.extractor != "srgan" else config.srgan.channels
    a_bin = (1 + FOLDS) * (features + features**2) * 8
    tables, rounds = [len(space)], config.refine.rounds
    if rounds:
        a_bin += patches * (features + len(space.names)) * 4  # the samples themselves
        each = (config.refine.bins - len(space)) / rounds
        tables += [round(len(space) + each * k) for k in range(1, rounds + 1)] * len(config.targets)
    return sum(tables) * a_bin


def _degraded(config: Config, pixels: int) -> int:
    """Bytes of the folders of `degrade`: LR photos, which the pairs share where files can be linked, HR ones, LMDB."""
    hr, lr = pixels * 3, pixels * 3 // config.scale**2
    each = lr + config.degrade_pairs * (hr + config.degrade_lmdb * (hr + lr))
    return each * len(config.expand(config.degrade_distributions))


@dataclass(frozen=True)
class Durations:
    """How long the long stages take.

    Attributes:
        jobs: (stage, jobs, seconds of all its jobs, jobs that can run side by side) on this machine's cores or GPU.
        device: ``cpu`` or ``cuda``.
        operations: floating-point operations of a training step.
        steps: training steps of all models.
    """

    jobs: tuple[tuple[str, int, float, int], ...]
    device: str
    operations: float
    steps: int

    @property
    def work(self) -> float:
        """Seconds of all jobs, one after the other."""
        return sum(seconds for _, _, seconds, _ in self.jobs)

    @property
    def clock(self) -> float:
        """Seconds by the clock, with the jobs of a stage side by side as far as cores allow."""
        return sum(seconds / jobs * -(-jobs // min(jobs, beside)) for _, jobs, seconds, beside in self.jobs if jobs)

    @property
    def training_on_gpu(self) -> float:
        """Seconds of all trainings on a GPU, one after the other, as assumed."""
        return self.steps * max(GPU_STEP, self.operations / GPU_OPERATIONS)


def durations(config: Config, hr: NDArray[np.uint8], made: Counts, cores: int) -> Durations:
    """Measure a few degradations, extractor steps and training steps, and extrapolate.

    Args:
        config: of the run.
        hr: (n, size, size, 3) HR patches to measure with.
        made: what the run makes.
        cores: of this machine.

    Raises:
        UserError: the weights to start from cannot be read or do not fit.
    """
    whole = Distribution.uniform(build(config.degradation))
    lr: list[NDArray[np.uint8]] = []

    def degrade_next() -> None:
        index = len(lr)
        image, _, _ = degrade_drawn(hr[index % len(hr)], whole, config.scale, stream(config.seed, "check", index))
        lr.append(image)

    device = prepare(config.train.threads, config.seed, "check")
    degrading = _measured(degrade_next, torch.device("cpu"))
    images = np.stack(lr)
    pairs = images, np.stack([hr[index % len(hr)] for index in range(len(images))])
    step, operations = _training_step(config.train, config.scale, pairs, device)
    settings, samples = config.encoder, config.encoder.samples
    describing, learning = _encoder_step(config, images, device)
    extractor, extractor_jobs = samples * degrading + samples * settings.passes * learning, 1
    if config.checkpoint is not None:
        extractor, extractor_jobs = 0.0, 0
    elif config.extractor == "srgan":
        own = config.srgan
        same = TrainSettings("srresnet", own.channels, own.blocks, batch=own.batch, crop=images.shape[1])
        one, _ = _training_step(same, config.scale, pairs, device)
        extractor = one * (own.steps + 2 * own.adversarial_steps)
    distributions = len(config.expand(config.distributions))
    adversarial = config.train.adversarial_steps
    longer = _training_step(replace(config.train, steps=0), config.scale, pairs, device)[0] if adversarial else 0.0
    train = config.train.steps * step + adversarial * longer
    beside = cores if device.type == "cpu" else 1
    described = made.bins * min(config.bin_features.patches, made.patches) * (degrading + describing)
    simulated = config.certify.photos * config.reference.per_photo * (degrading + describing)
    simulated *= bool(config.certify.simulations)
    targets = len(config.targets)
    folders = len(config.expand(config.degrade_distributions)) if made.degraded else 0
    processes = config.train.processes * config.train.nodes
    restoring, measuring = _restored_pixel(config, pairs, device)
    restored = max(1, beside // config.upscale.threads)
    jobs = (
        ("extractor", extractor_jobs, extractor, 1),
        ("bin_features", config.bin_features.shards, described, beside),
        ("certify", targets, targets * simulated, beside),
        ("pairs", distributions * config.pairs.shards, made.pairs * degrading, cores),
        ("train", made.models, made.models * train / processes, max(1, beside // (config.train.threads * processes))),
        ("degrade", folders, made.degraded / config.photos.size**2 * degrading, cores),
        ("evaluate", made.tests, made.tested * (restoring + measuring), restored),
        ("upscale", len(config.targets) if made.upscaled else 0, made.upscaled * config.scale**2 * restoring, restored),
    )
    return Durations(jobs, device.type, operations, made.models * config.train.all_steps)


def _training_step(
    settings: TrainSettings,
    scale: int,
    pairs: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    device: torch.device,
) -> tuple[float, float]:
    """Seconds and floating-point operations of a step."""
    settings = replace(settings, compile=False)
    network, _ = first_network(settings, scale)
    run = Run(network, settings, 0, device)
    rows, side = np.resize(np.arange(len(pairs[0])), settings.batch), settings.crop
    lr = torch.from_numpy(pairs[0][rows, :side, :side])
    hr = torch.from_numpy(pairs[1][rows, : side * scale, : side * scale])
    with FlopCounterMode(display=False) as counter:
        run.advance(lr[:1], hr[:1])
    operations = float(settings.batch * counter.get_total_flops())
    if device.type == "cpu":
        alone = _measured(lambda: run.advance(lr[:1], hr[:1]), device)
        if settings.batch * alone > SECONDS:
            return settings.batch * alone, operations
    for _ in range(CALLS_BEFORE if device.type == "cuda" else 0):  # until steps are launched at once
        run.advance(lr, hr)
    return _measured(lambda: run.advance(lr, hr), device), operations


def _encoder_step(config: Config, lr: NDArray[np.uint8], device: torch.device) -> tuple[float, float]:
    """Seconds in which the encoder describes a patch, and in which it learns from one."""
    settings = config.encoder
    spec = NetworkSpec.of("encoder", channels=settings.channels, features=settings.features, outputs=1)
    network = spec.build().to(device)
    assert isinstance(network, Encoder)
    images = torch.from_numpy(lr[np.resize(np.arange(len(lr)), settings.batch)]).to(device)

    def learn() -> None:
        network.zero_grad()
        network(to_tensor(images)).square().mean().backward()

    def describe() -> None:
        with torch.no_grad():
            network.features(to_tensor(images))

    return _measured(describe, device) / settings.batch, _measured(learn, device) / settings.batch


def _restored_pixel(
    config: Config, pairs: tuple[NDArray[np.uint8], NDArray[np.uint8]], device: torch.device
) -> tuple[float, float]:
    """Seconds in which a model makes a pixel of an HR photo, and in which it is compared with the true one."""
    network, _ = first_network(config.train, config.scale)
    network = on_device(SelfEnsemble(network) if config.upscale.ensemble else network, device).eval()
    (lr, *_), (hr, *_) = pairs
    restoring = _measured(lambda: upscale_tiled(network, lr, config.scale, config.upscale, device), device)
    measuring = _measured(lambda: measure(hr, hr, config.scale), torch.device("cpu"))
    return restoring / (hr.size / 3), measuring / (hr.size / 3)


def _measured(run: Callable[[], object], device: torch.device) -> float:
    """Seconds of one call after a first, or of the first if it is slow: of this process's CPU time, so that other
    programs do not count, or on a GPU by the clock.
    """
    threads = torch.get_num_threads()

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            return time.perf_counter()
        return time.process_time() / threads

    start = now()
    run()
    if now() - start > SLOW:
        return now() - start
    start, rounds = now(), 0
    while rounds < 3 or now() - start < SECONDS:
        run()
        rounds += 1
    return (now() - start) / rounds
