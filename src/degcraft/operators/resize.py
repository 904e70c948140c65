"""Resizing: to the size of the LR image (`resize`), and to any other on the way there (`rescale`)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from degcraft import resampling
from degcraft.images import FloatImage
from degcraft.operators.registry import Parameter, Size, Value, operator

DIRECTIONS = ("keep", "up", "down", "divide", "shifted")


@operator(Parameter("kind", choices=resampling.KINDS, default="bicubic"), reach=lambda values, scale: 2 * scale + 2)
def resize(image: FloatImage, values: Mapping[str, Value], lr: Size, generator: np.random.Generator) -> FloatImage:
    """To the size of the LR image, whatever the present one is.

    The kinds without ``-aliased`` filter, see `degcraft.resampling`.
    """
    return resampling.resize(image, *lr, str(values["kind"]))


@operator(
    Parameter("direction", choices=DIRECTIONS),
    Parameter("of", choices=("image", "lr"), default="image", only=("direction", ("keep", "up", "down"))),
    Parameter("up", lower=1.0, upper=4.0, only=("direction", ("up",))),
    Parameter("down", lower=0.05, upper=1.0, only=("direction", ("down",))),
    Parameter("divisor", lower=1.0, upper=16.0, only=("direction", ("divide",))),
    Parameter("sigma", unit="px", lower=0.1, upper=10.0, only=("direction", ("shifted",))),
    Parameter(
        "kind", choices=resampling.KINDS, default="bicubic", only=("direction", ("keep", "up", "down", "divide"))
    ),
)
def rescale(image: FloatImage, values: Mapping[str, Value], lr: Size, generator: np.random.Generator) -> FloatImage:
    """To another size on the way to the LR image.

    ``up`` and ``down`` are factors of the present size, or of that of the LR image (``of: lr``, Real-ESRGAN's second
    pass), which ``keep`` leaves or takes. ``divide`` divides the present size by ``divisor``, not below half the LR
    image (BSRGAN). ``shifted`` blurs with a Gaussian of ``sigma`` and samples the centres of the LR pixels (BSRGAN).
    Sides are rounded down.
    """
    if values["direction"] == "shifted":
        return resampling.gaussian_samples(image, *lr, float(values["sigma"]))
    height, width = _sides(values, image.shape[:2], lr)
    if (height, width) == image.shape[:2]:
        return image
    return resampling.resize(image, height, width, str(values["kind"]))


def goal(operator: str, values: Mapping[str, Value], present: Size, lr: Size) -> tuple[int, int, str] | None:
    """Height, width and kind of the resize that a step does; None for a step that does something else."""
    if operator == "resize":
        return *lr, str(values["kind"])
    if operator == "rescale" and values["direction"] != "shifted":
        return *_sides(values, present, lr), str(values["kind"])
    return None


def _sides(values: Mapping[str, Value], present: Size, lr: Size) -> Size:
    """Height and width that a rescale aims at, unless it is ``shifted``."""
    direction = str(values["direction"])
    if direction == "divide":
        sides = [max(side / float(values["divisor"]), new / 2) for side, new in zip(present, lr, strict=True)]
    else:
        factor = 1.0 if direction == "keep" else float(values[direction])
        sides = [side * factor for side in (lr if values["of"] == "lr" else present)]
    # parameters are float32, which 0.7 is a little less in: of 240 it must be 168
    height, width = (max(1, int(side * (1 + 1e-7) + 1e-6)) for side in sides)
    return height, width
