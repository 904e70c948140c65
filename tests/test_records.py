"""Records of outputs, by which damage and changes are noticed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import h5py
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from degcraft.errors import UserError
from degcraft.networks import load_network, read_tensors
from degcraft.records import check, forget, record_of, recorded
from degcraft.settings import TrainSettings
from degcraft.training.checkpoints import Checkpoint

PLACES = st.floats(0, 1, exclude_max=True), st.integers(0, 7)
SETTINGS = TrainSettings()


def flipped(content: bytes, place: float, bit: int) -> bytes:
    """One bit the other way round."""
    changed = bytearray(content)
    changed[int(place * len(content))] ^= 1 << bit
    return bytes(changed)


def cut(content: bytes, place: float) -> bytes:
    """The beginning alone."""
    return content[: int(place * len(content))]


@pytest.fixture
def inputs(tmp_path: Path, pairs: Path, encoder: Path, uniform) -> list[Path]:
    """Files of the kinds that stages hand to each other, with their records, and a folder."""
    folder = tmp_path / "made"
    paths = [tmp_path / name for name in ("patches.h5", "pairs.h5", "encoder.safetensors", "weights.csv")]
    with recorded([], [*paths, folder]):
        with h5py.File(pairs) as file:
            shutil.copyfile((pairs.parent / file["hr"].virtual_sources()[0].file_name).resolve(), paths[0])
        shutil.copyfile(pairs, paths[1])
        shutil.copyfile(encoder, paths[2])
        uniform.write(paths[3])
        folder.mkdir()
        (folder / "a b.png").write_bytes(b"a")
        (folder / "below").mkdir()
        (folder / "below" / "c.png").write_bytes(b"c")
        (folder / ".snakemake_timestamp").touch()
    return [*paths, folder]


@given(kind=st.integers(0, 3), place=PLACES[0], bit=PLACES[1], truncate=st.booleans())
def test_any_damage_to_an_input_is_named(inputs, kind, place, bit, truncate):
    path = inputs[kind]
    whole = path.read_bytes()
    path.write_bytes(cut(whole, place) if truncate else flipped(whole, place, bit))
    try:
        with pytest.raises(UserError, match="damaged, or changed by hand") as error, recorded(inputs, []):
            pytest.fail("the job began")
    finally:
        path.write_bytes(whole)
    assert str(path) in str(error.value) and f"delete {path} and run again" in str(error.value)


def test_what_is_as_it_was_written_passes(inputs):
    with recorded(inputs, []):
        pass
    (inputs[4] / ".snakemake_timestamp").write_text("Snakemake's own business")
    check(inputs[4])


def test_records_are_those_of_sha256sum(inputs):
    for path in inputs:
        subprocess.run(["sha256sum", "--check", "--quiet", record_of(path).name], cwd=path.parent, check=True)


@pytest.mark.parametrize("damage", ["change", "remove", "add"])
def test_damage_in_a_folder_is_named(inputs, damage):
    file = inputs[4] / "below" / ("new.png" if damage == "add" else "c.png")
    file.unlink() if damage == "remove" else file.write_bytes(b"d")
    with pytest.raises(UserError, match=rf"{file}: damaged.* delete {inputs[4]} and run again"):
        check(inputs[4])


def test_a_damaged_record_is_no_licence(inputs):
    record_of(inputs[0]).write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=str(inputs[0])):
        check(inputs[0])


def test_what_is_gone_although_it_has_a_record_is_named(inputs):
    inputs[0].unlink()
    with pytest.raises(UserError, match=r"patches\.h5: gone since it was written there; run again"):
        check(inputs[0])


def test_photos_of_the_user_have_no_record(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"a")
    with recorded([tmp_path / "photo.png"], []):
        pass


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.write_bytes(b"bb"), r"b\.png: changed while this job was reading it; run again"),
        (lambda path: os.utime(path, ns=(1, 1)), r"b\.png: changed while this job was reading it; run again"),
        (Path.unlink, r"b\.png: is gone, and was there when the run began; put it back, or run again without it"),
    ],
)
def test_a_photo_that_changes_meanwhile_is_named(tmp_path, change, message, failing):
    photos = [tmp_path / "a.png", tmp_path / "b.png"]
    for photo in photos:
        photo.write_bytes(b"a")
    with pytest.raises(UserError, match=message), recorded(photos, [tmp_path / "out.csv"]):
        change(photos[1])
        if failing:
            raise ValueError("the photo could not be read")
    assert not record_of(tmp_path / "out.csv").exists()


def test_a_photo_that_is_gone_before_the_job_begins_is_named(tmp_path):
    with pytest.raises(UserError, match=r"b\.png: is gone"), recorded([tmp_path / "b.png"], []):
        pytest.fail("the job began")


def test_an_old_record_does_not_outlive_its_file(tmp_path):
    output = tmp_path / "out.csv"
    record_of(output).write_text("of an earlier one")
    (tmp_path / ".out.123.partial.csv").write_text("of a job that was killed")
    with pytest.raises(ValueError, match="stop"), recorded([], [output]):
        assert list(tmp_path.iterdir()) == []
        raise ValueError("stop")


def test_records_of_what_is_gone_are_forgotten(tmp_path):
    part, kept = tmp_path / "parts" / "0.h5", tmp_path / "kept.csv"
    with recorded([], [part, kept]):
        part.parent.mkdir()
        part.write_text("a")
        kept.write_text("a")
    part.unlink()
    forget(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".kept.csv.sha256", "kept.csv"]


@given(place=PLACES[0], bit=PLACES[1], truncate=st.booleans())
def test_a_damaged_network_is_named_or_what_it_was(encoder, tmp_path, place, bit, truncate):
    """Without any record too: models go to other machines."""
    damaged, whole = tmp_path / "damaged.safetensors", encoder.read_bytes()
    damaged.write_bytes(cut(whole, place) if truncate else flipped(whole, place, bit))
    for read in (lambda path: load_network(path)[0].state_dict(), read_tensors):
        try:
            found = read(damaged)
        except UserError as error:
            assert str(damaged) in str(error)
        else:
            expected = read(encoder)
            assert found.keys() == expected.keys()
            assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_flipped_bit_of_a_weight_is_noticed(encoder, tmp_path):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(flipped(encoder.read_bytes(), 0.999, 0))
    with pytest.raises(UserError, match=r"damaged\.safetensors: damaged.*delete it and run again"):
        load_network(damaged)


@pytest.fixture(scope="module")
def state() -> dict[str, object]:
    """What a checkpoint may hold."""
    return {"step": 3, "network": {"a": torch.arange(2000.0)}, "rows": [{"loss": 0.5}]}


@given(place=PLACES[0], bit=PLACES[1], truncate=st.booleans())
def test_a_damaged_checkpoint_is_named_or_what_it_was(state, tmp_path, place, bit, truncate):
    path = tmp_path / "a.pt"
    checkpoint = Checkpoint(path, SETTINGS, {"seed": 0}, "code")
    checkpoint.save(state)
    whole = path.read_bytes()
    path.write_bytes(cut(whole, place) if truncate else flipped(whole, place, bit))
    try:
        found = checkpoint.read(torch.device("cpu"))
    except UserError as error:
        assert f"{path}: not a whole checkpoint" in str(error) and "delete it and run again" in str(error)
    else:
        assert found is not None and torch.equal(found["network"]["a"], state["network"]["a"])
        assert (found["step"], found["rows"]) == (state["step"], state["rows"])


def test_a_flipped_bit_of_a_checkpoint_is_noticed(state, tmp_path):
    path = tmp_path / "a.pt"
    checkpoint = Checkpoint(path, SETTINGS, {"seed": 0}, "code")
    checkpoint.save(state)
    path.write_bytes(flipped(path.read_bytes(), 0.5, 3))
    torch.load(path, weights_only=True)  # torch reads it without a word
    with pytest.raises(UserError, match="not a whole checkpoint"):
        checkpoint.read(torch.device("cpu"))
