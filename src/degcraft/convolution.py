"""Convolution of an image with a kernel, by Fourier transforms.

The image is cut into overlapping tiles of a side that transforms fast. Two channels make one complex image, whose real
and imaginary part a real kernel leaves apart. OpenCV's own filter transforms every channel by itself, in tiles that take
longer.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft.images import FloatImage

_COST = {64: 18, 80: 24, 128: 29, 192: 47, 256: 68}  # side of a tile, px: root of the time that one takes, measured
_IN_PLACE = [number for channel in range(6) for number in (channel, channel)]  # for cv2.mixChannels: no reordering


def convolve(image: FloatImage, kernel: NDArray[np.floating]) -> FloatImage:
    """Convolve each channel; the image is reflected at its borders, without repeating the outermost pixels.

    Args:
        image: (H, W, 3) float32.
        kernel: (k, k), k odd and at most 127, unchanged by half a turn.

    Returns:
        (H, W, 3) float32, within 0.001 of the exact sums for images of 0..255.
    """
    radius = len(kernel) // 2
    height, width = image.shape[:2]
    (rows, down), (columns, right) = _tiles(height, radius), _tiles(width, radius)
    high, wide = rows - 2 * radius, columns - 2 * radius  # what a tile yields
    border = radius, down * high - height + radius, radius, right * wide - width + radius
    padded = cv2.copyMakeBorder(image, *border, cv2.BORDER_REFLECT_101)
    result = np.empty((down * high, right * wide, 3), np.float32)
    places = list(product(range(0, down * high, high), range(0, right * wide, wide)))
    spectrum = _spectrum(np.asarray(kernel, np.float32), rows, columns)
    complexes = np.zeros((3, rows, columns, 2), np.float32)
    for first in range(0, len(places), 2):
        pair = places[first : first + 2]
        used = list(complexes[: len(pair) + 1])  # the six channels of two tiles, or the three of one and nothing
        channels = _IN_PLACE[: 6 * len(pair)]
        cv2.mixChannels([padded[y : y + rows, x : x + columns] for y, x in pair], used, channels)
        for plane in used:
            cv2.dft(plane, dst=plane)
            real = plane.reshape(spectrum.shape)
            np.multiply(real, spectrum, out=real)
            cv2.idft(plane, dst=plane)
        inside = [plane[radius : radius + high, radius : radius + wide] for plane in used]
        cv2.mixChannels(inside, [result[y : y + high, x : x + wide] for y, x in pair], channels)
    return np.ascontiguousarray(result[:height, :width])


def _tiles(side: int, radius: int) -> tuple[int, int]:
    """Side of the tiles that cover a side of an image in the least time, and their number."""
    counts = [(tile, -(-side // (tile - 2 * radius))) for tile in _COST if tile > 2 * radius]
    return min(counts, key=lambda pair: _COST[pair[0]] * pair[1])


def _spectrum(kernel: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """(rows, 2 columns) float32: the transform of a kernel about its centre, which is real, every column twice.

    Divided by the number of pixels, as the inverse transform is not.
    """
    size = len(kernel)
    vertical, horizontal = _waves(rows, size), _waves(columns, size)
    part = np.concatenate([vertical[:, :size] @ kernel, -vertical[:, size:] @ kernel], axis=1)
    return part @ np.repeat(horizontal, 2, axis=0).T


@lru_cache(maxsize=128)
def _waves(side: int, size: int) -> NDArray[np.float32]:
    """(side, 2 size) float32: at every frequency the cosines of a kernel's offsets and then the sines, over the side."""
    angles = 2 * np.pi / side * np.outer(np.arange(side), np.arange(size) - size // 2)
    return np.asarray(np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / side, np.float32)
