"""Distributions over the bins of a space, and their files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_space import NUISANCE, SPACE, only

from degcraft.axes import Choices, Range, Step
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.space import build


def weighted(weight):
    space = only("noise", sigma=Range(0, 10, len(weight)))
    return Distribution(space, np.array(weight), np.full(len(weight), 1 / len(weight)))


@pytest.mark.parametrize("distribution", [Distribution.uniform(SPACE), weighted([0.1, 0.2, 0.7, 0.0])])
def test_files_give_back_what_was_written(distribution, tmp_path):
    distribution.write(tmp_path / "weights.csv")
    read = Distribution.read(tmp_path / "weights.csv")
    assert read.space.names == distribution.space.names
    assert read.space.operators == distribution.space.operators
    for name in ("lower", "upper"):
        np.testing.assert_array_equal(getattr(read.space, name), getattr(distribution.space, name))
    np.testing.assert_array_equal(read.weight, distribution.weight)
    np.testing.assert_array_equal(read.prior, distribution.prior)
    draws = [d.space.draw(1, np.random.default_rng(3)) for d in (read, distribution)]
    np.testing.assert_array_equal(*draws)
    read.write(tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "weights.csv").read_bytes()


def test_columns_are_the_designs(tmp_path):
    Distribution.uniform(only("resize", kind=Choices(("bicubic", "area")))).write(tmp_path / "a.csv")
    assert list(pd.read_csv(tmp_path / "a.csv").columns) == ["bin", "weight", "prior", "resize_kind"]
    table = only("jpeg", quality=Range(30, 90, 2)).table()
    assert list(table.columns) == ["bin", "jpeg_quality_lower", "jpeg_quality_upper"]
    assert table["bin"].tolist() == [0, 1]


def test_a_table_without_weights_is_uniform(tmp_path):
    SPACE.table().to_csv(tmp_path / "bins.csv", index=False)
    read = Distribution.read(tmp_path / "bins.csv")
    np.testing.assert_allclose(read.weight, 1 / 72)


def test_a_table_without_weights_has_those_of_its_prior(tmp_path):
    prior = np.arange(1, 73) / (36 * 73)
    table = SPACE.table().assign(prior=prior, parent=0, new=1)
    table.to_csv(tmp_path / "bins.csv", index=False)
    read = Distribution.read(tmp_path / "bins.csv")
    np.testing.assert_array_equal(read.prior, prior)
    np.testing.assert_array_equal(read.weight, prior)
    assert read.space.names == SPACE.names


def test_bounds_of_bins_survive_writing_and_reading(tmp_path):
    lower = SPACE.lower.copy()
    lower[:, 0] = SPACE.upper[:, 0] / 3  # a third has no short decimal form
    space = replace(SPACE, lower=lower)
    space.table().to_csv(tmp_path / "bins.csv", index=False)
    np.testing.assert_array_equal(Distribution.read(tmp_path / "bins.csv").space.lower, lower)


def test_bins_are_drawn_by_their_weights():
    distribution, generator = weighted([0.0, 0.5, 0.0, 0.3, 0.2, 0.0]), np.random.default_rng(0)
    counts = np.bincount([distribution.sample_bin(generator) for _ in range(5000)], minlength=6)
    assert counts[[0, 2, 5]].tolist() == [0, 0, 0]
    np.testing.assert_allclose(counts / 5000, distribution.weight, atol=4 * 0.5 / np.sqrt(5000))


@given(st.lists(st.sampled_from([0.0, 1.0, 3.0]), min_size=1, max_size=8).filter(any))
def test_a_bin_without_weight_is_never_drawn(parts):
    weight = np.array(parts) / sum(parts)

    class Fixed:
        def __init__(self, value):
            self.random = lambda: value

    for value in (0.0, np.nextafter(1.0, 0.0), *np.clip(np.cumsum(weight), 0, np.nextafter(1.0, 0.0))):
        assert weight[weighted(weight).sample_bin(Fixed(value))] > 0


def edited(path, **columns):
    table = pd.read_csv(path)
    for column, value in columns.items():
        table[column] = value
    table.to_csv(path, index=False)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"weight": 0.2}, ["weights", "sum to 1"]),
        ({"weight": [1.5, -0.5]}, ["weights", "non-negative"]),
        ({"weight": [1.0, np.nan]}, ["weights"]),
        ({"weight": ["half", "half"]}, ["weight"]),
        ({"prior": [-1.0, 2.0]}, ["prior"]),
        ({"fog_density_lower": 0}, ["fog_density", "no axis"]),
        ({"noise_colour_lower": 0}, ["noise_colour", "no axis"]),
        ({"resize_kind": "lanczos"}, ["resize_kind", "lanczos"]),
        ({"noise_sigma_lower": 99.0}, ["noise_sigma"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_table_is_refused_with_file_and_column(columns, words, tmp_path):
    space = build([Step("resize", (("kind", Choices(("area", "bicubic"))),)), Step("noise", (("sigma", Range(0, 9)),))])
    Distribution.uniform(space).write(tmp_path / "weights.csv")
    edited(tmp_path / "weights.csv", **columns)
    with pytest.raises(UserError) as error:
        Distribution.read(tmp_path / "weights.csv")
    for word in (str(tmp_path / "weights.csv"), *words):
        assert word in str(error.value)


@pytest.mark.parametrize("text", [None, "", "bin,weight,prior\n", "noise_sigma_lower\n1\n"])
def test_a_file_that_is_no_table_of_bins_is_refused(text, tmp_path):
    if text is not None:
        (tmp_path / "weights.csv").write_text(text)
    with pytest.raises(UserError, match=r"weights\.csv"):
        Distribution.read(tmp_path / "weights.csv")


def test_a_table_that_is_not_there_is_named_once(tmp_path):
    with pytest.raises(UserError) as error:
        Distribution.read(tmp_path / "weights.csv")
    assert str(error.value) == f"{tmp_path}/weights.csv: no such file"


def test_a_file_with_nuisance_axes_is_all_that_sampling_needs(tmp_path):
    Distribution.uniform(NUISANCE).write(tmp_path / "weights.csv")
    read = Distribution.read(tmp_path / "weights.csv").space
    assert [(a.name, a.step, a.mixture) for a in read.axes] == [(a.name, a.step, a.mixture) for a in NUISANCE.axes]
    np.testing.assert_array_equal(read.binned, NUISANCE.binned)
    for seed in range(20):
        ours, theirs = (space.draw(seed % 6, np.random.default_rng(seed)) for space in (NUISANCE, read))
        np.testing.assert_array_equal(ours, theirs)
        orders = [[(operator.name, values) for operator, values in s.steps(ours)] for s in (NUISANCE, read)]
        assert orders[0] == orders[1]
        assert orders[0][2:] != [] and "shuffle" not in dict(orders[0])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"blur_kind": "sinc:0.5 isotropic:0.4"}, ["blur_kind", "sum to 0.9"]),
        ({"blur_kind": ["sinc:1.0"] * 5 + ["sinc:0.5 isotropic:0.5"]}, ["blur_kind", "same in all bins"]),
        ({"blur_kind": "sinc:half"}, ["blur_kind", "sinc:half", "probabilities"]),
        ({"blur_kind": "fog:1.0"}, ["blur_kind", "no 'fog'"]),
        ({"shuffle_steps_lower": 7, "shuffle_steps_upper": 7}, ["shuffle_steps", "only 4 steps follow"]),
        ({"jpeg_quality_lower": 30.2, "jpeg_quality_upper": 30.8}, ["jpeg_quality", "no whole number"]),
        ({"blur_kind": "anisotropic-variance"}, ["blur needs 'variance'"]),
        ({"blur9_sigma_upper": 9.0}, ["column 'blur9_sigma_upper' is no axis"]),
    ],
)
def test_a_wrong_table_of_nuisance_is_refused(columns, words, tmp_path):
    Distribution.uniform(NUISANCE).write(tmp_path / "weights.csv")
    edited(tmp_path / "weights.csv", **columns)
    with pytest.raises(UserError) as error:
        Distribution.read(tmp_path / "weights.csv")
    for word in (str(tmp_path / "weights.csv"), *words):
        assert str(error.value).count(word) >= 1
    assert str(error.value).count("weights.csv") == 1
