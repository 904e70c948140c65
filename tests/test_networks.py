"""Networks, and the files that hold them."""

from __future__ import annotations

import json
import math
import pickle
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from degcraft.errors import UserError
from degcraft.networks import NetworkSpec, load_network, read_spec, save_network
from degcraft.networks.discriminator import UNetDiscriminator, adversarial_loss
from degcraft.networks.encoder import Encoder
from degcraft.networks.rrdbnet import RRDBNet
from degcraft.networks.sr import FEW, Compact, ResidualBlock, SRResNet, count_weights, to_tensor

SPECS = {
    "compact": NetworkSpec.of("compact", channels=8, blocks=2, scale=2),
    "srresnet": NetworkSpec.of("srresnet", channels=8, blocks=2, scale=4),
    "rrdbnet": NetworkSpec.of("rrdbnet", channels=4, blocks=1, scale=2),
    "encoder": NetworkSpec.of("encoder", channels=4, features=6, outputs=3),
}
SPEC = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


class SRVGGNetCompact(nn.Module):
    """As in Real-ESRGAN (realesrgan/archs/srvgg_arch.py) with PReLU: what other programs load our weights into."""

    def __init__(self, num_feat, num_conv, upscale):
        super().__init__()
        self.upscale = upscale
        self.body = nn.ModuleList()
        self.body.append(nn.Conv2d(3, num_feat, 3, 1, 1))
        self.body.append(nn.PReLU(num_parameters=num_feat))
        for _ in range(num_conv):
            self.body.append(nn.Conv2d(num_feat, num_feat, 3, 1, 1))
            self.body.append(nn.PReLU(num_parameters=num_feat))
        self.body.append(nn.Conv2d(num_feat, 3 * upscale * upscale, 3, 1, 1))
        self.upsampler = nn.PixelShuffle(upscale)

    def forward(self, x):
        out = x
        for layer in self.body:
            out = layer(out)
        return self.upsampler(out) + functional.interpolate(x, scale_factor=self.upscale, mode="nearest")


def some_input(height=11, width=9):
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("build", [Compact, SRResNet, RRDBNet])
def test_output_is_the_scale_times_the_input(build, scale):
    assert build(channels=6, blocks=1, scale=scale)(some_input()).shape == (2, 3, 11 * scale, 9 * scale)


@pytest.mark.parametrize("scale", [2, 4])
def test_compact_is_srvggnetcompact_key_by_key(scale):
    ours, theirs = Compact(channels=8, blocks=3, scale=scale), SRVGGNetCompact(8, 3, scale)
    assert next(iter(ours.state_dict())) == "body.0.weight"
    theirs.load_state_dict(ours.state_dict(), strict=True)
    torch.testing.assert_close(ours(some_input()), theirs(some_input()))


def test_a_few_convolutions_start_as_pytorch_starts_them():
    torch.manual_seed(0)
    ours = Compact(channels=8, blocks=FEW, scale=2)
    torch.manual_seed(0)
    for name, value in SRVGGNetCompact(8, FEW, 2).state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)


def test_behind_many_convolutions_a_signal_is_left():
    torch.manual_seed(0)
    network, x = Compact(channels=64, blocks=24, scale=2), torch.randn(1, 3, 48, 48)
    for layer in network.body[:-2]:
        x = layer(x)
    assert 0.3 < float(x.detach().std()) < 3  # He et al.: as it came in, 1; with PyTorch's own weights 0.03


def test_many_convolutions_leave_nearest_upsampling():
    torch.manual_seed(0)
    network = Compact(channels=16, blocks=16, scale=2)
    hr = functional.avg_pool2d(functional.interpolate(torch.rand(4, 3, 24, 24), scale_factor=2), 3, 1, 1)
    lr = functional.interpolate(hr, scale_factor=0.5, mode="area")
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(60):
        loss = functional.l1_loss(network(lr), hr)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    nearest = functional.l1_loss(functional.interpolate(lr, scale_factor=2), hr)
    assert loss.item() < 0.85 * nearest.item()  # with PyTorch's own weights 0.91


def test_count_of_weights_by_hand():
    # conv 3 -> 4: 3*4*9 + 4, PReLU 4; conv 4 -> 4: 4*4*9 + 4, PReLU 4; conv 4 -> 12: 4*12*9 + 12
    assert count_weights(Compact(channels=4, blocks=1, scale=2)) == (112 + 4) + (148 + 4) + 444


