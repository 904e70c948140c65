"""Pairs that are degraded while they are read."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

import degcraft
from degcraft.axes import Choices, Step
from degcraft.degraded_dataset import DegradedDataset
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.space import build
from degcraft.storage import creating_h5

SCALE = 2
AREA = Distribution.uniform(build([Step("resize", (("kind", Choices(("area",))),))]))


def items(dataset, epoch=0, workers=0):
    dataset.set_epoch(epoch)
    return [torch.cat([part.flatten() for part in pair]) for pair in DataLoader(dataset, None, num_workers=workers)]


def same(some, others):
    return len(some) == len(others) and all(torch.equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.fixture
def doubled(tmp_path):
    """Nine patches in which every pixel comes four times: shrinking by area gives back the quarter."""
    small = np.random.default_rng(0).integers(0, 256, (9, 12, 12, 3)).astype(np.uint8)
    with creating_h5(tmp_path / "patches.h5") as file:
        data = small.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
        file.create_dataset("patches", data=data, chunks=(1, *data.shape[1:]))
    return tmp_path / "patches.h5"


@pytest.mark.parametrize("augment", [True, False])
def test_pairs_stay_aligned(doubled, augment):
    dataset = DegradedDataset(doubled, AREA, SCALE, crop=8, augment=augment)
    assert len(dataset) == 9
    seen = set()
    for epoch in range(5):
        dataset.set_epoch(epoch)
        for lr, hr in dataset:
            assert (lr.shape, hr.shape, lr.dtype) == ((3, 8, 8), (3, 16, 16), torch.float32)
            torch.testing.assert_close(hr, lr.repeat_interleave(SCALE, 1).repeat_interleave(SCALE, 2))
            seen.add(lr.numpy().tobytes())
    assert len(seen) > 40


def test_whole_patches_by_default_and_values_between_0_and_1(patches, uniform):
    lr, hr = DegradedDataset(patches, uniform, SCALE)[3]
    assert (lr.shape, hr.shape) == ((3, 16, 16), (3, 32, 32))
    assert hr.min() >= 0 and 0.5 < hr.max() <= 1 and hr.is_contiguous()


@pytest.mark.parametrize("source", ["patches", "hr_folder"])
def test_the_same_pairs_with_any_number_of_workers(source, request, uniform):
    dataset = DegradedDataset(request.getfixturevalue(source), uniform, SCALE, crop=12, patch=48, seed=3)
    alone = items(dataset, epoch=1)
    assert same(alone, items(dataset, epoch=1, workers=2))


def test_workers_that_import_everything_anew_give_the_same_pairs(patches, uniform):
    dataset = DegradedDataset(patches, uniform, SCALE, crop=12)
    lr, hr = dataset[2]  # looked at before, as one does
    loader = DataLoader(dataset, None, num_workers=1, multiprocessing_context="spawn")
    found = list(loader)[2]
    assert torch.equal(found[0], lr) and torch.equal(found[1], hr)


def test_every_epoch_draws_anew_also_in_workers_that_stay(patches, uniform):
    dataset = DegradedDataset(patches, uniform, SCALE, crop=12)
    loader = DataLoader(dataset, 4, num_workers=2, persistent_workers=True)
    epochs = []
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        epochs.append([lr for lr, _ in loader])
    assert same(epochs[0], epochs[2])
    assert not any(torch.equal(a, b) for a, b in zip(*epochs[:2], strict=True))


def test_seeds_draw_differently(patches, uniform):
    some, others = (items(DegradedDataset(patches, uniform, SCALE, seed=seed)) for seed in (0, 1))
    assert not any(torch.equal(a, b) for a, b in zip(some, others, strict=True))


def test_workers_start_where_opencv_has_been_used(patches, uniform):
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.float32), (0, 0), 3)  # starts its threads
    dataset = DegradedDataset(patches, uniform, SCALE)
    assert len(list(DataLoader(dataset, 4, num_workers=2, timeout=60))) == 4


def test_photos_are_cut_anywhere(tmp_path):
    y, x = np.mgrid[:60, :80]
    (tmp_path / "hr").mkdir()
    Image.fromarray(np.stack([y * 4, x * 3, 0 * x], axis=-1).astype(np.uint8)).save(tmp_path / "hr/a.png")
    dataset = DegradedDataset(tmp_path / "hr", AREA, SCALE, patch=20, augment=False)
    corners = set()
    for epoch in range(60):
        dataset.set_epoch(epoch)
        corners.add(tuple((dataset[0][1][:2, 0, 0] * 255 / torch.tensor([4, 3])).round().int().tolist()))
    rows, columns = zip(*corners, strict=True)
    assert min(rows) < 8 and 32 < max(rows) <= 40
    assert min(columns) < 8 and 52 < max(columns) <= 60


def test_a_distribution_may_be_a_file(patches, uniform, tmp_path):
    uniform.write(tmp_path / "weights.csv")
    one, other = (DegradedDataset(patches, given, SCALE) for given in (uniform, tmp_path / "weights.csv"))
    assert same(items(one), items(other))


def test_what_cannot_be_used_is_named(patches, hr_folder, uniform, tmp_path):
    def refused(match, hr, **settings):
        with pytest.raises(UserError, match=match):
            DegradedDataset(hr, uniform, SCALE, **settings)

    refused("nowhere: no such file or folder", tmp_path / "nowhere")
    with creating_h5(tmp_path / "pairs.h5") as file:
        file["lr"] = [0]
    refused(r"pairs\.h5: holds no HR patches; give results/hr/patches\.h5", tmp_path / "pairs.h5")
    refused("holds no PNG", tmp_path)
    refused(r"crop is 17, but LR patches have 16 pixels", patches, crop=17)
    refused(r"photo2\.png: cannot be read, or is smaller than 66 pixels", hr_folder, patch=66)
    refused(r"a side of 33 pixels is no multiple of the scale 2", hr_folder, patch=33)
    (tmp_path / "a.png").write_text("no photo")
    refused(r"a\.png: cannot be read", tmp_path)


def test_indices_end(patches, uniform):
    dataset = DegradedDataset(patches, uniform, SCALE)
    assert torch.equal(dataset[-1][0], dataset[15][0])
    with pytest.raises(IndexError):
        dataset[16]


def test_importing_degcraft_imports_nothing_heavy():
    heavy = "{'torch', 'pandas', 'cv2', 'numpy'}"
    code = f"import sys, degcraft; print({heavy} & set(sys.modules), 'Distribution' in dir(degcraft))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["set()", "True"]
    code = "import sys, degcraft; degcraft.Distribution, degcraft.degrade_drawn; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == ["False"]


def test_what_degcraft_offers_is_there():
    assert all(getattr(degcraft, name).__doc__ for name in degcraft.__all__)
    assert set(degcraft._MODULES) == set(degcraft.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = degcraft.nothing
