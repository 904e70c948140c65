"""Crafting on synthetic moments with a known answer."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from mixtures import SPACE, mixed, some_references, synthetic

from degcraft.craft import craft, write_crafted
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.settings import CraftSettings

PRIOR = np.full(12, 1 / 12)
TIGHT = CraftSettings(generalization=0.0, tolerance=1e-6)


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
    settings = CraftSettings(generalization=1e4)
    crafted = craft(SPACE, synthetic(), some_references(), settings, 0, prior)
    np.testing.assert_allclose(crafted.distribution.weight, prior, atol=1e-3)
    np.testing.assert_array_equal(crafted.distribution.prior, prior)


def test_a_large_dial_gives_back_the_full_range():
    settings = CraftSettings(generalization=1e4)
    weight = craft(SPACE, synthetic(), some_references(), settings, seed=0).distribution.weight
    np.testing.assert_allclose(weight, PRIOR, atol=1e-3)


def test_mismatches_are_named():
    with pytest.raises(UserError, match=r"mine\.h5: of 11 bins instead of 12; delete it"):
        craft(SPACE, synthetic()[:11], some_references(), TIGHT, seed=0, files=("mine.h5", "reference.h5"))
    auto = CraftSettings(generalization=None)
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
    settings = CraftSettings()
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


def test_trace_csv(written):
    crafted, (folder, _) = written
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
    settings = CraftSettings(generalization=None, trade_off=(0.01, 0.3))
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
    assert names == ["craft.json", "trace.csv", *path, "weights.csv"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
