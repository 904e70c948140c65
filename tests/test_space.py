"""Spaces and bins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.axes import Choices, Mixture, Range, Step, step_names
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.operators.registry import OPERATORS, Operator, Parameter
from degcraft.seeds import stream
from degcraft.space import build

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


def test_a_step_without_settings_is_in_the_table_of_bins(tmp_path, monkeypatch):
    for parameters in ((Parameter("amount", upper=50.0, default=20.0),), ()):
        monkeypatch.setitem(OPERATORS, "fade", Operator("fade", parameters, lambda image, *_: image))
        steps = [Step("fade", ()), Step("resize", ())]
        if parameters:
            Distribution.uniform(build(steps)).write(tmp_path / "bins.csv")
            space = Distribution.read(tmp_path / "bins.csv").space
            assert space.operators == ("fade", "resize") and space.lower[0, 0] == space.upper[0, 0] == 20
        else:
            with pytest.raises(UserError, match="fade: a step without a parameter"):
                build(steps)


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


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step("fog", ()), ["fog", "blur, jpeg, noise, resize"]),
        (Step("blur", ()), ["blur", "sigma"]),
        (Step("noise", (("sigma", Range(0, 9)), ("kind", Choices(("grain",))))), ["noise", "kind"]),
        (Step("noise", (("sigma", Range(9, 1)),)), ["noise_sigma", "[9, 1]", "rise"]),
        (Step("noise", (("sigma", Range(300, 300)),)), ["noise_sigma: 300 must stay within [0, 255]"]),
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


def test_an_axis_has_an_effect_where_the_choice_beside_it_says_so():
    noise = {
        "kind": Mixture((("gaussian", 0.5), ("poisson", 0.3), ("none", 0.2))),
        "sigma": Range(1, 20, 2),
        "scale": Range(0.1, 1),
    }
    space = build([Step("noise", tuple(noise.items())), Step("noise", (("sigma", Range(1, 5)),))])
    drawn = np.stack([space.draw(i % 2, stream(0, "effect", i)) for i in range(60)])
    effective = dict(zip(space.names, space.effective(drawn).T, strict=True))
    kinds = [space.readable(parameters)["noise_kind"] for parameters in drawn]
    assert set(kinds) == {"gaussian", "poisson", "none"}
    assert list(effective["noise_sigma"]) == [kind == "gaussian" for kind in kinds]
    assert list(effective["noise_scale"]) == [kind == "poisson" for kind in kinds]
    assert effective["noise_kind"].all() and effective["noise2_sigma"].all()
