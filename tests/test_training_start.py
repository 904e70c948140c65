"""Weights to start from."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from safetensors.torch import save_file

from degcraft.errors import UserError
from degcraft.networks import save_network
from degcraft.networks.sr import Compact
from degcraft.settings import TrainSettings
from degcraft.training.checkpoints import Checkpoint
from degcraft.training.run import Run
from degcraft.training.start import first_network

SETTINGS = TrainSettings(channels=5, blocks=2)


@pytest.fixture
def network():
    torch.manual_seed(1)
    return Compact(channels=5, blocks=2, scale=2)


def started(path, **changes):
    return first_network(dataclasses.replace(SETTINGS, start=str(path), **changes), 2)[0]


def same(a, b):
    return all(torch.equal(value, b[name]) for name, value in a.items()) and a.keys() == b.keys()


@pytest.mark.parametrize("wrap", [lambda w: w, lambda w: {"params": w}, lambda w: {"params": {}, "params_ema": w}])
def test_pth_files_as_they_are_published(wrap, network, tmp_path):
    torch.save(wrap(network.state_dict()), tmp_path / "a.pth")
    assert same(started(tmp_path / "a.pth").state_dict(), network.state_dict())


def test_safetensors_of_degcraft_and_of_others(network, tmp_path):
    save_network(tmp_path / "a.safetensors", network, first_network(SETTINGS, 2)[1])
    save_file(network.state_dict(), tmp_path / "b.safetensors")
    for name in ("a", "b"):
        assert same(started(tmp_path / f"{name}.safetensors").state_dict(), network.state_dict())


def test_half_precision_is_widened(network, tmp_path):
    torch.save({name: value.half() for name, value in network.state_dict().items()}, tmp_path / "a.pth")
    weights = started(tmp_path / "a.pth").state_dict()
    assert {value.dtype for value in weights.values()} == {torch.float32}
    assert same(weights, {name: value.half().float() for name, value in network.state_dict().items()})


def test_the_averaged_weights_of_a_checkpoint(network, tmp_path):
    run = Run(network, SETTINGS, 0, torch.device("cpu"))
    run.advance(*(torch.randint(256, (1, side, side, 3), dtype=torch.uint8) for side in (4, 8)))
    Checkpoint(tmp_path / "a.pt", SETTINGS, {}, "code").save(run.state())
    assert same(started(tmp_path / "a.pt").state_dict(), run.average)
    assert not same(run.average, run.network.state_dict())


def test_what_does_not_fit_is_named(network, tmp_path):
    path = tmp_path / "a.pth"
    torch.save(network.state_dict(), path)
    words = r"a\.pth: does not fit compact with blocks 2, channels 6, scale 2: body\.0\.weight is \(5, 3, 3, 3\) and "
    with pytest.raises(UserError, match=words + r"should be \(6, 3, 3, 3\); change train\.network"):
        started(path, channels=6)
    words = "; the file is of a network of scale 2, take another one or change scale"
    with pytest.raises(UserError, match=rf"\.weight is \(12, 5, 3, 3\) and should be \(48, 5, 3, 3\){words}$"):
        first_network(dataclasses.replace(SETTINGS, start=str(path)), 4)
    with pytest.raises(UserError, match=r"conv_first\.weight is missing and should be"):
        started(path, network="srresnet")
    for name in ("srresnet", "rrdbnet"):
        chosen = dataclasses.replace(SETTINGS, network=name, channels=8, blocks=1)
        other, _ = first_network(chosen, 2)
        torch.save(other.state_dict(), tmp_path / "other.pth")
        with pytest.raises(UserError, match=f"does not fit {name} .*{words}$"):
            first_network(dataclasses.replace(chosen, start=str(tmp_path / "other.pth")), 4)
    with pytest.raises(UserError, match=r"body\.4\.weight is \(5, 5, 3, 3\) and should be \(12, 5, 3, 3\)"):
        started(path, blocks=1)
