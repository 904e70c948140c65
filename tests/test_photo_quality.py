"""What pixels say of a photo's past, on the demo's sharp photos and degraded copies."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from degcraft.images import read_image
from degcraft.photo_quality import BLOCKY, RINGS, TILE, blockiness, detail, different, fingerprint

SHARP = ["Red-Maple.jpg", "rocket.jpg", "chelsea.png", "astronaut.png"]


@pytest.fixture(scope="module", params=SHARP)
def sharp(request, root):
    """At most 640 pixels a side, from the upper left corner, where the grid of blocks begins."""
    return np.ascontiguousarray(read_image(root / "resources/demo/hr" / request.param)[:640, :640])


def compressed(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def upscaled(image, factor=2):
    height, width = image.shape[:2]
    small = Image.fromarray(image).resize((width // factor, height // factor), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def test_a_sharp_photo_is_neither_soft_nor_compressed(sharp):
    assert not detail(sharp).soft
    assert blockiness(sharp) < BLOCKY


def test_upscaled_and_blurred_copies_are_soft(sharp):
    assert detail(upscaled(sharp)).soft
    for sigma in (1.0, 2.0):
        assert detail(cv2.GaussianBlur(sharp, (0, 0), sigma)).soft


def test_a_compressed_copy_shows_its_blocks_and_is_not_soft(sharp):
    copy = compressed(sharp, 50)
    assert blockiness(copy) > BLOCKY
    assert not detail(copy).soft


def test_blockiness_by_hand():
    ramp = np.repeat(np.arange(64) // 8 * 5, 64).reshape(64, 64).T.astype(np.uint8)  # a step of 5 every eight columns
    image = np.repeat(ramp[..., None], 3, axis=2)
    luma_step = 5 * 219 / 255
    assert blockiness(image) == pytest.approx(luma_step / 2, rel=0.02)  # the mean over columns, and rows without any


def test_the_edge_is_where_the_spectrum_ends():
    generator = np.random.default_rng(0)
    spectrum = np.fft.rfft2(generator.normal(size=(4 * TILE, 4 * TILE)))
    radius = 2 * np.hypot(np.fft.fftfreq(4 * TILE)[:, None], np.fft.rfftfreq(4 * TILE))
    noise = np.fft.irfft2(np.where(radius < 0.6, spectrum, 0))
    image = np.clip(128 + 60 * noise, 0, 255).astype(np.uint8)
    found = detail(np.repeat(image[..., None], 3, axis=2))
    assert found.edge == pytest.approx(0.6, abs=3 / RINGS)
    assert found.soft and found.drop > 20


def test_too_small_or_flat_photos_are_not_judged():
    assert detail(np.zeros((TILE - 1, 400, 3), np.uint8)) is None
    assert detail(np.full((TILE, TILE, 3), 9, np.uint8)) is None
    assert blockiness(np.zeros((8, 8, 3), np.uint8)) == 0.0


def test_fingerprints_tell_photos_apart_and_copies_not(root):
    photos = [read_image(root / "resources/demo/hr" / name) for name in SHARP]
    prints = [fingerprint(photo) for photo in photos]
    for photo, own in zip(photos, prints, strict=True):
        small = np.asarray(Image.fromarray(photo).resize((photo.shape[1] // 4, photo.shape[0] // 4)))
        assert different(own, fingerprint(compressed(small, 50))) < 30
    assert min(different(a, b) for i, a in enumerate(prints) for b in prints[:i]) > 60
