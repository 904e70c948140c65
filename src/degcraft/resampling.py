"""Resizing with and without an antialiasing filter: the one implementation that every stage uses.

``area``, ``bilinear`` and ``bicubic`` filter when they shrink: the kernel is stretched by the ratio, as MATLAB's
``imresize`` and Pillow do and as SR papers mean it. ``bilinear-aliased`` and ``bicubic-aliased`` do not: they are
OpenCV's and torch's interpolation, which Real-ESRGAN and BSRGAN draw from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft.images import FloatImage

KINDS = ("area", "bilinear", "bicubic", "bilinear-aliased", "bicubic-aliased")
_ALIASED = {"bilinear-aliased": cv2.INTER_LINEAR, "bicubic-aliased": cv2.INTER_CUBIC}
_RADIUS = {"area": 0.5, "bilinear": 1.0, "bicubic": 2.0}
_BLOCK = 24  # source pixels that a block's results are spread over, where a matrix is cut into blocks


def resize(image: FloatImage, height: int, width: int, kind: str = "bicubic") -> FloatImage:
    """Resize an image; nothing is rounded or clipped.

    Args:
        image: (H, W, C) float32.
        height: rows of the result.
        width: columns of the result.
        kind: one of `KINDS`. ``bicubic`` is Keys' kernel with a = -0.5, edges renormalised (Pillow's convention).

    Returns:
        (height, width, C) float32.
    """
    shape = (height, width, image.shape[2])  # OpenCV drops the last dimension of a single channel
    if kind in _ALIASED:
        return np.asarray(cv2.resize(image, (width, height), interpolation=_ALIASED[kind]), np.float32).reshape(shape)
    if image.shape[:2] == (height, width):
        return image
    if kind == "area" and height <= image.shape[0] and width <= image.shape[1]:  # the same, and faster
        return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.float32).reshape(shape)
    return _separable(image, _bands(image.shape[0], height, kind), _bands(image.shape[1], width, kind))


def blurred_resize(image: FloatImage, kernel: NDArray[np.float32], height: int, width: int, kind: str) -> FloatImage:
    """Blur and resize in one step: what `resize` makes of the blurred image, but for rounding.

    Both are linear, and products of something vertical and something horizontal; so is one after the other.

    Args:
        image: (H, W, 3) float32, reflected at its borders by the blur.
        kernel: (k,) float32, k odd; the blur's kernel is the product of it as a column and as a row.
        height: rows of the result.
        width: columns of the result.
        kind: as for `resize`.

    Returns:
        (height, width, 3) float32.
    """
    padded = np.asarray(cv2.copyMakeBorder(image, *(len(kernel) // 2,) * 4, cv2.BORDER_REFLECT_101), np.float32)
    vertical = _bands(image.shape[0], height, kind).blurred(kernel)
    alike = image.shape[0] == image.shape[1] and height == width
    horizontal = vertical if alike else _bands(image.shape[1], width, kind).blurred(kernel)
    return _separable(padded, vertical, horizontal)


def gaussian_samples(image: FloatImage, height: int, width: int, sigma: float) -> FloatImage:
    """Sample an image blurred with a Gaussian at the centres of larger pixels.

    Shifting a Gaussian kernel by half a pixel less than half the ratio, blurring with it and taking every so-manyth
    pixel (Zhang et al., *BSRGAN*) does the same where the ratio is a whole number.

    Args:
        image: (H, W, 3) float32.
        height: rows of the result.
        width: columns of the result.
        sigma: standard deviation, pixels of the image; at least 0.1.

    Returns:
        (height, width, 3) float32.
    """
    radius = int(np.ceil(3.0 * sigma)) + 1
    padded = np.asarray(cv2.copyMakeBorder(image, *(radius,) * 4, cv2.BORDER_REFLECT_101), np.float32)
    matrices = []
    for side, new in zip(image.shape, (height, width), strict=False):
        centre = (np.arange(new) + 0.5) * (side / new) - 0.5
        first = np.floor(centre).astype(np.int64) - radius + 1
        distance = (first[:, None] + np.arange(2 * radius) - centre[:, None]) / sigma
        values = np.exp(-0.5 * (distance**2 - (distance**2).min(axis=1, keepdims=True)))
        taps = _Taps(first + radius, values / values.sum(axis=1, keepdims=True))
        matrices.append(_cut(taps, side + 2 * radius))
    return _separable(padded, *matrices)


@dataclass(frozen=True, eq=False)
class _Taps:
    """Interpolation in one dimension: result i sums, over t, ``values[i, t]`` times source pixel ``first[i] + t``.

    Attributes:
        first: (target,) int64, not falling; beyond its ends the source goes on with its outermost pixel.
        values: (target, taps) float64.
    """

    first: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Bands:
    """A banded matrix, cut into blocks of equally many results that leave out most of the zeros.

    Attributes:
        target: number of results.
        first: source pixel at which each block's columns start.
        values: (blocks, results, columns) float32; the last block may go on beyond the target.
    """

    target: int
    first: tuple[int, ...]
    values: NDArray[np.float32]

    def blurred(self, kernel: NDArray[np.float32]) -> _Bands:
        """The matrix after a blur with a symmetric (k,) kernel, of a source that is padded by its radius."""
        blocks, results, columns = self.values.shape
        radius = len(kernel) // 2
        rows = self.values.reshape(-1, columns)
        padded = cv2.copyMakeBorder(rows, 0, 0, radius, radius, cv2.BORDER_CONSTANT, value=0.0)
        values = cv2.filter2D(padded, -1, kernel[None], borderType=cv2.BORDER_CONSTANT)
        return _Bands(self.target, self.first, np.asarray(values, np.float32).reshape(blocks, results, -1))


def _separable(image: FloatImage, vertical: _Bands, horizontal: _Bands) -> FloatImage:
    """What a vertical and a horizontal matrix make of an image."""
    height, (width, channels) = vertical.target, image.shape[1:]
    blocks, results, columns = vertical.values.shape
    lines = image.reshape(len(image), -1)
    shorter = np.empty((blocks, results, lines.shape[1]), np.float32)
    for block, first in enumerate(vertical.first):
        np.matmul(vertical.values[block], lines[first : first + columns], out=shorter[block])
    planes = np.empty((channels, height, width), np.float32)
    same = np.arange(channels).repeat(2).tolist()
    cv2.mixChannels([shorter.reshape(-1, width, channels)[:height]], list(planes), same)
    blocks, results, columns = horizontal.values.shape
    rows = planes.reshape(-1, width)
    smaller = np.empty((channels * height, blocks * results), np.float32)
    for block, first in enumerate(horizontal.first):
        part = smaller[:, block * results : (block + 1) * results]
        np.matmul(rows[:, first : first + columns], horizontal.values[block].T, out=part)
    found = smaller.reshape(channels, height, -1)[..., : horizontal.target]
    return np.asarray(cv2.merge(list(found)), np.float32).reshape(height, -1, channels)


@lru_cache(maxsize=512)
def _bands(source: int, target: int, kind: str) -> _Bands:
    return _cut(_taps(source, target, kind), source)


@lru_cache(maxsize=512)
def _taps(source: int, target: int, kind: str) -> _Taps:
    """Interpolation from ``source`` to ``target`` pixels; every row sums to 1."""
    ratio = source / target
    centre = (np.arange(target) + 0.5) * ratio
    if kind in _ALIASED:
        reach = 1 if kind == "bilinear-aliased" else 2
        first = np.floor(centre - 0.5).astype(np.int64) - (reach - 1)
        taps = first[:, None] + np.arange(2 * reach)
        return _Taps(first, _kernel(taps + 0.5 - centre[:, None], kind))
    stretch = ratio if kind == "area" else max(ratio, 1.0)
    support = _RADIUS[kind] * stretch
    first = np.floor(centre - support).astype(np.int64)
    taps = first[:, None] + np.arange(int(np.ceil(2 * support)) + 2)
    if kind == "area":  # exact overlap of each source pixel with the target pixel's footprint
        values = np.minimum(taps + 1, (centre + support)[:, None]) - np.maximum(taps, (centre - support)[:, None])
        values = np.maximum(values, 0.0)
    else:
        values = _kernel((taps + 0.5 - centre[:, None]) / stretch, kind)
    values = np.where((taps >= 0) & (taps < source), values, 0.0)
    return _Taps(first, values / values.sum(axis=1, keepdims=True))


def _cut(taps: _Taps, source: int) -> _Bands:
    """The matrix (target, source) of an interpolation, in blocks."""
    target, count = taps.values.shape
    results = min(target, max(1, round(_BLOCK * target / source)))
    place = np.clip(taps.first[:, None] + np.arange(count), 0, source - 1)
    used = np.where(taps.values != 0, place, place[:, count // 2, None])  # an area may not reach its last taps
    starts = np.arange(0, target, results)
    lowest = np.minimum.reduceat(used.min(axis=1), starts)
    columns = int((np.maximum.reduceat(used.max(axis=1), starts) - lowest).max()) + 1
    first = np.minimum(lowest, source - columns)
    values = np.zeros((len(starts) * results, columns), np.float32)
    result = np.broadcast_to(np.arange(target)[:, None], used.shape)
    np.add.at(values, (result, used - np.repeat(first, results)[:target, None]), taps.values)
    return _Bands(target, tuple(first.tolist()), values.reshape(len(starts), results, columns))


def _kernel(x: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Triangle, or Keys' cubic convolution kernel (IEEE TASSP 29(6), 1981), a = -0.5; a = -0.75 where not filtered."""
    x = np.abs(x)
    if kind.startswith("bilinear"):
        return np.maximum(1.0 - x, 0.0)
    a = -0.75 if kind in _ALIASED else -0.5
    near = ((a + 2.0) * x - (a + 3.0)) * x**2 + 1.0
    far = ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
