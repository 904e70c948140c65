"""How work and photos are shared out."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from degcraft.sharing import FOLDS, folds, shard_of, shown, spread, spread_over_photos


@given(st.integers(1, 300), st.integers(1, 40))
def test_shards_cover_every_item_once(count, shards):
    parts = [shard_of(count, shard, shards) for shard in range(shards)]
    assert [index for part in parts for index in part] == list(range(count))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_photos_are_dealt_out_to_folds():
    photo = np.array([2, 2, 5, 8, 8, 8, 9, 11], np.int32)  # photos that have no patches do not count
    assert folds(photo).tolist() == [0, 0, 1, 2, 2, 2, 3, 0]


@given(st.integers(1, 600), st.integers(1, 5), st.integers(1, 300))
@example(6, 1, 5)
@example(512, 1, 128)
def test_no_fold_is_passed_over(photos, per_photo, wanted):
    photo = np.repeat(np.arange(photos, dtype=np.int32), per_photo)
    chosen = spread_over_photos(photo, wanted)
    assert len(chosen) == min(wanted, len(photo)) and (np.diff(chosen) > 0).all()
    assert set(folds(photo)[chosen]) == set(range(min(photos, FOLDS, wanted)))
    if photos > wanted:
        assert np.ptp(np.bincount(folds(photo)[chosen])) <= 1


def test_patches_that_are_shown_once_more_by_hand():
    assert shown(12, 9).tolist() == [*range(9), 0, 3, 6]
    assert shown(7, 9).tolist() == [0, 3, 6, 2, 5, 8, 1]  # multiples of 0.618 modulo 1 are 0, 0.618, 0.236
    assert shown(2, 9).tolist() == [0, 4]


@given(st.integers(1, 900), st.integers(1, 400))
def test_every_patch_is_shown_as_often_as_any_other(pairs, patches):
    patch = shown(pairs, patches)
    assert len(patch) == pairs
    times = np.bincount(patch, minlength=patches)
    assert len(times) == patches and times.max() - times.min() <= 1


@given(st.integers(2, 40), st.integers(2, 40), st.integers(1, 1600))
def test_an_incomplete_round_is_spread_over_all_photos(photos, per_photo, pairs):
    patch = shown(pairs, photos * per_photo)
    times = np.bincount(patch // per_photo, minlength=photos)
    assert times.max() - times.min() <= 3 + math.sqrt(per_photo / photos)  # a pass that ends early


@given(st.integers(1, 500), st.integers(1, 200))
def test_spread_is_even(available, wanted):
    indices = spread(available, wanted)
    assert len(indices) == min(available, wanted)
    assert indices.min() >= 0
    assert indices.max() < available
    gaps = np.diff(indices)
    assert not len(gaps) or (gaps.min() >= 1 and gaps.max() - gaps.min() <= 1)
    assert abs(indices.mean() - (available - 1) / 2) <= 1  # centred
