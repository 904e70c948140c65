"""Networks beside spandrel, where spandrel can be imported: it needs a torchvision that fits torch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from test_networks import some_input

from degcraft.errors import UserError
from degcraft.networks import NetworkSpec, load_network, save_network
from degcraft.networks.recognised import Recognised
from degcraft.settings import TrainSettings
from degcraft.train import TrainFiles, train
from degcraft.training.start import first_network

spandrel = pytest.importorskip("spandrel", exc_type=ImportError)

SETTINGS = TrainSettings(network="spandrel", start="a.pth")


def small_span():
    torch.manual_seed(0)
    return spandrel.architectures.SPAN.SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2)


def small_swinir():
    torch.manual_seed(0)
    return spandrel.architectures.SwinIR.SwinIR(
        img_size=16, window_size=8, depths=[2], embed_dim=12, num_heads=[2], upscale=2, upsampler="pixelshuffledirect"
    )


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize(("name", "architecture"), [("compact", "Compact"), ("rrdbnet", "ESRGAN")])
def test_spandrel_knows_what_is_saved_here(name, architecture, scale, tmp_path):
    torch.manual_seed(0)
    spec = NetworkSpec.of(name, channels=8, blocks=2, scale=scale)
    network = spec.build().eval()
    save_network(tmp_path / "model.safetensors", network, spec)
    found = spandrel.ModelLoader().load_from_file(tmp_path / "model.safetensors")
    assert (found.architecture.id, found.scale) == (architecture, scale)
    assert (found.input_channels, found.output_channels) == (3, 3)
    x = some_input(16, 12)
    with torch.no_grad():
        torch.testing.assert_close(found.model(x), network(x))


@pytest.mark.parametrize("build", [small_span, small_swinir])
def test_a_recognised_network_comes_back_from_its_file(build, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"params": build().state_dict()}, "a.pth")
    network, spec = first_network(SETTINGS, 2)
    assert all(parameter.requires_grad for parameter in network.parameters())
    save_network("model.safetensors", network, spec)
    loaded, read = load_network("model.safetensors")
    assert read == spec == NetworkSpec.of("spandrel", scale=2)
    with torch.no_grad():
        output = loaded(some_input())  # sides that SwinIR's windows do not divide
        torch.testing.assert_close(output, network.eval()(some_input()))
    assert output.shape == (2, 3, 22, 18)
    assert spandrel.ModelLoader().load_from_file("model.safetensors").scale == 2


def test_what_does_not_fit_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(small_span().state_dict(), "a.pth")
    with pytest.raises(UserError, match=r"a\.pth: a SPAN for scale 2, not 4"):
        first_network(SETTINGS, 4)
    torch.save({"weight": torch.zeros(3)}, "b.pth")
    with pytest.raises(UserError, match=r"b\.pth: spandrel does not recognise a network in it"):
        first_network(dataclasses.replace(SETTINGS, start="b.pth"), 2)
    grey = spandrel.architectures.SPAN.SPAN(num_in_ch=1, num_out_ch=1, feature_channels=8, upscale=2)
    with pytest.raises(UserError, match="is no SR network from RGB to RGB"):
        Recognised(grey.state_dict(), "c.pth")


@pytest.mark.parametrize("build", [small_span, small_swinir])
def test_a_recognised_network_is_trained(build, pairs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(build().state_dict(), "a.pth")
    settings = dataclasses.replace(SETTINGS, steps=4, batch=2, crop=8, learning_rate=1e-3, warmup=0, ema=0.0)
    for name in "ab":
        train(TrainFiles(str(pairs), f"{name}.safetensors", "curve.csv", "a.pt", "monitor"), settings, 2, 0)
    assert Path("a.safetensors").read_bytes() == Path("b.safetensors").read_bytes()
    start, trained = first_network(settings, 2)[0].state_dict(), load_network("a.safetensors")[0].state_dict()
    assert any(not torch.equal(start[name], trained[name]) for name in start)
