"""Feature moments of every bin: the expensive part, done once and for all targets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from degcraft.degrade import degrade
from degcraft.errors import UserError
from degcraft.moments import Moments
from degcraft.moments_file import GROUPS, read_moments, write_moments, write_samples
from degcraft.progress import announce, track
from degcraft.seeds import stream
from degcraft.settings import BinFeatureSettings
from degcraft.sharing import FOLDS, folds, spread_over_photos
from degcraft.space import Space
from degcraft.storage import creating_h5, reading_h5


class Features(Protocol):
    """What patches are compared by, such as a `degcraft.extractor.Extractor`: (n, h, w, 3) uint8 to (n, length)."""

    @property
    def length(self) -> int:
        """Of the feature vectors."""
        ...

    def __call__(self, patches: NDArray[np.uint8]) -> NDArray[np.floating]:
        """Features of patches."""
        ...


def describe_bins(
    apply: Features,
    space: Space,
    bins: Sequence[int],
    patches: str | os.PathLike[str],
    output: str | os.PathLike[str],
    settings: BinFeatureSettings,
    scale: int,
    seed: int,
    samples: bool = False,
    by_cell: bool = False,
) -> None:
    """Degrade the same HR patches in each of some bins and write the moments of their features.

    Writes HDF5: ``bin`` int32 (n,), ``count`` int64 (n,), ``mean`` float64 (n, d), ``second`` float64 (n, d, d); and
    the last three again for each fold of the HR photos (see `degcraft.sharing.folds`), as ``fold0/count`` and so on.

    Args:
        apply: computes the features of LR patches.
        space: the bins.
        bins: which of them.
        patches: file of the HR patches.
        output: HDF5 file to write.
        settings: how many patches.
        scale: SR scale.
        seed: of the draws.
        samples: write the samples themselves too, a chunk a bin: ``features`` float32 (n, patches, d) and
            ``parameters`` float32 (n, patches, axes).
        by_cell: draw from streams of the bins' bounds and not of their indices, so that a bin has the same samples in
            every table that holds it.
    """
    with reading_h5(patches, "patches", "photo") as file:
        photo = file["photo"][:]
        indices = spread_over_photos(photo, settings.patches)
        fold = folds(photo)[indices]
        hr = file["patches"][indices]
    features = np.empty((len(bins), len(indices), apply.length), np.float32)
    parameters = np.empty((len(bins), len(indices), len(space.axes)), np.float32)
    for row, index in enumerate(track(bins, len(bins), "bin_features")):
        key = _cell_key(space, index) if by_cell else index
        lr, drawn = [], []
        for patch, image in zip(indices, hr, strict=True):
            generator = stream(seed, "bin_features", key, int(patch))
            drawn.append(space.draw(index, generator))
            lr.append(degrade(image, space, drawn[-1], scale, generator))
        features[row], parameters[row] = apply(np.stack(lr)), np.stack(drawn)
    with creating_h5(output) as file:
        file["bin"] = np.array(bins, np.int32)
        write_moments(file, [Moments.of(values) for values in features], apply.length)
        for k in range(FOLDS):
            part = [Moments.of(values[fold == k]) for values in features]
            write_moments(file.create_group(f"fold{k}"), part, apply.length)
        if samples:
            write_samples(file, features, parameters)


def _cell_key(space: Space, index: int) -> int:
    """A 64-bit number of a bin's bounds."""
    bounds = np.stack([space.lower[index], space.upper[index]]).astype("<f8")
    return int.from_bytes(hashlib.sha256(bounds.tobytes()).digest()[:8], "little")


def gather_bins(parts: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str]) -> None:
    """Join the parts that `describe_bins` wrote, ordered by bin.

    Raises:
        UserError: the parts do not hold every bin once.
    """
    bins, samples = [], []
    moments: list[list[Moments]] = [[] for _ in GROUPS]
    for part in parts:
        with reading_h5(part, "bin") as file:
            bins.append(file["bin"][:])
            if "features" in file:
                samples.append((file["features"][:], file["parameters"][:]))
        for found, group in zip(moments, GROUPS, strict=True):
            found.extend(read_moments(part, group))
    index = np.concatenate(bins)
    order = np.argsort(index)
    if not np.array_equal(index[order], np.arange(len(index))):
        raise UserError(f"{parts[0]} and the parts beside it do not hold every bin once; delete them and run again")
    with creating_h5(output) as file:
        file["bin"] = index[order]
        for found, group in zip(moments, GROUPS, strict=True):
            write_moments(file.require_group(group), [found[i] for i in order], len(found[0].mean))
        if samples:
            features, parameters = (np.concatenate(values)[order] for values in zip(*samples, strict=True))
            write_samples(file, features, parameters)
    announce(f"{len(index)} bins, described by {len(moments[0][0].mean)} features")
