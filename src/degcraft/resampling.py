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
FILTERED = tuple(_RADIUS)
_BLOCK = 64  # source pixels that a block's results are spread over, where a matrix is cut into blocks


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
    return _separable(image, [(_blocks(image.shape[0], height, kind), _blocks(image.shape[1], width, kind))])


def blurred_resize(
    image: FloatImage,
    columns: NDArray[np.float32],
    rows: NDArray[np.float32],
    height: int,
    width: int,
    kind: str,
) -> FloatImage:
    """Blur and resize in one step: what `resize` makes of the blurred image, but for rounding.

    Both are linear, and products of something vertical and something horizontal; so is one after the other.

    Args:
        image: (H, W, 3) float32, reflected at its borders by the blur.
        columns, rows: (n, k) float32, k odd, see `degcraft.operators.blur.factors`.
        height, width, kind: as for `resize`, but ``kind`` must filter.

    Returns:
        (height, width, 3) float32.
    """
    radius = columns.shape[1] // 2
    padded = np.asarray(cv2.copyMakeBorder(image, *(radius,) * 4, cv2.BORDER_REFLECT_101), np.float32)
    vertical = [_blurred(image.shape[0], height, kind, column) for column in columns]
    alike = rows is columns and image.shape[0] == image.shape[1] and height == width
    horizontal = vertical if alike else [_blurred(image.shape[1], width, kind, row) for row in rows]
    return _separable(padded, list(zip(vertical, horizontal, strict=True)))


def _blurred(source: int, target: int, kind: str, kernel: NDArray[np.float32]) -> _Blocks:
    """Blocks of the matrix that blurs and then resizes one dimension of a source padded by the kernel's radius."""
    matrix, places = _padded(source, target, kind, len(kernel) // 2)
    # a column of the product of two matrices is a row of this one, convolved: hence the kernel turned around
    blurred = cv2.filter2D(matrix, -1, kernel[None, ::-1], borderType=cv2.BORDER_CONSTANT)
    return [(rows, columns, np.asarray(blurred[rows, columns], np.float32)) for rows, columns in places]


@lru_cache(maxsize=16)
def _padded(source: int, target: int, kind: str, radius: int) -> tuple[NDArray[np.float32], list[tuple[slice, slice]]]:
    """(target, source + 2 radius) interpolation matrix with zeros at its sides, and its blocks, wider by the radius."""
    matrix = np.zeros((target, source + 2 * radius), np.float32)
    places = []
    for rows, columns, values in _blocks(source, target, kind):
        matrix[rows, columns.start + radius : columns.stop + radius] = values
        places.append((rows, slice(columns.start, columns.stop + 2 * radius)))
    return matrix, places


def gaussian_samples(image: FloatImage, height: int, width: int, sigma: float) -> FloatImage:
    """Sample an image blurred with a Gaussian at the centres of larger pixels.

    Shifting a Gaussian kernel by half a pixel less than half the ratio, blurring with it and taking every so-manyth
    pixel (Zhang et al., *BSRGAN*) does the same where the ratio is a whole number.

    Args:
        image: (H, W, 3) float32.
        height, width: of the result.
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
        matrices.append(_cut(_Taps(first + radius, values / values.sum(axis=1, keepdims=True)), side + 2 * radius))
    return _separable(padded, [(matrices[0], matrices[1])])


@dataclass(frozen=True, eq=False)
class _Taps:
    """Interpolation in one dimension: result i sums, over t, ``values[i, t]`` times source pixel ``first[i] + t``.

    Attributes:
        first: (target,) int64, not falling.
        values: (target, taps) float64, zero where there is no such source pixel.
    """

    first: NDArray[np.int64]
    values: NDArray[np.float64]


_Blocks = list[tuple[slice, slice, NDArray[np.float32]]]
"""A banded matrix: rows, columns and the dense part between them."""


def _separable(image: FloatImage, pairs: list[tuple[_Blocks, _Blocks]]) -> FloatImage:
    """Sum of what pairs of a vertical and a horizontal matrix make of an image."""
    result: FloatImage | None = None
    channels = image.shape[2]
    for vertical, horizontal in pairs:
        height, width = vertical[-1][0].stop, horizontal[-1][0].stop
        shorter = np.empty((height, image.shape[1] * channels), np.float32)
        for rows, columns, values in vertical:
            np.matmul(values, image[columns].reshape(values.shape[1], -1), out=shorter[rows])
        planes = np.concatenate(cv2.split(shorter.reshape(height, -1, channels)))
        smaller = np.empty((channels * height, width), np.float32)
        for rows, columns, values in horizontal:
            np.matmul(planes[:, columns], values.T, out=smaller[:, rows])
        result = smaller if result is None else np.add(result, smaller, out=result)
    assert result is not None  # there is a pair
    return np.asarray(cv2.merge(np.split(result, channels)), np.float32).reshape(height, width, channels)


@lru_cache(maxsize=512)
def _blocks(source: int, target: int, kind: str) -> _Blocks:
    return _cut(_taps(source, target, kind), source)


@lru_cache(maxsize=512)
def _taps(source: int, target: int, kind: str) -> _Taps:
    """Interpolation from ``source`` to ``target`` pixels with a filter; every row sums to 1."""
    ratio = source / target
    stretch = max(ratio, 1.0)
    support = _RADIUS[kind] * stretch
    centre = (np.arange(target) + 0.5) * ratio
    first = np.floor(centre - support).astype(np.int64)
    taps = first[:, None] + np.arange(int(np.ceil(2 * support)) + 2)
    if kind == "area":  # exact overlap of each source pixel with the target pixel's footprint
        values = np.minimum(taps + 1, (centre + support)[:, None]) - np.maximum(taps, (centre - support)[:, None])
        values = np.maximum(values, 0.0)
    else:
        values = _kernel((taps + 0.5 - centre[:, None]) / stretch, kind)
    values = np.where((taps >= 0) & (taps < source), values, 0.0)
    return _Taps(first, values / values.sum(axis=1, keepdims=True))


def _cut(taps: _Taps, source: int) -> _Blocks:
    """The matrix (target, source) of an interpolation, in blocks that leave out most of its zeros."""
    target, count = taps.values.shape
    step = max(1, round(_BLOCK * target / source))
    place = taps.first[:, None] + np.arange(count)
    inside = (place >= 0) & (place < source)
    values = taps.values.astype(np.float32)
    blocks = []
    for top in range(0, target, step):
        rows = slice(top, min(top + step, target))
        columns = slice(max(0, int(taps.first[top])), min(source, int(taps.first[rows.stop - 1]) + count))
        dense = np.zeros((rows.stop - top, columns.stop - columns.start), np.float32)
        used = inside[rows]
        row = np.broadcast_to(np.arange(len(dense))[:, None], used.shape)
        dense[row[used], place[rows][used] - columns.start] = values[rows][used]
        blocks.append((rows, columns, dense))
    return blocks


def _kernel(x: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Triangle, or Keys' cubic convolution kernel (IEEE TASSP 29(6), 1981) with a = -0.5."""
    x = np.abs(x)
    if kind == "bilinear":
        return np.maximum(1.0 - x, 0.0)
    near = (1.5 * x - 2.5) * x**2 + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
