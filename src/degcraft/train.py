"""Train a super-resolution network on a pairs file."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from degcraft.device import autocast, on_device, prepare
from degcraft.errors import UserError
from degcraft.networks import NetworkSpec, save_network
from degcraft.networks.sr import to_tensor
from degcraft.pairs import sha256
from degcraft.pairs_dataset import PairBatches
from degcraft.progress import track
from degcraft.settings import TrainSettings
from degcraft.storage import replacing

_CURVE_EVERY = 50  # steps between rows of training.csv


def train(
    pairs: str | os.PathLike[str],
    model: str | os.PathLike[str],
    curve: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str],
    settings: TrainSettings,
    scale: int,
    seed: int,
) -> None:
    """Train with L1 loss, Adam, a cosine schedule and averaged weights; go on from ``checkpoint`` if it fits.

    Writes ``model`` (safetensors with the metadata to rebuild it) and ``curve`` (CSV ``step, loss, learning_rate``, a
    row every 50 steps, mean loss since the row before). The checkpoint is removed at the end.

    Raises:
        UserError: the loss is no longer finite, or the pairs file does not fit.
    """
    device = prepare(settings.threads, seed, "train")
    spec = NetworkSpec.of(settings.network, channels=settings.channels, blocks=settings.blocks, scale=scale)
    run = _Run(on_device(spec.build(), device), settings)
    identity = _identity(pairs, settings, scale, seed)
    run.resume(Path(checkpoint), identity, device)
    batches = PairBatches(pairs, settings.batch, settings.crop, scale, seed, range(run.step, settings.steps))
    loader = DataLoader(batches, batch_size=None, num_workers=settings.workers, pin_memory=device.type == "cuda")
    for lr, hr in track(loader, settings.steps, "train", start=run.step):
        with autocast(device, settings.amp):
            output = run.network(to_tensor(lr.to(device, non_blocking=True)))
        run.advance(functional.l1_loss(output.float(), to_tensor(hr.to(device, non_blocking=True))))
        if run.step % _CURVE_EVERY == 0 or run.step == settings.steps:
            loss = float(torch.stack(run.losses).mean())
            run.losses.clear()
            if not np.isfinite(loss):
                raise UserError(
                    f"train: the loss is {loss} at step {run.step}; lower train.learning_rate and run again"
                )
            run.rows.append({"step": run.step, "loss": loss, "learning_rate": run.learning_rate(run.step - 1)})
        if run.step % settings.checkpoint_every == 0 and run.step < settings.steps:
            run.save(Path(checkpoint), identity)
    run.network.load_state_dict(run.average)
    save_network(model, run.network, spec, {"seed": str(seed), "steps": str(settings.steps)})
    with replacing(curve) as partial:
        pd.DataFrame(run.rows).to_csv(partial, index=False)
    Path(checkpoint).unlink(missing_ok=True)


class _Run:
    """The state of one training: everything that a checkpoint holds."""

    def __init__(self, network: nn.Module, settings: TrainSettings) -> None:
        self.network = network
        self.step = 0
        self.rows: list[dict[str, float]] = []
        self.losses: list[torch.Tensor] = []  # since the last row
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self._settings = settings
        self._optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then a cosine to 0 at the last step."""
        settings = self._settings
        rise = min(1.0, (step + 1) / max(settings.warmup, 1))
        return float(settings.learning_rate * rise * 0.5 * (1.0 + np.cos(np.pi * step / settings.steps)))

    def advance(self, loss: torch.Tensor) -> None:
        """One optimiser step and the averaging."""
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate(self.step)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self.step += 1
        # early on the average follows closely, so that it does not remember the random start
        decay = min(self._settings.ema, self.step / (self.step + 10))
        current = self.network.state_dict()
        with torch.no_grad():
            torch._foreach_lerp_([self.average[name] for name in current], list(current.values()), 1.0 - decay)
        self.losses.append(loss.detach())

    def save(self, path: Path, identity: str) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {
            "identity": identity,
            "step": self.step,
            "rows": self.rows,
            "losses": self.losses,
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self._optimizer.state_dict(),
        }
        with replacing(path) as partial:
            torch.save(state, partial)

    def resume(self, path: Path, identity: str, device: torch.device) -> None:
        """Take up a checkpoint if it is there and of the same settings and pairs."""
        if not path.is_file():
            return
        try:
            state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        except Exception as error:  # torch has many ways to refuse a file, and says too much about each
            raise UserError(
                f"{path}: not a whole checkpoint ({type(error).__name__}); delete it and run again"
            ) from None
        if state.get("identity") != identity:
            return
        self.step, self.rows, self.losses = state["step"], state["rows"], state["losses"]
        self.network.load_state_dict(state["network"])
        self.average = state["average"]
        self._optimizer.load_state_dict(state["optimizer"])


def _identity(pairs: str | os.PathLike[str], settings: TrainSettings, scale: int, seed: int) -> str:
    """Digest of what a checkpoint must agree with; how often to save and how many read do not count."""
    relevant = {k: v for k, v in asdict(settings).items() if k not in ("checkpoint_every", "workers")}
    text = json.dumps([relevant, scale, seed, sha256(pairs)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
