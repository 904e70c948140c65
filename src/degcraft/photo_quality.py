"""What a photo's pixels say of its past: detail up to the highest frequencies, and the grid of JPEG blocks.

Thresholds were chosen on sharp photos and degraded copies of them: see ``docs/check.md`` and ``benchmarks/quality.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft.images import Uint8Image, luma

TILE = 128  # pixels
TILES = 16  # the most textured ones of a photo
RINGS = 32  # of the spectrum, from frequency 0 to the highest that pixels can hold along an axis
FAINT = -18.5
"""Decibels; a photo whose fine detail is no stronger beside its coarse detail is called soft."""
STEEP = 12.5
"""Decibels; so is one whose spectrum falls by more within three sixteenths of the frequencies."""
BLOCKY = 0.45
"""Of 255; a photo with larger steps between JPEG's blocks, beside those elsewhere, is called compressed."""


@dataclass(frozen=True)
class Detail:
    """How a photo's spectrum falls.

    Attributes:
        fine: power at 0.75 to 0.95 of the highest frequency beside that at 0.3 to 0.45, decibels.
        drop: the steepest fall within three sixteenths of the frequencies, of the mean of three rings, decibels.
        edge: where that is, as a share of the highest frequency.
    """

    fine: float
    drop: float
    edge: float

    @property
    def soft(self) -> bool:
        """Whether it looks upscaled or blurred."""
        return self.fine < FAINT or self.drop > STEEP


def detail(image: Uint8Image) -> Detail | None:
    """The detail in the most textured tiles of a photo; None if it is smaller than a tile, or flat.

    Args:
        image: (H, W, 3) uint8.
    """
    tiles = _textured_tiles(luma(image).astype(np.float32))
    if not len(tiles):
        return None
    power = _rings(tiles)
    centres = (np.arange(RINGS) + 0.5) / RINGS
    fine = power[(centres >= 0.75) & (centres < 0.95)].mean()
    coarse = power[(centres >= 0.3) & (centres < 0.45)].mean()
    smooth = np.convolve(10 * np.log10(np.maximum(power, 1e-9)), np.full(3, 1 / 3), "valid")  # k: rings k to k + 2
    falls = smooth[8:-6] - smooth[14:]  # from a quarter of the frequencies on; below, slopes are those of contents
    steepest = int(falls.argmax())
    edge = float(centres[8 + 1 + 3 + steepest])
    return Detail(float(10 * np.log10(max(fine, 1e-9) / max(coarse, 1e-9))), float(falls[steepest]), edge)


def _textured_tiles(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tiles of a (H, W) image with the largest mean gradient, half of all at most: (n, TILE, TILE)."""
    height, width = (side // TILE * TILE for side in grey.shape)
    grid = grey[:height, :width].reshape(height // TILE, TILE, width // TILE, TILE)
    tiles = np.ascontiguousarray(grid.swapaxes(1, 2)).reshape(-1, TILE, TILE)
    texture = sum(np.abs(np.diff(tiles, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2))
    kept = np.argsort(-np.asarray(texture), kind="stable")[: min(TILES, -(-len(tiles) // 2))]
    return tiles[[index for index in kept if np.ptp(tiles[index]) > 0]]


def _rings(tiles: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean power of the windowed spectra of tiles, by distance from frequency 0: (RINGS,)."""
    window = np.outer(np.hanning(TILE), np.hanning(TILE))
    power = np.abs(np.fft.rfft2((tiles - tiles.mean(axis=(1, 2), keepdims=True)) * window)) ** 2
    radius = 2 * np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE))
    ring = np.minimum((radius * RINGS).astype(int), RINGS)  # the corners, beyond the last ring, do not count
    count = np.bincount(ring.ravel())[:RINGS]
    return np.asarray(np.bincount(ring.ravel(), power.mean(axis=0).ravel())[:RINGS] / count)


def blockiness(image: Uint8Image) -> float:
    """How much larger steps in luma are between JPEG's blocks than between any other eighth pixels, of 255.

    A step counts by what it exceeds the two beside it, clipped so that edges of things do not outweigh all else. The
    grid has to start at the upper left corner, as a photo has that was not cut since it was compressed.

    Args:
        image: (H, W, 3) uint8.
    """
    grey = luma(image).astype(np.float32)
    phases = [_steps(turned) for turned in (grey, grey.T) if turned.shape[1] >= 24]
    if not phases:
        return 0.0
    mean = np.mean(phases, axis=0)
    return float(mean[0] - mean[1:].max())


def _steps(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean excess of the steps before columns 0, 1, ... 7 of every eight: (8,)."""
    step = np.abs(np.diff(grey, axis=1))
    excess = np.clip(step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2, -20, 20)  # the first is before column 2
    by_column = excess.mean(axis=0, dtype=np.float64)
    return np.array([by_column[(phase - 2) % 8 :: 8].mean() for phase in range(8)])


def fingerprint(image: Uint8Image) -> NDArray[np.bool_]:
    """Which of 240 neighbours in a tiny version of a photo are brighter: (240,), alike for resized or saved copies.

    Args:
        image: (H, W, 3) uint8.
    """
    tiny = cv2.resize(luma(image).astype(np.float32), (16, 16), interpolation=cv2.INTER_AREA)
    return np.asarray(np.diff(tiny, axis=1) > 0).ravel()


def different(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> int:
    """How many bits of two fingerprints differ."""
    return int(np.count_nonzero(first != second))


def luma_distance(first: Uint8Image, second: Uint8Image) -> float:
    """Root mean square difference of the luma of two photos of the same, of 255.

    Args:
        first: (H, W, 3) uint8.
        second: likewise; shrunk or enlarged to the first's size.
    """
    height, width = first.shape[:2]
    if second.shape != first.shape:
        second = np.asarray(cv2.resize(second, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return float(np.sqrt(np.mean((luma(first) - luma(second)) ** 2)))
