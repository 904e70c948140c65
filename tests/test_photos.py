"""HR photos to HR patches."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest

from degcraft.errors import UserError
from degcraft.images import read_image
from degcraft.photos import cut_hr_patches
from degcraft.settings import PhotoSettings

SETTINGS = PhotoSettings(size=32, per_photo=6)


def run(folder, output, settings=SETTINGS, seed=0):
    cut_hr_patches(folder, output / "patches.h5", output / "photos.csv", settings, 4, seed)
    with h5py.File(output / "patches.h5") as file:
        arrays = {name: file[name][:] for name in ("patches", "photo", "position")}
        return arrays, dict(file.attrs), pd.read_csv(output / "photos.csv", keep_default_na=False)


def test_patches_are_the_photos_pixels_at_their_positions(hr_folder, tmp_path):
    arrays, attributes, table = run(hr_folder, tmp_path)
    assert attributes == {"scale": 4, "seed": 0}
    assert arrays["patches"].shape[1:] == (32, 32, 3)
    assert {name: array.dtype for name, array in arrays.items()} == {"patches": "u1", "photo": "i4", "position": "i4"}
    photos = [read_image(hr_folder / name) for name in table["file"]]
    for patch, photo, (row, column) in zip(*arrays.values(), strict=True):
        np.testing.assert_array_equal(patch, photos[photo][row : row + 32, column : column + 32])
    assert (arrays["position"] % 4 == 0).all()


def test_every_photo_gives_the_same_share(folder_of, make_photo, tmp_path):
    folder = folder_of("hr", large=make_photo(256, 256), small=make_photo(64, 64), least=make_photo(32, 33))
    arrays, _, table = run(folder, tmp_path)
    patches = dict(zip(table["file"], table["patches"], strict=True))
    assert patches == {"large.png": 6, "small.png": 6, "least.png": 1}  # the last has a single place
    assert np.bincount(arrays["photo"]).tolist() == table["patches"].tolist()


def test_the_table_says_what_was_used_and_why_not(folder_of, make_photo, tmp_path):
    folder = folder_of("hr", good=make_photo(40, 50), tiny=make_photo(31, 500))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / ".hidden.png").write_bytes(b"")
    arrays, _, table = run(folder, tmp_path)
    assert list(table.columns) == ["file", "width", "height", "used", "reason", "patches"]
    rows = table.set_index("file")
    assert rows["used"].to_dict() == {"broken.jpg": False, "good.png": True, "tiny.png": False}
    assert tuple(rows.loc["good.png", ["width", "height", "reason"]]) == (50, 40, "")
    assert rows.loc["tiny.png", "reason"] == "smaller than a patch of 32 pixels"
    assert rows.loc["broken.jpg", "reason"]
    assert set(arrays["photo"]) == {table["file"].tolist().index("good.png")}


def test_one_clear_error_if_nothing_is_left(folder_of, make_photo, tmp_path):
    folder = folder_of("hr")
    with pytest.raises(UserError, match="hr: holds no PNG, JPEG, WebP or TIFF photos"):
        run(folder, tmp_path)
    folder_of("hr", **{f"tiny{i}": make_photo(8, 8) for i in range(7)})
    with pytest.raises(UserError, match=r"none of the 7 photos .*tiny0\.png, .*and 2 more: smaller than a patch "):
        run(folder, tmp_path)
    with pytest.raises(UserError, match=r"; add larger or readable ones, or lower photos\.size$"):
        run(folder, tmp_path)
    for path in folder.iterdir():
        path.write_bytes(b"no photo")
    with pytest.raises(UserError, match=r"; add larger or readable ones$"):
        run(folder, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["hr"]  # and nothing half-written


def test_same_seed_same_bytes(hr_folder, tmp_path):
    places = {}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        (tmp_path / name).mkdir()
        places[name] = run(hr_folder, tmp_path / name, seed=seed)[0]["position"]
    assert (tmp_path / "a" / "patches.h5").read_bytes() == (tmp_path / "b" / "patches.h5").read_bytes()
    assert not np.array_equal(places["a"], places["c"])
    assert (tmp_path / "a" / "photos.csv").read_bytes() == (tmp_path / "b" / "photos.csv").read_bytes()


def test_textured_halves_are_preferred(folder_of, make_photo, tmp_path):
    image = np.full((96, 192, 3), 200, np.uint8)
    image[:, 96:] = make_photo(96, 96)
    arrays, _, _ = run(folder_of("hr", half=image), tmp_path, PhotoSettings(size=32, per_photo=30, textured=0.35))
    assert arrays["position"][:, 1].min() >= 96 - 16
