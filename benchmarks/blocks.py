"""Block statistics as features: what one can compare photos by without training anything.

Logarithms of the mean energy of every coefficient of the 8x8 discrete cosine transform of the luma, on JPEG's grid,
standardised over degraded patches.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from degcraft.storage import replacing


def energies(patches: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(n, h, w, 3) uint8 to (n, 64) logarithms of energy, constant coefficient first."""
    luma = patches @ np.array([0.299, 0.587, 0.114])
    n, rows, columns = len(luma), luma.shape[1] // 8, luma.shape[2] // 8
    blocks = luma[:, : rows * 8, : columns * 8].reshape(n, rows, 8, columns, 8)
    coefficients = dctn(blocks, axes=(2, 4), norm="ortho")
    return np.log((coefficients**2).mean(axis=(1, 3)) + 1.0).reshape(n, 64)


class BlockStatistics:
    """Block statistics, standardised; called like `degcraft.extractor.Extractor`.

    Args:
        path: file written by `fit`.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path) as file:
            self._mean, self._deviation = file["mean"], file["deviation"]
        self.length = len(self._mean)

    def __call__(self, patches: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Features of patches (n, h, w, 3) uint8: (n, 64)."""
        return (energies(patches) - self._mean) / self._deviation


def fit(patches: NDArray[np.uint8], path: Path) -> None:
    """Keep the mean and deviation of some degraded patches as the standard."""
    values = energies(patches)
    with replacing(path) as partial:
        np.savez(partial, mean=values.mean(axis=0), deviation=values.std(axis=0))
