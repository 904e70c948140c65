"""Every operator: what it must leave alone, what it must do, and by how much."""

from __future__ import annotations

import io
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from degcraft.convolution import convolve
from degcraft.operators import OPERATORS, blur, kernels, to_uint8
from degcraft.operators.chain import run
from degcraft.operators.shuffle import arrange
from degcraft.resampling import KINDS, resize

BLUR = {"kind": "isotropic", "sigma": 1.0, "angle": 0.0, "beta": 1.0, "plateau": 1.0, "size": 0.0}


KIND = {"noise": {"kind": "gaussian"}, "jpeg": {"kind": "jpeg"}}


def apply(name, image, shrink=2, seed=0, **values):
    image, values = np.asarray(image, np.float32), KIND.get(name, {}) | values
    lr = (image.shape[0] // shrink, image.shape[1] // shrink)
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
        assert not parameter.like or OPERATORS[name].parameter(parameter.like).unit == parameter.unit
        if parameter.only is not None:
            selector, choices = parameter.only
            assert set(choices) <= set(OPERATORS[name].parameter(selector).choices)
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
        np.testing.assert_allclose(apply("resize", image, shrink=1, kind=kind), image, atol=1e-4)


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


def kernel_of(**values):
    """The kernel that a blur's values mean, in double precision."""
    radius = blur._radius(BLUR | values)
    if values["kind"] == "isotropic":
        return kernels.gaussian(kernels.elliptic(radius, values["sigma"], values["sigma"], 0.0))
    return blur._kernel(BLUR | values, radius)


def filtered(image, kernel):
    return np.stack([ndimage.correlate(image[..., c].astype(float), kernel, mode="mirror") for c in range(3)], axis=-1)


VALUES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(blur.KINDS[:-1]),
        "sigma": st.floats(0.1, 3.0),
        "across": st.floats(0.1, 3.0),
        "variance": st.floats(0.01, 8.0),
        "variance_across": st.floats(0.01, 8.0),
        "angle": st.floats(0.0, 180.0),
        "beta": st.floats(0.5, 4.0),
        "plateau": st.floats(1.0, 2.0),
        "cutoff": st.floats(1.05, 3.14),
        "size": st.sampled_from([0.0, 3.0, 7.0, 9.0, 21.0]),
    }
)


@given(values=VALUES, seed=st.integers(0, 99), height=st.integers(1, 40), width=st.integers(1, 40))
def test_every_blur_is_the_sum_of_products_written_down(values, seed, height, width):
    image = 255.0 * np.random.default_rng(seed).integers(0, 2, (height, width, 3))
    np.testing.assert_allclose(blurred(image, **values), filtered(image, kernel_of(**values)), atol=2e-3)


@pytest.mark.parametrize("size", [(40, 200), (133, 70), (260, 3)])  # one tile and several, even and odd in number
@pytest.mark.parametrize("radius", [6, 10, 32])
def test_tiles_of_a_convolution_leave_no_seam(size, radius):
    image = (255.0 * np.random.default_rng(0).integers(0, 2, (*size, 3))).astype(np.float32)
    kernel = kernels.gaussian(kernels.elliptic(radius, radius / 2, radius / 5, 30.0))
    np.testing.assert_allclose(convolve(image, kernel), filtered(image, kernel), atol=1e-3)


