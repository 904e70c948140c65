"""Blur kernels, and how to take one apart into products of a column and a row.

Generalised Gaussian and plateau kernels as in Liu et al., *Estimating Generalized Gaussian Blur Kernels for
Out-of-Focus Image Deblurring*, and BasicSR; the circular low-pass ("sinc") kernel as in Wang et al., *Real-ESRGAN*.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NARROWEST = 0.1  # standard deviation, px; narrower than that the pixel grid shows no difference
TOLERANCE = 0.25  # of 255: what a kernel taken apart may change a pixel by, at worst


def elliptic(radius: int, along: float, across: float, angle: float) -> Array:
    """(2r+1, 2r+1): squared distance from the centre, in standard deviations.

    Args:
        radius: r.
        along, across: standard deviations in the direction of ``angle`` and at right angles to it, px.
        angle: degrees, clockwise from the horizontal.
    """
    offsets = np.arange(-radius, radius + 1, dtype=np.float64)
    x, y = offsets[None, :], offsets[:, None]
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    far, aside = (x * cosine + y * sine) / max(along, NARROWEST), (y * cosine - x * sine) / max(across, NARROWEST)
    return np.asarray(far * far + aside * aside)


def gaussian(distance: Array, beta: float = 1.0) -> Array:
    """exp(-d^beta / 2) of squared distances d, summing to 1: flatter than a Gaussian for beta > 1, peaked for < 1."""
    kernel = np.exp(-0.5 * (distance if beta == 1.0 else distance**beta))
    return np.asarray(kernel / kernel.sum())


def plateau(distance: Array, beta: float) -> Array:
    """1 / (1 + d^beta) of squared distances d, summing to 1."""
    kernel = 1.0 / (1.0 + distance**beta)
    return np.asarray(kernel / kernel.sum())


def sinc(radius: int, cutoff: float) -> Array:
    """(2r+1, 2r+1) kernel of an ideal circular low-pass, w J1(w d) / (2 pi d) at distance d, summing to 1.

    Args:
        radius: r; the kernel is cut off there, which makes it ring.
        cutoff: w, radians a pixel; pi is the highest frequency that the grid holds.
    """
    from scipy.special import j1  # slow to import, and reading a configuration does not need it

    offsets = np.arange(-radius, radius + 1, dtype=np.float64)
    distance = np.hypot(offsets[None, :], offsets[:, None])
    distance[radius, radius] = 1.0
    kernel = cutoff * j1(cutoff * distance) / (2.0 * np.pi * distance)
    kernel[radius, radius] = cutoff**2 / (4.0 * np.pi)
    return np.asarray(kernel / kernel.sum())


def separated(kernel: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The fewest columns and rows whose products add up to a kernel, but for `TOLERANCE`.

    A kernel that half a turn leaves alone, as all of this module are, falls apart into a part even in both directions
    and one odd in both; each has a singular value decomposition of half the size, and columns and rows that are exactly
    even or odd, which OpenCV filters with at half the cost.

    Args:
        kernel: (k, k), k odd, unchanged by half a turn, summing to 1.

    Returns:
        (n, k) columns and (n, k) rows, float32: the kernel is nearly the sum of n outer products, of which the sum is
        exactly 1. An image of 0..255 comes out within `TOLERANCE` of what the kernel itself makes of it, because
        the error is at most 127.5 times the sum of the absolute differences of two kernels of equal sum.
    """
    size = len(kernel)
    half = size // 2
    upper, lower = kernel[:half], kernel[:half:-1]
    even_rows = np.concatenate([0.5 * (upper + lower), kernel[half : half + 1]])
    odd_rows = 0.5 * (upper - lower)
    even = np.concatenate([0.5 * (even_rows[:, :half] + even_rows[:, :half:-1]), even_rows[:, half : half + 1]], axis=1)
    odd = 0.5 * (odd_rows[:, :half] - odd_rows[:, :half:-1])
    columns: list[Array] = []
    rows: list[Array] = []
    strength: list[Array] = []
    for part, sign in ((even, 1.0), (odd, -1.0)):
        left, values, right = np.linalg.svd(part)
        middle = half if sign < 0 else half + 1
        for vectors, found in ((left.T, columns), (right, rows)):
            mirrored = sign * vectors[:, half - 1 :: -1] if half else vectors[:, :0]
            centre = vectors[:, half:middle] if sign > 0 else np.zeros((len(vectors), 1))
            found.append(np.concatenate([vectors[:, :half], centre, mirrored], axis=1))
        strength.append(values)
    values = np.concatenate(strength)
    order = np.argsort(-values, kind="stable")
    values, column, row = values[order], (np.concatenate(columns) * values[:, None])[order], np.concatenate(rows)[order]
    total = np.cumsum(column.sum(axis=1) * row.sum(axis=1))
    left_out = np.sqrt(np.cumsum(values[::-1] ** 2)[::-1])  # no more than the sum of absolute differences
    first = int(np.searchsorted(-127.5 * left_out, -TOLERANCE))
    for count in range(max(first, 1), size + 1):
        nearly = column[:count].T @ (row[:count] / total[count - 1])
        if total[count - 1] > 0.5 and 127.5 * np.abs(kernel - nearly).sum() <= TOLERANCE:
            break
    return np.asarray(column[:count] / total[count - 1], np.float32), np.asarray(row[:count], np.float32)
