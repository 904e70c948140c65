"""PSNR and SSIM as the SR literature measures them, and bootstrap intervals of their means."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft.images import Uint8Image, luma

METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
WINDOW = 11  # side of SSIM's window, pixels
_BAND = 64  # rows measured at a time: they stay in the cache, and no large photo is held in floating point
# Rounding to 8 bits alone errs by 1/12 in the mean square. What is nearer to the truth than that counts as equal to it,
# so that the mean over photos is finite where one is.
HIGHEST = 10.0 * float(np.log10(255.0**2 * 12.0))  # dB, 58.92


def shave(image: NDArray[np.uint8], border: int) -> NDArray[np.uint8]:
    """Cut ``border`` pixels off every side of (H, W, ...)."""
    return image[border : image.shape[0] - border, border : image.shape[1] - border]


def psnr(a: NDArray[np.number], b: NDArray[np.number]) -> float:
    """Peak signal-to-noise ratio in dB of two arrays of 0..255; infinite if they are equal."""
    total = 0.0
    for top in range(0, len(a), _BAND):
        rows = slice(top, top + _BAND)
        total += float(np.sum((np.asarray(a[rows], np.float64) - np.asarray(b[rows], np.float64)) ** 2))
    error = total / a.size
    return float("inf") if error == 0 else 10.0 * float(np.log10(255.0**2 / error))


def ssim(a: NDArray[np.number], b: NDArray[np.number]) -> float:
    """Structural similarity (Wang et al., IEEE TIP 13(4), 2004) of (H, W) or the channels' mean of (H, W, C), 0..255.

    Gaussian window of 11 pixels and sigma 1.5, K1 = 0.01, K2 = 0.03, population covariances, mean over the windows
    that lie inside the image.
    """
    edge, total, count = WINDOW // 2, 0.0, 0
    for top in range(0, len(a) - 2 * edge, _BAND):
        rows = slice(top, top + _BAND + 2 * edge)
        values = _ssim_of_windows(np.asarray(a[rows], np.float64), np.asarray(b[rows], np.float64))
        total, count = total + float(values.sum()), count + values.size
    return total / count


def _ssim_of_windows(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """SSIM of every window inside (H, W) or (H, W, C): equation 13 of the paper."""
    edge, window = WINDOW // 2, cv2.getGaussianKernel(WINDOW, 1.5)

    def mean(image: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.sepFilter2D(image, -1, window, window), np.float64)[edge:-edge, edge:-edge]

    mean_a, mean_b = mean(a), mean(b)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance, variances = mean(a * b) - product, mean(a**2 + b**2) - squares
    c1, c2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2
    values: NDArray[np.float64] = (2.0 * product + c1) * (2.0 * covariance + c2)
    values /= (squares + c1) * (variances + c2)
    return values


def measure(restored: Uint8Image, truth: Uint8Image, border: int) -> dict[str, float]:
    """All of `METRICS` for one image, borders shaved; PSNR is at most `HIGHEST`.

    Args:
        restored: (H, W, 3) uint8.
        truth: of the same size.
        border: pixels cut off every side, by convention the scale.
    """
    a, b = shave(restored, border), shave(truth, border)
    ya, yb = luma(a), luma(b)
    psnr_y, psnr_rgb = min(psnr(ya, yb), HIGHEST), min(psnr(a, b), HIGHEST)
    return {"psnr_y": psnr_y, "ssim_y": ssim(ya, yb), "psnr_rgb": psnr_rgb, "ssim_rgb": ssim(a, b)}


def bootstrap_mean(
    values: NDArray[np.float64], resamplings: int, generator: np.random.Generator
) -> tuple[float, float, float]:
    """Mean of some values with its central 95% percentile bootstrap interval: ``mean, low, high``.

    One value has no interval: both ends are then the mean, as they are without resamplings.
    """
    mean = float(np.mean(values))
    if resamplings == 0 or len(values) < 2:
        return mean, mean, mean
    drawn = generator.integers(len(values), size=(resamplings, len(values)))
    low, high = np.quantile(np.asarray(values)[drawn].mean(axis=1), [0.025, 0.975])
    return mean, float(low), float(high)
