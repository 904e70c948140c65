"""Enlarged LR photos, on the demo's sharp photos degraded in several ways."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from degcraft.degrade import degrade_drawn
from degcraft.distribution import Distribution
from degcraft.enlarging import ALIKE, FAINT, Traces, traces
from degcraft.images import crop_to_multiple, list_images, read_image
from degcraft.space import build
from degcraft.steps import parse_steps


def steps(blur, noise, quality):
    resize = {"resize": {"kind": "bicubic"}}
    return [{"blur": {"sigma": blur}}, resize, {"noise": {"sigma": noise}}, {"jpeg": {"quality": quality}}]


@pytest.fixture(
    scope="module",
    params=[steps(0.2, 0, 95), steps(3.0, 0, 95), steps(1.0, 25, 90), steps(1.0, 10, 30)],
    ids=["clean", "soft", "noisy", "compressed"],
)
def degraded(request, root):
    """LR photos of up to 160 pixels."""
    distribution = Distribution.uniform(build(parse_steps(request.param)))
    photos = [read_image(root / "resources/demo/hr" / name) for name in ("Red-Maple.jpg", "rocket.jpg", "chelsea.png")]
    generator = np.random.default_rng(0)
    return [degrade_drawn(crop_to_multiple(photo[:640, :640], 4), distribution, 4, generator)[0] for photo in photos]


def enlarged(photo, factor):
    size = photo.shape[1] * factor, photo.shape[0] * factor
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC))


def test_degraded_photos_do_not_look_enlarged(degraded):
    assert not any(traces(photo).enlarged for photo in degraded)


@pytest.mark.parametrize("factor", [2, 4])
def test_enlarged_copies_do(degraded, factor):
    assert all(traces(enlarged(photo, factor)).enlarged for photo in degraded)


def test_the_demos_reference_photos_do_not(root):
    found = [traces(read_image(path)) for path in list_images(root / "resources/demo/reference")]
    assert len(found) == 6 and not any(photo.enlarged for photo in found)


def test_what_enlarged_noise_leaves():
    noise = np.random.default_rng(0).normal(128, 30, (128, 128, 1)).clip(0, 255).astype(np.uint8).repeat(3, axis=2)
    plain, doubled = traces(noise), traces(enlarged(noise, 2))
    assert plain.fine == pytest.approx(0, abs=1) and plain.repeated == pytest.approx(0, abs=0.02)
    assert doubled.fine < -40 and doubled.repeated > 0.6


def test_both_traces_are_needed():
    assert Traces(FAINT - 1, ALIKE + 0.1).enlarged
    assert not Traces(FAINT + 1, ALIKE + 0.1).enlarged
    assert not Traces(FAINT - 1, ALIKE - 0.1).enlarged


def test_too_small_or_flat_photos_are_not_judged():
    assert traces(np.zeros((31, 400, 3), np.uint8)) is None
    assert traces(np.zeros((63, 63, 3), np.uint8)) is None
    assert traces(np.full((64, 64, 3), 9, np.uint8)) is None
