"""Moments of every bin."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest

from degcraft.axes import Choices, Step
from degcraft.bin_features import (
    describe_bins,
    gather_bins,
)
from degcraft.errors import UserError
from degcraft.extractor import Extractor
from degcraft.moments import Moments
from degcraft.moments_file import read_folds, read_moments, read_samples
from degcraft.networks import NetworkSpec, save_network
from degcraft.resampling import resize
from degcraft.settings import BinFeatureSettings
from degcraft.sharing import shard_of
from degcraft.space import build

SETTINGS = BinFeatureSettings(patches=5)


@pytest.fixture(scope="module")
def gathered(space, patches, encoder, scale, tmp_path_factory):
    """``gathered(n)``: the file gathered from n shards."""
    folder = tmp_path_factory.mktemp("bins")

    def run(shards):
        parts = []
        for shard in range(shards):
            part = folder / f"{shards}-{shard}.h5"
            bins = shard_of(len(space), shard, shards)
            describe_bins(Extractor(encoder), space, bins, patches, part, SETTINGS, scale, seed=0)
            parts.append(part)
        gather_bins(parts[::-1], folder / f"{shards}.h5")  # in any order
        return folder / f"{shards}.h5"

    return run


def test_result_does_not_depend_on_the_shards(gathered, space):
    one = gathered(1)
    assert one.read_bytes() == gathered(3).read_bytes()
    with h5py.File(one) as file:
        assert file["bin"][:].tolist() == list(range(len(space)))
        assert file["count"][:].tolist() == [5] * len(space)
        assert file["mean"].shape == (8, 8)
        assert file["second"].shape == (8, 8, 8)
        written = {name: file[name].dtype for name in ("bin", "count", "mean", "second", "fold3/second")}
        assert written == {"bin": "i4", "count": "i8", "mean": "f8", "second": "f8", "fold3/second": "f8"}


def test_folds_hold_different_photos_and_all_patches(gathered):
    folds, pooled = read_folds(gathered(1)), read_moments(gathered(1))
    assert [fold[0].count for fold in folds] == [1, 1, 2, 1]  # four photos
    for index, whole in enumerate(pooled):
        joined = Moments.pooled([fold[index] for fold in folds])
        np.testing.assert_allclose(joined.mean, whole.mean, atol=1e-12)
        np.testing.assert_allclose(joined.second, whole.second, atol=1e-12)


def test_moments_are_those_of_the_degraded_patches(patches, encoder, scale, tmp_path):
    space = build([Step("resize", (("kind", Choices(("area", "bicubic"))),))])  # nothing random in it
    describe_bins(Extractor(encoder), space, range(2), patches, tmp_path / "a.h5", SETTINGS, scale, seed=0)
    with h5py.File(patches) as file:
        # five spread over sixteen, the same in every bin: 1, 4, 8, 11 and 14 (1.6, 4.8, 8, 11.2 and 14.4, cut)
        assert len(file["patches"]) == 16
        hr = file["patches"][:][[1, 4, 8, 11, 14]]
    for moments, kind in zip(read_moments(tmp_path / "a.h5"), ("area", "bicubic"), strict=True):
        small = np.stack([resize(image.astype(np.float32), 16, 16, kind) for image in hr])
        expected = Moments.of(Extractor(encoder)(np.rint(np.clip(small, 0, 255)).astype(np.uint8)))
        np.testing.assert_allclose(moments.mean, expected.mean, atol=1e-5)
        np.testing.assert_allclose(moments.second, expected.second, atol=1e-4)


def test_bins_that_differ_have_features_that_differ(gathered):
    mean = np.stack([m.mean for m in read_moments(gathered(1))])
    assert len(np.unique(mean.round(6), axis=0)) == 8


def test_another_seed_draws_other_parameters(gathered, space, patches, encoder, scale, tmp_path):
    describe_bins(Extractor(encoder), space, range(8), patches, tmp_path / "a.h5", SETTINGS, scale, seed=1)
    theirs, ours = read_moments(gathered(1)), read_moments(tmp_path / "a.h5")
    assert not any(np.array_equal(a.mean, b.mean) for a, b in zip(theirs, ours, strict=True))


def test_samples_are_those_behind_the_moments(space, patches, encoder, scale, tmp_path):
    parts = [tmp_path / "0.h5", tmp_path / "1.h5", tmp_path / "2.h5"]
    for part, bins in zip(parts, [[4, 5, 6, 7], [], [0, 1, 2, 3]], strict=True):
        describe_bins(Extractor(encoder), space, bins, patches, part, SETTINGS, scale, seed=0, samples=True)
    gather_bins(parts, tmp_path / "all.h5")
    features, parameters = read_samples(tmp_path / "all.h5")
    assert (features.shape, features.dtype) == ((8, 5, 8), np.float32)
    assert (parameters.shape, parameters.dtype) == ((8, 5, 4), np.float32)
    for index, moments in enumerate(read_moments(tmp_path / "all.h5")):
        expected = Moments.of(features[index])
        np.testing.assert_array_equal(moments.mean, expected.mean)
        np.testing.assert_array_equal(moments.second, expected.second)
        whole = np.rint(space.lower[index]), np.rint(space.upper[index])  # quality is drawn and rounded
        assert (np.minimum(space.lower[index], whole[0]) <= parameters[index]).all()
        assert (parameters[index] <= np.maximum(space.upper[index], whole[1])).all()


def test_moments_do_not_depend_on_keeping_the_samples(gathered, space, patches, encoder, scale, tmp_path):
    describe_bins(
        Extractor(encoder), space, range(8), patches, tmp_path / "a.h5", SETTINGS, scale, seed=0, samples=True
    )
    with h5py.File(gathered(1)) as without, h5py.File(tmp_path / "a.h5") as file:
        names: list[str] = []
        without.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        assert "fold0/mean" in names
        for name in names:
            np.testing.assert_array_equal(without[name][:], file[name][:])
    with pytest.raises(UserError, match=r"1\.h5: has no dataset 'features'"):
        read_samples(gathered(1))


def test_a_bin_keyed_by_its_bounds_has_the_same_samples_in_every_table(space, patches, encoder, scale, tmp_path):
    turned = replace(space, lower=space.lower[::-1], upper=space.upper[::-1])
    for name, table, bins in (("a", space, [1, 6]), ("b", turned, [6, 1])):
        describe_bins(
            Extractor(encoder),
            table,
            bins,
            patches,
            tmp_path / f"{name}.h5",
            SETTINGS,
            scale,
            seed=0,
            samples=True,
            by_cell=True,
        )
    ours, theirs = read_samples(tmp_path / "a.h5"), read_samples(tmp_path / "b.h5")
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert not np.array_equal(ours[0][0], ours[0][1])


@pytest.mark.parametrize("ranges", [[range(0, 3), range(4, 8)], [range(0, 5), range(4, 8)]], ids=["missing", "twice"])
def test_gathering_notices_bins_that_are_missing_or_double(ranges, space, patches, scale, tmp_path):
    spec = NetworkSpec.of("srresnet", channels=2, blocks=1, scale=2)
    save_network(tmp_path / "x.safetensors", spec.build(), spec)
    extractor = Extractor(tmp_path / "x.safetensors")
    parts = [tmp_path / f"{i}.h5" for i in range(2)]
    for part, bins in zip(parts, ranges, strict=True):
        describe_bins(extractor, space, bins, patches, part, SETTINGS, scale, seed=0)
    with pytest.raises(UserError, match=r"0\.h5 and the parts beside it do not hold every bin once"):
        gather_bins(parts, tmp_path / "all.h5")
    assert not (tmp_path / "all.h5").exists()


def test_a_damaged_part_is_named(tmp_path):
    (tmp_path / "0.h5").write_bytes(b"half")
    with pytest.raises(UserError, match=r"0\.h5: not a whole HDF5 file"):
        gather_bins([tmp_path / "0.h5"], tmp_path / "all.h5")
