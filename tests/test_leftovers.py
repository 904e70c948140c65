"""Results that earlier runs left."""

from __future__ import annotations

import pytest

from degcraft.leftovers import leftovers

MADE = [
    *("targets/album", "upscaled/album", "checkpoints/upscale/album", "pairs/full.h5"),
    *("models/full/seed0", "models/crafted-album/seed0", "evaluation/full/seed0", "monitor/full-seed0"),
    *("evaluation/bicubic/seed0", "evaluation/examples/album.png", "exported/crafted-album/"),
]


@pytest.fixture
def results(tmp_path):
    """All of that, and what a run leaves beside it."""
    for path in MADE:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch() if "." in path else (tmp_path / path).mkdir()
    for path in ("pairs/.full.h5.sha256", "upscaled/.album.sha256", "models/full/seed0/model.safetensors"):
        (tmp_path / path).touch()
    (tmp_path / "pairs/parts").mkdir()
    return tmp_path


def listed(results, made=MADE):
    """The paths in the text, whose lines begin with the folder."""
    text = leftovers(results, made, "mine").partition(": ")[2]
    return [path.removeprefix("mine/") for path in text.replace("\n", " ").split(", ")]


def test_nothing_is_said_of_a_configurations_own_results(results):
    assert leftovers(results, MADE, "results") == ""
    assert leftovers(results / "nowhere", MADE, "results") == ""


def test_targets_and_distributions_of_others_are_listed_as_the_user_writes_the_folder(results):
    left = [
        *("targets/demo", "checkpoints/upscale/demo", "pairs/clean.h5", "models/crafted-album-0.1"),
        *("models/oracle-demo", "monitor/clean-seed0", "evaluation/clean", "evaluation/examples/demo.png"),
        *("degraded/full", "exported/full"),
    ]
    for path in left:
        (results / path).mkdir(parents=True)
    (results / "models/oracle-demo/seed0").mkdir()  # named by the folder it is in
    (results / "upscaled/.demo.sha256").touch()
    assert listed(results) == left


def test_seeds_and_onnx_files_that_are_no_longer_made_are_listed_beside_those_that_are(results):
    for path in ("models/full/seed1", "evaluation/full/seed1"):
        (results / path).mkdir()
    (results / "models/full/seed0/model.onnx").touch()
    assert listed(results) == ["models/full/seed1", "models/full/seed0/model.onnx", "evaluation/full/seed1"]
    assert listed(results, [*MADE, "models/full/seed0/model.onnx"]) == ["models/full/seed1", "evaluation/full/seed1"]


def test_rounds_and_lpips_that_are_no_longer_asked_for_are_listed(results):
    for number in (1, 2):
        (results / f"targets/album/rounds/{number}").mkdir(parents=True)
    for path in ("targets/album/rounds.csv", "perceptual.csv"):
        (results / path).touch()
    rounds = ["targets/album/rounds.csv", "targets/album/rounds/1"]
    assert listed(results, [*MADE, *rounds, "perceptual.csv"]) == ["targets/album/rounds/2"]
    assert listed(results) == ["targets/album/rounds", "targets/album/rounds.csv", "perceptual.csv"]


def test_weights_at_dials_that_are_no_longer_asked_for_are_listed(results):
    (results / "targets/album/dial").mkdir()
    for dial in ("1", "0.1"):
        (results / f"targets/album/dial/{dial}.csv").touch()
    (results / "targets/album/dial/.1.csv.sha256").touch()
    assert listed(results, [*MADE, "targets/album/dial/0.1.csv"]) == ["targets/album/dial/1.csv"]


def test_all_are_named_however_many(results):
    for index in range(10):
        (results / f"models/crafted-old{index}").mkdir()
    assert listed(results) == [f"models/crafted-old{index}" for index in range(10)]
