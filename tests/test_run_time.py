"""The time that a run takes, before it is run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from degcraft import run_time
from degcraft.config import parse_config
from degcraft.networks import NetworkSpec
from degcraft.networks.sr import SRResNet
from degcraft.run_size import counts
from degcraft.run_time import Durations, durations
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


def test_seconds_and_operations_of_a_run(raw, schema, patches, monkeypatch):
    monkeypatch.setattr(run_time, "SECONDS", 0.01)
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
    monkeypatch.setattr(run_time, "SECONDS", 1e-6)
    seconds, operations = run_time._training_step(settings, 2, pairs, torch.device("cpu"))
    assert set(taken) == {1}
    # a multiplication and an addition for each weight and pixel, and again for gradients of weights and of inputs
    weights = 9 * (3 * 4 + 4 * 4 + 4 * 12)
    assert operations == 1000 * 2 * 64 * (3 * weights - 9 * 3 * 4)
    assert seconds > 0


@pytest.mark.parametrize("threads", [1, 2])
def test_only_networks_share_their_work_among_threads_by_hand(raw, schema, patches, monkeypatch, threads):
    """Where everything that is measured, such as a patch or 16 of them, takes a second."""
    monkeypatch.setattr(run_time, "_measured", lambda run, device: (run(), 1.0)[1])
    for section in ("bin_features", "certify", "encoder", "train", "upscale"):
        raw.setdefault(section, {})["threads"] = threads
    raw["train"] |= {"channels": 8, "blocks": 1, "crop": 8, "batch": 1, "steps": 100, "workers": 1, "seeds": [0, 1]}
    raw |= {"scale": 2, "photos": {"size": 32}, "certify": {"photos": 10, "threads": threads}}
    raw["encoder"] |= {"samples": 128, "buffer": 64, "batch": 16, "passes": 2}
    raw["degrade"] = {"photos": "hr", "distributions": ["full"]}
    config = parse_config(raw, schema)
    made = counts(config, [(96, 96)], upscaled=5000, tested={"demo": 9600}, degraded=2 * 32 * 32)
    with reading_h5(patches, "patches") as file:
        took = durations(config, file["patches"][:], made, cores=4)
    jobs = {stage: (seconds, beside) for stage, _, seconds, beside in took.jobs}
    described = 1 + 1 / 16 / threads
    patches_of_bins = made.bins * min(config.bin_features.patches, made.patches)
    pixel = 1 / 32**2
    assert jobs == {
        "extractor": (pytest.approx(128 * (1 + 2 / 16 / threads)), 1),
        "bin_features": (pytest.approx(patches_of_bins * described), 4 // threads),
        "certify": (pytest.approx(10 * config.reference.per_photo * described), 4 // threads),
        "pairs": (pytest.approx(made.pairs), 4),
        "train": (pytest.approx(made.models * 100 / threads), 4 // (threads + 1)),
        "degrade": (pytest.approx(2), 4),
        "evaluate": (pytest.approx(made.tested * pixel * (1 + 1 / threads)), 4 // threads),
        "upscale": (pytest.approx(5000 * 4 * pixel / threads), 4 // threads),
    }


def test_what_describes_patches_is_what_is_measured(raw, schema, tmp_path, monkeypatch):
    described = []
    features = SRResNet.features
    monkeypatch.setattr(SRResNet, "features", lambda self, x: described.append(self) or features(self, x))
    monkeypatch.setattr(run_time, "SECONDS", 1e-6)
    config = parse_config(raw | {"extractor": "srgan", "srgan": {"channels": 8, "blocks": 3}}, schema)
    assert run_time._describing(config, np.zeros((2, 8, 8, 3), np.uint8), torch.device("cpu")) > 0
    assert {len(network.body) for network in described} == {3}
