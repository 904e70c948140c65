"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot

from degcraft import storage
from degcraft.errors import UserError
from degcraft.images import write_image
from degcraft.networks import NetworkSpec, save_network
from degcraft.settings import TrainSettings
from degcraft.storage import MappedRows, creating_h5, discard_partials, link_or_copy, reading_h5, replacing, sha256
from degcraft.training.checkpoints import Checkpoint


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


def test_a_file_is_read_once_for_its_digest_until_it_changes(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    before = sha256(path)
    path.write_bytes(b"abd")  # as long, and perhaps within the same tick of the clock
    after = sha256(path)
    assert after != before
    monkeypatch.setattr(storage, "_TICK", 0)
    assert sha256(path) == after
    with monkeypatch.context() as patched:
        patched.setattr(hashlib, "file_digest", None)  # nothing is read any more
        assert sha256(path) == after
    path.write_bytes(b"abc")
    os.utime(path, (1, 1))
    assert sha256(path) == before


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
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(rows))[7], values[7])  # as processes that read get it


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="the kernel does not say what is mapped")
def test_reading_many_mapped_rows_takes_no_more_memory_than_reading_some(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_HELD", 1_000_000)
    values = np.random.default_rng(0).integers(0, 256, (256, 1 << 16), np.uint8)
    with creating_h5(tmp_path / "a.h5") as file:
        file.create_dataset("x", data=values, chunks=(1, 1 << 16))
    rows = MappedRows(tmp_path / "a.h5", "x")
    for row in range(256):
        np.testing.assert_array_equal(rows[row], values[row])
    mapping = Path("/proc/self/smaps").read_text().split("a.h5\n")[1]
    assert int(re.search(r"Rss: +(\d+) kB", mapping)[1]) < 4000  # of 16,000


@pytest.mark.parametrize(
    "layout", [{"chunks": (2, 4)}, {"chunks": (1, 4), "compression": "gzip"}, {"chunks": (1, 4), "fillvalue": 3}]
)
def test_rows_that_cannot_be_mapped_are_refused(layout, tmp_path):
    with creating_h5(tmp_path / "a.h5") as file:
        stored = file.create_dataset("x", (6, 4), np.uint8, **layout)
        stored[:5] = 1  # the last row is never written
    with pytest.raises(UserError, match=r"a\.h5: 'x' is not stored as one row a chunk; delete it and run again"):
        MappedRows(tmp_path / "a.h5", "x")


@pytest.fixture
def disk(small_disk, tmp_path):
    """A disk of 256 KiB."""
    small_disk(tmp_path / "disk", "size=256k")
    return tmp_path / "disk"


def write_long_h5(path):
    with creating_h5(path) as file:
        rows = file.create_dataset("x", (0, 10_000), np.uint8, maxshape=(None, 10_000), chunks=(1, 10_000))
        for row in range(60):
            rows.resize(row + 1, axis=0)
            rows[row] = row


def write_h5_that_closing_fills(path):
    with creating_h5(path) as file:
        for name in range(60):
            file[str(name)] = np.arange(600)


def write_table(path):
    with replacing(path) as partial:
        pd.DataFrame(np.random.default_rng(0).random((10_000, 4))).to_csv(partial, index=False)


def write_picture(path):
    with replacing(path) as partial:
        write_image(partial, np.random.default_rng(0).integers(0, 256, (400, 400, 3)).astype(np.uint8))


def write_deep_picture(path):
    with replacing(path) as partial:
        write_image(partial, np.random.default_rng(0).integers(0, 2**16, (300, 300, 3)).astype(np.uint16))


def write_plot(path):
    """As `degcraft.plots` does."""
    with replacing(path) as partial:
        pyplot.imshow(np.random.default_rng(0).random((500, 500)))
        pyplot.savefig(partial, dpi=300, metadata={"Software": None})
        pyplot.close()


def write_model(path):
    spec = NetworkSpec.of("compact", channels=64, blocks=2, scale=2)
    save_network(path, spec.build(), spec)


def write_checkpoint(path):
    Checkpoint(path, TrainSettings(), {}, "code").save({"step": 1, "network": {"a": torch.arange(100_000.0)}})


WRITERS = {
    "long.h5": write_long_h5,
    "closing.h5": write_h5_that_closing_fills,
    "table.csv": write_table,
    "picture.png": write_picture,
    "deep.png": write_deep_picture,
    "plot.png": write_plot,
    "model.safetensors": write_model,
    "checkpoint.pt": write_checkpoint,
}


def test_a_full_disk_gets_a_sentence_and_no_half_file(disk, small_disk):
    """In a process of its own, since HDF5 used to crash it, at the end if not before."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom test_storage import WRITERS\n"
        "from degcraft.errors import UserError\n"
        "for name, write in WRITERS.items():\n"
        "    try: write(f'{sys.argv[2]}/{name}')\n    except UserError as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(disk)]
    process = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    said = "cannot be written, the disk is full; make room on it and run again"
    assert process.stdout.splitlines() == [f"{disk / name}: {said}" for name in WRITERS]
    assert list(disk.iterdir()) == []
    small_disk(disk, "size=30m")
    for name, write in WRITERS.items():
        write(disk / name)
    assert sorted(path.name for path in disk.iterdir()) == sorted(WRITERS)


@pytest.mark.parametrize("name", ["long.h5", "table.csv", "checkpoint.pt", "new/table.csv"])
def test_a_disk_that_can_only_be_read_gets_a_sentence(name, disk, small_disk):
    small_disk(disk, "ro")
    with pytest.raises(UserError, match=rf"{disk / name}: cannot be written, the disk can only be read; make it"):
        WRITERS[Path(name).name](disk / name)


def test_a_quota_that_is_used_up_gets_a_sentence(tmp_path):
    message = r"a\.csv: cannot be written, your quota on the disk is used up; make room and run again"
    with pytest.raises(UserError, match=message), replacing(tmp_path / "a.csv") as partial:
        partial.write_text("half")
        raise RuntimeError("of a library") from OSError(errno.EDQUOT, "Disk quota exceeded")
    assert list(tmp_path.iterdir()) == []


def test_what_kills_left_is_discarded(tmp_path):
    (tmp_path / ".a[1].12.partial.csv").touch()
    others = {".a1.12.partial.csv", ".a[1].5.12.partial.csv"}  # that of a[1].5.csv may be in use
    for name in others:
        (tmp_path / name).touch()
    discard_partials(tmp_path / "a[1].csv")
    assert {path.name for path in tmp_path.iterdir()} == others
