"""Results of other configurations."""

from __future__ import annotations

import pytest

from degcraft.leftovers import leftovers

KNOWN = ["full", "crafted-album"]


@pytest.fixture
def results(tmp_path):
    """Results of the target album with two distributions, and what a run leaves beside them."""
    for folder in ("targets/album", "upscaled/album", "models/full", "models/crafted-album", "pairs/parts"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("pairs/full.h5", "pairs/.full.h5.sha256", "upscaled/.album.sha256"):
        (tmp_path / file).touch()
    return tmp_path


def test_nothing_is_said_of_a_configurations_own_results(results):
    assert leftovers(results, ["album"], KNOWN, "results") == ""
    assert leftovers(results / "nowhere", ["album"], KNOWN, "results") == ""


def test_targets_and_distributions_of_others_are_listed_as_the_user_writes_the_folder(results):
    for folder in ("targets/demo", "models/oracle-demo", "models/crafted-album-0.1"):
        (results / folder).mkdir()
    (results / "pairs/clean.h5").touch()
    (results / "upscaled/.demo.sha256").touch()
    text = leftovers(results, ["album"], KNOWN, "mine/results")
    listed = text.partition(": ")[2].replace("\n", " ").split(", ")
    assert listed == [
        f"mine/results/{path}"
        for path in ("targets/demo", "pairs/clean.h5", "models/crafted-album-0.1", "models/oracle-demo")
    ]


def test_all_are_named_however_many(results):
    for index in range(10):
        (results / f"models/crafted-old{index}").mkdir()
    text = leftovers(results, ["album"], KNOWN, "results")
    assert [f"crafted-old{index}" in text for index in range(10)] == [True] * 10
