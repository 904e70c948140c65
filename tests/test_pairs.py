"""LR/HR pairs in HDF5."""

from __future__ import annotations

import hashlib
import json
import shutil
import time

import h5py
import numpy as np
import pytest

from degcraft.axes import Choices, Range, Step
from degcraft.degrade import degrade
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.pairs import gather_pairs, make_pairs
from degcraft.seeds import stream
from degcraft.settings import PairSettings
from degcraft.space import build

COUNT = 37  # more than the 16 patches, and no multiple of them


@pytest.fixture
def made(patches, uniform, scale, tmp_path):
    """``made(shards)``: the pairs file gathered from so many shards, beside a folder with the patches."""
    (tmp_path / "hr").mkdir()
    copy = shutil.copy(patches, tmp_path / "hr" / "patches.h5")

    def run(shards, distribution=uniform, count=COUNT, seed=0):
        folder = tmp_path / f"pairs{shards}-{seed}"
        parts = [folder / "parts" / f"{shard}.h5" for shard in range(shards)]
        for shard, part in enumerate(parts):
            make_pairs(distribution, copy, part, PairSettings(count, shards), shard, scale, seed)
        gather_pairs(parts, distribution, copy, folder / "pairs.h5", scale, seed)
        return folder / "pairs.h5"

    return run


def test_shards_do_not_change_a_byte(made):
    assert made(1).read_bytes() == made(3).read_bytes()


def test_no_dataset_records_when_it_was_made(made):
    begun = int(time.time())
    content = made(1).read_bytes()
    for second in range(begun, int(time.time()) + 1):  # as HDF5 writes it
        assert second.to_bytes(4, "little") not in content


def test_more_shards_than_pairs(made):
    assert made(1, count=2).read_bytes() == made(3, count=2).read_bytes()


def test_blocks_do_not_change_a_pair(made, monkeypatch):
    whole = made(1).read_bytes()
    monkeypatch.setattr("degcraft.pairs.BLOCK", 5)
    assert made(2).read_bytes() == whole


def test_another_seed_draws_other_pairs(made):
    with h5py.File(made(1)) as a, h5py.File(made(1, seed=1)) as b:
        assert (a["lr"][:] != b["lr"][:]).any(axis=(1, 2, 3)).all()


def test_datasets_and_attributes(made, patches, space, scale):
    with h5py.File(made(2)) as file:
        assert {name: (file[name].shape, file[name].dtype) for name in file} == {
            "lr": ((COUNT, 16, 16, 3), np.uint8),
            "hr": ((COUNT, 32, 32, 3), np.uint8),
            "bin": ((COUNT,), np.int32),
            "parameters": ((COUNT, len(space.axes)), np.float32),
        }
        assert list(file.attrs["axes"]) == space.names
        assert file.attrs["scale"] == scale
        assert file.attrs["seed"] == 0
        assert json.loads(file.attrs["choices"]) == {"resize_kind": list(space.axes[1].choices)}
        assert file.attrs["patches_sha256"] == hashlib.sha256(patches.read_bytes()).hexdigest()


SHOWN = {5: [0, 4, 8, 12, 2], COUNT: [*range(16), *range(16), 0, 4, 8, 12, 2]}


@pytest.mark.parametrize("count", [5, COUNT])
def test_hr_reads_as_the_patches_in_turn(count, made, patches):
    with h5py.File(made(1, count=count)) as file, h5py.File(patches) as source:
        hr = source["patches"][:]
        np.testing.assert_array_equal(file["hr"][:], hr[SHOWN[count]])
        assert file["hr"].is_virtual


def test_hr_is_found_after_the_folder_has_moved(made, patches):
    results = made(1).parents[1]
    moved = results.rename(results.with_name("moved"))
    with h5py.File(moved / "pairs1-0" / "pairs.h5") as file, h5py.File(patches) as source:
        np.testing.assert_array_equal(file["hr"][:16], source["patches"][:])


def test_parameters_lie_in_their_bins_and_reproduce_the_lr_patches(made, patches, scale):
    space = build(  # without noise, so that the parameters say it all
        [
            Step("blur", (("sigma", Range(0.2, 2.0, 3)),)),
            Step("resize", (("kind", Choices(("bicubic", "area"))),)),
            Step("jpeg", (("quality", Range(30, 90)),)),
        ]
    )
    with h5py.File(made(2, Distribution.uniform(space))) as file, h5py.File(patches) as source:
        hr = source["patches"][:]
        for i, (lr, index, parameters) in enumerate(zip(file["lr"], file["bin"], file["parameters"], strict=True)):
            assert (parameters >= np.float32(space.lower[index])).all()
            assert (parameters <= np.float32(space.upper[index])).all()
            np.testing.assert_array_equal(
                lr, degrade(hr[SHOWN[COUNT][i]], space, parameters, scale, stream(0, "unused"))
            )


def test_bins_follow_the_weights(made, space):
    weight = np.zeros(8)
    weight[[2, 5]] = 0.25, 0.75
    with h5py.File(made(1, Distribution(space, weight, np.full(8, 1 / 8)), count=400)) as file:
        counts = np.bincount(file["bin"][:], minlength=8)
    assert counts[[0, 1, 3, 4, 6, 7]].sum() == 0
    assert counts[5] / 400 == pytest.approx(0.75, abs=4 * np.sqrt(0.25 * 0.75 / 400))


def test_wrong_files_are_named(patches, uniform, scale, tmp_path):
    with pytest.raises(UserError, match=r"nothing\.h5: no such file"):
        make_pairs(uniform, tmp_path / "nothing.h5", tmp_path / "part.h5", PairSettings(3), 0, scale, 0)
    (tmp_path / "part.h5").write_bytes(b"half")
    with pytest.raises(UserError, match=r"part\.h5: not a whole HDF5 file"):
        gather_pairs([tmp_path / "part.h5"], uniform, patches, tmp_path / "pairs.h5", scale, 0)
    assert not (tmp_path / "pairs.h5").exists()
