"""Blur and ringing: convolution with a kernel."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft.convolution import convolve
from degcraft.images import FloatImage
from degcraft.operators import kernels
from degcraft.operators.registry import Parameter, Size, Value, operator

ANISOTROPIC = ("anisotropic", "generalized-anisotropic", "plateau-anisotropic")
GENERALIZED = ("generalized-isotropic", "generalized-anisotropic")
PLATEAU = ("plateau-isotropic", "plateau-anisotropic")
SIGMA = ("isotropic", "anisotropic", *GENERALIZED, *PLATEAU)
KINDS = ("isotropic", "anisotropic", "anisotropic-variance", *GENERALIZED, *PLATEAU, "sinc", "none")
SINC_SIZE = 21  # where no size is given, as in Real-ESRGAN
# where OpenCV's filter is faster than `convolve`: kernels up to a side for which it sums products, and small images
SMALL_KERNEL, FEW_PIXELS = 11, 72 * 72


@operator(
    Parameter("kind", choices=KINDS, default="isotropic"),
    Parameter("sigma", unit="HR px", lower=0.0, upper=20.0, only=("kind", SIGMA)),
    Parameter("across", unit="HR px", lower=0.0, upper=20.0, like="sigma", only=("kind", ANISOTROPIC)),
    Parameter("variance", unit="HR px²", lower=0.0, upper=400.0, only=("kind", ("anisotropic-variance",))),
    Parameter("variance_across", unit="HR px²", lower=0.0, upper=400.0, only=("kind", ("anisotropic-variance",))),
    Parameter(
        "angle",
        unit="degrees",
        upper=180.0,
        default=0.0,
        only=("kind", (*ANISOTROPIC, "anisotropic-variance")),
        period=180.0,
    ),
    Parameter("beta", lower=0.2, upper=10.0, default=1.0, only=("kind", GENERALIZED)),
    Parameter("plateau", lower=0.2, upper=10.0, default=1.0, only=("kind", PLATEAU)),
    Parameter("cutoff", unit="radians", lower=0.1, upper=3.1416, only=("kind", ("sinc",))),
    Parameter("size", unit="px", lower=0, upper=65, default=0.0, odd=True, only=("kind", KINDS[:-1])),
    reach=lambda values, scale: _radius(values),
)
def blur(image: FloatImage, values: Mapping[str, Value], lr: Size, generator: np.random.Generator) -> FloatImage:
    """Convolve with a kernel; the image is reflected at its borders, without repeating the outermost pixels.

    ``sigma`` is the standard deviation, in pixels of the image it meets; for anisotropic kinds that in the direction of
    ``angle`` (clockwise from the horizontal), with ``across`` at right angles to it. ``anisotropic-variance`` is the
    anisotropic Gaussian, given by its variances. ``beta`` and ``plateau`` are the exponents of the generalised and the
    plateau kinds, ``cutoff`` the highest frequency that ``sinc`` lets pass. ``size`` is the kernel's side; 0 means as
    wide as three standard deviations need (21 for ``sinc``). Deviations below 0.1 move nothing that 8 bits can hold:
    such a blur is skipped, or taken for 0.1 where the other deviation is larger.
    """
    radius = _radius(values)
    if radius == 0:
        return image
    if values["kind"] == "isotropic":
        size = (2 * radius + 1, 2 * radius + 1)
        return np.asarray(
            cv2.GaussianBlur(image, size, float(values["sigma"]), borderType=cv2.BORDER_REFLECT_101), np.float32
        )
    kernel = _kernel(values, radius).astype(np.float32)
    if len(kernel) <= SMALL_KERNEL or image.shape[0] * image.shape[1] <= FEW_PIXELS:
        return np.asarray(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101), np.float32)
    return convolve(image, kernel)


def profile(values: Mapping[str, Value]) -> NDArray[np.float32] | None:
    """(k,) float32, whose product with itself is the blur's kernel; None if there is no such thing or no blur."""
    radius = _radius(values)
    if radius == 0 or values["kind"] != "isotropic":
        return None
    return np.asarray(cv2.getGaussianKernel(2 * radius + 1, float(values["sigma"]), cv2.CV_32F), np.float32).ravel()


def _deviations(values: Mapping[str, Value]) -> tuple[float, float]:
    """Standard deviations along and across, px; of the kinds that have them."""
    if values["kind"] == "anisotropic-variance":
        return float(values["variance"]) ** 0.5, float(values["variance_across"]) ** 0.5
    sigma = float(values["sigma"])
    return sigma, float(values["across"]) if values["kind"] in ANISOTROPIC else sigma


def _radius(values: Mapping[str, Value]) -> int:
    """Half the kernel's side, rounded down; 0 where the blur is skipped."""
    kind, size = values["kind"], int(values["size"])
    if kind == "none":
        return 0
    if kind == "sinc":
        return (size or SINC_SIZE) // 2
    widest = max(_deviations(values))
    if widest < kernels.NARROWEST:
        return 0
    return size // 2 if size else max(1, int(np.ceil(3.0 * widest)))


def _kernel(values: Mapping[str, Value], radius: int) -> kernels.Array:
    kind = values["kind"]
    if kind == "sinc":
        return kernels.sinc(radius, float(values["cutoff"]))
    distance = kernels.elliptic(radius, *_deviations(values), float(values["angle"]))
    if kind in PLATEAU:
        return kernels.plateau(distance, float(values["plateau"]))
    return kernels.gaussian(distance, float(values["beta"]) if kind in GENERALIZED else 1.0)
