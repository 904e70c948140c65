"""Directional contrasts of spectra."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from degcraft.directions import LENGTH, directions


@pytest.fixture(scope="module")
def grain():
    """Sixty patches of coloured noise around middle grey."""
    return np.clip(np.random.default_rng(0).normal(128, 30, (60, 48, 48, 3)), 0, 255).astype(np.uint8)


def filtered(patches, kernel):
    return np.stack([cv2.filter2D(patch, -1, kernel) for patch in patches])


def test_noise_and_round_blur_have_no_direction(grain):
    round_ = filtered(grain, cv2.getGaussianKernel(7, 1.0) @ cv2.getGaussianKernel(7, 1.0).T)
    for patches in (grain, round_):
        found = directions(patches)
        assert found.shape == (60, LENGTH)
        assert np.abs(found.mean(axis=0)).max() < 0.15


@pytest.mark.parametrize(
    ("kernel", "contrast", "sign"),
    [
        (np.full((1, 3), 1 / 3), 0, -1),  # along rows: horizontal frequencies fade
        (np.full((3, 1), 1 / 3), 0, 1),
        (np.eye(3) / 3, 1, -1),  # down and to the right
        (np.eye(3)[::-1] / 3, 1, 1),
    ],
)
def test_blur_along_a_line_has_one(grain, kernel, contrast, sign):
    found = directions(filtered(grain, kernel)).mean(axis=0).reshape(-1, 2)
    assert (sign * found[:, contrast] > 0.3).all()
    assert np.abs(found[:, 1 - contrast]).max() < 0.3


def test_turned_patches_have_the_opposite(grain):
    blurred = filtered(grain, np.full((1, 3), 1 / 3))
    found, turned = directions(blurred), directions(np.rot90(blurred, axes=(1, 2)))
    np.testing.assert_allclose(turned, -found, atol=1e-3)


@pytest.mark.parametrize("size", [8, 16, 31])
def test_a_flat_patch_of_any_size_has_none(size):
    np.testing.assert_allclose(directions(np.full((2, size, size, 3), 77, np.uint8)), 0.0, atol=1e-6)
