"""Spaces, bins and distributions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.errors import UserError
from degcraft.seeds import stream
from degcraft.space import Choices, Distribution, Mixture, Range, Step, build, step_names

TWO_PASSES = [
    Step("blur", (("sigma", Range(0.2, 3.2, 3)),)),
    Step("resize", (("kind", Choices(("bicubic", "area"))),)),
    Step("noise", (("sigma", Range(5.0, 5.0)),)),
    Step("blur", (("sigma", Range(0.5, 1.0, 2)), ("kind", Choices(("anisotropic",))), ("across", Range(0.1, 1.0)))),
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
    axes = ["blur_sigma", "resize_kind", "noise_sigma", "blur2_kind", "blur2_sigma", "blur2_across", "jpeg_quality"]
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
    assert blur == {
        **{"kind": "isotropic", "sigma": 1.0, "across": 1.0, "angle": 0.0, "beta": 1.0, "plateau": 1.0, "size": 0.0}
    }
    assert space.names == ["resize_kind", "blur_sigma"]  # a step without settings still shows in the table


@given(st.integers(0, len(SPACE) - 1), st.integers(0, 1000))
def test_draws_stay_inside_their_bin(index, seed):
    values = SPACE.draw(index, np.random.default_rng(seed))
    assert values.dtype == np.float32
    quality = SPACE.names.index("jpeg_quality")
    assert (values >= SPACE.lower[index].astype(np.float32)).all()
    assert (values <= SPACE.upper[index].astype(np.float32)).all()
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
        (Step("fog", ()), ["fog", "blur, jpeg, noise, resize"]),
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


NUISANCE = build(
    [
        Step("shuffle", (("steps", Range(2, 2)), ("order", Range(0, 1)))),
        Step(
            "blur",
            (
                ("kind", Mixture((("sinc", 0.2), ("isotropic", 0.7), ("none", 0.1)))),
                ("sigma", Range(0.2, 3.0, 3)),
                ("cutoff", Range(1.0, 3.0)),
                ("size", Range(7, 21)),
            ),
        ),
        Step("noise", (("kind", Choices(("gaussian", "poisson"))), ("sigma", Range(1, 30)), ("scale", Range(0.1, 3)))),
        Step("resize", ()),
        Step("jpeg", (("kind", Mixture((("jpeg", 1.0),))), ("quality", Range(30, 95)))),
    ]
)


def test_nuisance_axes_have_one_bin():
    assert len(NUISANCE) == 3 * 2
    binned = [name for name, more in zip(NUISANCE.names, NUISANCE.binned, strict=True) if more]
    assert binned == ["blur_sigma", "noise_kind"]
    assert NUISANCE.table()["blur_kind"].unique().tolist() == ["sinc:0.2 isotropic:0.7 none:0.1"]
    assert not only("jpeg", quality=Range(30, 95)).binned.any()


def test_mixtures_are_drawn_by_their_probabilities():
    generator, column = np.random.default_rng(0), NUISANCE.names.index("blur_kind")
    kinds = NUISANCE.axes[column].choices
    drawn = [kinds[int(NUISANCE.draw(3, generator)[column])] for _ in range(5000)]
    assert set(drawn) == {"sinc", "isotropic", "none"}
    for kind, share in (("sinc", 0.2), ("isotropic", 0.7), ("none", 0.1)):
        assert drawn.count(kind) / 5000 == pytest.approx(share, abs=4 * 0.5 / np.sqrt(5000))


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


def test_a_shuffle_moves_the_steps_that_it_holds_and_no_others():
    orders = {tuple(o.name for o, _ in NUISANCE.steps(NUISANCE.draw(0, stream(0, "x", i)))) for i in range(40)}
    assert orders == {("blur", "noise", "resize", "jpeg"), ("noise", "blur", "resize", "jpeg")}


@pytest.mark.parametrize(
    ("bins", "expected"),
    [(2, [range(30, 60), range(60, 91)]), (7, None), (1, [range(30, 91)])],  # an edge belongs to the upper bin
)
def test_whole_numbers_are_drawn_alike_and_never_leave_their_bin(bins, expected):
    space, generator = only("jpeg", quality=Range(30, 90, bins)), np.random.default_rng(0)
    drawn = [np.array([space.draw(i, generator)[0] for _ in range(2000)]) for i in range(bins)]
    found = [np.unique(values) for values in drawn]
    assert np.concatenate(found).tolist() == list(range(30, 91))  # every value in one bin
    for index, values in enumerate(found):
        assert space.lower[index, 0] <= values[0] <= values[-1] <= space.upper[index, 0]
        shares = np.unique(drawn[index], return_counts=True)[1] / 2000
        expect = 1 / len(values)
        assert (np.abs(shares - expect) < 5 * np.sqrt(expect / 2000)).all()
    if expected:
        assert [values.tolist() for values in found] == [list(numbers) for numbers in expected]


def test_sizes_of_kernels_are_odd():
    space = only("blur", sigma=Range(1, 1), size=Range(6.5, 12))
    assert {float(space.draw(0, stream(0, "x", i))[1]) for i in range(60)} == {7.0, 9.0, 11.0}
    assert only("blur", sigma=Range(1, 1), size=Range(0, 0)).draw(0, stream(0, "x"))[1] == 0  # the default


def test_the_deviation_across_is_sigma_where_it_is_not_named():
    space = only("blur", kind=Choices(("anisotropic",)), sigma=Range(1, 2))
    ((_, values),) = space.steps(space.draw(0, stream(0, "x")))
    assert values["across"] == values["sigma"]


SHUFFLE = Step("shuffle", (("steps", Range(3, 3)),))
BLUR = Step("blur", (("sigma", Range(1, 2)),))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([SHUFFLE, BLUR], ["shuffle_steps", "only 1 steps follow"]),
        ([SHUFFLE, BLUR, SHUFFLE, BLUR, BLUR, BLUR], ["shuffle_steps", "cannot hold another"]),
        ([Step("shuffle", (("steps", Range(2, 3)),)), BLUR, BLUR, BLUR], ["shuffle_steps", "one whole number"]),
        ([Step("jpeg", (("quality", Range(30.2, 30.8)),))], ["jpeg_quality", "no whole number", "[30.2, 30.8]"]),
        ([Step("blur", (("sigma", Range(1, 1)), ("size", Range(8, 8))))], ["blur_size", "no odd number"]),
        ([Step("blur", (("kind", Choices(("sinc",))),))], ["blur needs 'cutoff'"]),
        (
            [Step("noise", (("kind", Mixture((("gaussian", 0.6),))), ("sigma", Range(1, 1))))],
            ["noise_kind", "sum to 0.6"],
        ),
        ([Step("noise", (("kind", Mixture((("fog", 1.0),))), ("sigma", Range(1, 1))))], ["noise_kind", "no 'fog'"]),
        ([Step("noise", (("sigma", Mixture((("a", 1.0),))),))], ["noise_sigma", "is a number"]),
        ([Step("rescale", (("direction", Choices(("up",))),))], ["rescale needs 'up'"]),
    ],
)
def test_what_does_not_go_together_is_named(steps, words):
    with pytest.raises(UserError) as error:
        build(steps)
    for word in ("degradation: ", *words):
        assert word in str(error.value)


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
