"""Degraded photos beside their HR photos."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from degcraft import paired
from degcraft.config import parse_config
from degcraft.degrade import degrade_folder
from degcraft.errors import UserError
from degcraft.images import PNG_LEVEL
from degcraft.paired import META_INFO, pair_folders, write_lmdb


def read(path):
    return np.asarray(Image.open(path))


@pytest.fixture
def photos(folder_of, make_photo):
    """Photos of several kinds, one of which cannot be used."""
    folder = folder_of("photos", a=make_photo(33, 42), b=make_photo(24, 20, 1))
    Image.fromarray(make_photo(17, 25, 2)).save(folder / "c.webp", lossless=True)
    (folder / "broken.jpg").write_text("no photo")
    return folder


@pytest.fixture
def degraded(photos, uniform, tmp_path):
    """The photos, degraded."""
    degrade_folder(photos, uniform, tmp_path / "degraded", scale=4, seed=0)
    return tmp_path / "degraded"


def test_names_and_sides_fit(photos, degraded, tmp_path):
    pair_folders(photos, degraded, tmp_path / "out", scale=4)
    names = ["a.png", "b.png", "c.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["hr", "lr", META_INFO]
    for folder in ("lr", "hr"):
        assert sorted(path.name for path in (tmp_path / "out" / folder).iterdir()) == names
    for name in names:
        lr, hr = (read(tmp_path / "out" / folder / name) for folder in ("lr", "hr"))
        assert hr.shape == (4 * lr.shape[0], 4 * lr.shape[1], 3)
        np.testing.assert_array_equal(lr, read(degraded / name))
    np.testing.assert_array_equal(read(tmp_path / "out/hr/a.png"), read(photos / "a.png")[:32, :40])
    np.testing.assert_array_equal(read(tmp_path / "out/hr/c.png"), read(photos / "c.webp")[:16, :24])
    lines = (tmp_path / "out" / META_INFO).read_text().splitlines()
    assert lines == ["a.png (32,40,3)", "b.png (24,20,3)", "c.png (16,24,3)"]


def test_names_that_pandas_takes_for_something_else(folder_of, make_photo, uniform, tmp_path):
    folder = folder_of("photos", **{"007": make_photo(16, 16), "NA": make_photo(16, 16)})
    degrade_folder(folder, uniform, tmp_path / "degraded", scale=2, seed=0)
    pair_folders(folder, tmp_path / "degraded", tmp_path / "out", scale=2)
    assert sorted(path.name for path in (tmp_path / "out/hr").iterdir()) == ["007.png", "NA.png"]


def test_a_list_that_would_be_misread_is_left_out_with_a_line(folder_of, make_photo, uniform, tmp_path, caplog):
    folder = folder_of("photos", **{"IMG 1": make_photo(16, 16)})
    degrade_folder(folder, uniform, tmp_path / "degraded", scale=2, seed=0)
    with caplog.at_level(logging.WARNING, "degcraft"):
        pair_folders(folder, tmp_path / "degraded", tmp_path / "out", scale=2)
    assert not (tmp_path / "out" / META_INFO).exists()
    assert "ends names at the first space" in caplog.text
    assert (tmp_path / "out/lr/IMG 1.png").is_file()


def test_databases_hold_the_files_under_their_stems(photos, degraded, tmp_path):
    lmdb = pytest.importorskip("lmdb")
    pair_folders(photos, degraded, tmp_path / "out", scale=4, lmdb=True)
    for kind in ("lr", "hr"):
        folder = tmp_path / "out" / f"{kind}.lmdb"
        lines = [line.split(" ") for line in (folder / META_INFO).read_text().splitlines()]
        assert [name for name, _, _ in lines] == ["a.png", "b.png", "c.png"]
        with lmdb.open(str(folder), readonly=True, lock=False) as database, database.begin() as transaction:
            assert transaction.stat()["entries"] == 3
            for name, shape, level in lines:
                content = np.frombuffer(transaction.get(name.split(".")[0].encode("ascii")), np.uint8)
                pixels = cv2.cvtColor(cv2.imdecode(content, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
                np.testing.assert_array_equal(pixels, read(tmp_path / "out" / kind / name))
                assert shape == str(pixels.shape).replace(" ", "") and level == str(PNG_LEVEL)


def test_many_files_in_several_transactions_give_the_same_bytes(folder_of, make_photo, tmp_path, monkeypatch):
    lmdb = pytest.importorskip("lmdb")
    monkeypatch.setattr("degcraft.paired.TOGETHER", 7)
    folder = folder_of("photos", **{f"{i:03}": make_photo(40 + i % 9, 50, i) for i in range(40)})
    files = sorted(folder.iterdir())
    for name in ("one.lmdb", "two.lmdb"):
        write_lmdb(files, tmp_path / name)
    assert (tmp_path / "one.lmdb/data.mdb").read_bytes() == (tmp_path / "two.lmdb/data.mdb").read_bytes()
    with lmdb.open(str(tmp_path / "one.lmdb"), readonly=True, lock=False) as database, database.begin() as transaction:
        assert all(transaction.get(file.stem.encode()) == file.read_bytes() for file in files)


def test_a_database_on_a_full_disk_gets_a_sentence(folder_of, make_photo, tmp_path, small_disk):
    pytest.importorskip("lmdb")
    folder = folder_of("photos", **{str(i): make_photo(90, 90, i) for i in range(20)})
    small_disk(tmp_path / "disk", "size=100k")
    with pytest.raises(UserError, match=r"disk/a\.lmdb: cannot be written .* room on the disk, and run again"):
        write_lmdb(sorted(folder.iterdir()), tmp_path / "disk/a.lmdb")


@pytest.mark.parametrize("stem", ["IMG.001", "köln"])
def test_names_without_a_key_are_refused(stem, folder_of, make_photo, uniform, tmp_path):
    folder = folder_of("photos", **{stem: make_photo(16, 16)})
    degrade_folder(folder, uniform, tmp_path / "degraded", scale=2, seed=0)
    with pytest.raises(UserError, match=f"no place for '{stem}'"):
        pair_folders(folder, tmp_path / "degraded", tmp_path / "out", scale=2, lmdb=True)
    assert not (tmp_path / "out").exists()
    pair_folders(folder, tmp_path / "degraded", tmp_path / "out", scale=2)


def test_names_without_a_key_are_all_told_before_anything_runs(raw, schema, folder_of, make_photo, monkeypatch):
    monkeypatch.setattr(paired, "LMDB", replace(paired.LMDB, packages=()))
    names = [f"IMG.00{i}" for i in range(5)] + ["köln", "fine_1"]
    folder_of("dotted", **{name: make_photo(8, 8) for name in names})
    degrade = {"photos": "dotted", "pairs": True}
    assert parse_config(raw | {"degrade": degrade}, schema).degrade_pairs
    with pytest.raises(UserError) as error:
        parse_config(raw | {"degrade": degrade | {"lmdb": True}}, schema)
    assert str(error.value) == (
        "degrade.lmdb: a database has no place for 'IMG.000', 'IMG.001', 'IMG.002', 'IMG.003', 'IMG.004', and 1 more "
        "in dotted: before its suffix, a name may hold no dot, and ASCII characters only; rename them, or set "
        "'lmdb: false'"
    )


def test_a_photo_that_is_gone_is_named(photos, degraded, tmp_path):
    (photos / "b.png").unlink()
    with pytest.raises(UserError, match=r"b\.png"):
        pair_folders(photos, degraded, tmp_path / "out", scale=4)
    assert len(pd.read_csv(degraded / "parameters.csv")) == 3


def test_databases_need_pairs_and_their_package_before_anything_runs(raw, schema, monkeypatch):
    lmdb = paired.LMDB
    monkeypatch.setattr(paired, "LMDB", replace(paired.LMDB, packages=()))
    degrade = {"photos": "hr", "pairs": True, "lmdb": True}
    config = parse_config(raw | {"degrade": degrade}, schema)
    assert config.degrade_pairs and config.degrade_lmdb
    with pytest.raises(UserError, match=r"degrade\.lmdb: belongs to the pairs"):
        parse_config(raw | {"degrade": degrade | {"pairs": False}}, schema)
    monkeypatch.setattr(paired, "LMDB", lmdb)
    monkeypatch.setitem(sys.modules, "lmdb", None)  # as where it is not installed
    with pytest.raises(UserError, match=r"degrade\.lmdb: needs the package lmdb"):
        parse_config(raw | {"degrade": degrade}, schema)
