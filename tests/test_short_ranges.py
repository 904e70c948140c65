"""Ranges at whose ends weight piles up."""

from __future__ import annotations

import numpy as np
import pytest

from degcraft.axes import Choices, Range, Step
from degcraft.marginals import marginals
from degcraft.short_ranges import short_ranges
from degcraft.space import build


def found(step, weight):
    """What is said of one axis with these weights, beside one of choices."""
    space = build([step, Step("resize", (("kind", Choices(("bicubic",))),))])
    weights = np.array(weight, float)
    return list(short_ranges(marginals(space, weights, np.full(len(weights), 1 / len(weights)))))


def quality(lower, upper):
    return Step("jpeg", (("quality", Range(lower, upper, 3)),))


def test_weight_at_an_end_is_said_with_how_far_the_range_could_go():
    (upper,) = found(quality(35, 95), [0.1, 0.2, 0.7])
    assert upper.startswith("70% of the weight lies at the upper end of jpeg_quality, 75 to 95;")
    assert "(as far as 100)" in upper
    (lower,) = found(quality(35, 95), [0.5, 0.25, 0.25])
    assert "lower end of jpeg_quality, 35 to 55" in lower and "(as far as 1)" in lower


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


def test_choices_have_no_ends():
    space = build([Step("resize", (("kind", Choices(("area", "bicubic"))),))])
    assert list(short_ranges(marginals(space, np.array([0.0, 1.0]), np.full(2, 0.5)))) == []
