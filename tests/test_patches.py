"""Where patches are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.patches import count_positions, cut, disjoint, textured_positions
from degcraft.seeds import stream


@given(
    height=st.integers(32, 90),
    width=st.integers(32, 90),
    size=st.sampled_from([16, 24, 32]),
    count=st.integers(1, 12),
    align=st.sampled_from([1, 2, 4, 8]),
    share=st.floats(0.1, 1.0),
)
def test_positions_are_aligned_inside_and_distinct(height, width, size, count, align, share, make_photo):
    places = textured_positions(make_photo(height, width), size, count, align, share, stream(0, "x"))
    assert 1 <= len(places) <= count
    assert len(places) == count_positions(height, width, size, count, align, share)
    assert (places % align == 0).all()
    assert (places >= 0).all()
    assert (places + size <= [height, width]).all()
    assert len(np.unique(places, axis=0)) == len(places)


def test_textured_places_are_preferred(make_photo):
    image = np.full((128, 256, 3), 120, np.uint8)
    image[:, 128:] = make_photo(128, 128)
    places = textured_positions(image, 32, 40, 4, 0.4, stream(0, "x"))
    assert len(places) == 40
    assert places[:, 1].min() >= 128 - 16  # at least half of every patch shows texture
    anywhere = textured_positions(image, 32, 40, 4, 1.0, stream(0, "x"))
    assert anywhere[:, 1].min() < 64


def test_as_many_as_asked_for_or_as_there_are():
    image = np.zeros((40, 64, 3), np.uint8)
    # an eighth of 32 is the stride: rows 0, 4 and 8 and columns 0, 4, ..., 32 make 27 places
    assert len(textured_positions(image, 32, 7, 4, 1.0, stream(0, "x"))) == 7
    assert len(textured_positions(image, 32, 99, 4, 1.0, stream(0, "x"))) == 27
    assert len(textured_positions(image, 32, 99, 4, 0.25, stream(0, "x"))) == 7  # 6.75, rounded up


def test_another_stream_draws_other_places(make_photo):
    image = make_photo(128, 128)
    first, same, other = (textured_positions(image, 32, 8, 4, 0.5, stream(0, "x", i)) for i in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("height", "width", "found"), [(31, 80, 0), (80, 31, 0), (32, 32, 1)])
def test_an_image_smaller_than_a_patch_has_none(height, width, found, make_photo):
    places = textured_positions(make_photo(height, width), 32, 5, 4, 1.0, stream(0, "x"))
    assert places.shape == (found, 2)


def test_cutting(make_photo):
    image = make_photo(40, 40)
    patches = cut(image, np.array([[0, 8], [7, 3]]), 16)
    np.testing.assert_array_equal(patches[0], image[0:16, 8:24])
    np.testing.assert_array_equal(patches[1], image[7:23, 3:19])
    assert cut(image, np.empty((0, 2), int), 16).shape == (0, 16, 16, 3)


def test_disjoint_patches():
    def worth(*positions):
        return disjoint(np.array(positions), 48)

    assert worth((0, 0)) == worth((0, 0), (0, 8)) == 1
    assert worth((0, 0), (0, 48)) == worth((8, 0), (8, 24), (8, 48)) == 2
    grid = [(row, column) for row in range(0, 33, 8) for column in range(0, 33, 8)]
    assert worth(*grid) == 3  # 25 patches of an image of 80 x 80, which is 2.8 times as large
    assert worth(*[(row + 16, column + 40) for row, column in grid]) == 3


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8), st.integers(1, 20))
def test_disjoint_patches_are_no_more_than_there_are(positions, size):
    assert 1 <= disjoint(np.array(positions), size) <= len(positions)
