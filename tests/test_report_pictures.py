"""Pictures for the report: patches, places, thumbnails and addresses."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from degcraft.report_pictures import before_and_after, data_uri, sheet, textured_place, thumbnail


def test_a_sheet_has_its_patches_in_rows_by_hand():
    patches = [np.full((2, 2, 3), value, np.uint8) for value in (1, 2, 3)]
    white, edge = 255, [255] * 2
    rows = [[1, 1, white, 2, 2]] * 2 + [[white] * 5] + [[3, 3, white, *edge]] * 2
    assert sheet(patches, 2)[..., 0].tolist() == rows


def test_textured_place_finds_structure_on_the_grid():
    hr = np.full((300, 400, 3), 128, np.uint8)
    hr[160:288, 200:328] = np.where((np.arange(128) // 16 % 2)[:, None, None], 30, 220)  # stripes wider than the scale
    place = textured_place(hr, 128, 4)
    assert (place.height, place.width) == (128, 128)
    assert abs(place.top - 160) <= 32 and abs(place.left - 200) <= 32
    assert place.top % 4 == place.left % 4 == 0


@pytest.mark.parametrize("height, width", [(7, 9), (100, 37), (128, 128), (129, 500), (1001, 130)])
def test_textured_place_stays_inside(make_photo, height, width):
    place = textured_place(make_photo(height, width), 128, 2)
    assert place.of(np.zeros((height, width, 3), np.uint8)).shape == (place.height, place.width, 3)
    assert place.height % 2 == place.width % 2 == 0
    assert 0 < max(place.height, place.width) <= 128


def test_before_and_after_show_the_same_place(make_photo):
    lr = make_photo(200, 260)
    restored = np.repeat(np.repeat(lr, 2, axis=0), 2, axis=1)
    before, after = before_and_after(lr, restored)
    assert before.shape == after.shape == (320, 320, 3)
    assert np.abs(before.astype(int) - after).mean() < 30  # another place differs by more than interpolation does
    assert np.abs(before[::-1].astype(int) - after).mean() > 30


@pytest.mark.parametrize("shape, shown", [((40, 60), (80, 120)), ((150, 100), (150, 100)), ((300, 600), (96, 192))])
def test_thumbnails_are_doubled_or_shrunk(tmp_path, make_photo, shape, shown):
    Image.fromarray(make_photo(*shape)).save(tmp_path / "photo.png")
    assert thumbnail(tmp_path / "photo.png").shape == (*shown, 3)


def test_an_address_holds_the_very_pixels(make_photo):
    image = make_photo(31, 17)
    content = base64.b64decode(data_uri(image).partition(",")[2])
    assert np.array_equal(np.array(Image.open(io.BytesIO(content)).convert("RGB")), image)
