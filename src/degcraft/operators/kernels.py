"""Blur kernels.

Generalised Gaussian and plateau kernels as in Liu et al., *Estimating Generalized Gaussian Blur Kernels for
Out-of-Focus Image Deblurring*, and BasicSR; the circular low-pass ("sinc") kernel as in Wang et al., *Real-ESRGAN*.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NARROWEST = 0.1  # standard deviation, px; narrower than that the pixel grid shows no difference


def elliptic(radius: int, along: float, across: float, angle: float) -> Array:
    """(2r+1, 2r+1): squared distance from the centre, in standard deviations.

    Args:
        radius: r.
        along: standard deviation in the direction of ``angle``, px.
        across: that at right angles to it, px.
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
