"""Tiles: how they are cut, and that no seam shows."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.tiles import restore_tiled, spans


@given(st.integers(1, 90), st.integers(1, 4), st.integers(1, 40), st.integers(0, 40))
def test_shares_sum_to_one_and_lie_inside_what_is_seen(length, scale, tile, overlap):
    total = np.zeros(length * scale)
    for span in spans(length, scale, tile, overlap):
        assert (span.weights >= 0).all()
        total[span.first : span.end] += span.weights
        assert 1 <= span.pixels <= tile
        assert span.skipped == span.first - span.seen.start * scale >= 0
        # where a tile counts, all that lies within three quarters of the overlap was seen
        seen_from, seen_to = span.first / scale - overlap * 3 / 4, span.end / scale + overlap * 3 / 4
        assert span.seen.start <= max(seen_from, 0) and span.seen.stop >= min(seen_to, length)
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert sum(span.pixels for span in spans(length, scale, tile, overlap)) == length


def local(reach, scale):
    """A restoration in which a pixel depends on all LR pixels up to ``reach`` to every side, and on none beyond."""

    def restore(part):
        side = 2 * reach + 1
        blurred = cv2.blur(part, (side, side), borderType=cv2.BORDER_CONSTANT)
        return blurred.repeat(scale, axis=0).repeat(scale, axis=1)

    return restore


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("reach", "overlap"), [(0, 0), (0, 4), (3, 4), (6, 8), (6, 30)])
@given(height=st.integers(1, 50), width=st.integers(1, 50), tile=st.integers(8, 40))
def test_tiled_equals_untiled_where_three_quarters_of_the_overlap_are_all_that_is_seen(
    dtype, reach, overlap, height, width, tile
):
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (height, width, 3)).astype(dtype)
    whole = restore_tiled(local(reach, 2), image, 2, 10_000, 0)
    tiled = restore_tiled(local(reach, 2), image, 2, tile, overlap)
    assert tiled.dtype == dtype and tiled.shape == (2 * height, 2 * width, 3)
    assert np.abs(tiled.astype(int) - whole.astype(int)).max() <= 1  # a rounding of shares that sum to 1


def test_what_tiles_disagree_on_fades():
    """The worst network: everything that it sees counts everywhere, so every tile is a constant of its own."""

    def mean(part):
        return np.broadcast_to(part.mean(axis=(0, 1), keepdims=True), (part.shape[0] * 2, part.shape[1] * 2, 3))

    image = np.tile(np.linspace(0, 255, 96).astype(np.uint8)[:, None, None], (1, 96, 3))
    steps = {
        overlap: int(np.abs(np.diff(restore_tiled(mean, image, 2, 32, overlap).astype(int), axis=0)).max())
        for overlap in (0, 16, 32)
    }
    assert steps[0] == pytest.approx(85, abs=2)  # three tiles, a third of the range apart
    assert steps[16] <= 85 / 16 + 1  # over 2 * 16 / 4 LR pixels, twice as many HR pixels
    assert steps[32] <= 85 / 32 + 1


def test_memory_holds_one_row_of_tiles():
    image = np.zeros((160, 200, 3), np.uint8)
    output = np.ones((2 * 48, 2 * 48, 3), np.float32)  # as large as what the largest tile sees, made outside
    tracemalloc.start()
    try:
        result = restore_tiled(lambda part: output[: 2 * part.shape[0], : 2 * part.shape[1]], image, 2, 32, 8)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    row = (2 * (32 + 8)) * (2 * 200) * 3 * 4  # with what fades into the next
    assert (result == 255).all()
    assert most < result.nbytes + 1.5 * row


def test_every_pixel_is_reported_once():
    reported: list[int] = []
    image = np.zeros((37, 51, 3), np.uint8)
    restore_tiled(local(0, 2), image, 2, 16, 8, reported.append)
    assert len(reported) == 3 * 4 and sum(reported) == 37 * 51
