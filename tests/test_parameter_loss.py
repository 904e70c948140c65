"""What the encoder is asked to tell."""

from __future__ import annotations

import pytest
import torch

from degcraft.axes import Choices, Mixture, Range, Step
from degcraft.parameter_loss import ParameterLoss
from degcraft.space import build

GAUSSIAN, POISSON, LOW, HIGH = 0, 1, 0.0, 1.0  # kinds of noise by their place among the choices; ends of an axis


@pytest.fixture
def noisy():
    """JPEG quality always matters, the deviation of noise where it is Gaussian."""
    kind = Mixture((("gaussian", 0.5), ("poisson", 0.5)))
    noise = (("kind", kind), ("sigma", Range(10.0, 30.0, 2)), ("scale", Range(1.0, 1.0)))
    space = build([Step("noise", noise), Step("jpeg", (("quality", Range(40, 90, 2)),))])
    choices = space.axes[space.names.index("noise_kind")].choices
    codes = [choices.index("gaussian"), choices.index("poisson")]

    def parameters(*rows):
        values = {"noise_kind": 0, "noise_sigma": 0, "noise_scale": 1, "jpeg_quality": 0}
        made = [
            {**values, "noise_kind": codes[kind], "noise_sigma": 10 + 20 * sigma, "jpeg_quality": 40 + 50 * quality}
            for kind, sigma, quality in rows
        ]
        return torch.tensor([[row[name] for name in space.names] for row in made], dtype=torch.float32)

    return ParameterLoss(space), parameters


def test_what_has_no_effect_is_not_asked_for(noisy):
    loss, parameters = noisy
    drawn = parameters((GAUSSIAN, LOW, HIGH), (POISSON, HIGH, HIGH))
    predicted = torch.tensor([[0.5, 1.0], [0.0, 0.5]], requires_grad=True)
    value = loss.loss(predicted, drawn)
    assert value.item() == pytest.approx((0.25 + 0 + 0.25) / 3)  # three of the four numbers count
    value.backward()
    assert predicted.grad[1, 0] == 0
    # whatever it is
    assert loss.loss(torch.tensor([[0.5, 1.0], [9.0, 0.5]]), drawn) == value


def test_a_guess_knows_only_what_has_an_effect(noisy):
    loss, parameters = noisy
    drawn = parameters((GAUSSIAN, LOW, LOW), (GAUSSIAN, HIGH, LOW), (POISSON, HIGH, HIGH), (POISSON, HIGH, HIGH))
    # a deviation of 0.5 is 0.5 off twice, and so is a quality four times
    assert loss.guess(drawn) == pytest.approx(0.25)
    assert loss.guess(parameters((POISSON, LOW, LOW), (POISSON, HIGH, LOW))) == 0


def test_a_class_that_only_comes_without_effect_costs_nothing():
    direction = Mixture((("down", 0.5), ("shifted", 0.5)))  # the shifted kernel takes no other interpolation
    parameters = {"direction": direction, "down": Range(0.5, 0.5), "sigma": Range(1, 1)}
    space = build([Step("rescale", (*parameters.items(), ("kind", Choices(("area", "bilinear")))))])
    directions, kinds = (space.axes[space.names.index(f"rescale_{name}")].choices for name in ("direction", "kind"))
    drawn = torch.ones(2, len(space.axes))
    drawn[:, space.names.index("rescale_direction")] = torch.tensor([directions.index(w) for w in ("down", "shifted")])
    drawn[:, space.names.index("rescale_kind")] = torch.tensor([kinds.index(w) for w in ("area", "bilinear")])
    assert ParameterLoss(space).guess(drawn) == pytest.approx(0, abs=1e-6)


