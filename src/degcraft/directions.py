"""How differently a photo's frequencies fade from one direction to another: what blur along a line leaves behind.

Extractors are trained on turned patches and on the degradations of the space; of blur along a line they see little
more than the blur. This is the second look at the photos, and knows nothing of any space.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from degcraft.moments import Array

EDGES = (0.1, 0.17, 0.25, 0.34, 0.5)  # of the frequency bands, cycles a pixel
LENGTH = 2 * (len(EDGES) - 2)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_FLOOR = 20.0  # of the power, so that a flat patch has a logarithm


def directions(patches: NDArray[np.uint8]) -> Array:
    """Directional contrasts of the spectra of patches.

    Of a patch's luma under a Hann window, the logarithm of the mean power in each band of frequencies and each of four
    directions (0, 45, 90 and 135 degrees); from it 0 against 90 and 45 against 135 degrees, in each band but the lowest
    relative to the lowest, since directions that are strong at every frequency belong to the content.

    Args:
        patches: (n, h, h, 3) uint8.

    Returns:
        (n, `LENGTH`) float64, zero for a spectrum without a preferred direction.
    """
    cell, count = _cells(patches.shape[1])
    used = cell >= 0
    y = patches.astype(np.float32) @ _LUMA
    window = np.hanning(patches.shape[1]).astype(np.float32)
    y = (y - y.mean(axis=(1, 2), keepdims=True)) * np.outer(window, window)
    power = np.abs(np.fft.rfft2(y)[:, used]) ** 2
    total = np.stack([np.bincount(cell[used], values, minlength=len(count)) for values in power])
    level = np.log(total / count + _FLOOR).reshape(len(patches), len(EDGES) - 1, 4)
    contrast = level[:, :, :2] - level[:, :, 2:]
    return np.asarray((contrast[:, 1:] - contrast[:, :1]).reshape(len(patches), LENGTH), np.float64)


def _cells(size: int) -> tuple[NDArray[np.int64], Array]:
    """The band and direction that each frequency of a square patch belongs to, -1 for none, and how many each has."""
    v, u = np.meshgrid(np.fft.fftfreq(size), np.fft.rfftfreq(size), indexing="ij")
    band = np.digitize(np.hypot(u, v), EDGES) - 1
    sector = np.rint(np.arctan2(v, u) / (np.pi / 4)).astype(np.int64) % 4
    twice = (u == 0) & (v < 0)  # the same power as at -v, which elsewhere the real transform leaves out
    cell = np.where((band >= 0) & (band < len(EDGES) - 1) & ~twice, band * 4 + sector, -1)
    count = np.bincount(cell[cell >= 0], minlength=4 * (len(EDGES) - 1))
    return cell, np.maximum(count, 1).astype(np.float64)
