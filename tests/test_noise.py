"""Noise of every kind: its distribution, its covariances, its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from degcraft.operators import OPERATORS, noise

GREY = np.full((300, 300, 3), 128.0)


def noisy(image, seed=0, **values):
    """An image with noise, Gaussian by default."""
    image, values = np.asarray(image, np.float32), {"kind": "gaussian"} | values
    return OPERATORS["noise"].apply(image, values, image.shape[:2], np.random.default_rng(seed))


def test_looked_up_normals_are_normal():
    values = noise.normals(np.random.default_rng(0), (400, 500))
    assert stats.kstest(values.ravel(), "norm").pvalue > 0.01
    quantiles = noise._quantiles().astype(float)
    assert abs(quantiles.mean()) < 1e-7
    assert quantiles.std() == pytest.approx(1.0, abs=1e-7)
    assert stats.kstest(quantiles, "norm").statistic < 2**-17 + 2e-5  # half a step, and the scaling to a variance of 1


def test_grey_noise_is_the_same_in_all_channels():
    for kind in ("gaussian-grey", "poisson-grey"):
        added = noisy(GREY, kind=kind, sigma=9.0, scale=1.0) - GREY
        assert added.std() > 0
        np.testing.assert_array_equal(added[..., 0], added[..., 1])
        np.testing.assert_array_equal(added[..., 0], added[..., 2])


def test_correlated_noise_has_covariances_of_its_own():
    covariances = []
    for seed in range(4):
        added = noisy(GREY, seed=seed, kind="gaussian-correlated", sigma=10.0) - 128.0
        covariances.append(np.cov(added.reshape(-1, 3).T))
        assert covariances[-1].diagonal().max() < 100 * 1.03  # of a matrix with eigenvalues below sigma², 4 errors
        assert (covariances[-1] > -2).all()  # absolute values
    assert np.abs(covariances[0] - covariances[1]).max() > 5
    generator = np.random.default_rng(3)
    mixing = noise._channel_mixing(generator)
    assert np.linalg.eigvalsh(mixing @ mixing.T).min() > -1e-6


@pytest.mark.parametrize("level", [0, 1, 3, 11, 12, 40, 128, 255])
def test_poisson_noise_has_the_distribution_of_counts(level):
    levels = np.full((256, 300, 3), level, np.uint8)
    levels[0, :256, :] = np.arange(256)[:, None]  # 256 values, hence 256 photons for white
    counts = noise._poisson(levels, 256 / 255, np.random.default_rng(level))[1:].ravel() + level * 256 / 255
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-3)
    mean = level * 256 / 255
    grid = np.arange(int(mean + 6 * np.sqrt(mean)) + 2)
    observed = np.searchsorted(np.sort(np.rint(counts)), grid, side="right") / counts.size
    # 229,500 counts: 1.63 / sqrt(n) is the 1% point of Kolmogorov and Smirnov
    assert np.abs(observed - stats.poisson.cdf(grid, mean)).max() < 0.0013 + 1.63 / np.sqrt(counts.size)


def test_the_normal_range_of_poisson_is_within_its_bound_at_every_quantile():
    for mean in (noise.EXACT_BELOW, 20.0, 256.0):
        z = noise._quantiles().astype(float)
        counts = np.sort(np.rint(mean + np.sqrt(mean) * z + (z * z - 1) / 6))
        grid = np.arange(400)
        ours = np.searchsorted(counts, grid, side="right") / len(counts)
        assert np.abs(ours - stats.poisson.cdf(grid, mean)).max() < 0.0013


def test_poissons_scale_multiplies_the_deviation(make_photo):
    image = make_photo(40, 40).astype(np.float32) / 2 + 60  # far from being clipped
    once, twice = (noisy(image, kind="poisson", scale=scale) - image for scale in (0.5, 1.0))
    np.testing.assert_allclose(twice, 2 * once, atol=1e-3)


def test_few_values_make_few_photons():
    for values, photons in ((1, 1), (2, 2), (3, 4), (5, 8)):
        levels = np.full((64, 64, 3), 255, np.uint8)
        levels[0, 0] = 255 - np.arange(values)[:3].max()
        levels[0, :values, 0] = 255 - np.arange(values)
        deviation = noise._poisson(levels, 1.0, np.random.default_rng(0))[1:]
        assert deviation.std() == pytest.approx(255 / np.sqrt(photons), rel=0.06)


def test_noise_stays_within_what_a_photo_holds():
    for kind in ("gaussian", "poisson"):
        result = noisy(np.full((40, 40, 3), 250.0), kind=kind, sigma=80.0, scale=5.0)
        assert 0 <= result.min() < result.max() == 255.0
