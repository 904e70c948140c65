"""Crafting on synthetic moments with a known answer."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.craft import craft, interval, marginals, write_crafted
from degcraft.errors import UserError
from degcraft.moments import Moments
from degcraft.settings import CraftSettings
from degcraft.space import Axis, Choices, Distribution, Range, Space, Step, axis_operator, build

SPACE = build(
    [
        Step("blur", (("sigma", Range(0.2, 3.2, 3)),)),
        Step("resize", (("kind", Choices(("bicubic", "area"))),)),
        Step("noise", (("sigma", Range(0.0, 20.0, 2)),)),
    ]
)
PRIOR = np.full(12, 1 / 12)
TIGHT = CraftSettings(generalization=0.0, tolerance=1e-6, bootstrap=0)


def synthetic(seed: int = 0, d: int = 14) -> list[Moments]:
    """Bins of unit covariance, means in general position: any mixture mean has one set of weights."""
    means = np.random.default_rng(seed).normal(0, 3, (12, d))
    return [Moments(50, mean, np.eye(d) + np.outer(mean, mean)) for mean in means]


def mixed(bins: list[Moments], weights: np.ndarray, count: int = 30) -> Moments:
    mean = sum(w * m.mean for w, m in zip(weights, bins, strict=True))
    second = sum(w * m.second for w, m in zip(weights, bins, strict=True))
    return Moments(count, mean, second)


def some_references(n: int = 5) -> list[Moments]:
    """Photos that differ: each is a mixture of its own."""
    weights = np.random.default_rng(1).dirichlet(np.full(12, 0.3), n)
    return [mixed(synthetic(), w) for w in weights]


@pytest.mark.parametrize("seed", range(3))
def test_recovers_a_known_mixture(seed):
    bins, truth = synthetic(seed), np.random.default_rng(seed).dirichlet(np.full(12, 0.5))
    crafted = craft(SPACE, bins, [mixed(bins, truth)], TIGHT, seed=0)
    np.testing.assert_allclose(crafted.distribution.weight, truth, atol=0.02)
    assert crafted.solution.final.distance < 1e-5 * crafted.solution.distance_prior


def test_reference_photos_count_by_their_patches():
    bins = synthetic()
    many, few = mixed(bins, np.eye(12)[2], count=30), mixed(bins, np.eye(12)[9], count=10)
    weight = craft(SPACE, bins, [many, few], TIGHT, seed=0).distribution.weight
    np.testing.assert_allclose(weight[[2, 9]], [0.75, 0.25], atol=0.02)


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


def test_the_prior_need_not_be_uniform():
    prior = np.random.default_rng(3).dirichlet(np.ones(12))
    settings = CraftSettings(generalization=1e4, bootstrap=2)
    crafted = craft(SPACE, synthetic(), some_references(), settings, 0, prior)
    np.testing.assert_allclose(crafted.distribution.weight, prior, atol=1e-3)
    np.testing.assert_array_equal(crafted.distribution.prior, prior)


def test_intervals_of_the_bootstrap():
    crafted = craft(SPACE, synthetic(), some_references(), CraftSettings(bootstrap=20), seed=0)
    table = crafted.marginals
    assert (table["low"] <= table["high"]).all()
    assert (table["low"] < table["high"]).any()
    assert table[["low", "high"]].stack().between(0, 1 + 1e-9).all()
    for column in ("weight", "prior"):
        np.testing.assert_allclose(table.groupby("axis")[column].sum(), 1.0)
    assert (table["low"] <= table["weight"]).all()
    assert (table["weight"] <= table["high"]).all()
    assert len(crafted.distances) == 20
    low, high = interval(crafted.solution.final.distance, crafted.distances)
    assert 0 <= low <= crafted.solution.final.distance <= high
    # a resampling holds fewer different photos, which can be fitted less well; that is why the interval is moved
    assert np.median(crafted.distances) > crafted.solution.final.distance


def test_one_photo_leaves_nothing_to_resample():
    crafted = craft(SPACE, synthetic(), some_references(1), CraftSettings(bootstrap=5), seed=0)
    # every resampling is the photo itself; what is left is the solver's tolerance
    np.testing.assert_allclose(crafted.marginals["high"] - crafted.marginals["low"], 0.0, atol=1e-9)
    np.testing.assert_allclose(crafted.marginals["low"], crafted.marginals["weight"], atol=0.02)


def test_interval_by_hand():
    low, high = interval(np.array([50.0, 60.0, 10.0]), np.arange(101.0)[:, None])
    np.testing.assert_allclose(low, [2.5, 12.5, 0.0])  # as far below the estimate as the median, but not below 0
    np.testing.assert_allclose(high, [97.5, 107.5, 57.5])
    assert interval(3.0, np.empty(0)) == (3.0, 3.0)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.floats(0, 1e6))
def test_an_interval_holds_its_estimate(samples, estimate):
    low, high = interval(estimate, np.array(samples))
    assert 0 <= low <= estimate <= high


def test_a_large_dial_gives_back_the_full_range():
    settings = CraftSettings(generalization=1e4, bootstrap=0)
    weight = craft(SPACE, synthetic(), some_references(), settings, seed=0).distribution.weight
    np.testing.assert_allclose(weight, PRIOR, atol=1e-3)


def test_mismatches_are_named():
    with pytest.raises(UserError, match="moments of 11 bins for a space of 12"):
        craft(SPACE, synthetic()[:11], some_references(), TIGHT, seed=0)
    auto = CraftSettings(generalization=None, bootstrap=0)
    with pytest.raises(
        UserError, match=r"craft\.generalization: 'auto' .* at least 4, this target has 3; give a number"
    ):
        craft(SPACE, synthetic(), some_references(3), auto, seed=0)
    with pytest.raises(UserError, match="different extractors"):
        craft(SPACE, synthetic(d=13), some_references(), TIGHT, seed=0)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A crafted distribution and the folder it was written into, twice."""
    folders = [tmp_path_factory.mktemp("crafted") for _ in range(2)]
    settings = CraftSettings(bootstrap=10)
    for folder in folders:
        crafted = craft(SPACE, synthetic(), some_references(), settings, seed=0)
        write_crafted(crafted, some_references(), settings, folder)
    return crafted, folders


