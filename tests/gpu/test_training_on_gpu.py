"""Steps that are launched at once, and what else a training does on a GPU alone."""

from __future__ import annotations

import dataclasses
import logging

import pytest
import torch

from degcraft import pairs_dataset
from degcraft.networks import NetworkSpec
from degcraft.pairs_dataset import PairBatches, loader
from degcraft.settings import TrainSettings
from degcraft.train import TrainFiles, train
from degcraft.training import recorded
from degcraft.training.recorded import Recorded
from degcraft.training.run import Run

SETTINGS = TrainSettings(channels=8, blocks=2, steps=40, learning_rate=3e-3, warmup=10, amp=False)


def some_run(device, network="compact", **changes):
    torch.manual_seed(0)
    settings = dataclasses.replace(SETTINGS, network=network, **changes)
    return Run(NetworkSpec.of(network, channels=8, blocks=2, scale=2).build(), settings, 0, device)


def batch(step):
    generator = torch.Generator().manual_seed(step)
    small = torch.randint(256, (4, 12, 12, 3), dtype=torch.uint8, generator=generator)
    return small, small.repeat_interleave(2, 1).repeat_interleave(2, 2)


def go(run, until=40):
    while run.step < until:
        run.advance(*batch(run.step))
    return run


def assert_alike(a, b):
    """Within what the order of sums and TF32 leave open, far less than what 40 steps move."""
    for name, value in a.average.items():
        torch.testing.assert_close(value.cpu(), b.average[name].cpu(), atol=2e-3, rtol=2e-2)


@pytest.mark.parametrize("changes", [{}, {"network": "srresnet"}, {"network": "rrdbnet"}, {"gradient_clip": 0.1}])
def test_steps_at_once_are_those_in_pieces(changes, gpu, monkeypatch):
    whole = go(some_run(gpu, **changes))
    assert whole._pixel_step.launches_at_once
    monkeypatch.setattr(recorded, "CALLS_BEFORE", 1000)
    pieces = go(some_run(gpu, **changes))
    assert not pieces._pixel_step.launches_at_once
    assert_alike(whole, pieces)
    torch.testing.assert_close(torch.stack(whole._losses), torch.stack(pieces._losses), atol=2e-3, rtol=2e-2)


def test_a_gpu_trains_what_a_cpu_does(gpu):
    assert_alike(go(some_run(gpu)), go(some_run(torch.device("cpu"))))


@pytest.mark.parametrize("compiled", [False, True])
def test_mixed_precision_at_once(compiled, gpu):
    run = go(some_run(gpu, amp=True, compile=compiled))
    assert run._pixel_step.launches_at_once
    losses = torch.stack(run._losses).flatten()
    assert losses[-5:].mean() < 0.7 * losses[:5].mean()


@pytest.mark.parametrize("first", ["cuda", "cpu"])
def test_going_on_from_a_checkpoint(first, gpu):
    state = go(some_run(torch.device(first)), 15).state()
    run = some_run(gpu)
    run.load({**state, "average": {name: value.to(gpu) for name, value in state["average"].items()}})
    assert_alike(go(run), go(some_run(gpu)))
    assert run._pixel_step.launches_at_once


def test_adversarial_steps_after_those_at_once(gpu):
    run = go(some_run(gpu, steps=20, adversarial_steps=20, discriminator_channels=4, amp=True))
    assert [len(terms) for terms in run._losses] == [1] * 20 + [3] * 20
    assert all(terms.isfinite().all() for terms in run._losses)


def test_what_cannot_be_recorded_goes_on_in_pieces(gpu, caplog):
    step = Recorded(lambda x: x * float(x.sum()))
    x = torch.ones(3, device=gpu)
    with caplog.at_level(logging.WARNING, "degcraft"):
        for _ in range(6):
            assert step(x).tolist() == [3.0, 3.0, 3.0]
    assert not step.launches_at_once
    assert len(caplog.records) == 1


def test_batches_are_on_the_gpu(gpu, pairs, scale, monkeypatch):
    batches = PairBatches(pairs, 4, 8, scale, 0, range(21))
    monkeypatch.setattr(pairs_dataset, "_BYTES_AT_ONCE", 5 * batches.nbytes)
    read = list(loader(batches, 2, gpu))
    assert len(read) == 21
    for k, images in enumerate(read):
        for image, expected in zip(images, batches[k], strict=True):
            assert image.device.type == "cuda"
            assert torch.equal(image.cpu(), expected)


def test_a_training_with_reading_processes(gpu, pairs, scale, tmp_path, caplog):
    files = TrainFiles(str(pairs), *(str(tmp_path / name) for name in ("m.safetensors", "c.csv", "c.pt", "monitor")))
    settings = dataclasses.replace(SETTINGS, batch=4, crop=8, workers=2, checkpoint_every=10, validate_every=10)
    with caplog.at_level(logging.WARNING, "degcraft"):
        train(files, settings, scale, 0)
    assert (tmp_path / "m.safetensors").exists()
    assert not caplog.records
