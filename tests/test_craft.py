"""Crafting on synthetic moments with a known answer."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from degcraft.craft import craft, interval, marginals, write_crafted
from degcraft.errors import UserError
from degcraft.moments import Moments
from degcraft.settings import CraftSettings
from degcraft.space import Choices, Distribution, Range, Step, build

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


def test_intervals_of_the_bootstrap():
    crafted = craft(SPACE, synthetic(), some_references(), CraftSettings(bootstrap=20), seed=0)
    table = crafted.marginals
    assert (table["low"] <= table["high"]).all()
    assert (table["low"] < table["high"]).any()
    assert table[["low", "high"]].stack().between(0, 1 + 1e-9).all()
    for column in ("weight", "prior"):
        np.testing.assert_allclose(table.groupby("axis")[column].sum(), 1.0)
    assert len(crafted.distances) == 20


def test_one_photo_leaves_nothing_to_resample():
    crafted = craft(SPACE, synthetic(), some_references(1), CraftSettings(bootstrap=5), seed=0)
    # every resampling is the photo itself; what is left is the solver's tolerance
    np.testing.assert_allclose(crafted.marginals["high"] - crafted.marginals["low"], 0.0, atol=1e-9)
    np.testing.assert_allclose(crafted.marginals["low"], crafted.marginals["weight"], atol=0.02)


def test_interval_by_hand():
    low, high = interval(np.arange(101.0)[:, None])
    assert (low[0], high[0]) == pytest.approx((2.5, 97.5))


def test_a_large_dial_gives_back_the_full_range():
    settings = CraftSettings(generalization=1e4, bootstrap=0)
    weight = craft(SPACE, synthetic(), some_references(), settings, seed=0).distribution.weight
    np.testing.assert_allclose(weight, PRIOR, atol=1e-3)


def test_mismatches_are_named():
    with pytest.raises(UserError, match="moments of 11 bins for a space of 12"):
        craft(SPACE, synthetic()[:11], some_references(), TIGHT, seed=0)
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
    assert facts["distance_low"] <= facts["distance_high"]
    weight = crafted.distribution.weight
    assert facts["effective_bins"] == pytest.approx(np.exp(-np.sum(weight * np.log(np.maximum(weight, 1e-300)))))
    assert 1 <= facts["effective_bins"] <= 12


def test_same_input_same_bytes(written):
    _, (first, second) = written
    names = sorted(path.name for path in first.iterdir())
    assert names == ["craft.json", "marginals.csv", "trace.csv", "weights.csv"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
