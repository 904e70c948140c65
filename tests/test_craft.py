"""Crafting on synthetic moments with a known answer."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.axes import Choices, Range, Step
from degcraft.craft import craft, interval, write_crafted
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.moments import Moments
from degcraft.settings import CraftSettings
from degcraft.space import build

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
    with pytest.raises(UserError, match=r"mine\.h5: of 11 bins instead of 12; delete it"):
        craft(SPACE, synthetic()[:11], some_references(), TIGHT, seed=0, files=("mine.h5", "reference.h5"))
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
