"""The extractor of the literature."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from degcraft.errors import UserError
from degcraft.extractor import Extractor
from degcraft.networks import load_network
from degcraft.networks.sr import ResidualBlock, SRResNet, to_tensor
from degcraft.settings import SrganSettings
from degcraft.srgan import Discriminator, train_srgan

TINY = SrganSettings(channels=6, blocks=2, steps=50, adversarial_steps=5, batch=2)


@pytest.fixture(scope="module")
def trained(patches, scale, tmp_path_factory):
    folder = tmp_path_factory.mktemp("srgan")
    train_srgan(patches, folder / "srgan.safetensors", folder / "srgan.csv", TINY, scale, seed=0)
    return folder / "srgan.safetensors"


def test_default_settings_are_the_literatures():
    settings = SrganSettings()
    network = SRResNet(channels=settings.channels, blocks=settings.blocks, scale=4)
    blocks = [m for m in network.modules() if isinstance(m, ResidualBlock)]
    assert len(blocks) == len(network.body) == 16
    assert {(m.conv1.out_channels, m.conv2.out_channels) for m in blocks} == {(64, 64)}
    assert not [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        assert network.features(torch.zeros(1, 3, 8, 8)).shape == (1, 64)


def test_features_are_the_mean_of_the_last_blocks_output(trained, make_photo):
    patch = make_photo(16, 16)[None]
    network, spec = load_network(trained)
    assert spec.name == "srresnet"
    seen = []
    network.body[-1].register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        network(to_tensor(torch.from_numpy(patch)))  # the whole generator, not only its features
    np.testing.assert_allclose(Extractor(trained)(patch), seen[0].mean(dim=(2, 3)).numpy(), atol=1e-5)


def test_curve(trained):
    curve = pd.read_csv(trained.with_suffix(".csv"))
    assert list(curve.columns) == ["step", "l1", "adversarial", "discriminator"]
    assert curve["step"].tolist() == [50, 55]
    assert tuple(curve.loc[0, ["adversarial", "discriminator"]]) == (0.0, 0.0)
    # at first the discriminator cannot tell: softplus(0) = ln 2 for the generator, and twice that for itself
    assert curve.loc[1, "adversarial"] == pytest.approx(np.log(2), abs=0.1)
    assert curve.loc[1, "discriminator"] == pytest.approx(2 * np.log(2), abs=0.1)
    assert curve["l1"].iloc[1] < curve["l1"].iloc[0]


def test_a_training_that_gets_lost_is_stopped(patches, scale, tmp_path):
    lost = replace(TINY, learning_rate=1e30)
    with pytest.raises(
        UserError, match=r"^extractor: the loss is no number any more at step 50; lower srgan\.learning_"
    ):
        train_srgan(patches, tmp_path / "a", tmp_path / "b", lost, scale, seed=0)
    assert not list(tmp_path.iterdir())


def test_same_seed_same_bytes(patches, scale, tmp_path):
    settings = SrganSettings(channels=4, blocks=1, steps=2, adversarial_steps=2, batch=2)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train_srgan(patches, tmp_path / name, tmp_path / f"{name}.csv", settings, scale, seed)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_the_adversarial_loss_moves_the_generator(patches, scale, tmp_path):
    for name, weight in (("a", 1e-3), ("b", 10.0)):
        settings = SrganSettings(channels=4, blocks=1, steps=0, adversarial_steps=2, adversarial_weight=weight, batch=2)
        train_srgan(patches, tmp_path / name, tmp_path / f"{name}.csv", settings, scale, seed=0)
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_discriminator_scores_every_patch():
    network = Discriminator(channels=4)
    assert network(torch.rand(3, 3, 32, 32)).shape == (3,)
    assert network.score.in_features == 4 * 8
