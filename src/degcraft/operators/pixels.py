"""Rounding to 8 bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from degcraft.images import FloatImage


def to_uint8(image: FloatImage) -> NDArray[np.uint8]:
    """Clip to 0..255 and round to the nearest integer."""
    clipped = np.clip(image, 0.0, 255.0)
    return np.rint(clipped, out=clipped).astype(np.uint8)
