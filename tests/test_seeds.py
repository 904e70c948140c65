"""Random streams."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.seeds import integer, sequence, stream

KEYS = st.tuples(
    st.integers(0, 5), st.sampled_from(["pairs", "train", "craft"]), st.lists(st.integers(0, 4), max_size=3).map(tuple)
)


@given(KEYS)
def test_a_stream_depends_on_its_key_alone(key):
    seed, stage, index = key
    first = stream(seed, stage, *index).random(4)
    stream(seed + 1, stage, *index).random(100)  # whatever else is drawn in between
    np.testing.assert_array_equal(first, stream(seed, stage, *index).random(4))
    assert integer(seed, stage, *index) == integer(seed, stage, *index)


@given(KEYS, KEYS)
def test_different_keys_give_different_streams(a, b):
    same = a == b
    assert same == np.array_equal(stream(a[0], a[1], *a[2]).random(2), stream(b[0], b[1], *b[2]).random(2))
    assert same == (integer(a[0], a[1], *a[2]) == integer(b[0], b[1], *b[2]))


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32, 2**70])
@pytest.mark.parametrize("index", [(), (0,), (3, 2**32 - 1), (2**33, 1)])
def test_a_sequence_is_that_of_a_spawn_key(seed, index):
    expected = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(b"pairs"), *index)).generate_state(8)
    np.testing.assert_array_equal(sequence(seed, "pairs", *index).generate_state(8), expected)


def test_an_index_does_not_run_into_the_next():
    assert stream(0, "s", 1, 23).random() != stream(0, "s", 12, 3).random()
    assert stream(0, "s", 1).random() != stream(0, "s", 1, 0).random()


def test_first_draws_of_neighbouring_streams_are_uniform_and_unrelated():
    first = np.array([stream(0, "pairs", i).random() for i in range(2000)])
    # standard error of a uniform mean: sqrt(1/12/2000) = 0.0065; of a correlation: 1/sqrt(2000) = 0.022
    assert abs(first.mean() - 0.5) < 4 * 0.0065
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 4 * 0.022


@given(KEYS)
def test_integers_fit_torch(key):
    seed, stage, index = key
    assert 0 <= integer(seed, stage, *index) < 2**63
