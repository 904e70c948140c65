"""Perceptual loss, on a VGG of a few channels."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from degcraft.errors import UserError
from degcraft.networks.sr import Compact
from degcraft.settings import TrainSettings
from degcraft.training.perceptual import Perceptual
from degcraft.training.run import Run


@pytest.fixture
def vgg():
    """Three stages of two, one and one convolutions, as torchvision builds them."""
    torch.manual_seed(0)
    convs = [nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 4), (4, 4), (4, 6), (6, 8))]
    relu, pool = nn.ReLU(), nn.MaxPool2d(2)
    features = nn.Sequential(convs[0], relu, convs[1], relu, pool, convs[2], relu, pool, convs[3], relu, pool)
    return nn.ModuleDict({"features": features, "classifier": nn.Linear(8, 2)})


def images(seed):
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def test_features_are_those_before_the_last_activation_of_a_stage(vgg):
    loss = Perceptual(vgg.state_dict(), "vgg.pth")
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x, y = (((images(seed).permute(0, 2, 3, 1) - mean) / deviation).permute(0, 3, 1, 2) for seed in (0, 1))
    parts = [vgg["features"][:end] for end in (3, 6, 9)]
    distances = [(part(x) - part(y)).abs().mean() for part in parts]
    for found, part in zip(loss.features(images(0)), parts, strict=True):
        torch.testing.assert_close(found, part(x))
    expected = 0.1 * distances[0] + 0.1 * distances[1] + distances[2]
    torch.testing.assert_close(loss(images(0), images(1)), expected)


def test_images_may_be_as_small_as_the_last_stage_takes(vgg):
    small = torch.rand(1, 3, 4, 4)  # 1 x 1 pixels after two poolings
    assert [part.shape[-1] for part in Perceptual(vgg.state_dict(), "vgg.pth").features(small)] == [4, 2, 1]


def test_gradients_go_to_the_output_alone(vgg):
    loss = Perceptual(vgg.state_dict(), "vgg.pth")
    output, target = images(0).requires_grad_(), images(1).requires_grad_()
    loss(output, target).backward()
    assert output.grad.abs().sum() > 0
    assert target.grad is None
    assert all(parameter.grad is None for parameter in loss.parameters())


def test_other_weights_are_refused(vgg):
    normalised = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))
    for network in (normalised, nn.Linear(3, 2), Compact(4, 1, 2)):
        with pytest.raises(UserError, match=r"^a\.pth: holds no VGG without batch normalisation"):
            Perceptual(network.state_dict(), "a.pth")


def test_it_is_added_in_the_adversarial_steps(vgg, tmp_path):
    torch.save(vgg.state_dict(), tmp_path / "vgg.pth")
    settings = TrainSettings(steps=1, adversarial_steps=1, adversarial_weight=0.0, discriminator_channels=2)

    def losses(**changes):
        torch.manual_seed(0)
        run = Run(Compact(3, 0, 2), dataclasses.replace(settings, **changes), 0, torch.device("cpu"))
        lr, hr = (torch.full((2, side, side, 3), 50, dtype=torch.uint8) for side in (8, 16))
        lr[:, ::2], hr[:, :, ::3] = 90, 200
        for _ in range(2):
            run.advance(lr, hr)
            run.add_row(0.0)
        return [row["loss"] for row in run.rows]

    without, half, whole = (
        losses(perceptual=path, perceptual_weight=weight)
        for path, weight in ((None, 1.0), (str(tmp_path / "vgg.pth"), 0.5), (str(tmp_path / "vgg.pth"), 1.0))
    )
    assert without[0] == half[0] == whole[0]
    assert half[1] - without[1] == pytest.approx(0.5 * (whole[1] - without[1]), rel=1e-4)
    assert whole[1] > without[1]
