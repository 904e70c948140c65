"""How long the long stages of a run will take, by short measurements on this machine."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
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
from degcraft.networks.encoder import Encoder
from degcraft.networks.sr import SRResNet, to_tensor
from degcraft.run_size import Counts, extractor_spec
from degcraft.seeds import stream
from degcraft.settings import TrainSettings
from degcraft.space import build
from degcraft.training.recorded import CALLS_BEFORE
from degcraft.training.run import Run
from degcraft.training.start import first_network
from degcraft.upscale import SelfEnsemble, upscale_tiled

SECONDS = 0.5  # of each measurement, or three rounds, whichever is longer
SLOW = 2.0  # seconds of a call that is not made again
DESCRIBED = 16  # patches at a time
CPU = torch.device("cpu")
# a second, and seconds a step at least: assumed, a third of what an H200 does, and half (docs/training.md)
GPU_OPERATIONS, GPU_STEP = 1e13, 0.001


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

    machine = _Machine(prepare(1, config.seed, "check"), cores)
    degrading = _measured(degrade_next, CPU)
    pairs = np.stack(lr), np.stack([hr[index % len(hr)] for index in range(len(lr))])
    describing = _describing(config, pairs[0], machine.device)
    bins, certify, train, upscale = config.bin_features, config.certify, config.train, config.upscale
    described = made.bins * min(bins.patches, made.patches) * (degrading + machine.shared(describing, bins.threads))
    simulated = certify.photos * config.reference.per_photo * (degrading + machine.shared(describing, certify.threads))
    simulated *= bool(certify.simulations)
    training, operations = _training(train, config.scale, pairs, machine)
    trained = machine.beside(train.processes * (train.threads + train.workers))
    restoring = machine.shared(_restoring(config, pairs, machine.device), upscale.threads)
    measuring = _measured(lambda: measure(hr[0], hr[0], config.scale), CPU) * 3 / hr[0].size
    restored = machine.beside(upscale.threads)
    targets, distributions = len(config.targets), len(config.expand(config.distributions))
    folders = len(config.expand(config.degrade_distributions)) if made.degraded else 0
    upscaled = targets if made.upscaled else 0
    jobs = (
        ("extractor", int(config.checkpoint is None), _extracting(config, pairs, degrading, machine), 1),
        ("bin_features", bins.shards, described, machine.beside(bins.threads)),
        ("certify", targets, targets * simulated, machine.beside(certify.threads)),
        ("pairs", distributions * config.pairs.shards, made.pairs * degrading, cores),
        ("train", made.models, made.models * training, trained),
        ("degrade", folders, made.degraded / config.photos.size**2 * degrading, cores),
        ("evaluate", made.tests, made.tested * (restoring + measuring), restored),
        ("upscale", upscaled, made.upscaled * config.scale**2 * restoring, restored),
    )
    return Durations(jobs, machine.device.type, operations, made.models * train.all_steps)


@dataclass(frozen=True)
class _Machine:
    device: torch.device
    cores: int

    def shared(self, seconds: float, threads: int) -> float:
        """Seconds of a network's work, shared by so many threads; on a GPU they have no part in it."""
        return seconds if self.device.type == "cuda" else seconds / threads

    def beside(self, threads: int) -> int:
        """Jobs of so many threads that run at the same time; one has a GPU for itself."""
        return 1 if self.device.type == "cuda" else max(1, self.cores // threads)


Pairs = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def _extracting(config: Config, pairs: Pairs, degrading: float, machine: _Machine) -> float:
    """Seconds in which the extractor is trained; none if the user has one."""
    if config.checkpoint is not None:
        return 0.0
    if config.extractor == "srgan":
        own = config.srgan
        same = TrainSettings("srresnet", own.channels, own.blocks, batch=own.batch, crop=pairs[0].shape[1])
        step, _ = _training_step(same, config.scale, pairs, machine.device)
        return machine.shared(step * (own.steps + 2 * own.adversarial_steps), own.threads)
    learning = config.encoder.passes * _learning(config, pairs[0], machine.device)
    return config.encoder.samples * (degrading + machine.shared(learning, config.encoder.threads))


def _training(settings: TrainSettings, scale: int, pairs: Pairs, machine: _Machine) -> tuple[float, float]:
    """Seconds of a model's training, and floating-point operations of a step."""
    step, operations = _training_step(settings, scale, pairs, machine.device)
    seconds = settings.steps * step
    if settings.adversarial_steps:
        longer, _ = _training_step(replace(settings, steps=0), scale, pairs, machine.device)
        seconds += settings.adversarial_steps * longer
    return machine.shared(seconds, settings.threads) / (settings.processes * settings.nodes), operations


def _training_step(settings: TrainSettings, scale: int, pairs: Pairs, device: torch.device) -> tuple[float, float]:
    """Seconds and floating-point operations of a step."""
    found = _step(settings, scale, pairs, device)
    gc.collect()  # a run refers to itself, and would keep a GPU's memory from what is measured next
    return found


def _step(settings: TrainSettings, scale: int, pairs: Pairs, device: torch.device) -> tuple[float, float]:
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


def _learning(config: Config, lr: NDArray[np.uint8], device: torch.device) -> float:
    """Seconds in which the encoder learns from a patch."""
    batch, network = config.encoder.batch, extractor_spec(config).build().to(device)
    images = torch.from_numpy(lr[np.resize(np.arange(len(lr)), batch)]).to(device)

    def learn() -> None:
        network.zero_grad()
        network(to_tensor(images)).square().mean().backward()

    return _measured(learn, device) / batch


def _describing(config: Config, lr: NDArray[np.uint8], device: torch.device) -> float:
    """Seconds in which a patch is described, by a network like the one that will do it."""
    network = on_device(extractor_spec(config).build(), device)
    assert isinstance(network, Encoder | SRResNet)
    images = torch.from_numpy(lr[np.resize(np.arange(len(lr)), DESCRIBED)]).to(device)

    def describe() -> None:
        with torch.no_grad():
            network.features(to_tensor(images))

    return _measured(describe, device) / DESCRIBED


def _restoring(config: Config, pairs: Pairs, device: torch.device) -> float:
    """Seconds in which a model makes a pixel of an HR photo."""
    network, _ = first_network(config.train, config.scale)
    network = on_device(SelfEnsemble(network) if config.upscale.ensemble else network, device).eval()
    lr, pixels = pairs[0][0], float(pairs[1][0].size) / 3
    return _measured(lambda: upscale_tiled(network, lr, config.scale, config.upscale, device), device) / pixels


def _measured(run: Callable[[], object], device: torch.device) -> float:
    """Seconds of one call after a first, or of the first if it is slow: of this process's CPU time, so that other
    programs do not count, or on a GPU by the clock.
    """

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            return time.perf_counter()
        return time.process_time()

    start = now()
    run()
    if now() - start > SLOW:
        return now() - start
    start, rounds = now(), 0
    while rounds < 3 or now() - start < SECONDS:
        run()
        rounds += 1
    return (now() - start) / rounds
