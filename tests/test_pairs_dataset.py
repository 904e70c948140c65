"""Batches of pairs."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
import torch

from degcraft import pairs_dataset
from degcraft.axes import Choices, Step
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.pairs import gather_pairs, make_pairs
from degcraft.pairs_dataset import PairBatches, Several, check_patches, held_back, loader, oriented
from degcraft.settings import PairSettings
from degcraft.space import build
from degcraft.storage import creating_h5

AREA = Distribution.uniform(build([Step("resize", (("kind", Choices(("area",))),))]))
SCALE = 2


def write_pairs(folder, small, count):
    """Pairs whose HR patches are the LR patches with every pixel doubled: shrinking by area gives them back exactly."""
    with creating_h5(folder / "patches.h5") as file:
        file["patches"] = small.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    make_pairs(AREA, folder / "patches.h5", folder / "part.h5", PairSettings(count), 0, SCALE, 0)
    gather_pairs([folder / "part.h5"], AREA, folder / "patches.h5", folder / "pairs.h5", SCALE, 0)
    return folder / "pairs.h5"


@pytest.fixture(scope="module")
def textured(tmp_path_factory):
    """20 pairs of 7 patches of noise."""
    small = np.random.default_rng(0).integers(0, 256, (7, 12, 12, 3)).astype(np.uint8)
    return write_pairs(tmp_path_factory.mktemp("textured"), small, 20)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """12 pairs, each of one colour: its number."""
    small = np.broadcast_to(np.arange(12, dtype=np.uint8)[:, None, None, None], (12, 8, 8, 3))
    return write_pairs(tmp_path_factory.mktemp("numbered"), np.ascontiguousarray(small), 12)


def batches(pairs, steps, batch=5, crop=8, seed=0):
    return PairBatches(pairs, batch, crop, SCALE, seed, steps)


def test_crops_stay_aligned_after_flips_and_turns(textured):
    dataset = batches(textured, range(40))
    orientations = set()
    for lr, hr in (dataset[i] for i in range(len(dataset))):
        assert lr.shape == (5, 8, 8, 3)
        assert hr.shape == (5, 16, 16, 3)
        np.testing.assert_array_equal(hr.numpy(), lr.numpy().repeat(SCALE, axis=1).repeat(SCALE, axis=2))
        orientations.update(image.tobytes() for image in lr.numpy())
    assert len(orientations) > 150  # 7 patches alone would give 7


@pytest.mark.parametrize("flip", [0, 1])
@pytest.mark.parametrize("turns", range(4))
def test_turns_and_flips_are_those_of_numpy(turns, flip):
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)[1:6, 2:7]
    np.testing.assert_array_equal(oriented(image, turns, flip), np.rot90(image[:, ::-1] if flip else image, turns))


def test_all_eight_turns_and_flips_occur(textured):
    dataset = batches(textured, range(150), crop=12)
    seen = {image.tobytes() for i in range(150) for image in dataset[i][0].numpy()}
    assert len(seen) == 7 * 8


@pytest.mark.parametrize("batch", [1, 5, 12, 30])
def test_every_epoch_is_a_permutation(numbered, batch):
    dataset = batches(numbered, range(60 // batch), batch)
    order = np.concatenate([dataset[i][0][:, 0, 0, 0].numpy() for i in range(len(dataset))]).reshape(5, 12)
    for epoch in order:
        assert sorted(epoch) == list(range(12))
    assert len({tuple(epoch) for epoch in order}) == 5


def loaded(pairs, workers):
    read = loader(batches(pairs, range(37)), workers, torch.device("cpu"))
    return [tuple(part.numpy() for part in item) for item in read]


def test_batches_do_not_depend_on_the_workers(textured, monkeypatch):
    monkeypatch.setattr(pairs_dataset, "_BYTES_AT_ONCE", 8 * batches(textured, range(1)).nbytes)
    for alone, shared in zip(loaded(textured, 0), loaded(textured, 2), strict=True):
        for a, b in zip(alone, shared, strict=True):
            np.testing.assert_array_equal(a, b)


def test_several_batches_are_handed_over_at_once(textured):
    dataset = batches(textured, range(37))
    assert dataset.nbytes == sum(part.nbytes for part in dataset[0])
    several = Several(dataset, 4 * dataset.nbytes - 1)
    assert [len(several[k][0]) for k in range(len(several))] == [*[3] * 12, 1]
    assert len(Several(dataset, 1)) == 37
    for item, expected in zip(several[12], dataset[36], strict=True):
        np.testing.assert_array_equal(item[0], expected)


def test_a_batch_depends_on_its_step_alone(textured):
    whole, rest = batches(textured, range(20)), batches(textured, range(13, 20))
    assert len(rest) == 7
    for a, b in zip(whole[15], rest[2], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(whole[15][0], batches(textured, range(20), seed=1)[15][0])


def test_wrong_files_and_crops_are_named(textured, tmp_path):
    with pytest.raises(UserError, match=r"train\.crop is 13, but the LR patches of .* have 12 pixels"):
        batches(textured, range(3), crop=13)
    with pytest.raises(UserError, match=r"none\.h5: no such file"):
        batches(tmp_path / "none.h5", range(3))
    with creating_h5(tmp_path / "other.h5") as file:
        file["lr"] = np.zeros(3)
    with pytest.raises(UserError, match="has no dataset 'hr'"):
        batches(tmp_path / "other.h5", range(3))


def test_missing_patches_are_an_error_and_not_black(tmp_path):
    pairs = write_pairs(tmp_path, np.full((3, 8, 8, 3), 200, np.uint8), 6)
    (tmp_path / "patches.h5").unlink()
    with pytest.raises(UserError, match=r"patches\.h5: no such file"):
        batches(pairs, range(3))


def test_patches_that_are_held_back_are_spread_evenly():
    assert held_back(1056, 16).tolist() == list(range(33, 1056, 66))
    assert held_back(16, 16).tolist() == [4, 12]
    assert held_back(7, 16).tolist() == held_back(100, 0).tolist() == []


def test_pairs_that_are_held_back_are_not_trained_on(tmp_path):
    small = np.broadcast_to(np.arange(16, dtype=np.uint8)[:, None, None, None], (16, 8, 8, 3))
    pairs = write_pairs(tmp_path, np.ascontiguousarray(small), 40)
    dataset = PairBatches(pairs, 5, 8, SCALE, 0, range(14), validation=9)
    lr, hr = dataset.validation()
    assert lr[:, 0, 0, 0].tolist() == hr[:, 0, 0, 0].tolist() == [4, 12]
    assert (lr.shape, hr.shape) == ((2, 8, 8, 3), (2, 16, 16, 3))
    drawn = np.concatenate([dataset[i][0][:, 0, 0, 0].numpy() for i in range(14)])
    epochs = drawn[:68].reshape(2, 34)  # 40 pairs without the 3 + 3 of patches 4 and 12
    shown = 2 * [*range(16)] + [0, 4, 8, 12, 2, 6, 10, 14]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(patch for patch in shown if patch not in (4, 12))
    assert batches(pairs, range(3)).validation() is None


def test_pairs_that_are_held_back_are_those_of_patches_that_are_shown(tmp_path):
    small = np.broadcast_to(np.arange(100, dtype=np.uint8)[:, None, None, None], (100, 8, 8, 3))
    pairs = write_pairs(tmp_path, np.ascontiguousarray(small), 20)  # patches 0, 10, ..., 90, then 5, 15, ..., 95
    dataset = PairBatches(pairs, 3, 8, SCALE, 0, range(6), validation=2)
    lr, hr = dataset.validation()
    assert lr[:, 0, 0, 0].tolist() == hr[:, 0, 0, 0].tolist() == [25, 75]
    drawn = np.concatenate([dataset[i][0][:, 0, 0, 0].numpy() for i in range(6)])
    assert len(set(drawn)) == 18 and not {25, 75} & set(drawn)


def test_other_hr_patches_than_the_pairs_were_made_from_are_named(textured, tmp_path):
    for name in ("patches.h5", "pairs.h5"):
        shutil.copy(textured.parent / name, tmp_path / name)
    check_patches(tmp_path / "pairs.h5")
    with h5py.File(tmp_path / "patches.h5", "r+") as file:
        file["patches"][0, 0, 0, 0] ^= 1
    with pytest.raises(
        UserError, match=r"patches\.h5: not the patches that .*pairs\.h5 was made from; delete .*pairs\.h5"
    ):
        check_patches(tmp_path / "pairs.h5")
