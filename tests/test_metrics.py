"""PSNR, SSIM and bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from degcraft.metrics import HIGHEST, METRICS, bootstrap_mean, measure, psnr, shave, ssim
from degcraft.seeds import stream


def ssim_by_definition(a, b):
    """Wang et al. 2004, equations 13 to 17, window by window: 11 x 11 Gaussian of sigma 1.5, K1 0.01, K2 0.03."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(x):
        return np.einsum("ijkl,kl->ij", sliding_window_view(x, (11, 11)), window)

    a, b = a.astype(np.float64), b.astype(np.float64)
    ma, mb = mean(a), mean(b)
    va, vb, covariance = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = (2 * ma * mb + c1) * (2 * covariance + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return values.mean()


@pytest.fixture(scope="module")
def pair(make_photo):
    image = make_photo(30, 37)
    noisy = image + np.random.default_rng(0).normal(0, 12, image.shape)
    return image, np.clip(noisy, 0, 255).astype(np.uint8)


def test_psnr_by_hand():
    a = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(a, a + np.uint8(1)) == pytest.approx(20 * np.log10(255))  # mean square 1
    assert psnr(a, np.zeros_like(a)) == pytest.approx(20 * np.log10(2.55))  # unsigned bytes do not wrap around
    b = a.copy()
    b[0, 0, 0] += 24  # mean square 24^2 / 48 = 12
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / 12))
    assert psnr(a, a) == float("inf")


def test_ssim_against_its_definition(pair):
    a, b = pair
    for channel in range(3):
        assert ssim(a[..., channel], b[..., channel]) == pytest.approx(
            ssim_by_definition(a[..., channel], b[..., channel]), abs=1e-6
        )
    channels = [ssim_by_definition(a[..., c], b[..., c]) for c in range(3)]
    assert ssim(a, b) == pytest.approx(np.mean(channels), abs=1e-6)
    assert ssim(a, a) == pytest.approx(1.0)


def test_psnr_and_ssim_against_scikit_image(pair):
    a, b = pair
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    for x, y in ((a, b), (a[..., 0], b[..., 0])):
        assert psnr(x, y) == pytest.approx(peak_signal_noise_ratio(x, y, data_range=255), abs=1e-9)
        expected = structural_similarity(x, y, channel_axis=-1 if x.ndim == 3 else None, **gaussian)
        assert ssim(x, y) == pytest.approx(expected, abs=1e-9)
    inner = rgb2ycbcr(a[4:-4, 4:-4])[..., 0], rgb2ycbcr(b[4:-4, 4:-4])[..., 0]
    values = measure(a, b, 4)
    assert values["psnr_y"] == pytest.approx(peak_signal_noise_ratio(*inner, data_range=255), abs=1e-6)
    assert values["ssim_y"] == pytest.approx(structural_similarity(*inner, **gaussian), abs=1e-6)


def test_what_is_nearer_than_rounding_counts_as_equal(pair):
    a, _ = pair
    one_off = a.copy()
    one_off[10, 10] ^= 1
    assert measure(a, a, 2) == pytest.approx({"psnr_y": HIGHEST, "ssim_y": 1, "psnr_rgb": HIGHEST, "ssim_rgb": 1})
    assert psnr(a, one_off) > HIGHEST and measure(a, one_off, 2)["psnr_rgb"] == HIGHEST
    # the error of rounding real numbers
    exact = np.random.default_rng(0).uniform(20, 230, (500, 500))
    assert psnr(exact, np.rint(exact)) == pytest.approx(HIGHEST, abs=0.05)


def test_ssim_of_constants_by_hand():
    # without variance only the luminance term is left: (2ab + c1) / (a^2 + b^2 + c1)
    a, b, c1 = 100.0, 150.0, 2.55**2
    value = ssim(np.full((16, 16), a), np.full((16, 16), b))
    assert value == pytest.approx((2 * a * b + c1) / (a**2 + b**2 + c1), abs=1e-6)


def test_measures_shave_the_border(pair):
    a, b = pair
    inner = measure(a[4:-4, 4:-4], b[4:-4, 4:-4], 0)
    assert tuple(inner) == METRICS == ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
    spoilt = b.copy()
    spoilt[:4], spoilt[-4:], spoilt[:, :4], spoilt[:, -4:] = 0, 0, 0, 0
    assert measure(a, spoilt, 4) == pytest.approx(inner)
    assert shave(a, 4).shape == (22, 29, 3)
    np.testing.assert_array_equal(shave(a, 0), a)


def test_luma_metrics_by_hand():
    a = np.full((16, 16, 3), 100, np.uint8)
    b = a + np.array([0, 0, 10], np.uint8)
    # blue weighs 24.966 / 255 in the luma; the mean square over the channels is 100 / 3
    values = measure(a, b, 2)
    assert values["psnr_y"] == pytest.approx(20 * np.log10(255 / (24.966 / 255 * 10)))
    assert values["psnr_rgb"] == pytest.approx(10 * np.log10(255**2 / (100 / 3)))


@given(st.lists(st.floats(10, 50), min_size=1, max_size=20), st.integers(0, 200))
def test_bootstrap_interval_holds_the_mean(values, resamplings):
    mean, low, high = bootstrap_mean(np.array(values), resamplings, stream(0, "x"))
    assert mean == pytest.approx(np.mean(values))
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    if resamplings == 0 or len(values) == 1:
        assert low == mean == high


def test_bootstrap_interval_has_the_width_that_theory_gives():
    values = np.random.default_rng(0).normal(30, 2, 400)
    _, low, high = bootstrap_mean(values, 2000, stream(0, "x"))
    # 2 x 1.96 standard errors of the mean
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert bootstrap_mean(values, 2000, stream(0, "x"))[1:] == (low, high)
