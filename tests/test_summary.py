"""Comparing models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from degcraft import summary as subject
from degcraft.metrics import METRICS


def rows(*values):
    """(folder, testset, photo, psnr) as `gather` returns them; the other metrics are multiples."""
    table = pd.DataFrame(values, columns=["folder", "testset", "photo", "psnr_y"])
    return table.assign(ssim_y=table["psnr_y"] / 100, psnr_rgb=table["psnr_y"] - 1, ssim_rgb=table["psnr_y"] / 200)


def test_draws_of_one_photo_count_as_one():
    table = rows(("t", "full", "a.png", 20.0), ("t", "full", "a.png", 30.0), ("t", "full", "b.png", 40.0))
    summary = subject.summarise({("crafted-t", 3): table}, resamplings=200, seed=0)
    assert list(summary.columns) == ["distribution", "seed", "testset", "metric", "value", "low", "high", "n"]
    assert summary["metric"].tolist() == list(METRICS)
    first = summary.iloc[0].to_dict()
    # the mean of 25 and 40, not of 20, 30 and 40; resampling two photos gives 25, 32.5 or 40
    assert first == {
        **{"distribution": "crafted-t", "seed": 3, "testset": "full", "metric": "psnr_y"},
        **{"value": 32.5, "low": 25.0, "high": 40.0, "n": 2},
    }


def test_photos_of_one_name_in_two_folders_are_two():
    table = rows(("s", "clean", "a.png", 20.0), ("t", "clean", "a.png", 30.0))
    summary = subject.summarise({("clean", 0): table}, resamplings=0, seed=0)
    assert summary.loc[0, ["value", "low", "high", "n"]].tolist() == [25.0, 25.0, 25.0, 2]


def test_a_photo_that_targets_share_is_one(tmp_path):
    parts = tmp_path / "full/seed0/parts"
    parts.mkdir(parents=True)
    for target in ("s", "t", "007"):
        lines = [f"full,{target},a.png,a.png,20,1,1,1", f"full,{target},b.png,b.png,30,1,1,1"]
        (parts / f"{target}.csv").write_text(
            "\n".join(["testset,target,file,photo," + ",".join(METRICS), *lines]) + "\n"
        )
    folders = {"s": "photos", "t": "photos", "007": "others"}
    tables = subject.gather(tmp_path, [("full", 0, list(folders))], folders)
    psnr = subject.summarise(tables, resamplings=500, seed=0).iloc[0]
    assert psnr[["value", "n"]].tolist() == [25.0, 4]  # of two folders, not of three targets
    written = pd.read_csv(tmp_path / "full/seed0/full.csv", dtype=str)
    assert written.columns.tolist() == ["target", "file", "photo", *METRICS] and len(written) == 6


def test_models_are_resampled_alike():
    photos = [f"{i}.png" for i in range(9)]
    values = np.random.default_rng(0).normal(30, 3, 9)
    better = {
        ("full", 0): rows(*(("t", "t", p, v) for p, v in zip(photos, values, strict=True))),
        ("crafted-t", 0): rows(*(("t", "t", p, v + 1) for p, v in zip(photos, values, strict=True))),
    }
    summary = subject.summarise(better, resamplings=300, seed=0)
    psnr = summary[summary["metric"] == "psnr_y"].set_index("distribution")[["value", "low", "high"]]
    np.testing.assert_allclose(psnr.loc["crafted-t"] - psnr.loc["full"], 1.0)


@pytest.fixture
def noisy():
    """Photos that differ among each other by far more than two models do on each of them."""
    generator = np.random.default_rng(0)
    names = [f"{i}.png" for i in range(40)]
    full = generator.normal(30, 4, 40)
    gain = generator.normal(0.2, 0.1, 40)

    def table(values):
        return rows(*(("t", "t", name, value) for name, value in zip(names, values, strict=True)))

    return {("full", 0): table(full), ("crafted-t", 0): table(full + gain)}, gain


def test_differences_are_paired(noisy):
    tables, gain = noisy
    found = subject.differences(tables, resamplings=2000, seed=0)
    assert list(found.columns) == ["distribution", "against", "seed", "testset", "metric", "value", "low", "high", "n"]
    row = found[found["metric"] == "psnr_y"].iloc[0]
    assert row[["distribution", "against", "seed", "testset", "n"]].tolist() == ["crafted-t", "full", 0, "t", 40]
    assert row["value"] == pytest.approx(gain.mean())
    # 2 x 1.96 standard errors of the mean difference; unpaired it would be 40 times as wide and hold zero
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * gain.std() / 40**0.5, rel=0.1)
    assert row["low"] > 0
    summary = subject.summarise(tables, resamplings=2000, seed=0).set_index(["distribution", "metric"])
    assert (summary["high"] - summary["low"])["full", "psnr_y"] > 10 * (row["high"] - row["low"])


def test_other_metrics_are_compared_where_they_are_named(noisy):
    tables = {key: table.assign(lpips=1 - table["psnr_y"] / 100) for key, table in noisy[0].items()}
    summary = subject.summarise(tables, 0, 0, metrics=["lpips"])
    assert set(summary["metric"]) == {"lpips"}
    found = subject.differences(tables, 0, 0, metrics=[*METRICS, "lpips"]).set_index("metric")["value"]
    assert found["lpips"] == pytest.approx(-found["psnr_y"] / 100)
    assert set(subject.summarise(tables, 0, 0)["metric"]) == set(METRICS)


def test_a_models_photos_find_their_partners_in_any_order(noisy):
    tables, _ = noisy
    shuffled = {key: table.sample(frac=1, random_state=index) for index, (key, table) in enumerate(tables.items())}
    expected = subject.differences(tables, resamplings=50, seed=0)
    pd.testing.assert_frame_equal(subject.differences(shuffled, resamplings=50, seed=0), expected)


def test_models_are_compared_with_the_same_seed_and_interpolation_with_every_seed():
    def table(value, *testsets):
        return rows(*(("t", testset, "a.png", value) for testset in testsets))

    tables = {
        ("bicubic", 0): table(20.0, "t", "full"),
        ("full", 1): table(21.0, "t", "full", "s"),
        ("full", 2): table(23.0, "t", "full", "s"),
        ("crafted-t", 1): table(24.0, "t", "full"),
        ("crafted-t", 2): table(25.0, "t", "full"),
    }
    found = subject.differences(tables, resamplings=0, seed=0)
    psnr = found[(found["metric"] == "psnr_y") & (found["testset"] == "t")]
    assert {(d, s): v for d, s, v in zip(psnr["distribution"], psnr["seed"], psnr["value"], strict=True)} == {
        ("bicubic", 1): -1.0,
        ("bicubic", 2): -3.0,
        ("crafted-t", 1): 3.0,
        ("crafted-t", 2): 2.0,
    }
    assert set(found["testset"]) == {"t", "full"}  # not those that the other model was not measured on


def test_without_a_full_model_there_is_nothing_to_compare_with():
    found = subject.differences({("clean", 0): rows(("t", "t", "a.png", 20.0))}, resamplings=0, seed=0)
    assert found.empty and "against" in found.columns
