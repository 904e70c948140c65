"""Describing a target's reference photos."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest

from degcraft.errors import UserError
from degcraft.extractor import Extractor
from degcraft.images import read_image
from degcraft.moments import Moments
from degcraft.moments_file import read_moments
from degcraft.patches import cut
from degcraft.reference import describe_reference
from degcraft.settings import ReferenceSettings

SETTINGS = ReferenceSettings(per_photo=4)


def run(folder, encoder, output, settings=SETTINGS, size=16, textured=0.5, seed=0):
    describe_reference(
        folder, encoder, output / "reference.h5", output / "reference.csv", settings, size, textured, seed
    )
    return read_moments(output / "reference.h5"), pd.read_csv(output / "reference.csv", keep_default_na=False)


@pytest.fixture
def folder(folder_of, make_photo):
    folder = folder_of("photos", a=make_photo(40, 50), b=make_photo(48, 48, 1), tiny=make_photo(12, 200))
    (folder / "broken.png").write_bytes(b"\x89PNG")
    return folder


def test_a_row_for_each_usable_photo(folder, encoder, tmp_path):
    moments, table = run(folder, encoder, tmp_path)
    assert list(table.columns) == ["file", "width", "height", "used", "reason", "patches"]
    rows = table.set_index("file")
    assert rows["used"].to_dict() == {"a.png": True, "b.png": True, "broken.png": False, "tiny.png": False}
    assert rows["patches"].to_dict() == {"a.png": 4, "b.png": 4, "broken.png": 0, "tiny.png": 0}
    assert rows.loc["tiny.png", "reason"] == "smaller than a patch of 16 pixels"
    assert rows.loc["broken.png", "reason"]
    assert tuple(rows.loc["a.png", ["width", "height"]]) == (50, 40)
    assert [m.count for m in moments] == [4, 4]


def test_the_file_is_as_documented(folder, encoder, tmp_path):
    run(folder, encoder, tmp_path)
    with h5py.File(tmp_path / "reference.h5") as file:
        assert file["photo"][:].tolist() == [0, 1]  # a.png and b.png, sorted by name
        assert file["photo"].dtype == np.int32
        assert file["count"].dtype == np.int64
        assert file["mean"].shape == (2, 8)
        assert file["second"].shape == (2, 8, 8)


def test_moments_are_those_of_the_patches_features(folder_of, make_photo, encoder, tmp_path):
    image = make_photo(24, 24)  # with 8 pixels between them, size 16 has the places (0, 0), (0, 8), (8, 0), (8, 8)
    moments, _ = run(folder_of("one", a=image), encoder, tmp_path, textured=1.0)
    places = np.array([[0, 0], [0, 8], [8, 0], [8, 8]])
    expected = Moments.of(Extractor(encoder)(cut(read_image(tmp_path / "one" / "a.png"), places, 16)))
    np.testing.assert_allclose(moments[0].mean, expected.mean, atol=1e-5)
    np.testing.assert_allclose(moments[0].second, expected.second, atol=1e-4)


def test_same_seed_same_bytes(folder, encoder, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / name).mkdir()
        run(folder, encoder, tmp_path / name, ReferenceSettings(per_photo=2), seed=seed)
    read = {name: (tmp_path / name / "reference.h5").read_bytes() for name in "abc"}
    assert read["a"] == read["b"] != read["c"]


def test_one_clear_error_if_nothing_is_left(folder_of, make_photo, encoder, tmp_path):
    with pytest.raises(UserError, match=r"none of the 1 reference photos .*a\.png: smaller than a patch of 16 pixels"):
        run(folder_of("tiny", a=make_photo(8, 8)), encoder, tmp_path)
    with pytest.raises(UserError, match=r"; add larger or readable ones, or lower photos\.size$"):
        run(tmp_path / "tiny", encoder, tmp_path)
    with pytest.raises(UserError, match=r"empty: .*no PNG, JPEG, WebP or TIFF files"):
        run(folder_of("empty"), encoder, tmp_path)
    assert not (tmp_path / "reference.h5").exists()
