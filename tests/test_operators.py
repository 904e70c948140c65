"""Every operator: what it must leave alone, what it must do, and by how much."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from degcraft.operators import OPERATORS, kernels, to_uint8
from degcraft.resampling import KINDS

BLUR = {"kind": "isotropic", "sigma": 1.0, "angle": 0.0, "beta": 1.0, "plateau": 1.0, "size": 0.0}


KIND = {"noise": {"kind": "gaussian"}, "jpeg": {"kind": "jpeg"}}


def apply(name, image, scale=2, seed=0, **values):
    image, values = np.asarray(image, np.float32), KIND.get(name, {}) | values
    lr = (image.shape[0] // scale, image.shape[1] // scale)
    return OPERATORS[name].apply(image, values, lr, np.random.default_rng(seed))


def blurred(image, **values):
    values = BLUR | values
    return apply("blur", image, **({"across": values["sigma"]} | values))


def example(name):
    """Every parameter at its default or the middle of its range."""
    return {
        p.name: p.default if p.default is not None else p.choices[0] if p.choices else round((p.lower + p.upper) / 8)
        for p in OPERATORS[name].parameters
    }


def framed(seed: int = 0, margin: int = 26) -> np.ndarray:
    """Noise in the middle of black, so that what happens at the border does not matter."""
    image = np.zeros((90, 90, 3), np.float32)
    inner = np.random.default_rng(seed).uniform(0, 255, (90 - 2 * margin, 90 - 2 * margin, 3))
    image[margin:-margin, margin:-margin] = inner
    return image


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize(("height", "width"), [(24, 36), (17, 9), (1, 2)])
def test_shape_type_and_range(name, height, width, make_photo):
    image = make_photo(height * 2, width * 2)
    before = image.astype(np.float32)
    result = apply(name, before, **example(name))
    shape = (height, width, 3) if name == "resize" else image.shape
    assert result.shape == shape
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert to_uint8(result).dtype == np.uint8
    np.testing.assert_array_equal(before, image)  # the input is not written to


@pytest.mark.parametrize("name", OPERATORS)
def test_same_seed_same_bytes(name, make_photo):
    image = make_photo(32, 40)
    first, second, other = (apply(name, image, seed=seed, **example(name)) for seed in (1, 1, 2))
    assert first.tobytes() == second.tobytes()
    assert (first.tobytes() == other.tobytes()) == (name != "noise")


@pytest.mark.parametrize("name", OPERATORS)
def test_parameters_are_complete(name):
    for parameter in OPERATORS[name].parameters:
        assert (parameter.choices is None) == (parameter.lower < parameter.upper)
        if parameter.choices is not None and parameter.default is not None:
            assert parameter.default in parameter.choices
        elif parameter.default is not None:
            assert parameter.lower <= parameter.default <= parameter.upper
        assert OPERATORS[name].parameter(parameter.name) is parameter


def test_neutral_parameters_change_nothing(make_photo):
    image = make_photo(20, 28).astype(np.float32)
    np.testing.assert_array_equal(blurred(image, sigma=0.0), image)
    np.testing.assert_array_equal(apply("noise", image, sigma=0.0), image)
    for kind in KINDS:
        np.testing.assert_allclose(apply("resize", image, scale=1, kind=kind), image, atol=1e-4)


def test_blurring_a_little_is_continuous_where_it_sets_in(make_photo):
    image = make_photo(20, 28).astype(np.float32)
    assert np.abs(blurred(image, sigma=0.1001) - blurred(image, sigma=0.0999)).max() < 0.5


@pytest.mark.parametrize("kind", ["isotropic", "anisotropic"])
@given(sigma=st.floats(0.1, 8.0), across=st.floats(0.05, 8.0), angle=st.floats(0.0, 180.0))
def test_blur_keeps_constants_and_the_mean(kind, sigma, across, angle):
    values = {"kind": kind, "sigma": sigma, "across": across, "angle": angle}
    constant = np.full((40, 30, 3), 77.0)
    np.testing.assert_allclose(blurred(constant, **values), constant, atol=1e-3)
    image = framed()
    np.testing.assert_allclose(blurred(image, **values).mean(), image.mean(), rtol=1e-4)


@given(seed=st.integers(0, 1000), sigma=st.floats(0.1, 7.0), more=st.floats(0.1, 1.0))
def test_energy_falls_with_sigma(seed, sigma, more):
    image = framed(seed)
    assert blurred(image, sigma=sigma + more).var() < blurred(image, sigma=sigma).var()


@pytest.mark.parametrize("sigma", [0.7, 1.5, 4.0])
def test_blur_of_a_point_is_the_gaussian_written_down(sigma):
    image = np.zeros((61, 61, 3))
    image[30, 30] = 1000.0
    y, x = np.mgrid[-30:31, -30:31]
    gaussian = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    expected = 1000 * gaussian / gaussian.sum()
    # the kernel ends at 3 sigma, beyond which a Gaussian's ordinate is exp(-4.5) = 1.1% of its peak
    np.testing.assert_allclose(blurred(image, sigma=sigma)[..., 1], expected, atol=0.012 * expected.max())


@pytest.mark.parametrize(
    ("sigma", "ratio", "angle"), [(3, 1, 0), (4, 0.4, 0), (4, 0.4, 90), (5, 0.3, 30), (5, 0.5, 135)]
)
def test_anisotropic_kernel_has_the_moments_asked_for(sigma, ratio, angle):
    radius = int(np.ceil(3 * sigma))
    kernel = kernels.gaussian(kernels.elliptic(radius, sigma, sigma * ratio, angle))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    assert kernel.sum() == pytest.approx(1.0, abs=1e-5)
    moments = np.array([[np.sum(kernel * x * x), np.sum(kernel * x * y)], [0, np.sum(kernel * y * y)]])
    moments[1, 0] = moments[0, 1]
    # R diag(s^2, (ratio s)^2) R', rows downwards, so that a positive angle turns clockwise on the screen
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    turn = np.array([[c, -s], [s, c]])
    expected = turn @ np.diag([sigma**2, (ratio * sigma) ** 2]) @ turn.T
    # cut at 3 sigma a Gaussian keeps 1 - 6 phi(3) / (2 Phi(3) - 1) = 97.3% of its variance
    np.testing.assert_allclose(moments, expected, atol=0.05 * sigma**2)
    assert moments.trace() < expected.trace()


def test_equal_deviations_are_isotropic(make_photo):
    image = make_photo(50, 60)
    turned = blurred(image, kind="anisotropic", sigma=1.7, across=1.7, angle=33.0)
    np.testing.assert_allclose(turned, blurred(image, sigma=1.7), atol=0.02)


def test_the_wide_direction_of_a_blur():
    image = np.zeros((41, 41, 3))
    image[20, 20] = 1.0
    flat = blurred(image, kind="anisotropic", sigma=3.0, across=0.6, angle=0.0)[..., 0]
    assert flat[20, 26] > 10 * flat[26, 20]
    slanted = blurred(image, kind="anisotropic", sigma=3.0, across=0.6, angle=45.0)[..., 0]
    assert slanted[24, 24] > 10 * slanted[16, 24]  # clockwise: down to the right


@pytest.mark.parametrize("sigma", [1.0, 12.5, 40.0])
def test_noise_has_the_deviation_asked_for_in_every_channel(sigma):
    noise = apply("noise", np.full((200, 200, 3), 128.0), sigma=sigma) - 128.0
    values = noise.reshape(-1, 3)
    # 40,000 samples a channel: standard errors sigma / 283 of a deviation, 1 / 200 of a correlation and a mean / sigma
    np.testing.assert_allclose(values.std(axis=0), sigma, rtol=4 / 283)
    np.testing.assert_allclose(values.mean(axis=0), 0.0, atol=sigma * 4 / 200)
    between = np.corrcoef(values.T)[np.triu_indices(3, 1)]
    neighbours = [np.corrcoef(noise[:, 1:, 0].ravel(), noise[:, :-1, 0].ravel())[0, 1]]
    np.testing.assert_allclose([*between, *neighbours], 0.0, atol=4 / 200)


def through_pillow(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(Image.open(buffer).convert("RGB"), np.float32)


@pytest.mark.parametrize("quality", [5, 30, 75, 95, 100])
@pytest.mark.parametrize("size", [(48, 64), (37, 51)])
def test_jpeg_is_that_of_libjpeg_through_pillow(quality, size, make_photo):
    image = make_photo(*size)
    difference = np.abs(apply("jpeg", image, quality=float(quality)) - through_pillow(image, quality))
    assert difference.max() <= 2
    assert difference.mean() < 0.05


def test_jpeg_error_falls_as_quality_rises(make_photo):
    image = make_photo(64, 64).astype(np.float32)
    errors = [np.mean((apply("jpeg", image, quality=quality) - image) ** 2) for quality in (5, 20, 40, 60, 80, 95)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 5 * errors[-1]


def test_jpeg_clips_and_rounds_first():
    wild = np.stack([np.full((16, 16), v, np.float32) for v in (-50.0, 127.6, 300.0)], axis=-1)
    tame = np.stack([np.full((16, 16), v, np.float32) for v in (0.0, 128.0, 255.0)], axis=-1)
    np.testing.assert_array_equal(apply("jpeg", wild, quality=90), apply("jpeg", tame, quality=90))


def test_bytes_are_clipped_and_rounded():
    values = np.array([-3.0, 0.4, 0.6, 254.4, 254.6, 900.0], np.float32)
    np.testing.assert_array_equal(to_uint8(values), [0, 0, 1, 254, 255, 255])
