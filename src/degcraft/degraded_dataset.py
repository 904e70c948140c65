"""Training pairs that are degraded while they are read, for training programs of one's own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from degcraft.degrade import degrade_drawn
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.images import Uint8Image, image_size, list_images, no_photos, read_image
from degcraft.pairs_dataset import oriented
from degcraft.seeds import stream
from degcraft.storage import MappedRows, reading_h5


class DegradedDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Item k is an LR/HR pair of HR photo, or HR patch, k, degraded with parameters drawn from a distribution.

    What an item is depends on the seed, the epoch and k alone, so that any number of workers gives the same pairs.
    Call `set_epoch` before every epoch: otherwise all epochs show the same degradations and crops.

    An HR patch is degraded as a whole, and the crop is taken from the result, at any place: so crops show every
    position of JPEG's blocks.

    Args:
        hr: a folder of HR photos, or ``results/hr/patches.h5``, which is many times faster to read.
        distribution: from which parameters are drawn, or its file: ``weights.csv``, ``bins.csv``.
        scale: SR scale.
        crop: side of the LR crops, pixels; the HR ones have ``scale`` times that. By default the whole patch.
        seed: of places, degradations, crops, flips and turns.
        patch: side of the HR patch cut from a photo before it is degraded, pixels, a multiple of the scale.
        augment: whether pairs are flipped and turned.

    Raises:
        UserError: no photo or patch can be used, one is smaller than a patch, or a crop is larger than it.
    """

    def __init__(
        self,
        hr: str | os.PathLike[str],
        distribution: Distribution | str | os.PathLike[str],
        scale: int,
        crop: int | None = None,
        seed: int = 0,
        patch: int = 192,
        augment: bool = True,
    ) -> None:
        self._distribution = distribution if isinstance(distribution, Distribution) else Distribution.read(distribution)
        self._scale, self._seed, self._augment = scale, seed, augment
        self._hr = Path(hr)
        self._photos: list[Path] = []
        self._count: int
        self._rows: MappedRows | None = None
        if self._hr.is_file():
            with reading_h5(self._hr) as file:
                if "patches" not in file:  # a file of pairs, perhaps
                    raise UserError(f"{hr}: holds no HR patches; give results/hr/patches.h5, or a folder of photos")
                self._count, patch = file["patches"].shape[:2]
        elif not self._hr.exists():
            raise UserError(f"{hr}: no such file or folder")
        else:
            self._photos = _large_enough(list_images(self._hr), patch)
            self._count = len(self._photos)
        if not self._count:
            raise UserError(f"{hr}: {no_photos(hr)}")
        if patch % scale:
            raise UserError(f"{hr}: a side of {patch} pixels is no multiple of the scale {scale}")
        self._patch, self._crop = patch, crop or patch // scale
        if self._crop > patch // scale:
            raise UserError(
                f"crop is {crop}, but LR patches have {patch // scale} pixels; lower it, or enlarge 'patch'"
            )
        # shared memory, so that workers that stay alive from one epoch to the next see it change
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Choose what is drawn; call it before iterating over a loader."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """LR (3, crop, crop) and HR (3, scale*crop, scale*crop), float32, RGB, 0..1."""
        if not -self._count <= index < self._count:
            raise IndexError(f"item {index} of {self._count}")
        index %= self._count
        draw = stream(self._seed, "degraded-dataset", int(self._epoch), index)
        hr = self._patch_of(index, draw)
        lr, _, _ = degrade_drawn(hr, self._distribution, self._scale, draw)
        top, left = draw.integers(len(lr) - self._crop + 1, size=2).tolist()
        turns, flip = draw.integers(4), draw.integers(2)
        pair = []
        for image, by in ((lr, 1), (hr, self._scale)):
            image = image[top * by : (top + self._crop) * by, left * by : (left + self._crop) * by]
            image = oriented(image, int(turns), int(flip)) if self._augment else image
            pair.append(torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32) / np.float32(255)))
        return pair[0], pair[1]

    def _patch_of(self, index: int, draw: np.random.Generator) -> Uint8Image:
        """The patch of that index, or one from any place of the photo of that index."""
        if not self._photos:
            if self._rows is None:  # mapped where it is used, that is, after a worker has started
                self._rows = MappedRows(self._hr, "patches")
            return np.asarray(self._rows[index], np.uint8)
        photo = read_image(self._photos[index])
        top, left = draw.integers(np.array(photo.shape[:2]) - self._patch + 1).tolist()
        return photo[top : top + self._patch, left : left + self._patch]


def _large_enough(photos: list[Path], patch: int) -> list[Path]:
    """The photos, none of which is smaller than a patch as far as their heads tell.

    Raises:
        UserError: one is, or cannot be read.
    """
    for photo in photos:
        if min(image_size(photo)) < patch:
            raise UserError(f"{photo}: cannot be read, or is smaller than {patch} pixels; remove it, or lower 'patch'")
    return photos
