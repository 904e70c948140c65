"""Train a super-resolution network on a pairs file."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from degcraft.device import computes_in_bfloat16, out_of_memory, prepare
from degcraft.errors import UserError
from degcraft.networks import save_network
from degcraft.pairs_dataset import PairBatches, check_patches, loader
from degcraft.progress import announce, track
from degcraft.provenance import code_digest
from degcraft.settings import TrainSettings
from degcraft.storage import sha256, write_table
from degcraft.training.checkpoints import Checkpoint
from degcraft.training.group import ALONE, Group, joined
from degcraft.training.launch import answering, fail, launch
from degcraft.training.monitor import Monitor
from degcraft.training.run import Run
from degcraft.training.start import first_network
from degcraft.training.validation import Validation

CURVE_EVERY = 50  # steps between rows of training.csv
log = logging.getLogger("degcraft")


@dataclass(frozen=True)
class TrainFiles:
    """What a training reads and writes.

    Attributes:
        pairs: pairs file.
        model: safetensors with the metadata to rebuild the network.
        curve: CSV ``step, loss, learning_rate, psnr_y``, a row every 50 steps and at every validation: mean loss since
            the row before, and PSNR-Y of the averaged weights, where it was measured; then ``adversarial,
            discriminator``, mean losses of the adversarial steps, if there are any.
        checkpoint: from which a training that was interrupted goes on. It stays where it is: delete it when what was
            trained is safe.
        monitor: folder for watching alone.
    """

    pairs: str
    model: str
    curve: str
    checkpoint: str
    monitor: str


def train(files: TrainFiles, settings: TrainSettings, scale: int, seed: int) -> None:
    """Train with Adam and averaged weights as ``settings`` say; go on from the checkpoint if there is one.

    On a CPU, a training that was killed at any step and started again writes the same bytes as one that was not.

    Raises:
        UserError: the loss is no longer finite, the pairs file or the weights to start from do not fit, the
            checkpoint is of other settings or of other code, or memory does not suffice.
    """
    check_patches(files.pairs)
    if settings.processes * settings.nodes == 1:
        with _memory_in_words(settings):
            _train(files, settings, scale, seed, ALONE)
        return
    job = {"files": asdict(files), "settings": asdict(settings), "scale": scale, "seed": seed}
    launch("degcraft.train", job, settings.processes, settings.nodes, settings.threads + settings.workers)


@contextmanager
def _memory_in_words(settings: TrainSettings) -> Iterator[None]:
    """Say of a lack of memory what to do about it."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise UserError(
            f"train: out of memory; lower train.batch ({settings.batch}) or train.crop ({settings.crop})"
        ) from error


def _train(files: TrainFiles, settings: TrainSettings, scale: int, seed: int, group: Group) -> None:
    """`train`, as one process of a group."""
    device = prepare(settings.threads, seed, "train")
    network, spec = first_network(settings, scale)
    run = Run(network, settings, seed, device, group)
    read = {"pairs": files.pairs, "start": settings.start, "perceptual": settings.perceptual}
    digests = {name: sha256(path) for name, path in read.items() if path is not None}
    data: dict[str, str | int] = {**digests, "scale": scale, "seed": seed}
    saved = Checkpoint(files.checkpoint, settings, data, code_digest("train"))
    state = saved.read(device)
    if state is not None:
        run.load(state)
        if group.leads:
            log.info("train: going on from step %d (%s)", run.step, files.checkpoint)
    if not group.same(run.step, device):
        raise UserError(f"{files.checkpoint}: not all processes see the same file; run again when they do")
    left, part = range(run.step, settings.all_steps), (group.rank, group.size)
    batches = PairBatches(files.pairs, settings.batch, settings.crop, scale, seed, left, settings.validation, part)
    if not group.leads:
        _go_through(batches, run, settings, saved)
        return
    _warn_of_slowness(device.type, settings)
    _go_through(batches, run, settings, saved, Monitor(files.monitor, run.step, settings.batch))
    run.network.load_state_dict(run.average)
    save_network(files.model, run.network, spec, {"seed": str(seed), "steps": str(settings.all_steps)})
    write_table(pd.DataFrame(run.rows), files.curve)
    last = run.rows[-1]
    reached = "" if math.isnan(last["psnr_y"]) else f", PSNR-Y {last['psnr_y']:.2f} dB on held-back patches"
    announce(f"{run.step} steps, loss {last['loss']:.3g}{reached}")


def _warn_of_slowness(device: str, settings: TrainSettings) -> None:
    """Say what makes a training slower than it was meant to be, if anything does."""
    if device == "cuda" and not settings.workers:
        log.warning("train.workers is 0: the GPU waits while pairs are read; with 4, they are read ahead")
    if device == "cpu" and settings.amp_on(device) and not computes_in_bfloat16(device):
        log.warning("train.amp_on_cpu: this CPU does not compute in bfloat16 (it has no AMX), so float32 it is")


def _go_through(
    batches: PairBatches,
    run: Run,
    settings: TrainSettings,
    saved: Checkpoint,
    monitor: Monitor | None = None,
) -> None:
    """Take the steps that are left, and do in between what is due; without a monitor, what others need not do."""
    held_back = batches.validation() if monitor else None
    validation = None if held_back is None else Validation(*held_back, run.device)
    steps = loader(batches, settings.workers, run.device)
    for lr, hr in track(steps, settings.all_steps, "train", start=run.step) if monitor else steps:
        run.advance(lr, hr)
        last = run.step == settings.all_steps
        look = last or run.step % settings.validate_every == 0
        row = look or run.step == settings.steps or run.step % CURVE_EVERY == 0
        keep = not last and run.step % settings.checkpoint_every == 0
        if row or keep:
            run.check(saved.again)
        psnr = math.nan
        if look and validation and monitor:
            psnr, pictures = validation.measure(run)
            monitor.validated(run.step, psnr, pictures)
        if row:
            added = run.add_row(psnr)
            if monitor:
                monitor.row(added)
        if keep and monitor:
            saved.save(run.state())
    if monitor:
        monitor.close()


def main() -> None:
    """Be one of several processes; see `degcraft.training.launch`."""
    job: dict[str, Any] = answering()
    try:
        with joined() as group:
            files, settings = TrainFiles(**job["files"]), TrainSettings(**job["settings"])
            with _memory_in_words(settings):
                _train(files, settings, job["scale"], job["seed"], group)
    except Exception as error:  # of whatever kind, it must not leave the other processes waiting
        fail(error)


if __name__ == "__main__":
    main()
