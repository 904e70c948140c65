"""Noise: additive Gaussian, and Poisson as photon counts make it.

Normal deviates are looked up. Sixteen random bits choose one of 65,536 quantiles of the normal distribution, whose
distribution function they follow within 2^-17 everywhere, with the mean and the variance exactly 0 and 1 and no value
beyond 4.3. That is many times faster than computing each deviate.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft.images import FloatImage
from degcraft.operators.pixels import to_uint8
from degcraft.operators.registry import Parameter, Size, Value, operator

GAUSSIAN = ("gaussian", "gaussian-grey", "gaussian-correlated")
POISSON = ("poisson", "poisson-grey")
QUANTILES = 65536
EXACT_BELOW = 12.0  # counts; see `_poisson`
_GREY = np.array([[0.299, 0.587, 0.114]], np.float32)  # luma of ITU-R BT.601


@operator(
    Parameter("kind", choices=(*GAUSSIAN, *POISSON, "none"), default="gaussian"),
    Parameter("sigma", unit="of 255", lower=0.0, upper=255.0, only=("kind", GAUSSIAN)),
    Parameter("scale", lower=0.0, upper=20.0, only=("kind", POISSON)),
)
def noise(image: FloatImage, values: Mapping[str, Value], lr: Size, generator: np.random.Generator) -> FloatImage:
    """Noise of one kind, clipped to 0..255 as anything that takes photos does.

    ``gaussian``: white, of deviation ``sigma`` (of 255), independent per pixel and channel; ``-grey``: the same in
    the three channels; ``-correlated``: with a covariance of the channels drawn anew each time, sigma² |U' D U|, U
    orthogonal and D diagonal in [0, 1] (BSRGAN). ``poisson``: ``scale`` times the deviation of photon counts
    from their mean (Real-ESRGAN, BasicSR), where white is as many photons as the image, rounded to 8 bits, has
    different values, that number rounded up to a power of two; ``-grey``: the deviation of its luma, in all channels.
    """
    kind = str(values["kind"])
    if kind in POISSON:
        levels = to_uint8(image)
        if kind == "poisson-grey":
            levels = to_uint8(np.asarray(cv2.transform(levels.astype(np.float32), _GREY), np.float32))
        result = _poisson(levels, float(values["scale"]), generator)
    elif kind in GAUSSIAN:
        result = normals(generator, image.shape if kind != "gaussian-grey" else image.shape[:2])
        if kind == "gaussian-correlated":
            result = np.asarray(cv2.transform(result, _channel_mixing(generator)), np.float32)
        result *= np.float32(values["sigma"])
    else:
        return image
    if result.ndim == 2:
        result = np.asarray(cv2.cvtColor(result, cv2.COLOR_GRAY2RGB), np.float32)
    np.add(result, image, out=result)
    return np.asarray(np.clip(result, 0.0, 255.0, out=result), np.float32)


def normals(generator: np.random.Generator, shape: tuple[int, ...]) -> FloatImage:
    """Standard normal deviates, float32; see the module."""
    return np.take(_quantiles(), _sixteen_bits(generator, shape), mode="clip")  # all are in range, "clip" is fastest


def _sixteen_bits(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    count = int(np.prod(shape))
    raw = generator.bit_generator.random_raw(-(-count // 4))
    return raw.astype("<u8", copy=False).view("<u2")[:count].reshape(shape)


@lru_cache(maxsize=2)
def _quantiles(deviation: float = 1.0) -> NDArray[np.float32]:
    """(65536,) float32: quantiles of the normal distribution, scaled so that they have that deviation exactly."""
    from scipy.special import ndtri  # slow to import, and reading a configuration does not need it

    quantiles = ndtri((np.arange(QUANTILES) + 0.5) / QUANTILES)
    return np.asarray(quantiles * (deviation / quantiles.std()), np.float32)


def _channel_mixing(generator: np.random.Generator) -> NDArray[np.float32]:
    """(3, 3) float32 matrix that gives white noise a random covariance of the channels: its Cholesky factor."""
    diagonal = np.diag(generator.random(3))
    orthogonal = np.linalg.svd(generator.random((3, 3)))[0]
    covariance = np.abs(orthogonal.T @ diagonal @ orthogonal)  # 3 x 3 stays positive semidefinite
    return np.asarray(np.linalg.cholesky(covariance + 1e-9 * np.eye(3)), np.float32)


def _poisson(levels: NDArray[np.uint8], scale: float, generator: np.random.Generator) -> FloatImage:
    """Scaled deviations of photon counts from their means, (...) float32, of 255.

    A level's quantile is chosen by sixteen bits, as for normal deviates: exactly where the mean count is below
    `EXACT_BELOW`, and otherwise by Cornish and Fisher's expansion, m + sqrt(m) z + (z² - 1) / 6, rounded to a whole
    count. Its distribution function is within 0.0013 of Poisson's there, less for larger means.
    """
    used = cv2.calcHist([levels.reshape(-1)], [0], None, [256], [0, 256]).reshape(-1) > 0
    photons = 1 << (int(np.count_nonzero(used)) - 1).bit_length()
    mean = np.arange(256) * (photons / 255.0)
    bits = _sixteen_bits(generator, levels.shape)
    # m + sqrt(m) z + (z² - 1) / 6 is y (y + sqrt(6 m)) + m - 1/6 with y = z / sqrt(6), which takes fewer passes
    scaled = np.take(_quantiles(6**-0.5), bits, mode="clip")
    count = _looked_up(np.sqrt(6.0 * mean), levels)
    count += scaled
    count *= scaled
    count += _looked_up(mean - 1 / 6, levels)
    np.rint(count, out=count)
    few = int(np.searchsorted(mean, EXACT_BELOW))  # levels below it
    if used[:few].any():
        dark = np.flatnonzero(levels < few)
        which, chosen = levels.reshape(-1)[dark], bits.reshape(-1)[dark]
        for level in np.flatnonzero(used[:few]):
            here = np.flatnonzero(which == level)
            count.reshape(-1)[dark[here]] = _few_counts(float(mean[level]))[chosen[here]]
    unit = scale * 255.0 / photons
    count *= np.float32(unit)
    count -= _looked_up(mean * unit, levels)
    return count


def _looked_up(table: NDArray[np.floating], levels: NDArray[np.uint8]) -> FloatImage:
    return np.asarray(cv2.LUT(levels, table.astype(np.float32)), np.float32)


@lru_cache(maxsize=256)
def _few_counts(mean: float) -> NDArray[np.uint8]:
    """(65536,) uint8: quantiles of Poisson's distribution of a small mean."""
    from scipy.special import pdtr

    chance = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return np.searchsorted(pdtr(np.arange(64), mean), chance).astype(np.uint8)
