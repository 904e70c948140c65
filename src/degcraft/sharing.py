"""How work is shared out to jobs, and photos to folds."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

GOLDEN = (math.sqrt(5) - 1) / 2
FOLDS = 4  # of the HR photos: half of them can be simulated with while the others describe the bins
LEAST_TO_JUDGE = 2 * FOLDS  # HR photos: with fewer, a fold would pass its own oddities off as chance
LEAST_TO_HOLD_OUT = 4  # reference photos: with fewer, the rest would say too little about the source


def shard_of(count: int, shard: int, shards: int) -> range:
    """The items of one shard, 0 <= shard < shards: contiguous, sizes differing by one at most."""
    return range(count * shard // shards, count * (shard + 1) // shards)


def spread(available: int, wanted: int) -> NDArray[np.int64]:
    """Indices of ``wanted`` items spread evenly over ``available`` ones (all of them if there are fewer)."""
    count = min(available, wanted)
    return (np.arange(count) * 2 + 1) * available // max(2 * count, 1)


def rounds(pairs: int, patches: int) -> Iterator[range]:
    """Which HR patches pairs show, one after the other, as arithmetic progressions; each patch as often as any other.

    Whole rounds through all patches come first. The last one, which may be incomplete, goes through them in steps,
    again and again, from starts in the order of multiples of the golden ratio modulo 1: wherever it ends, what it has
    left out is spread over all photos.
    """
    whole, rest = divmod(pairs, patches)
    yield from [range(patches)] * whole
    if rest:
        step = max(math.isqrt(patches), patches // rest)
        for start in sorted(range(step), key=lambda start: start * GOLDEN % 1.0):
            taken = range(start, patches, step)[:rest]
            rest -= len(taken)
            if taken:
                yield taken


def shown(pairs: int, patches: int) -> NDArray[np.int64]:
    """(pairs,) the HR patch of each pair; see `rounds`."""
    return np.concatenate([np.arange(part.start, part.stop, part.step) for part in rounds(pairs, patches)])


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


def spread_over_photos(photo: NDArray[np.int32], wanted: int) -> NDArray[np.int64]:
    """Indices, ascending, of ``wanted`` patches that are spread evenly, and over all `folds`.

    Where photos outnumber them, each fold is spread by itself: equal steps can pass over a fold again and again, as
    128 patches of 512 photos would over three.

    Args:
        photo: (n,) the photo of each patch.
        wanted: how many; all if there are fewer.
    """
    if len(np.unique(photo)) <= wanted:
        return spread(len(photo), wanted)
    fold = folds(photo)
    parts = [np.flatnonzero(fold == k) for k in range(FOLDS)]
    shares = [len(range(k, wanted, FOLDS)) for k in range(FOLDS)]  # as photos are dealt out, so there are as many
    return np.sort(np.concatenate([part[spread(len(part), n)] for part, n in zip(parts, shares, strict=True)]))