def test_srresnet_starts_near_bilinear_interpolation():
    torch.manual_seed(0)
    network, x = SRResNet(channels=16, blocks=2, scale=2), some_input()
    for parameter in network.conv_last.parameters():
        nn.init.zeros_(parameter)
    base = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(network(x), base)
    assert not [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def test_residual_block_adds_to_its_input():
    block = ResidualBlock(5)
    nn.init.zeros_(block.conv2.weight)
    x = torch.rand(1, 5, 4, 4)
    torch.testing.assert_close(block(x), x)


def test_srresnet_features_are_the_mean_of_the_last_blocks_output():
    network, seen = SRResNet(channels=7, blocks=3, scale=2), []
    network.body[-1].register_forward_hook(lambda module, inputs, output: seen.append(output))
    features = network.features(some_input())
    assert features.shape == (2, 7)
    torch.testing.assert_close(features, seen[0].mean(dim=(2, 3)))


def test_encoder_features_are_standardised_embeddings():
    network = Encoder(channels=4, features=6, outputs=2).eval()
    network.mean.fill_(2.0)
    network.deviation.fill_(4.0)
    x = some_input(16, 16)
    torch.testing.assert_close(network.features(x), (network.embedding(x) - 2.0) / 4.0)
    torch.testing.assert_close(network(x), network.head(network.embedding(x)))
    assert network.embedding(some_input(8, 8)).shape == (2, 6)


def test_images_become_tensors_of_zero_to_one():
    images = torch.tensor([[[[0, 51, 255]], [[255, 102, 0]]]], dtype=torch.uint8)  # 1 x 2 x 1 x 3
    tensor = to_tensor(images)
    assert tensor.shape == (1, 3, 2, 1)
    torch.testing.assert_close(tensor[0, :, 0, 0], torch.tensor([0.0, 0.2, 1.0]))
    assert tensor.is_contiguous(memory_format=torch.channels_last)


def test_the_discriminator_judges_every_pixel():
    torch.manual_seed(0)
    network = UNetDiscriminator(4)
    assert network(some_input()).shape == (2, 1, 11, 9)
    for _ in range(50):  # power iterations
        network(some_input(16, 16))
    for conv in (*network.down, *network.up, *network.end):
        assert float(torch.linalg.matrix_norm(conv.weight.flatten(1), 2).detach()) == pytest.approx(1.0, abs=1e-3)


def test_adversarial_loss_by_hand():
    logits = torch.tensor([0.0, 2.0])
    assert float(adversarial_loss(logits, real=True)) == pytest.approx((math.log(2) + math.log1p(math.exp(-2))) / 2)
    assert float(adversarial_loss(logits, real=False)) == pytest.approx((math.log(2) + math.log1p(math.exp(2))) / 2)


@SPEC
def test_a_file_rebuilds_the_network(spec, tmp_path):
    network = spec.build().eval()
    for buffer in network.buffers():  # not what a fresh network has
        buffer.add_(1) if buffer.dtype.is_floating_point else None
    save_network(tmp_path / "a.safetensors", network, spec, {"seed": "7"})
    loaded, read = load_network(tmp_path / "a.safetensors")
    assert read == read_spec(tmp_path / "a.safetensors") == spec
    assert not loaded.training
    with torch.no_grad():
        torch.testing.assert_close(loaded(some_input(16, 16)), network(some_input(16, 16)), rtol=0, atol=0)


@SPEC
def test_same_network_same_bytes(spec, tmp_path):
    for name in "ab":
        torch.manual_seed(3)
        save_network(tmp_path / name, spec.build(), spec, {"seed": "3", "steps": "10", "note": "x"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_programs_can_read_the_weights(tmp_path):
    network = SPECS["compact"].build()
    save_network(tmp_path / "a.safetensors", network, SPECS["compact"])
    SRVGGNetCompact(8, 2, 2).load_state_dict(load_file(tmp_path / "a.safetensors"), strict=True)


def described(network, **arguments):
    return {"degcraft": json.dumps({"network": network, "arguments": arguments})}


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (None, "was not written by degcraft"),
        ({"format": "pt"}, "was not written by degcraft"),
        ({"degcraft": "{"}, "was not written by degcraft"),
        ({"degcraft": "[1]"}, "was not written by degcraft"),
        (described("vgg", channels=8), "unknown network 'vgg'; there are compact, srresnet, rrdbnet, encoder"),
        (described("compact", channels=16, blocks=2, scale=2), "do not fit compact"),
        (described("compact", channels=8), "compact"),
        (described("compact", channels="8", blocks=2, scale=2), "compact"),
        (described("compact", channels=8, blocks=2, scale=2, width=3), "compact"),
    ],
)
def test_wrong_metadata_is_named(metadata, words, tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(SPECS["compact"].build().state_dict(), path, metadata=metadata)
    with pytest.raises(UserError, match=words) as error:
        load_network(path)
    assert str(path) in str(error.value)


def test_wrong_files_are_named(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(UserError, match=r"a\.safetensors: no such file"):
        load_network(path)
    for content in (b"", b"{}", pickle.dumps({"weight": 1}), b"\xff" * 100):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"a\.safetensors: not a whole safetensors file"):
            load_network(path)
    save_network(path, SPECS["compact"].build(), SPECS["compact"])
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match="not a whole safetensors file"):
        load_network(path)


def test_a_network_of_another_project_needs_spandrel(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)  # as where it is not installed
    save_network(tmp_path / "a.safetensors", SPECS["compact"].build(), NetworkSpec.of("spandrel", scale=2))
    assert read_spec(tmp_path / "a.safetensors") == NetworkSpec.of("spandrel", scale=2)
    with pytest.raises(UserError, match=r"a\.safetensors: networks of other projects need the package spandrel"):
        load_network(tmp_path / "a.safetensors")
