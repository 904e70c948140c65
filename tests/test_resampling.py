"""Resizing against Pillow, torch and OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from degcraft.resampling import KINDS, resize

PILLOW = {
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
SIZES = [((24, 36), (12, 18)), ((24, 36), (8, 12)), ((24, 36), (6, 9)), ((25, 37), (8, 12)), ((31, 17), (13, 16))]
KIND, SIZE = st.sampled_from(KINDS), st.integers(1, 24)


def noise(height, width):
    return np.random.default_rng(0).uniform(0, 255, (height, width, 3)).astype(np.float32)


def by_pillow(image, height, width, kind):
    channels = [Image.fromarray(image[..., c]).resize((width, height), PILLOW[kind]) for c in range(3)]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


@pytest.mark.parametrize(("before", "after"), SIZES)
@pytest.mark.parametrize("kind", ["bilinear", "bicubic"])
def test_shrinking_against_pillow_and_torch(kind, before, after):
    image = noise(*before)
    ours = resize(image, *after, kind)
    np.testing.assert_allclose(ours, by_pillow(image, *after, kind), atol=2e-3)
    planes = torch.from_numpy(image).permute(2, 0, 1)[None]
    torchs = torch.nn.functional.interpolate(planes, after, mode=kind, antialias=True, align_corners=False)
    np.testing.assert_allclose(ours, torchs[0].permute(1, 2, 0).numpy(), atol=2e-3)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_area_by_a_whole_number_is_pillows_box_and_the_mean_of_blocks(scale):
    image = noise(24, 36)
    ours = resize(image, 24 // scale, 36 // scale, "area")
    np.testing.assert_allclose(ours, by_pillow(image, 24 // scale, 36 // scale, "area"), atol=2e-3)
    blocks = image.reshape(24 // scale, scale, 36 // scale, scale, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(ours, blocks, atol=2e-3)


@pytest.mark.parametrize(("before", "after"), [*SIZES, ((12, 18), (24, 54)), ((12, 18), (17, 31))])
def test_area_by_any_ratio_is_opencvs(before, after):
    image = noise(*before)
    opencvs = cv2.resize(image, after[::-1], interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(resize(image, *after, "area"), opencvs, atol=5e-3)


@pytest.mark.parametrize("after", [(24, 36), (36, 54), (48, 72), (25, 40)])
@pytest.mark.parametrize("kind", ["bilinear", "bicubic"])
def test_enlarging_against_pillow(kind, after):
    image = noise(12, 18)
    np.testing.assert_allclose(resize(image, *after, kind), by_pillow(image, *after, kind), atol=2e-3)


@pytest.mark.parametrize(("before", "after"), SIZES)
@pytest.mark.parametrize("kind", ["bilinear", "bicubic"])
def test_aliased_kinds_are_torchs_without_filter(kind, before, after):
    image = noise(*before)
    planes = torch.from_numpy(image).permute(2, 0, 1)[None]
    torchs = torch.nn.functional.interpolate(planes, after, mode=kind, align_corners=False)
    # OpenCV holds the interpolation weights in a few bits fewer
    np.testing.assert_allclose(resize(image, *after, f"{kind}-aliased"), torchs[0].permute(1, 2, 0).numpy(), atol=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_kinds_that_filter_remove_what_the_result_cannot_show(kind):
    stripes = np.zeros((32, 32, 3), np.float32)
    stripes[:, ::4] = 255.0  # one column in four, shrunk by four
    result = resize(stripes, 8, 8, kind)[2:-2, 2:-2]
    if kind.endswith("-aliased"):  # samples between columns 1 and 2: the stripes vanish or are overshot
        assert result.max() < 30
    else:
        np.testing.assert_allclose(result, 255 / 4, atol=1.0)


@given(KIND, SIZE, SIZE, SIZE, SIZE)
def test_constants_stay(kind, height, width, new_height, new_width):
    image = np.full((height, width, 3), 93.0, np.float32)
    result = resize(image, new_height, new_width, kind)
    assert result.shape == (new_height, new_width, 3)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, 93.0, atol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_ramps_stay_ramps_with_pixel_centres_aligned(kind, scale):
    ramp = np.broadcast_to(np.arange(48, dtype=np.float32)[None, :, None], (12, 48, 3))
    result = resize(np.ascontiguousarray(ramp), 12 // scale, 48 // scale, kind)
    # the centre of pixel i of the result lies at (i + 1/2) scale - 1/2 of the source
    expected = (np.arange(48 // scale) + 0.5) * scale - 0.5
    inside = slice(3, -3)
    np.testing.assert_allclose(result[1, inside, 0], expected[inside], atol=1e-3)


@given(KIND, st.integers(6, 20), st.integers(6, 20))
def test_rows_and_columns_are_treated_alike(kind, height, width):
    image = noise(height, width)
    turned = resize(np.ascontiguousarray(image.transpose(1, 0, 2)), width // 2, height // 2, kind)
    np.testing.assert_allclose(resize(image, height // 2, width // 2, kind), turned.transpose(1, 0, 2), atol=5e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [(12, 18), (48, 72), (24, 36)])
def test_channels_do_not_matter_to_each_other(kind, after):
    image = noise(24, 36)
    ours = resize(image, *after, kind)
    for channel in range(3):
        alone = resize(image[..., channel : channel + 1], *after, kind)
        assert alone.shape == (*after, 1)
        np.testing.assert_allclose(alone[..., 0], ours[..., channel], atol=1e-3)
