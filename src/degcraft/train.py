"""Train a super-resolution network on a pairs file."""

from __future__ import annotations

import math
import os

import pandas as pd

from degcraft.device import prepare
from degcraft.networks import save_network
from degcraft.pairs import sha256
from degcraft.pairs_dataset import PairBatches, loader
from degcraft.progress import track
from degcraft.settings import TrainSettings
from degcraft.storage import replacing
from degcraft.training.checkpoints import Checkpoint
from degcraft.training.monitor import Monitor
from degcraft.training.run import Run
from degcraft.training.start import first_network
from degcraft.training.validation import Validation

CURVE_EVERY = 50  # steps between rows of training.csv


def train(
    pairs: str | os.PathLike[str],
    model: str | os.PathLike[str],
    curve: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str],
    monitor: str | os.PathLike[str],
    settings: TrainSettings,
    scale: int,
    seed: int,
) -> None:
    """Train with Adam and averaged weights as ``settings`` say; go on from ``checkpoint`` if there is one.

    Writes ``model`` (safetensors with the metadata to rebuild it) and ``curve`` (CSV ``step, loss, learning_rate,
    psnr_y``, a row every 50 steps and at every validation: mean loss since the row before, and PSNR-Y of the averaged
    weights, where it was measured). The checkpoint is removed at the end. On a CPU, a training that was killed at any
    step and started again writes the same bytes as one that was not. The folder ``monitor`` is for watching alone.

    Raises:
        UserError: the loss is no longer finite, the pairs file or the weights to start from do not fit, or the
            checkpoint is of other settings.
    """
    device = prepare(settings.threads, seed, "train")
    network, spec = first_network(settings, scale)
    run = Run(network, settings, seed, device)
    files = {"pairs": pairs, "start": settings.start}
    digests = {name: sha256(path) for name, path in files.items() if path is not None}
    saved = Checkpoint(checkpoint, settings, {**digests, "scale": scale, "seed": seed})
    state = saved.read(device)
    if state is not None:
        run.load(state)
    left = range(run.step, settings.steps)
    batches = PairBatches(pairs, settings.batch, settings.crop, scale, seed, left, settings.validation)
    _go_through(batches, run, settings, saved, Monitor(monitor, run.step, settings.batch))
    run.network.load_state_dict(run.average)
    save_network(model, run.network, spec, {"seed": str(seed), "steps": str(settings.steps)})
    with replacing(curve) as partial:
        pd.DataFrame(run.rows).to_csv(partial, index=False)
    saved.delete()


def _go_through(batches: PairBatches, run: Run, settings: TrainSettings, saved: Checkpoint, monitor: Monitor) -> None:
    """Take the steps that are left, and do in between what is due."""
    held_back = batches.validation()
    validation = None if held_back is None else Validation(*held_back, run.device)
    for lr, hr in track(loader(batches, settings.workers, run.device), settings.steps, "train", start=run.step):
        run.advance(lr, hr)
        last = run.step == settings.steps
        look = last or run.step % settings.validate_every == 0
        row = look or run.step % CURVE_EVERY == 0
        keep = not last and run.step % settings.checkpoint_every == 0
        if row or keep:
            run.check()
        psnr = math.nan
        if look and validation is not None:
            psnr, picture = validation.measure(run)
            monitor.validated(run.step, psnr, picture)
        if row:
            monitor.row(run.add_row(psnr))
        if keep:
            saved.save(run.state())
    monitor.close()