def test_what_is_explained_of_a_number_is_its_share_of_the_variance(noisy):
    loss, parameters = noisy
    drawn = parameters((GAUSSIAN, LOW, LOW), (GAUSSIAN, HIGH, LOW), (POISSON, HIGH, HIGH), (POISSON, HIGH, HIGH))
    # the deviation is half way to the truth from the mean, where it has an effect; the quality is guessed
    predicted = torch.tensor([[0.25, 0.5], [0.75, 0.5], [9.0, 0.5], [9.0, 0.5]])
    table = loss.explained(predicted, drawn)
    assert list(table["axis"]) == ["noise_sigma", "jpeg_quality"]
    assert list(table["explained"]) == pytest.approx([0.75, 0.0])


def test_what_is_explained_of_a_choice_is_its_share_of_the_entropy():
    space = build([Step("resize", (("kind", Choices(("area", "bicubic"))),))])
    choices = space.axes[0].choices
    codes = torch.tensor([[float(choices.index(word))] for word in ("area", "bicubic", "area", "bicubic")])
    scores = torch.full((4, len(choices)), -100.0)
    scores[:, [choices.index(word) for word in ("area", "bicubic")]] = 0.0
    assert ParameterLoss(space).explained(scores, codes)["explained"][0] == pytest.approx(0, abs=1e-6)
    sure = torch.nn.functional.one_hot(codes[:, 0].long(), len(choices)) * 50.0
    assert ParameterLoss(space).explained(sure, codes)["explained"][0] == pytest.approx(1, abs=1e-6)


def test_of_an_axis_without_an_effect_nothing_is_explained(noisy):
    loss, parameters = noisy
    drawn = parameters((POISSON, LOW, LOW), (POISSON, HIGH, HIGH))
    assert list(loss.explained(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), drawn)["explained"]) == [0, 1]


def turning(angle):
    """A space of blurs that differ in their direction alone."""
    shape = (("kind", Choices(("anisotropic",))), ("sigma", Range(3.0, 3.0)), ("across", Range(1.0, 1.0)))
    return build([Step("blur", (*shape, ("angle", angle)))])


@pytest.fixture
def turned():
    """Half a circle of directions, all of them; (n,) degrees become parameters."""
    space = turning(Range(0.0, 180.0, 3))

    def parameters(*degrees):
        rows = torch.tensor(space.lower[:1], dtype=torch.float32).repeat(len(degrees), 1)
        rows[:, space.names.index("blur_angle")] = torch.tensor(degrees)
        return rows

    return ParameterLoss(space), parameters


def test_both_ends_of_a_period_are_one_place(turned):
    loss, parameters = turned
    assert loss.width == 2
    place = torch.tensor([[6**-0.5, 0.0]])
    assert loss.loss(place, parameters(0.0)).item() == pytest.approx(0, abs=1e-12)
    assert loss.loss(place, parameters(180.0)).item() == pytest.approx(0, abs=1e-12)
    # 45 degrees are a quarter of the way around, a radius off in both numbers; 90 are opposite, two radii in one
    assert loss.loss(place, parameters(45.0)).item() == pytest.approx(1 / 6)
    assert loss.loss(place, parameters(90.0)).item() == pytest.approx(1 / 3)


def test_a_guess_of_a_circle_is_its_middle_and_as_far_off_as_of_a_range(turned):
    loss, parameters = turned
    everywhere = parameters(*range(0, 180, 10))
    assert loss.guess(everywhere) == pytest.approx(1 / 12)
    half_way = torch.tensor([[0.5 * 6**-0.5, 0.0], [0.0, 0.5 * 6**-0.5], [-0.5 * 6**-0.5, 0.0]])
    table = loss.explained(half_way, parameters(0.0, 45.0, 90.0))
    assert list(table["axis"]) == ["blur_angle"]
    # squared, in radii: three times half a radius off; the guess, (0, 1/3), is 10/9, 4/9 and 10/9 off
    assert table["explained"][0] == pytest.approx(1 - (3 / 4) / (24 / 9))


def test_a_range_of_no_more_than_half_a_period_is_a_number():
    assert ParameterLoss(turning(Range(30.0, 120.0, 3))).width == 1
