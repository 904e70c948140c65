"""Sums of weights over axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.axes import Axis, Choices, Range, Step, axis_operator
from degcraft.marginals import joint, marginals
from degcraft.space import Space, build

SPACE = build(
    [
        Step("blur", (("sigma", Range(0.2, 3.2, 3)),)),
        Step("resize", (("kind", Choices(("bicubic", "area"))),)),
        Step("noise", (("sigma", Range(0.0, 20.0, 2)),)),
    ]
)
PRIOR = np.full(12, 1 / 12)


def test_marginals_are_sums_of_the_weights():
    weight = np.random.default_rng(0).dirichlet(np.ones(12))
    table = marginals(SPACE, weight, PRIOR)
    cells = weight.reshape(3, 2, 2)  # blur, kind, noise: the last axis is the fastest
    by_axis = dict(iter(table.groupby("axis")))
    np.testing.assert_allclose(by_axis["blur_sigma"]["weight"], cells.sum(axis=(1, 2)))
    np.testing.assert_allclose(by_axis["noise_sigma"]["weight"], cells.sum(axis=(0, 1)))
    kinds = by_axis["resize_kind"].set_index("choice")["weight"]
    np.testing.assert_allclose(kinds[["bicubic", "area"]], cells.sum(axis=(0, 2)))
    np.testing.assert_allclose(by_axis["blur_sigma"]["prior"], 1 / 3)
    np.testing.assert_allclose(by_axis["blur_sigma"]["lower"], [0.2, 1.2, 2.2])
    np.testing.assert_allclose(by_axis["blur_sigma"]["upper"], [1.2, 2.2, 3.2])


def blur_noise(lower: list[list[float]], upper: list[list[float]]) -> Space:
    """Bins of blur and noise."""
    blur, noise = (Axis(name, i, axis_operator(name)[2]) for i, name in enumerate(("blur_sigma", "noise_sigma")))
    return Space(("blur", "noise"), (blur, noise), np.array(lower), np.array(upper))


def test_marginals_share_the_weight_of_intervals_that_overlap():
    # blur 0 to 4, 2 to 3 and 3 to 4; noise 0 to 10, and twice just 5
    space = blur_noise([[0.0, 0.0], [2.0, 5.0], [3.0, 5.0]], [[4.0, 10.0], [3.0, 5.0], [4.0, 5.0]])
    weight = np.array([0.4, 0.5, 0.1])
    table = marginals(space, weight, np.array([0.5, 0.25, 0.25]))
    blur, noise = (rows for _, rows in table.groupby("axis", sort=False))
    assert list(zip(blur["lower"], blur["upper"], strict=True)) == [(0, 2), (2, 3), (3, 4)]
    np.testing.assert_allclose(blur["weight"], [0.2, 0.1 + 0.5, 0.1 + 0.1])
    np.testing.assert_allclose(blur["prior"], [0.25, 0.125 + 0.25, 0.125 + 0.25])
    assert list(zip(noise["lower"], noise["upper"], strict=True)) == [(0, 5), (5, 5), (5, 10)]
    np.testing.assert_allclose(noise["weight"], [0.2, 0.6, 0.2])


def test_bins_count_where_the_axis_has_an_effect():
    """Bins of Poisson noise differ in sigma without effect, and share their weight out evenly; so do Gaussian ones."""
    kinds = ("kind", Choices(("gaussian", "poisson")))
    space = build([Step("noise", (kinds, ("sigma", Range(0.0, 20.0, 2)), ("scale", Range(0.0, 2.0, 2))))])
    gaussian = np.array([space.axes[0].choices[int(code)] == "gaussian" for code in space.lower[:, 0]])
    strong, coarse = space.lower[:, 1] == 10, space.lower[:, 2] == 1
    weight = 0.5 * gaussian * strong / 2 + 0.5 * ~gaussian * coarse / 2
    table = marginals(space, weight, np.full(8, 1 / 8)).set_index("axis")
    for axis, shares in (("noise_kind", [0.5, 0.5]), ("noise_sigma", [0, 1]), ("noise_scale", [0, 1])):
        np.testing.assert_allclose(table.loc[axis, "weight"], shares)
        np.testing.assert_allclose(table.loc[axis, "prior"], 0.5)
    none = marginals(space, gaussian / 4, np.full(8, 1 / 8)).set_index("axis")  # of no Poisson noise at all
    np.testing.assert_allclose(none.loc["noise_scale", "weight"], 0.5)


def test_marginals_leave_out_what_no_bin_holds():
    space = blur_noise([[0.0, 1.0], [2.0, 1.0]], [[1.0, 2.0], [3.0, 2.0]])
    table = marginals(space, np.array([0.3, 0.7]), np.array([0.5, 0.5]))
    assert table["lower"].tolist() == [0.0, 2.0, 1.0]
    assert table["weight"].tolist() == [0.3, 0.7, 1.0]


@given(st.integers(0, 1000), st.integers(0, 12))
def test_halving_bins_without_moving_weight_moves_no_marginal(seed, halvings):
    generator = np.random.default_rng(seed)
    weight = generator.dirichlet(np.ones(12))
    lower, upper, shared = list(SPACE.lower), list(SPACE.upper), list(weight)
    for _ in range(halvings):
        index, axis = int(generator.integers(len(shared))), int(generator.choice([0, 2]))
        middle = (lower[index][axis] + upper[index][axis]) / 2
        lower.append(np.where(np.arange(3) == axis, middle, lower[index]))
        upper.append(upper[index])
        upper[index] = np.where(np.arange(3) == axis, middle, upper[index])
        shared[index] /= 2
        shared.append(shared[index])
    space = replace(SPACE, lower=np.array(lower), upper=np.array(upper))
    table = marginals(space, np.array(shared), np.array(shared))
    np.testing.assert_allclose(table.groupby("axis")["weight"].sum(), 1.0)
    for name, rows in marginals(SPACE, weight, PRIOR).groupby("axis"):
        split = table[table["axis"] == name]
        for _, row in rows.iterrows():
            inside = (split["lower"] >= row["lower"]) & (split["upper"] <= row["upper"])
            inside |= row["choice"] != "" and split["choice"] == row["choice"]
            assert split.loc[inside, "weight"].sum() == pytest.approx(row["weight"])


def test_joint_weights_are_sums_over_the_other_axes():
    weight = np.random.default_rng(0).dirichlet(np.ones(12))
    np.testing.assert_allclose(joint(SPACE, 0, 2, weight), weight.reshape(3, 2, 2).sum(axis=1))


def test_joint_weights_share_out_intervals_that_overlap():
    # blur 0 to 2 and noise 0 to 10, blur 1 to 2 and noise 0 to 5: pieces are 0, 1, 2 and 0, 5, 10
    space = blur_noise([[0.0, 0.0], [1.0, 0.0]], [[2.0, 10.0], [2.0, 5.0]])
    np.testing.assert_allclose(joint(space, 0, 1, np.array([0.4, 0.6])), [[0.1, 0.1], [0.1 + 0.6, 0.1]])
