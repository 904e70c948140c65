"""How work is shared out to jobs, and photos to folds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOLDS = 4  # of the HR photos: half of them can be simulated with while the others describe the bins


def shard_of(count: int, shard: int, shards: int) -> range:
    """The items of one shard, 0 <= shard < shards: contiguous, sizes differing by one at most."""
    return range(count * shard // shards, count * (shard + 1) // shards)


def spread(available: int, wanted: int) -> NDArray[np.int64]:
    """Indices of ``wanted`` items spread evenly over ``available`` ones (all of them if there are fewer)."""
    count = min(available, wanted)
    return (np.arange(count) * 2 + 1) * available // max(2 * count, 1)


def turns(photo: NDArray[np.int32]) -> NDArray[np.int64]:
    """0 for patches of the first photo that has any, 1 for those of the second, and so on.

    Args:
        photo: (n,) the photo of each patch.
    """
    return np.unique(photo, return_inverse=True)[1]


def folds(photo: NDArray[np.int32]) -> NDArray[np.int64]:
    """Fold of each patch, 0 to `FOLDS` - 1: photos are dealt out in turn, so that no photo is in two folds.

    Args:
        photo: (n,) the photo of each patch.
    """
    return turns(photo) % FOLDS
