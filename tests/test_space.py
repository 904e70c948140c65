"""Spaces, bins and distributions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.errors import UserError
from degcraft.space import Choices, Distribution, Range, Step, build, step_names

TWO_PASSES = [
    Step("blur", (("sigma", Range(0.2, 3.2, 3)),)),
    Step("resize", (("kind", Choices(("bicubic", "area"))),)),
    Step("noise", (("sigma", Range(5.0, 5.0)),)),
    Step("blur", (("sigma", Range(0.5, 1.0, 2)), ("kind", Choices(("anisotropic",))), ("ratio", Range(0.1, 1.0)))),
    Step("jpeg", (("quality", Range(30, 95, 6)),)),
]
SPACE = build(TWO_PASSES)


def only(operator, **parameters):
    return build([Step(operator, tuple(parameters.items()))])


def weighted(weight):
    space = only("noise", sigma=Range(0, 10, len(weight)))
    return Distribution(space, np.array(weight), np.full(len(weight), 1 / len(weight)))


def test_bins_are_the_product_of_the_axes():
    assert len(SPACE) == 3 * 2 * 1 * 2 * 6
    assert SPACE.lower.shape == SPACE.upper.shape == (72, 7)
    assert len(np.unique(np.hstack([SPACE.lower, SPACE.upper]), axis=0)) == 72


def test_axes_are_named_after_operators_and_numbered_from_the_second_pass():
    axes = ["blur_sigma", "resize_kind", "noise_sigma", "blur2_kind", "blur2_sigma", "blur2_ratio", "jpeg_quality"]
    assert SPACE.names == axes
    assert SPACE.operators == ("blur", "resize", "noise", "blur", "jpeg")
    assert [axis.step for axis in SPACE.axes] == [0, 1, 2, 3, 3, 3, 4]
    assert step_names(["noise", "jpeg", "noise", "noise"]) == ["noise", "jpeg", "noise2", "noise3"]


def test_edges_meet_and_span_the_range():
    edges = np.unique(SPACE.lower[:, 0]), np.unique(SPACE.upper[:, 0])
    np.testing.assert_allclose(edges, [[0.2, 1.2, 2.2], [1.2, 2.2, 3.2]])
    assert edges[0][1:].tolist() == edges[1][:-1].tolist()


def test_the_last_axis_is_the_fastest():
    space = build([Step("blur", (("sigma", Range(0, 2, 2)),)), Step("noise", (("sigma", Range(0, 30, 3)),))])
    np.testing.assert_array_equal(space.lower, [[0, 0], [0, 10], [0, 20], [1, 0], [1, 10], [1, 20]])


def test_choices_keep_their_order_and_mean_words():
    assert only("resize", kind=Choices(("bicubic", "area"))).table()["resize_kind"].tolist() == ["bicubic", "area"]
    operator, values = SPACE.steps(SPACE.draw(0, np.random.default_rng(0)))[1]
    assert (operator.name, values) == ("resize", {"kind": "bicubic"})


def test_parameters_that_no_axis_sets_have_their_defaults():
    space = build([Step("resize", ()), Step("blur", (("sigma", Range(1, 1)),))])
    (_, resize), (_, blur) = space.steps(space.draw(0, np.random.default_rng(0)))
    assert resize == {"kind": "bicubic"}
    assert blur == {"kind": "isotropic", "sigma": 1.0, "ratio": 1.0, "angle": 0.0}
    assert space.names == ["resize_kind", "blur_sigma"]  # a step without settings still shows in the table


@given(st.integers(0, len(SPACE) - 1), st.integers(0, 1000))
def test_draws_stay_inside_their_bin(index, seed):
    values = SPACE.draw(index, np.random.default_rng(seed))
    assert values.dtype == np.float32
    lower, upper = SPACE.lower[index].copy(), SPACE.upper[index].copy()
    quality = SPACE.names.index("jpeg_quality")
    lower[quality], upper[quality] = np.floor(lower[quality]), np.ceil(upper[quality])
    assert (values >= lower.astype(np.float32)).all()
    assert (values <= upper.astype(np.float32)).all()
    assert values[quality] == round(values[quality])


def test_draws_are_uniform_and_axes_independent():
    space = build([Step("blur", (("sigma", Range(1, 3)),)), Step("noise", (("sigma", Range(0, 10)),))])
    generator = np.random.default_rng(0)
    values = np.array([space.draw(0, generator) for _ in range(4000)])
    unit = (values - [1, 0]) / [2, 10]
    # standard error of a share p of 4000: at most 0.008; of a correlation: 0.016
    for share in (0.1, 0.25, 0.5, 0.9):
        np.testing.assert_allclose((unit < share).mean(axis=0), share, atol=4 * 0.008)
    assert abs(np.corrcoef(unit.T)[0, 1]) < 4 * 0.016


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


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step("fog", ()), ["fog", "blur, resize, noise, jpeg"]),
        (Step("blur", ()), ["blur", "sigma"]),
        (Step("noise", (("sigma", Range(0, 9)), ("kind", Choices(("grain",))))), ["noise", "kind"]),
        (Step("noise", (("sigma", Range(9, 1)),)), ["noise_sigma", "[9, 1]", "rise"]),
        (Step("noise", (("sigma", Range(-1, 1)),)), ["noise_sigma", "[0, 255]"]),
        (Step("noise", (("sigma", Range(float("nan"), 1)),)), ["noise_sigma"]),
        (Step("jpeg", (("quality", Range(0, 50)),)), ["jpeg_quality", "[1, 100]"]),
        (Step("jpeg", (("quality", Choices(("high",))),)), ["jpeg_quality", "range"]),
        (Step("resize", (("kind", Range(0, 1)),)), ["resize_kind", "choices", "bicubic"]),
        (Step("resize", (("kind", Choices(("lanczos",))),)), ["resize_kind", "lanczos", "bicubic-aliased"]),
    ],
    ids=lambda value: value.operator if isinstance(value, Step) else "",
)
def test_what_cannot_be_built_is_named(step, words):
    with pytest.raises(UserError) as error:
        build([step])
    for word in ("degradation", *words):
        assert word in str(error.value)


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
