"""Real runs of the rounds of refinement on tiny input: artifacts, determinism, re-runs."""

import filecmp
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from test_docs import artifacts, compare_artifacts
from workflow_runs import TINY, make_photos, rules_planned, snakemake

from degcraft.provenance import PACKAGE

ROUNDS = "results/targets/made/rounds.csv"
MARGINALS = "results/targets/made/marginals.csv"
STAGES = {"refine_weights", "refine", "refine_shard", "refine_moments", "refine_rounds", "craft"}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """One made target and two rounds, which may describe fourteen bins beside the six of the space."""
    root = tmp_path_factory.mktemp("photos")
    hr, made = make_photos(root / "hr", 4, 128, 0), make_photos(root / "made", 4, 96, 1)
    target = {"truth": {"noise_sigma": [2, 8], "blur_sigma": [0.5, 1.5]}, "photos": str(made)}
    refine = {"bin_features": {"patches": 16, "shards": 2}, "refine": {"rounds": 2, "bins": 20}}
    return {**TINY, "hr": str(hr), "targets": {"made": target}, **refine}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, config):
    """A run on two cores, up to the table of rounds and the marginals of the last one."""
    folder = tmp_path_factory.mktemp("run") / "two"
    process = snakemake(folder, config, ROUNDS, MARGINALS)
    assert process.returncode == 0, process.stderr[-4000:]
    return folder


def test_a_round_is_files_of_its_own(finished):
    target = finished / "results/targets/made"
    table = pd.read_csv(target / "rounds.csv")
    assert list(table.columns) == ["round", "bins", "evaluated", "distance", "gap", "effective_bins"]
    assert table["round"].tolist() == [0, 1, 2]
    assert table["evaluated"].iloc[0] == 6 and table["evaluated"].is_monotonic_increasing
    assert 6 < table["evaluated"].iloc[-1] <= 20
    for number in (1, 2):
        bins = pd.read_csv(target / f"rounds/{number}/bins.csv")
        columns = "bin,prior,parent,new,blur_sigma_lower,blur_sigma_upper,resize_kind,noise_sigma_lower"
        assert ",".join(bins.columns).startswith(columns)
        assert len(bins) == table["bins"].iloc[number]
        assert bins["prior"].sum() == pytest.approx(1.0)
        assert bins["new"].sum() == table["evaluated"].iloc[number] - table["evaluated"].iloc[number - 1]
        files = (path for path in (target / f"rounds/{number}").glob("[!.]*") if path.is_file())
        assert sorted(path.name for path in files) == (
            ["bins.csv", "moments.h5"] + (["trace.csv", "weights.csv"] if number == 1 else [])
        )
    log = (finished / "results/logs/refine_rounds/made.log").read_text()
    assert "effective_bins" in log and len(log.splitlines()) == 6  # start, heading, a line a round, done


def test_the_page_of_artifacts_says_what_rounds_leave(finished):
    problems, seen = compare_artifacts(finished / "results")
    assert problems == []
    assert {name for name in artifacts() if "/rounds" in name} <= seen


def test_crafting_uses_the_last_rounds_bins_and_their_prior(finished):
    target = finished / "results/targets/made"
    bins, weights = pd.read_csv(target / "rounds/2/bins.csv"), pd.read_csv(target / "weights.csv")
    np.testing.assert_array_equal(weights["prior"], bins["prior"])
    assert weights["prior"].nunique() > 1
    assert json.loads((target / "craft.json").read_text())["bins"] == len(bins)
    sums = pd.read_csv(target / "marginals.csv").groupby("axis")[["weight", "prior"]].sum()
    np.testing.assert_allclose(sums, 1.0)


def test_one_core_splits_into_the_same_bytes_as_two(finished, config, tmp_path):
    shutil.copytree(finished, tmp_path / "one", symlinks=True, copy_function=shutil.copy2)
    target = tmp_path / "one/results/targets/made"
    shutil.rmtree(target / "rounds")
    for path in target.glob("*.csv"):
        if path.name not in ("reference.csv", "oracle.csv"):
            path.unlink()
    one_shard = {**config, "bin_features": {**config["bin_features"], "shards": 1}}
    process = snakemake(tmp_path / "one", one_shard, ROUNDS, MARGINALS, "--rerun-triggers", "mtime", cores=1)
    assert process.returncode == 0, process.stderr[-4000:]
    compared = 0
    for path in (finished / "results/targets/made").rglob("[!.]*"):
        if path.is_file():
            relative = path.relative_to(finished)
            assert filecmp.cmp(path, tmp_path / "one" / relative, shallow=False), relative
            compared += "rounds" in relative.parts
    assert compared == 8


def test_another_budget_runs_the_rounds_alone(finished, config):
    changed = {**config, "refine": {"rounds": 2, "bins": 30}}
    assert rules_planned(snakemake(finished, changed, ROUNDS, "--dry-run")) == STAGES
    assert rules_planned(snakemake(finished, config, ROUNDS, "--dry-run")) == set()


def test_edited_splitting_runs_the_rounds_alone(finished, config, tmp_path, monkeypatch):
    package = shutil.copytree(PACKAGE, tmp_path / "degcraft", ignore=shutil.ignore_patterns("__pycache__"))
    with (package / "refine.py").open("a") as source:
        source.write("# edited\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert rules_planned(snakemake(finished, config, ROUNDS, "--dry-run")) == STAGES


def test_without_rounds_nothing_is_planned_for_them(config, tmp_path):
    planned = rules_planned(snakemake(tmp_path, {**config, "refine": {"rounds": 0}}, "--dry-run"))
    assert {"bin_features", "craft", "report"} <= planned
    assert not {rule for rule in planned if rule.startswith("refine")}
    planned = rules_planned(snakemake(tmp_path, config, "--dry-run"))
    assert planned >= STAGES  # and with rounds, a whole run includes them
