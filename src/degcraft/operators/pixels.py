"""Rounding to 8 bits."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft.images import FloatImage


def to_uint8(image: FloatImage) -> NDArray[np.uint8]:
    """Clip to 0..255 and round to the nearest integer."""
    _, positive = cv2.threshold(image, 0.0, 0.0, cv2.THRESH_TOZERO)
    return np.asarray(cv2.convertScaleAbs(positive), np.uint8).reshape(image.shape)  # rounds, and clips to 255
