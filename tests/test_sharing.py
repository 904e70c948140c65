"""How work and photos are shared out."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from degcraft.sharing import folds, shard_of, spread


@given(st.integers(1, 300), st.integers(1, 40))
def test_shards_cover_every_item_once(count, shards):
    parts = [shard_of(count, shard, shards) for shard in range(shards)]
    assert [index for part in parts for index in part] == list(range(count))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_photos_are_dealt_out_to_folds():
    photo = np.array([2, 2, 5, 8, 8, 8, 9, 11], np.int32)  # photos that have no patches do not count
    assert folds(photo).tolist() == [0, 0, 1, 2, 2, 2, 3, 0]


@given(st.integers(1, 500), st.integers(1, 200))
def test_spread_is_even(available, wanted):
    indices = spread(available, wanted)
    assert len(indices) == min(available, wanted)
    assert indices.min() >= 0
    assert indices.max() < available
    gaps = np.diff(indices)
    assert not len(gaps) or (gaps.min() >= 1 and gaps.max() - gaps.min() <= 1)
    assert abs(indices.mean() - (available - 1) / 2) <= 1  # centred
