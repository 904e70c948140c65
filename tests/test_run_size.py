"""The size of a run, before it is run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from degcraft import run_size
from degcraft.config import parse_config
from degcraft.networks import NetworkSpec
from degcraft.run_size import Durations, counts, durations
from degcraft.settings import TrainSettings
from degcraft.storage import reading_h5
from degcraft.training.run import Run

JOBS = (("extractor", 1, 60.0, 1), ("train", 3, 300.0, 2), ("pairs", 0, 0.0, 2))

STAGES = ["extractor", "bin_features", "certify", "pairs", "train", "degrade", "evaluate", "upscale"]


def test_jobs_side_by_side_take_as_long_as_their_rounds_by_hand():
    took = Durations(JOBS, "cpu", 4e9, 3000)
    assert took.work == 360.0
    assert took.clock == 60.0 + 2 * 100.0  # three trainings on two cores are two rounds


def test_training_on_a_gpu_by_hand():
    assert Durations(JOBS, "cpu", 4e12, 3000).training_on_gpu == pytest.approx(3000 * 0.4)
    assert Durations(JOBS, "cpu", 1.0, 3000).training_on_gpu == pytest.approx(3000 * 0.001)


def test_refined_bins_count_for_every_target(raw, schema):
    raw["refine"] = {"rounds": 2, "bins": 20}
    raw["targets"]["other"] = {"reference": "reference"}
    assert counts(parse_config(raw, schema), []).bins == 4 + 2 * 16


def test_files_of_moments_add_up_over_the_rounds_by_hand(raw, schema):
    raw["encoder"] = {"features": 6}
    once = counts(parse_config(raw, schema), []).bytes["moments of the bins"]
    assert once == 4 * 5 * (6 + 6**2) * 8  # four bins; all patches and four folds of the photos
    raw |= {"refine": {"rounds": 2, "bins": 20}, "bin_features": {"patches": 16}, "photos": {"per_photo": 16}}
    config = parse_config(raw, schema)
    refined = counts(config, [(1024, 1024)]).bytes["moments of the bins"]
    # 4, then 12 and 20 bins; and of each the samples: six features and three axes
    assert refined == (4 + 12 + 20) * (once // 4 + 16 * (6 + 3) * 4)


def test_photos_to_restore_count_by_hand(raw, schema):
    raw["train"] |= {"distributions": ["full", "crafted"]}
    raw["evaluate"] = {"draws": 3}
    (own,) = raw["targets"]
    raw["targets"]["other"] = {"reference": "reference"}
    made = counts(parse_config(raw, schema), [], upscaled=70, tested={own: 1000, "other": 200})
    # full on both, each crafted model on its own; its test pairs, three draws over the full range, and clean
    assert (made.upscaled, made.tests, made.tested) == (70, 4, 2 * 1200 * (1 + 3 + 1))
    raw["train"]["distributions"] = ["full"]
    assert counts(parse_config(raw, schema), [], upscaled=70).upscaled == 0


@pytest.mark.parametrize(
    ("more", "each"),
    [({}, 3), ({"pairs": True}, 3 + 48), ({"pairs": True, "lmdb": True}, 3 + 48 + 51)],
)
def test_degraded_folders_count_by_hand(raw, schema, more, each):
    if "lmdb" in more:
        pytest.importorskip("lmdb")
    raw["degrade"] = {"photos": "hr", "distributions": ["crafted", "full"], **more}
    made = counts(parse_config(raw, schema), [], degraded=16 * 100)  # LR photos have a pixel for sixteen
    assert made.bytes["degraded photos, at most"] == 2 * 100 * each


def test_seconds_and_operations_of_a_run(raw, schema, patches, monkeypatch):
    monkeypatch.setattr(run_size, "SECONDS", 0.01)
    raw |= {"scale": 2, "photos": {"size": 32}, "encoder": {"channels": 4, "samples": 128, "buffer": 64, "batch": 16}}
    raw["train"] |= {"channels": 8, "blocks": 1, "crop": 8, "batch": 2, "steps": 100, "adversarial_steps": 50}
    raw["degrade"] = {"photos": "hr", "distributions": ["full"]}
    config = parse_config(raw, schema)
    made = counts(config, [(96, 96)], upscaled=5000, tested={"demo": 6400}, degraded=5000)
    with reading_h5(patches, "patches") as file:
        took = durations(config, file["patches"][:], made, cores=2)
    assert [stage for stage, *_ in took.jobs] == STAGES
    assert all(seconds > 0 for _, _, seconds, _ in took.jobs)
    assert took.steps == 2 * 150
    # at every pixel a weight multiplies and adds, once forward and twice backward, the first layer's once
    network = NetworkSpec.of("compact", channels=8, blocks=1, scale=2).build()
    weights = sum(value.numel() for value in network.parameters())
    assert 4 < took.operations / (weights * 2 * 8 * 8) < 6.1


def test_a_step_of_a_large_batch_is_not_waited_for(monkeypatch):
    settings = TrainSettings(channels=4, blocks=1, batch=1000, crop=8)
    pairs = np.zeros((3, 8, 8, 3), np.uint8), np.zeros((3, 16, 16, 3), np.uint8)
    taken = []
    advance = Run.advance
    monkeypatch.setattr(Run, "advance", lambda run, lr, hr: taken.append(len(lr)) or advance(run, lr, hr))
    monkeypatch.setattr(run_size, "SECONDS", 1e-6)
    seconds, operations = run_size._training_step(settings, 2, pairs, torch.device("cpu"))
    assert set(taken) == {1}
    # a multiplication and an addition for each weight and pixel, and again for gradients of weights and of inputs
    weights = 9 * (3 * 4 + 4 * 4 + 4 * 12)
    assert operations == 1000 * 2 * 64 * (3 * weights - 9 * 3 * 4)
    assert seconds > 0
