"""Train a super-resolution network on a pairs file."""

from __future__ import annotations

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
from degcraft.training.run import Run
from degcraft.training.start import first_network

CURVE_EVERY = 50  # steps between rows of training.csv


def train(
    pairs: str | os.PathLike[str],
    model: str | os.PathLike[str],
    curve: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str],
    settings: TrainSettings,
    scale: int,
    seed: int,
) -> None:
    """Train with Adam and averaged weights as ``settings`` say; go on from ``checkpoint`` if there is one.

    Writes ``model`` (safetensors with the metadata to rebuild it) and ``curve`` (CSV ``step, loss, learning_rate``, a
    row every 50 steps, mean loss since the row before). The checkpoint is removed at the end. On a CPU, a training that
    was killed at any step and started again writes the same bytes as one that was not.

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
    batches = PairBatches(pairs, settings.batch, settings.crop, scale, seed, range(run.step, settings.steps))
    for lr, hr in track(loader(batches, settings.workers, device), settings.steps, "train", start=run.step):
        run.advance(lr, hr)
        row = run.step % CURVE_EVERY == 0 or run.step == settings.steps
        due = run.step % settings.checkpoint_every == 0 and run.step < settings.steps
        if row or due:
            run.check()
        if row:
            run.add_row()
        if due:
            saved.save(run.state())
    run.network.load_state_dict(run.average)
    save_network(model, run.network, spec, {"seed": str(seed), "steps": str(settings.steps)})
    with replacing(curve) as partial:
        pd.DataFrame(run.rows).to_csv(partial, index=False)
    saved.delete()
