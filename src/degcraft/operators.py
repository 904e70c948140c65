"""The degradation operators and their parameters, registered in one place.

A new operator is one function here: decorate it with `operator` and name its parameters. It gets the image as float32
RGB of 0..255, returns the same, and draws randomness from nothing but the generator it is handed. Its parameters become
axes of the degradation space as soon as a configuration names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft import resampling
from degcraft.images import FloatImage

Value = float | str
Apply = Callable[[FloatImage, Mapping[str, Value], int, np.random.Generator], FloatImage]
Reach = Callable[[Mapping[str, Value], int], int]


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operator.

    Attributes:
        name: as in the configuration; the axis is ``<operator>_<name>``.
        unit: for tables, axis labels and messages.
        lower, upper: values that make sense, both included; without meaning for a categorical parameter.
        choices: values of a categorical parameter; None for a continuous one.
        default: taken where the configuration does not name the parameter; None makes it mandatory.
        integer: drawn values are rounded.
    """

    name: str
    unit: str = ""
    lower: float = 0.0
    upper: float = 0.0
    choices: tuple[str, ...] | None = None
    default: Value | None = None
    integer: bool = False


@dataclass(frozen=True)
class Operator:
    """A degradation step.

    Attributes:
        name: as in the configuration.
        parameters: what can be set.
        apply: ``apply(image, values, scale, generator)``.
        reach: ``reach(values, scale)``: how many pixels away a pixel of the result can depend on one of the image, for
            an operator that draws nothing and does the same everywhere, so that large images can be taken apart; None
            for any other.
    """

    name: str
    parameters: tuple[Parameter, ...]
    apply: Apply
    reach: Reach | None = None

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name; KeyError if there is none."""
        return {p.name: p for p in self.parameters}[name]


OPERATORS: dict[str, Operator] = {}


def operator(*parameters: Parameter, reach: Reach | None = None) -> Callable[[Apply], Apply]:
    """Register a function as the operator of its own name."""

    def register(apply: Apply) -> Apply:
        OPERATORS[apply.__name__] = Operator(apply.__name__, parameters, apply, reach)
        return apply

    return register


@operator(
    Parameter("kind", choices=("isotropic", "anisotropic"), default="isotropic"),
    Parameter("sigma", unit="HR px", lower=0.0, upper=20.0),
    Parameter("ratio", lower=0.05, upper=1.0, default=1.0),
    Parameter("angle", unit="degrees", lower=0.0, upper=180.0, default=0.0),
    reach=lambda values, scale: _radius(float(values["sigma"])),
)
def blur(image: FloatImage, values: Mapping[str, Value], scale: int, generator: np.random.Generator) -> FloatImage:
    """Gaussian blur. ``sigma`` is the standard deviation along the wider direction, in pixels of the image it meets.

    Anisotropic: the standard deviation across is ``ratio * sigma``, and ``angle`` turns the wide direction from the
    horizontal, clockwise. A sigma below 0.1 moves nothing that 8 bits can hold and is skipped.
    """
    sigma = float(values["sigma"])
    if sigma < 0.1:
        return image
    if values["kind"] == "isotropic":
        size = 2 * _radius(sigma) + 1
        return np.asarray(cv2.GaussianBlur(image, (size, size), sigma, borderType=cv2.BORDER_REFLECT_101), np.float32)
    kernel = gaussian_kernel(sigma, sigma * float(values["ratio"]), float(values["angle"]))
    return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101), np.float32)


def gaussian_kernel(sigma: float, across: float, angle: float) -> NDArray[np.float32]:
    """(2r+1, 2r+1) float32 kernel that sums to 1: an anisotropic Gaussian turned by ``angle`` degrees."""
    offsets = np.arange(-_radius(sigma), _radius(sigma) + 1, dtype=np.float64)
    x, y = np.meshgrid(offsets, offsets)
    theta = np.deg2rad(angle)
    along, aside = x * np.cos(theta) + y * np.sin(theta), y * np.cos(theta) - x * np.sin(theta)
    kernel = np.exp(-0.5 * ((along / sigma) ** 2 + (aside / max(across, 0.1)) ** 2))
    return np.asarray(kernel / kernel.sum(), np.float32)


def _radius(sigma: float) -> int:
    return max(1, int(np.ceil(3.0 * sigma)))


@operator(Parameter("kind", choices=resampling.KINDS, default="bicubic"), reach=lambda values, scale: 2 * scale + 2)
def resize(image: FloatImage, values: Mapping[str, Value], scale: int, generator: np.random.Generator) -> FloatImage:
    """Shrink by the SR scale. The kinds without ``-aliased`` filter, see `degcraft.resampling`."""
    height, width = image.shape[0] // scale, image.shape[1] // scale
    return resampling.resize(image, height, width, str(values["kind"]))


@operator(Parameter("sigma", unit="of 255", lower=0.0, upper=255.0))
def noise(image: FloatImage, values: Mapping[str, Value], scale: int, generator: np.random.Generator) -> FloatImage:
    """Additive white Gaussian noise of standard deviation ``sigma`` (of 255), independent per pixel and channel."""
    sigma = np.float32(values["sigma"])
    return image + sigma * generator.standard_normal(image.shape, dtype=np.float32)


@operator(Parameter("quality", unit="1-100", lower=1, upper=100, integer=True))
def jpeg(image: FloatImage, values: Mapping[str, Value], scale: int, generator: np.random.Generator) -> FloatImage:
    """Round to 8 bits, compress as JPEG with libjpeg's ``quality`` and 4:2:0 chroma, decompress."""
    pixels = cv2.cvtColor(to_uint8(image), cv2.COLOR_RGB2BGR)
    options = [
        *(cv2.IMWRITE_JPEG_QUALITY, int(values["quality"])),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
    ]
    _, encoded = cv2.imencode(".jpg", pixels, options)
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None  # encoded the line before
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.float32)


def to_uint8(image: FloatImage) -> NDArray[np.uint8]:
    """Clip to 0..255 and round to the nearest integer."""
    return np.rint(np.clip(image, 0.0, 255.0)).astype(np.uint8)
