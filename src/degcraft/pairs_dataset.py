"""Training batches from a pairs file."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from degcraft.errors import UserError
from degcraft.seeds import stream
from degcraft.storage import reading_h5


class PairBatches(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Item k is the whole batch of step ``steps[k]``, a function of the seed and the step alone.

    So the order of the data does not depend on how many workers read it, and a training can go on at any step. The
    HDF5 files are opened at the first item, that is, after a worker has started.

    Args:
        pairs: file written by `degcraft.pairs.gather_pairs`.
        batch: pairs a step.
        crop: side of the LR crops, at most that of the patches.
        scale: SR scale.
        seed: of order, crops, flips and turns.
        steps: the steps that are left.

    Raises:
        UserError: the file is damaged, the HR patches it refers to are gone, or crops are larger than its patches.
    """

    def __init__(
        self, pairs: str | os.PathLike[str], batch: int, crop: int, scale: int, seed: int, steps: range
    ) -> None:
        self._batch, self._crop, self._scale, self._seed, self._steps = batch, crop, scale, seed, steps
        self._lr_path = Path(pairs)
        with reading_h5(pairs, "lr", "hr") as file:
            self._count, self._side = file["lr"].shape[:2]
            source = file["hr"].virtual_sources()[0].file_name
        # read past the virtual dataset: a missing source would read as black pixels, without an error
        self._hr_path = self._lr_path.parent / source
        with reading_h5(self._hr_path, "patches") as file:
            self._patches = len(file["patches"])
        if crop > self._side:
            raise UserError(f"train.crop is {crop}, but the LR patches of {pairs} have {self._side} pixels; lower it")
        self._orders: dict[int, NDArray[np.int64]] = {}
        self._files: tuple[h5py.Dataset, h5py.Dataset] | None = None

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor]:
        """LR (batch, crop, crop, 3) and HR (batch, scale*crop, scale*crop, 3), uint8."""
        if self._files is None:
            self._files = h5py.File(self._lr_path, "r")["lr"], h5py.File(self._hr_path, "r")["patches"]
        lr_file, hr_file = self._files
        step = self._steps[item]
        crop, scale, batch = self._crop, self._scale, self._batch
        draw = stream(self._seed, "train", step)
        lr = np.empty((batch, crop, crop, 3), np.uint8)
        hr = np.empty((batch, crop * scale, crop * scale, 3), np.uint8)
        for i, pair in enumerate(self._chosen(step)):
            top, left = draw.integers(self._side - crop + 1, size=2)
            small = lr_file[pair, top : top + crop, left : left + crop]
            rows, columns = (slice(at * scale, (at + crop) * scale) for at in (top, left))
            large = hr_file[pair % self._patches, rows, columns]
            turns, flip = int(draw.integers(4)), bool(draw.integers(2))
            for target, image in ((lr, small), (hr, large)):
                target[i] = np.rot90(image[:, ::-1] if flip else image, turns)
        return torch.from_numpy(lr), torch.from_numpy(hr)

    def _chosen(self, step: int) -> list[int]:
        """Pairs of one step: every epoch is a permutation of all pairs, cut into batches; the last may span two."""
        positions = range(step * self._batch, (step + 1) * self._batch)
        return [int(self._order(at // self._count)[at % self._count]) for at in positions]

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Permutation of one epoch."""
        if epoch not in self._orders:
            self._orders.pop(epoch - 2, None)
            self._orders[epoch] = stream(self._seed, "train-order", epoch).permutation(self._count)
        return self._orders[epoch]
