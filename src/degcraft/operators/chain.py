"""Applying several steps in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from degcraft import resampling
from degcraft.images import FloatImage
from degcraft.operators.blur import factors
from degcraft.operators.registry import Operator, Size, Value

WORTH = 2  # shrinking at least by that much, blur and resize cost less as one


def run(
    steps: Sequence[tuple[Operator, Mapping[str, Value]]],
    image: FloatImage,
    lr: Size,
    generator: np.random.Generator,
) -> FloatImage:
    """Apply steps in their order.

    A blur right before a filtered resize is done in one with it, which gives the same up to rounding and the 0.25
    (of 255) of `degcraft.operators.kernels.TOLERANCE`.

    Args:
        steps: operators with the values of their parameters.
        image: (H, W, 3) float32, 0..255.
        lr: size of the LR image.
        generator: of everything random.

    Returns:
        (h, w, 3) float32.
    """
    skip = False
    for place, (operator, values) in enumerate(steps):
        if skip:
            skip = False
            continue
        following = steps[place + 1] if place + 1 < len(steps) else None
        if operator.name == "blur" and following is not None and _merges(image, following, lr):
            kernel = factors(values)
            if kernel is not None:
                image = resampling.blurred_resize(image, *kernel, *lr, str(following[1]["kind"]))
                skip = True
        else:
            image = operator.apply(image, values, lr, generator)
    return image


def _merges(image: FloatImage, following: tuple[Operator, Mapping[str, Value]], lr: Size) -> bool:
    operator, values = following
    shrinks = image.shape[0] >= WORTH * lr[0] and image.shape[1] >= WORTH * lr[1]
    return operator.name == "resize" and shrinks and str(values["kind"]) in resampling.FILTERED
