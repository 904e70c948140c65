"""Resizing with and without an antialiasing filter: the one implementation that every stage uses.

``area``, ``bilinear`` and ``bicubic`` filter when they shrink: the kernel is stretched by the ratio, as MATLAB's
``imresize`` and Pillow do and as SR papers mean it. ``bilinear-aliased`` and ``bicubic-aliased`` do not: they are
OpenCV's and torch's interpolation, which Real-ESRGAN and BSRGAN draw from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft.images import FloatImage

if TYPE_CHECKING:
    from scipy import sparse

KINDS = ("area", "bilinear", "bicubic", "bilinear-aliased", "bicubic-aliased")
_ALIASED = {"bilinear-aliased": cv2.INTER_LINEAR, "bicubic-aliased": cv2.INTER_CUBIC}
_RADIUS = {"area": 0.5, "bilinear": 1.0, "bicubic": 2.0}


def resize(image: FloatImage, height: int, width: int, kind: str = "bicubic") -> FloatImage:
    """Resize an image; nothing is rounded or clipped.

    Args:
        image: (H, W, 3) float32.
        height: rows of the result.
        width: columns of the result.
        kind: one of `KINDS`. ``bicubic`` is Keys' kernel with a = -0.5, edges renormalised (Pillow's convention).

    Returns:
        (height, width, 3) float32.
    """
    if kind in _ALIASED:
        return np.asarray(cv2.resize(image, (width, height), interpolation=_ALIASED[kind]), np.float32)
    rows = _weights(image.shape[0], height, kind)
    columns = _weights(image.shape[1], width, kind)
    shorter = (rows @ image.reshape(image.shape[0], -1)).reshape(height, image.shape[1], 3)
    turned = np.ascontiguousarray(shorter.transpose(1, 0, 2)).reshape(image.shape[1], -1)
    smaller = (columns @ turned).reshape(width, height, 3)
    return np.ascontiguousarray(smaller.transpose(1, 0, 2))


@lru_cache(maxsize=256)
def _weights(source: int, target: int, kind: str) -> sparse.csr_array:
    """(target, source) interpolation matrix of one dimension; every row sums to 1."""
    from scipy import sparse  # slow to import, and reading a configuration does not need it

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
    values /= values.sum(axis=1, keepdims=True)
    row = np.broadcast_to(np.arange(target)[:, None], taps.shape)
    used = values != 0
    matrix = sparse.coo_array((values[used], (row[used], taps[used])), shape=(target, source))
    return sparse.csr_array(matrix, dtype=np.float32)


def _kernel(x: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Triangle, or Keys' cubic convolution kernel (IEEE TASSP 29(6), 1981) with a = -0.5."""
    x = np.abs(x)
    if kind == "bilinear":
        return np.maximum(1.0 - x, 0.0)
    near = (1.5 * x - 2.5) * x**2 + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
