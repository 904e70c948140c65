"""Files of moments, and of the samples behind them: what stages that describe photos or bins hand to crafting."""

from __future__ import annotations

import os
from collections.abc import Sequence

import h5py
import numpy as np
from numpy.typing import NDArray

from degcraft.moments import Moments
from degcraft.sharing import FOLDS
from degcraft.storage import reading_h5

GROUPS = ("/", *(f"fold{k}" for k in range(FOLDS)))
"""Where a file of bins has moments: of all patches, and of those of each fold of the HR photos."""


def write_moments(group: h5py.Group, moments: Sequence[Moments], length: int) -> None:
    """Add ``count``, ``mean`` and ``second`` of several sets (or none) of features of some length to an HDF5 group."""
    group["count"] = np.array([m.count for m in moments], np.int64)
    group["mean"] = np.array([m.mean for m in moments], np.float64).reshape(-1, length)
    group["second"] = np.array([m.second for m in moments], np.float64).reshape(-1, length, length)


def write_samples(file: h5py.File, features: NDArray[np.float32], parameters: NDArray[np.float32]) -> None:
    """Add what `read_samples` reads, a chunk a bin."""
    for name, values in (("features", features), ("parameters", parameters)):
        file.create_dataset(name, data=values, chunks=(1, *values.shape[1:]) if len(values) else None)


def read_samples(path: str | os.PathLike[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The samples behind the moments of a file: ``features`` (n, patches, d), ``parameters`` (n, patches, axes).

    Raises:
        UserError: the file holds moments alone.
    """
    with reading_h5(path, "features", "parameters") as file:
        return file["features"][:], file["parameters"][:]


def read_moments(path: str | os.PathLike[str], group: str = "/") -> list[Moments]:
    """The sets of moments in a file or one of its `GROUPS`, bins or reference photos, in its order."""
    names = [f"{group}/{name}".lstrip("/") for name in ("count", "mean", "second")]
    with reading_h5(path, *names) as file:
        columns = [file[name][:] for name in names]
    return [Moments(int(count), mean, second) for count, mean, second in zip(*columns, strict=True)]


def read_folds(path: str | os.PathLike[str]) -> list[list[Moments]]:
    """Moments of the bins for each fold of the HR photos; those of a fold without patches have a count of 0."""
    return [read_moments(path, group) for group in GROUPS[1:]]
