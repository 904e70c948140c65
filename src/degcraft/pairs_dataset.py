"""Training batches from a pairs file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import h5py
import numpy as np
import torch
from cv2.typing import MatLike
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from degcraft.errors import UserError
from degcraft.seeds import stream
from degcraft.sharing import shown, spread
from degcraft.storage import MappedRows, reading_h5, sha256

_TURNS = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
_BYTES_AT_ONCE = 2**24  # that a reading process hands over


class PairBatches(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Item k is the batch of step ``steps[k]``, or a part of it, a function of the seed and the step alone.

    So the order of the data does not depend on how many workers read it, and a training can go on at any step. The
    files are mapped at the first item, that is, after a worker has started.

    Args:
        pairs: file written by `degcraft.pairs.gather_pairs`.
        batch: pairs a step.
        crop: side of the LR crops, at most that of the patches.
        scale: SR scale.
        seed: of order, crops, flips and turns.
        steps: the steps that are left.
        validation: HR patches whose pairs are held back; see `held_back`.
        part: (k, n) for the k-th of n equal parts of every batch.

    Raises:
        UserError: the file is damaged, its HR patches are gone, or crops are larger than they.
    """

    def __init__(
        self,
        pairs: str | os.PathLike[str],
        batch: int,
        crop: int,
        scale: int,
        seed: int,
        steps: range,
        validation: int = 0,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        self._batch, self._crop, self._scale, self._seed, self._steps = batch, crop, scale, seed, steps
        share = batch // part[1]
        self._part = range(part[0] * share, (part[0] + 1) * share)
        self._lr_path = Path(pairs)
        with reading_h5(pairs, "lr", "hr") as file:
            count, self._side = file["lr"].shape[:2]
            self._hr_path = _source(pairs, file)
        with reading_h5(self._hr_path, "patches") as file:
            patches = len(file["patches"])
        if crop > self._side:
            raise UserError(f"train.crop is {crop}, but the LR patches of {pairs} have {self._side} pixels; lower it")
        self._patch = shown(count, patches)
        seen, first = np.unique(self._patch, return_index=True)
        held = held_back(len(seen), validation)
        self._held = first[held]
        self._pairs = np.flatnonzero(~np.isin(self._patch, seen[held]))
        self._orders: dict[int, NDArray[np.int64]] = {}
        self._rows: tuple[MappedRows, MappedRows] | None = None

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor]:
        """LR (n, crop, crop, 3) and HR (n, scale*crop, scale*crop, 3), uint8."""
        lr_rows, hr_rows = self._mapped()
        step = self._steps[item]
        crop, scale, batch = self._crop, self._scale, self._batch
        draw = stream(self._seed, "train", step)
        corners = draw.integers(self._side - crop + 1, size=(batch, 2)).tolist()
        turns, flips = draw.integers(4, size=batch).tolist(), draw.integers(2, size=batch).tolist()
        lr = np.empty((len(self._part), crop, crop, 3), np.uint8)
        hr = np.empty((len(self._part), crop * scale, crop * scale, 3), np.uint8)
        for into, i in enumerate(self._part):
            pair = self._chosen(step * batch + i)
            for target, image, by in ((lr, lr_rows[pair], 1), (hr, hr_rows[self._patch[pair]], scale)):
                rows, columns = (slice(at * by, (at + crop) * by) for at in corners[i])
                target[into] = oriented(image[rows, columns], turns[i], flips[i])
        return torch.from_numpy(lr), torch.from_numpy(hr)

    @property
    def nbytes(self) -> int:
        """Bytes of an item."""
        return len(self._part) * 3 * self._crop**2 * (1 + self._scale**2)

    def validation(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """The first pair of each HR patch that is held back, whole: (n, h, w, 3) and (n, H, W, 3) uint8, if any are."""
        if not len(self._held):
            return None
        lr_rows, hr_rows = self._mapped()
        lr = np.stack([lr_rows[pair] for pair in self._held])
        hr = np.stack([hr_rows[patch] for patch in self._patch[self._held]])
        return torch.from_numpy(lr), torch.from_numpy(hr)

    def _mapped(self) -> tuple[MappedRows, MappedRows]:
        """The LR and the HR patches."""
        if self._rows is None:
            self._rows = MappedRows(self._lr_path, "lr"), MappedRows(self._hr_path, "patches")
        return self._rows

    def _chosen(self, at: int) -> int:
        """The pair at a place of the whole training: every epoch is a permutation, cut into batches without a rest."""
        return int(self._order(at // len(self._pairs))[at % len(self._pairs)])

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Permutation of one epoch."""
        if epoch not in self._orders:
            self._orders = {known: order for known, order in self._orders.items() if known == epoch - 1}
            self._orders[epoch] = stream(self._seed, "train-order", epoch).permutation(self._pairs)
        return self._orders[epoch]


def check_patches(pairs: str | os.PathLike[str]) -> None:
    """Find out whether the HR patches of a pairs file are those that it was made from; reads all of them.

    Raises:
        UserError: they are not, or they are gone.
    """
    with reading_h5(pairs, "lr", "hr") as file:
        source, digest = _source(pairs, file), file.attrs.get("patches_sha256")
    with reading_h5(source, "patches"):
        pass
    if digest != sha256(source):
        raise UserError(f"{source}: not the patches that {pairs} was made from; delete {pairs} and run again")


def _source(pairs: str | os.PathLike[str], file: h5py.File) -> Path:
    """The file of the HR patches, to be read itself: through ``hr``, a missing one is black, without an error."""
    name: str = file["hr"].virtual_sources()[0].file_name
    return Path(pairs).parent / name


def held_back(patches: int, wanted: int) -> NDArray[np.int64]:
    """Which HR patches are for validation: evenly spaced, so of many photos; at most an eighth of them all.

    Patches of one photo can overlap, so that much of what they show is trained on, though degraded otherwise.
    """
    return spread(patches, min(wanted, patches // 8))


def loader(batches: PairBatches, workers: int, device: torch.device) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches in their order, on the device, read by so many processes (0: by this one)."""
    several = Several(batches, _BYTES_AT_ONCE if workers else 1)
    for parts in DataLoader(several, batch_size=None, num_workers=workers, pin_memory=device.type == "cuda"):
        yield from zip(*(part.to(device, non_blocking=True) for part in parts), strict=True)


class Several(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Batches stacked, several an item of so many bytes at most: handing over an item can cost as much as a step."""

    def __init__(self, batches: PairBatches, nbytes: int) -> None:
        self._batches, self._each = batches, max(1, nbytes // batches.nbytes)

    def __len__(self) -> int:
        return -(-len(self._batches) // self._each)

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor]:
        """LR (k, n, crop, crop, 3) and HR (k, n, scale*crop, scale*crop, 3) of k batches, uint8."""
        first = item * self._each
        each = range(first, min(first + self._each, len(self._batches)))
        lr, hr = zip(*(self._batches[k] for k in each), strict=True)
        return torch.stack(lr), torch.stack(hr)


def oriented(image: NDArray[np.uint8], turns: int, flip: int) -> NDArray[np.uint8]:
    """A square image mirrored or not, then turned by quarters; OpenCV does it many times faster than strides do."""
    out: MatLike = cv2.flip(image, 1) if flip else image
    return (cv2.rotate(out, _TURNS[turns - 1]) if turns else out).astype(np.uint8, copy=False)
