"""Ranges at whose ends weight piles up."""

from __future__ import annotations

import numpy as np
import pytest

from degcraft.axes import Choices, Range, Step
from degcraft.marginals import marginals
from degcraft.short_ranges import short_ranges
from degcraft.space import build


def found(step, weight, uncertain=0.05):
    """What is said of one axis with these weights, and intervals as uncertain, beside one of choices."""
    space = build([step, Step("resize", (("kind", Choices(("bicubic",))),))])
    weights = np.array(weight, float)
    table = marginals(space, weights, np.full(len(weights), 1 / len(weights)))
    return list(short_ranges(table.assign(low=table["weight"] - uncertain, high=table["weight"] + uncertain)))


def quality(lower, upper):
    return Step("jpeg", (("quality", Range(lower, upper, 3)),))


def test_weight_at_an_end_is_said_with_how_far_the_range_could_go():
    (upper,) = found(quality(35, 95), [0.1, 0.2, 0.7])
    assert upper.startswith("70% of the weight lies at the upper end of jpeg_quality, 75 to 95;")
    assert "(as far as 100)" in upper
    (lower,) = found(quality(35, 95), [0.5, 0.25, 0.25])
    assert "lower end of jpeg_quality, 35 to 55" in lower and "(as far as 1)" in lower
    (noise,) = found(Step("noise", (("sigma", Range(10.0, 50.0, 5)),)), [0.95, 0.05, 0.0, 0.0, 0.0])
    assert "lower end of noise_sigma, 10 to 18" in noise and "(as far as 0)" in noise


@pytest.mark.parametrize(
    ("step", "weight"),
    [
        (quality(35, 95), [0.3, 0.3, 0.4]),
        (quality(35, 95), [0.0, 1.0, 0.0]),
        (quality(1, 100), [1.0, 0.0, 0.0]),  # there is nothing beyond
        (quality(1, 100), [0.0, 0.0, 1.0]),
        (Step("blur", (("sigma", Range(0.2, 3.0, 3)),)), [1.0, 0.0, 0.0]),  # hardly any blur is a natural end
        (Step("noise", (("sigma", Range(5.0, 5.0)),)), [1.0]),  # a single value
    ],
)
def test_nothing_is_said_of_other_weights(step, weight):
    assert found(step, weight) == []


def test_of_two_bins_one_always_has_half():
    halves = Step("jpeg", (("quality", Range(35, 95, 2)),))
    assert found(halves, [0.5, 0.5], uncertain=0.0) == []
    assert found(halves, [0.38, 0.62], uncertain=0.2) == []  # other photos would have it at the other end
    (upper,) = found(halves, [0.38, 0.62], uncertain=0.1)
    assert upper.startswith("62% of the weight lies at the upper end of jpeg_quality, 65 to 95;")


def test_a_blur_at_its_upper_end_may_be_photos_that_were_enlarged():
    enlarged = "Photos that were enlarged look like that, too: give them as the source delivers them."
    (blur,) = found(Step("blur", (("sigma", Range(0.2, 3.0, 3)),)), [0.0, 0.1, 0.9])
    assert blur.endswith(f"(as far as 20) may fit better. {enlarged}")
    (noise,) = found(Step("noise", (("sigma", Range(0.0, 30.0, 3)),)), [0.0, 0.1, 0.9])
    assert "upper end of noise_sigma" in noise and enlarged not in noise


def test_choices_have_no_ends():
    space = build([Step("resize", (("kind", Choices(("area", "bicubic"))),))])
    table = marginals(space, np.array([0.0, 1.0]), np.full(2, 0.5))
    assert list(short_ranges(table.assign(low=table["weight"], high=table["weight"]))) == []
