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
            levels = to_uint8(np.asarray(cv2.cvtColor(levels.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32))
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
    result += image
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
    mean = photons / 255.0  # of level 1
    bits = _sixteen_bits(generator, levels.shape)
    # with y = z / sqrt(6) it is y (y + sqrt(6 m)) + m - 1/6, which takes fewer passes
    scaled = np.take(_quantiles(6**-0.5), bits, mode="clip")
    level = levels.astype(np.float32)
    count = level * np.float32(6.0 * mean)
    np.sqrt(count, out=count)
    count += scaled
    count *= scaled
    cv2.addWeighted(count, 1.0, level, mean, -1 / 6, dst=count)
    np.rint(count, out=count)
    few = _few_counts(photons, used)
    dark = np.flatnonzero(levels < len(few))
    if dark.size:
        chosen = levels.reshape(-1)[dark].astype(np.intp) * QUANTILES + bits.reshape(-1)[dark]
        count.reshape(-1)[dark] = few.reshape(-1)[chosen].astype(np.float32)
    return np.asarray(cv2.addWeighted(count, scale / mean, level, -scale, 0.0, dst=count), np.float32)


def _few_counts(photons: int, used: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(levels, 65536) uint8: for each level of a mean below `EXACT_BELOW` the quantiles of Poisson's distribution.

    Only rows of levels that are used are filled in, now or before.

    Args:
        photons: for white.
        used: (256,) the levels of an image.
    """
    table = _table(photons)
    for level in np.flatnonzero(used[1 : len(table)] & (table[1:, -1] == 0)) + 1:  # a filled row ends above 0
        table[level] = _few_quantiles(level * photons / 255.0)
    return table


@lru_cache(maxsize=9)
def _table(photons: int) -> NDArray[np.uint8]:
    """Room for `_few_counts`, which takes memory only where it is filled."""
    return np.zeros((min(256, int(np.ceil(EXACT_BELOW * 255.0 / photons))), QUANTILES), np.uint8)


def _few_quantiles(mean: float) -> NDArray[np.uint8]:
    """(65536,) uint8: quantiles of Poisson's distribution of a small mean."""
    from scipy.special import pdtr

    chance = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return np.searchsorted(pdtr(np.arange(64), mean), chance).astype(np.uint8)
