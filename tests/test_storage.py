"""Files that appear whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from degcraft.errors import UserError
from degcraft.storage import MappedRows, creating_h5, link_or_copy, reading_h5, replacing, sha256


def test_a_file_appears_when_the_block_ends(tmp_path):
    final = tmp_path / "new" / "table.csv"
    with replacing(final) as partial:
        partial.write_text("a")
        assert not final.exists()
        assert partial.suffix == ".csv"
        assert partial.name.startswith(".")
    assert final.read_text() == "a"
    assert list(final.parent.iterdir()) == [final]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    final = tmp_path / "table.csv"
    final.write_text("old")
    with pytest.raises(ValueError, match="stop"), replacing(final) as partial:
        partial.write_text("half")
        raise ValueError("stop")
    assert final.read_text() == "old"
    assert list(tmp_path.iterdir()) == [final]


def test_hdf5_appears_whole_or_not_at_all(tmp_path):
    final = tmp_path / "a.h5"
    with pytest.raises(ValueError, match="stop"), creating_h5(final) as file:
        file["x"] = np.arange(5)
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []
    with creating_h5(final) as file:
        file["x"] = np.arange(5)
    with reading_h5(final, "x") as file:
        np.testing.assert_array_equal(file["x"][:], np.arange(5))


def test_a_killed_process_leaves_nothing_under_the_name(tmp_path):
    code = (
        "import os, sys\nfrom degcraft.storage import creating_h5\n"
        "with creating_h5(sys.argv[1]) as file:\n    file['x'] = [1]; file.flush(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.h5")], check=False).returncode == 9
    assert not (tmp_path / "a.h5").exists()


def test_same_content_same_bytes(tmp_path):
    for name in ("a.h5", "b.h5"):
        with creating_h5(tmp_path / name) as file:
            file["x"] = np.arange(100)
            file.attrs["axes"] = ["blur_sigma", "noise_sigma"]
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_reading_says_what_is_wrong(tmp_path):
    def refused(match: str, *datasets: str) -> None:
        with pytest.raises(UserError, match=match) as error, reading_h5(tmp_path / "a.h5", *datasets):
            pass
        assert str(tmp_path / "a.h5") in str(error.value)
        assert "delete it and run again" in str(error.value)

    refused("no such file")
    (tmp_path / "a.h5").write_text("no HDF5")
    refused("not a whole HDF5 file")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros(10_000)
    refused("'y'", "x", "y")
    whole = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "a.h5").write_bytes(whole[: len(whole) // 2])
    refused("not a whole HDF5 file", "x")


def test_a_second_name_or_a_copy(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("content")
    link_or_copy(tmp_path / "a", tmp_path / "folder" / "b")
    assert (tmp_path / "folder" / "b").samefile(tmp_path / "a")

    def refuse(*_: object) -> None:  # as file systems do that have no links
        raise OSError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    link_or_copy(tmp_path / "a", tmp_path / "folder" / "b")
    assert (tmp_path / "folder" / "b").read_text() == "content"
    assert not (tmp_path / "folder" / "b").samefile(tmp_path / "a")


def test_digest_by_hand(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")  # the example of FIPS 180-4
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("chunks", [(1, 4, 3), None])
def test_mapped_rows_are_those_of_the_dataset(chunks, tmp_path):
    values = np.random.default_rng(0).integers(0, 2**31, (50, 4, 3)).astype(np.int32)
    with creating_h5(tmp_path / "a.h5") as file:
        grown = file.create_dataset("x", (0, 4, 3), np.int32, maxshape=(None, 4, 3), chunks=chunks) if chunks else None
        for row in range(50 if chunks else 0):  # chunks that do not lie one after the other
            grown.resize(row + 1, axis=0)
            file[f"between{row}"] = row
            grown[row] = values[row]
        if not chunks:
            file["x"] = values
    rows = MappedRows(tmp_path / "a.h5", "x")
    for row in (0, 7, 49):
        np.testing.assert_array_equal(rows[row], values[row])
    with pytest.raises(ValueError, match="read-only"):
        rows[0][0, 0] = 1


@pytest.mark.parametrize(
    "layout", [{"chunks": (2, 4)}, {"chunks": (1, 4), "compression": "gzip"}, {"chunks": (1, 4), "fillvalue": 3}]
)
def test_rows_that_cannot_be_mapped_are_refused(layout, tmp_path):
    with creating_h5(tmp_path / "a.h5") as file:
        stored = file.create_dataset("x", (6, 4), np.uint8, **layout)
        stored[:5] = 1  # the last row is never written
    with pytest.raises(UserError, match=r"a\.h5: 'x' is not stored as one row a chunk; delete it and run again"):
        MappedRows(tmp_path / "a.h5", "x")
