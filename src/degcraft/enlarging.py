"""Whether an LR photo looks enlarged by 2 or 4: its spectrum ends below the highest frequency, and repeats itself.

Thresholds were chosen on degraded photos and enlarged copies of them: see ``docs/check.md`` and
``benchmarks/quality.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from degcraft.images import Uint8Image, luma
from degcraft.sharing import spread

TILE = 32  # pixels; LR photos may hold no larger one
TILES = 300  # of a photo, spread evenly over it
FAINT = -33.0
"""Decibels; a photo with less at the highest frequencies, beside its coarse detail, may be enlarged."""
ALIKE = 0.14
"""Of 1; it is, if this much of what is above the old photo's frequencies repeats what is below."""


@dataclass(frozen=True)
class Traces:
    """What enlarging leaves in a photo.

    Attributes:
        fine: power above 0.85 of the highest frequency along either axis beside that at 0.1 to 0.25, decibels.
        repeated: squared coherence of frequencies on both sides of where the spectrum of a photo enlarged by 2, or by
            4, is mirrored; 0 to 1, the larger of the two.
    """

    fine: float
    repeated: float

    @property
    def enlarged(self) -> bool:
        """Whether both say so: soft photos have little at high frequencies, and JPEG's grid repeats spectra."""
        return self.fine < FAINT and self.repeated > ALIKE


def traces(image: Uint8Image) -> Traces | None:
    """What enlarging would have left in a photo; None if it is smaller than two tiles side by side, or flat.

    Args:
        image: (H, W, 3) uint8.
    """
    if min(image.shape[:2]) < TILE or max(image.shape[:2]) < 2 * TILE:
        return None
    windows = sliding_window_view(luma(image).astype(np.float32), (TILE, TILE))[:: TILE // 2, :: TILE // 2]
    tiles = windows.reshape(-1, TILE, TILE)
    tiles = tiles[spread(len(tiles), TILES)]
    window = np.outer(np.hanning(TILE), np.hanning(TILE))
    spectra = np.fft.fft2((tiles - tiles.mean(axis=(1, 2), keepdims=True)) * window)
    power = (np.abs(spectra) ** 2).mean(axis=0)
    frequency = 2 * np.abs(np.fft.fftfreq(TILE))
    down, across = frequency[:, None], frequency
    radius = np.hypot(down, across)
    fine, coarse = power[np.maximum(down, across) > 0.85].mean(), power[(radius >= 0.1) & (radius < 0.25)].mean()
    if coarse < 1e-6:
        return None
    repeated = max(_repeated(spectra, 2), _repeated(spectra, 4))
    return Traces(float(10 * np.log10(max(fine, 1e-9) / coarse)), repeated)


def _repeated(spectra: NDArray[np.complex128], factor: int) -> float:
    """How far spectra of (n, TILE, TILE) tiles repeat after the sampling frequency of a photo enlarged by a factor."""
    shift = TILE // factor
    just_above = shift // 2 + 1 + np.arange(shift // 4 - 1)  # further up, interpolation leaves too little
    found = []
    for turned in (spectra, spectra.swapaxes(1, 2)):
        high, low = turned[:, :, just_above], turned[:, :, just_above - shift]
        power = (np.abs(high) ** 2).sum(axis=0) * (np.abs(low) ** 2).sum(axis=0)
        found.append((np.abs((high * low.conj()).sum(axis=0)) ** 2 / np.maximum(power, 1e-9)).mean())
    by_chance = 1 / len(spectra)
    return float((np.mean(found) - by_chance) / (1 - by_chance))
