"""Applying several steps in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from degcraft import resampling
from degcraft.images import FloatImage
from degcraft.operators.blur import profile
from degcraft.operators.registry import Operator, Size, Value
from degcraft.operators.resize import goal

WORTH = 2  # shrinking at least by that much, blur and resize cost less as one


def run(
    steps: Sequence[tuple[Operator, Mapping[str, Value]]],
    image: FloatImage,
    lr: Size,
    generator: np.random.Generator,
) -> FloatImage:
    """Apply steps in their order.

    A Gaussian blur right before a resize that shrinks a lot is done in one with it: the same, up to rounding.

    Args:
        steps: operators with the values of their parameters.
        image: (H, W, 3) float32, 0..255.
        lr: size of the LR image.
        generator: of everything random.

    Returns:
        (h, w, 3) float32.
    """
    place = 0
    while place < len(steps):
        merged = _in_one(image, steps[place : place + 2], lr)
        if merged is None:
            operator, values = steps[place]
            image = operator.apply(image, values, lr, generator)
            place += 1
        else:
            image = merged
            place += 2
    return image


def _in_one(image: FloatImage, steps: Sequence[tuple[Operator, Mapping[str, Value]]], lr: Size) -> FloatImage | None:
    """What two steps make of an image together, if they are a Gaussian blur and a resize that shrinks a lot."""
    if len(steps) < 2 or steps[0][0].name != "blur":
        return None
    (_, blur), (following, values) = steps
    aim = goal(following.name, values, image.shape[:2], lr)
    if aim is None or image.shape[0] < WORTH * aim[0] or image.shape[1] < WORTH * aim[1]:
        return None
    kernel = profile(blur)
    return None if kernel is None else resampling.blurred_resize(image, kernel, *aim)