def test_weights_csv(written):
    crafted, (folder, _) = written
    table = pd.read_csv(folder / "weights.csv")
    axes = ["blur_sigma_lower", "blur_sigma_upper", "resize_kind", "noise_sigma_lower", "noise_sigma_upper"]
    assert list(table.columns) == ["bin", "weight", "prior", *axes]
    assert len(table) == 12
    read = Distribution.read(folder / "weights.csv")
    np.testing.assert_array_equal(read.weight, crafted.distribution.weight)
    np.testing.assert_array_equal(read.prior, PRIOR)


def test_marginals_and_trace_csv(written):
    crafted, (folder, _) = written
    table = pd.read_csv(folder / "marginals.csv")
    assert list(table.columns) == ["axis", "lower", "upper", "choice", "weight", "prior", "low", "high"]
    assert list(table["axis"]) == ["blur_sigma"] * 3 + ["resize_kind"] * 2 + ["noise_sigma"] * 2
    assert table["choice"].notna().tolist() == table["lower"].isna().tolist()
    trace = pd.read_csv(folder / "trace.csv")
    assert list(trace.columns) == ["iteration", "objective", "distance", "kl", "gap"]
    assert trace["gap"].iloc[-1] == pytest.approx(crafted.solution.final.gap)


def test_craft_json(written):
    crafted, (folder, _) = written
    facts = json.loads((folder / "craft.json").read_text())
    assert facts["bins"] == 12
    assert facts["features"] == 14
    assert facts["reference_photos"] == 5
    assert facts["reference_patches"] == 150
    assert facts["relative_gap"] <= facts["tolerance"] == 1e-4
    assert facts["gap"] == pytest.approx(facts["relative_gap"] * facts["distance_prior"])
    assert facts["distance"] < facts["distance_prior"]
    assert facts["distance_low"] <= facts["distance"] <= facts["distance_high"]
    assert facts["generalization"] == 0.003
    assert facts["auto"] is False
    weight = crafted.distribution.weight
    assert facts["effective_bins"] == pytest.approx(np.exp(-np.sum(weight * np.log(np.maximum(weight, 1e-300)))))
    assert 1 <= facts["effective_bins"] <= 12


def test_trade_off_csv(written):
    crafted, (folder, _) = written
    table = pd.read_csv(folder / "trade_off.csv")
    columns = ["generalization", "distance", "effective_bins", "kl", "gap", "held_out", "held_out_error", "chosen"]
    assert list(table.columns) == columns
    assert table.query("chosen == 1")["generalization"].tolist() == [0.003]
    weights = pd.read_csv(folder / "trade_off_weights.csv", index_col="bin")
    np.testing.assert_array_equal(weights.columns.astype(float), table["generalization"])
    np.testing.assert_array_equal(weights["0.003"], crafted.distribution.weight)


def test_the_chosen_dial_is_written_as_a_number(tmp_path):
    settings = CraftSettings(generalization=None, trade_off=(0.01, 0.3), bootstrap=2)
    crafted = craft(SPACE, synthetic(), some_references(), settings, seed=0)
    write_crafted(crafted, some_references(), settings, tmp_path)
    facts = json.loads((tmp_path / "craft.json").read_text())
    assert facts["auto"] is True
    assert facts["generalization"] == crafted.generalization
    assert crafted.generalization in (0.01, 0.3)


def test_same_input_same_bytes(written):
    _, (first, second) = written
    names = sorted(path.name for path in first.iterdir())
    path = ["trade_off.csv", "trade_off_weights.csv"]
    assert names == ["craft.json", "marginals.csv", "trace.csv", *path, "weights.csv"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