@given(
    sigma=st.floats(0.1, 3.0),
    size=st.sampled_from([0.0, 7.0, 21.0]),
    seed=st.integers(0, 99),
    kind=st.sampled_from(KINDS),
    sides=st.tuples(*[st.integers(8, 60)] * 2),
    step=st.sampled_from(["resize", "rescale"]),
)
def test_blur_and_resize_in_one_are_blur_and_then_resize(sigma, size, seed, kind, sides, step):
    image = (255.0 * np.random.default_rng(seed).integers(0, 2, (*sides, 3))).astype(np.float32)
    values = BLUR | {"sigma": sigma, "size": size}
    lr = (sides[0] // 3, sides[1] // 4)
    following = OPERATORS[step], {"kind": kind, "direction": "keep", "of": "lr"}
    expected = resize(blurred(image, **values), *lr, kind)
    together = run([(OPERATORS["blur"], values), following], image, lr, np.random.default_rng(0))
    np.testing.assert_allclose(
        together, expected, atol=0.1
    )  # OpenCV holds weights of aliased kinds in a few bits fewer


def test_kernels_are_the_formulas_written_down():
    y, x = np.mgrid[-3:4, -3:4].astype(float)
    d = (x * np.cos(0.5) + y * np.sin(0.5)) ** 2 / 4 + (y * np.cos(0.5) - x * np.sin(0.5)) ** 2 / 0.25
    distance = kernels.elliptic(3, 2.0, 0.5, np.rad2deg(0.5))
    np.testing.assert_allclose(distance, d, rtol=1e-12)
    np.testing.assert_allclose(kernels.gaussian(d, 0.7), np.exp(-0.5 * d**0.7) / np.exp(-0.5 * d**0.7).sum())
    np.testing.assert_allclose(kernels.plateau(d, 1.5), 1 / (1 + d**1.5) / (1 / (1 + d**1.5)).sum())
    # an ideal low-pass at pi: ordinates from tables of J1, at distances 0, 1 and 2, relative to the centre
    ringing = kernels.sinc(10, np.pi)[10, 10:13] / kernels.sinc(10, np.pi)[10, 10]
    np.testing.assert_allclose(ringing, [1.0, 2 * 0.284615 / np.pi, 2 * -0.212383 / (2 * np.pi)], atol=1e-5)


def test_sinc_passes_what_is_slow_and_stops_what_is_fast():
    x = np.arange(120)
    for frequency, passes in ((0.6, True), (2.4, False)):
        wave = np.broadcast_to(128 + 100 * np.cos(frequency * x)[None, :, None], (60, 120, 3))
        left = blurred(wave, kind="sinc", cutoff=1.5, size=21.0)[20:40, 20:100].std() / wave[20:40, 20:100].std()
        assert (left > 0.9) if passes else (left < 0.1)


def test_variances_are_squared_deviations(make_photo):
    image = make_photo(40, 50)
    by_variance = blurred(image, kind="anisotropic-variance", variance=4.0, variance_across=0.25, angle=20.0)
    by_deviation = blurred(image, kind="anisotropic", sigma=2.0, across=0.5, angle=20.0)
    np.testing.assert_array_equal(by_variance, by_deviation)


@pytest.mark.parametrize("name", ["blur", "noise", "jpeg"])
def test_a_step_of_kind_none_changes_nothing(name, make_photo):
    image = make_photo(20, 30).astype(np.float32)
    np.testing.assert_array_equal(apply(name, image, **(example(name) | {"kind": "none"})), image)


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ({"direction": "keep", "of": "image"}, (48, 64)),
        ({"direction": "keep", "of": "lr"}, (12, 16)),
        ({"direction": "down", "of": "image", "down": 0.5}, (24, 32)),
        ({"direction": "down", "of": "image", "down": float(np.float32(0.7))}, (33, 44)),
        ({"direction": "up", "of": "lr", "up": 1.2}, (14, 19)),
        ({"direction": "divide", "divisor": 3.0}, (16, 21)),
        ({"direction": "divide", "divisor": float(np.float32(1.2))}, (40, 53)),
        ({"direction": "divide", "divisor": 16.0}, (6, 8)),  # half the LR image, and no less
        ({"direction": "shifted", "sigma": 1.0}, (12, 16)),
    ],
)
def test_a_rescaled_image_has_the_size_asked_for(values, size, make_photo):
    image = make_photo(48, 64)
    rescaled = apply("rescale", image, shrink=4, kind="area", **values)
    assert rescaled.shape[:2] == size
    back = OPERATORS["resize"].apply(rescaled, {"kind": "area"}, (12, 16), np.random.default_rng(0))
    assert back.shape[:2] == (12, 16)  # whatever came before


@pytest.mark.parametrize("sigma", [0.1, 0.8, 2.4])
def test_shifted_is_bsrgans_shifted_kernel_and_every_fourth_pixel(sigma, make_photo):
    image = make_photo(48, 64).astype(np.float32)
    offsets = np.arange(-12, 13)
    weights = np.exp(-0.5 * ((offsets - 1.5) / sigma) ** 2)  # (4 - 1) / 2 pixels towards the centre of a large pixel
    line = weights / weights.sum()
    expected = filtered(image, np.outer(line, line))[::4, ::4]
    shifted = apply("rescale", image, shrink=4, direction="shifted", sigma=sigma)
    np.testing.assert_allclose(shifted[1:-1, 1:-1], expected[1:-1, 1:-1], atol=0.5)


def test_all_permutations_share_the_order_equally():
    steps = ["blur", "noise", "jpeg", "blur"]
    orders = [arrange(steps, {"kind": "any", "order": (i + 0.5) / 24}) for i in range(24)]
    assert [tuple(order) for order in orders] == list(permutations(range(4)))
    assert arrange(steps, {"kind": "any", "order": 0.0}) == [0, 1, 2, 3]
    assert arrange(steps, {"kind": "any", "order": 1.0}) == [3, 2, 1, 0]


def test_other_orders():
    assert arrange(["resize", "blur", "jpeg"], {"kind": "last-first"}) == [2, 0, 1]
    assert arrange(["resize", "blur", "jpeg"], {"kind": "as-is"}) == [0, 1, 2]


def test_rescale_and_resize_change_places_where_need_be():
    steps = ["noise", "rescale", "resize"]
    for i, expected in enumerate([[0, 1, 2], [0, 1, 2], [1, 0, 2], [1, 2, 0], [1, 0, 2], [1, 2, 0]]):
        assert arrange(steps, {"kind": "any", "order": (i + 0.5) / 6}) == expected
    assert arrange(["resize", "rescale", "rescale"], {"kind": "as-is"}) == [1, 2, 0]
