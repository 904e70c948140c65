"""Training, and what survives a kill."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from degcraft.errors import UserError
from degcraft.images import read_image
from degcraft.networks import load_network
from degcraft.networks.sr import to_tensor
from degcraft.settings import TrainSettings
from degcraft.train import TrainFiles, train
from degcraft.training.checkpoints import Checkpoint
from degcraft.training.monitor import BAND
from degcraft.training.run import Run

TINY = TrainSettings(
    channels=6, blocks=1, steps=120, batch=4, crop=8, learning_rate=3e-3, warmup=10, checkpoint_every=50
)
SHORT = dataclasses.replace(TINY, steps=24, checkpoint_every=10, validate_every=15)

ADVERSARIAL = dataclasses.replace(
    SHORT, steps=5, adversarial_steps=7, discriminator_channels=2, checkpoint_every=4, validate_every=6
)


def files_of(folder, name, pairs):
    suffixes = ".safetensors", ".csv", ".checkpoint", ".monitor"
    return TrainFiles(str(pairs), *(str(folder / f"{name}{suffix}") for suffix in suffixes))


@pytest.fixture
def run(pairs, scale, tmp_path):
    """``run(name, settings)``: bytes of the model and of the curve."""

    def run(name, settings=SHORT, seed=0):
        files = files_of(tmp_path, name, pairs)
        train(files, settings, scale, seed)
        Path(files.checkpoint).unlink(missing_ok=True)
        return Path(files.model).read_bytes(), Path(files.curve).read_bytes()

    return run


@pytest.fixture
def interrupted(run, monkeypatch, tmp_path):
    """``interrupted(name, settings)``: stop after the first checkpoint; its path."""

    def interrupt(name, settings=SHORT):
        save = Checkpoint.save

        def save_and_stop(self, state):
            save(self, state)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Checkpoint, "save", save_and_stop)
            run(name, settings)
            assert not list(tmp_path.glob(f"{name}.safetensors")) + list(tmp_path.glob(f"{name}.csv"))
        return tmp_path / f"{name}.checkpoint"

    return interrupt


def test_loss_falls(run, tmp_path):
    run("a", TINY)
    curve = pd.read_csv(tmp_path / "a.csv")
    assert list(curve.columns) == ["step", "loss", "learning_rate", "psnr_y"]
    assert curve["step"].tolist() == [50, 100, 120]
    assert curve["psnr_y"].notna().tolist() == [False, False, True]
    assert curve["loss"].iloc[-1] < 0.95 * curve["loss"].iloc[0]  # the rest is grain, which nobody can foresee
    # cosine at step 99 of 120, counted from 0: 0.003 (1 + cos(pi 99 / 120)) / 2
    assert curve["learning_rate"].iloc[1] == pytest.approx(0.0015 * (1 + np.cos(np.pi * 99 / 120)))


def test_validation_is_a_row_and_a_picture(run, tmp_path, caplog):
    with caplog.at_level("INFO", "degcraft"):
        run("a", dataclasses.replace(TINY, validate_every=40))
    curve = pd.read_csv(tmp_path / "a.csv")
    assert curve["step"].tolist() == [40, 50, 80, 100, 120]
    measured = curve["psnr_y"].dropna()
    assert measured.index.tolist() == [0, 2, 4] and measured.is_monotonic_increasing
    picture = read_image(tmp_path / "a.monitor" / "preview.png")
    assert picture.shape == (3 * (BAND + 32), 2 * 32, 3)  # two of the sixteen patches are held back
    assert f"PSNR-Y {measured.iloc[-1]:.2f} dB at step 120 on held-back patches" in caplog.text


def test_the_adversarial_steps_come_after_the_others(run, tmp_path):
    settings = dataclasses.replace(ADVERSARIAL, steps=60, adversarial_steps=45, warmup=0)
    run("a", settings)
    curve = pd.read_csv(tmp_path / "a.csv")
    assert list(curve.columns) == ["step", "loss", "learning_rate", "psnr_y", "adversarial", "discriminator"]
    first, second = curve[curve["step"] <= 60], curve[curve["step"] > 60]
    assert first["step"].iloc[-1] == 60 and second["step"].iloc[-1] == 105
    assert first[["adversarial", "discriminator"]].isna().all(axis=None)
    assert (second["learning_rate"] == 1e-4).all()
    # at first nobody can tell what is real: ln 2 for each judgement
    assert second["adversarial"].iloc[0] == pytest.approx(np.log(2), abs=0.15)
    assert second["discriminator"].iloc[0] == pytest.approx(2 * np.log(2), abs=0.15)
    assert second["discriminator"].iloc[-1] < second["discriminator"].iloc[0]


def test_the_first_stage_does_not_depend_on_a_second(run, tmp_path):
    run("alone", dataclasses.replace(ADVERSARIAL, adversarial_steps=0))
    run("both", dataclasses.replace(ADVERSARIAL, adversarial_steps=1, adversarial_learning_rate=1e-12))
    alone, both = (pd.read_csv(tmp_path / f"{name}.csv").query("step == 5") for name in ("alone", "both"))
    assert alone["loss"].tolist() == both["loss"].tolist()


def test_looking_changes_nothing(run):
    seldom, often = run("seldom"), run("often", dataclasses.replace(SHORT, validate_every=1))
    assert seldom[0] == often[0]
    none = dataclasses.replace(SHORT, validation=0)
    assert run("none", none)[0] == run("none", dataclasses.replace(none, validate_every=7))[0]
    assert run("none", none)[1].decode().splitlines()[1].endswith(",")


def test_the_model_restores_better_than_it_began(run, pairs, scale, tmp_path):
    run("a", TINY)
    network, spec = load_network(tmp_path / "a.safetensors")
    assert dict(spec.arguments) == {"channels": 6, "blocks": 1, "scale": scale}
    assert spec.name == "compact"
    with h5py.File(pairs) as file:
        lr, hr = (to_tensor(torch.from_numpy(file[name][:])) for name in ("lr", "hr"))
    with torch.no_grad():
        trained = functional.l1_loss(network(lr), hr)
        assert trained < functional.l1_loss(functional.interpolate(lr, scale_factor=scale), hr)
        assert trained < functional.l1_loss(spec.build()(lr), hr)


@pytest.mark.parametrize("network", ["compact", "srresnet"])
def test_same_seed_same_bytes(run, network):
    settings = dataclasses.replace(SHORT, network=network, steps=6)
    assert run("a", settings) == run("b", settings)
    assert run("a", settings)[0] != run("c", settings, seed=1)[0]


def driver(folder, pairs, settings, scale):
    """Train in a process that can be killed; prints nothing, so that what it prints are the steps that were done."""
    script = folder / "driver.py"
    script.write_text(DRIVER)
    (folder / "settings.json").write_text(json.dumps(dataclasses.asdict(settings)))
    return [sys.executable, str(script), str(pairs), str(folder), str(scale)]


# A child is forked for every kill, so that torch is imported once; with one thread that is safe.
DRIVER = """
import json, os, pathlib, signal, sys
import torch
from degcraft.settings import TrainSettings
from degcraft.train import TrainFiles, train
from degcraft.training.run import Run

pairs, folder, scale = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
settings = TrainSettings(**json.loads((folder / "settings.json").read_text()))
advance, save = Run.advance, torch.save


def go(name):
    suffixes = ".safetensors", ".csv", ".checkpoint", ".monitor"
    train(TrainFiles(pairs, *(str(folder / f"{name}{suffix}") for suffix in suffixes)), settings, scale, 0)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def killed(name, when, writing=False):
    "Fork, train and die by SIGKILL before a step, or in the middle of writing the checkpoint after it."
    pid = os.fork()
    if pid == 0:
        def advance_or_die(self, *batch):
            if self.step == when and not writing:
                die()
            advance(self, *batch)

        def save_half(state, file):
            save(state, file)
            if state["run"]["step"] == when and writing:
                file.truncate(file.tell() // 2)
                die()

        Run.advance, torch.save = advance_or_die, save_half
        go(name)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL, when


go("whole")
steps, every = range(settings.all_steps), settings.checkpoint_every
for step in steps:  # one kill, at any step
    killed(f"at{step}", step)
for step in (1, every - 1, every, every + 2, steps[-1]):  # one after the other
    killed("again", step)
for step in (every, 2 * every):
    killed("writing", step, writing=True)
for name in [*(f"at{step}" for step in steps), "again", "writing"]:
    go(name)
"""


@pytest.mark.parametrize("settings", [SHORT, ADVERSARIAL], ids=["pixel", "adversarial"])
def test_killed_at_any_step_and_resumed_the_bytes_are_the_same(settings, pairs, scale, tmp_path):
    subprocess.run(driver(tmp_path, pairs, settings, scale), check=True, timeout=300)
    models = {path.read_bytes() for path in tmp_path.glob("*.safetensors")}
    curves = {path.read_bytes() for path in tmp_path.glob("*.csv")}
    assert len(list(tmp_path.glob("*.safetensors"))) == settings.all_steps + 3
    assert (len(models), len(curves)) == (1, 1)
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_killed_from_outside_at_any_moment(pairs, scale, tmp_path, run):
    settings = dataclasses.replace(TINY, steps=10**6, checkpoint_every=5)
    script = tmp_path / "endless.py"
    script.write_text(DRIVER.partition('go("whole")')[0] + 'go("endless")\n')
    command = driver(tmp_path, pairs, settings, scale)
    process = subprocess.Popen([command[0], str(script), *command[2:]])
    checkpoint = tmp_path / "endless.checkpoint"
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.01)
    first = checkpoint.stat().st_mtime_ns
    while checkpoint.stat().st_mtime_ns == first and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    state = torch.load(checkpoint, weights_only=True)["run"]
    assert state["step"] >= 5 and state["step"] % 5 == 0
    assert not (tmp_path / "endless.safetensors").exists()


def test_going_on_gives_the_same_curve(run, interrupted):
    settings = dataclasses.replace(TINY, checkpoint_every=30)  # between two rows
    whole = run("whole", settings)
    interrupted("killed", settings)
    assert run("killed", settings) == whole


def test_bfloat16_on_a_cpu(run, interrupted, monkeypatch, caplog):
    settings = dataclasses.replace(SHORT, amp_on_cpu=True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": False})
    assert run("float32", settings) == run("plain")
    assert "train.amp_on_cpu: this CPU does not compute in bfloat16" in caplog.text
    caplog.clear()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})  # others emulate it
    whole = run("whole", settings)
    assert whole != run("plain") == run("off", dataclasses.replace(settings, amp=False))
    interrupted("killed", settings)
    assert run("killed", settings) == whole
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_going_on_does_not_start_again(run, interrupted, monkeypatch):
    interrupted("killed")
    steps, advance = [], Run.advance
    monkeypatch.setattr(Run, "advance", lambda self, *batch: steps.append(self.step) or advance(self, *batch))
    run("killed")
    assert steps == list(range(10, 24))


def test_workers_and_how_often_to_save_change_nothing(run, interrupted, tmp_path):
    whole = run("whole")
    interrupted("killed")
    others = dataclasses.replace(SHORT, workers=2, checkpoint_every=7)
    assert run("killed", others)[0] == whole[0]


@pytest.mark.parametrize("change", [{"learning_rate": 1e-3}, {"channels": 5}, {"steps": 30}, {"batch": 3}])
def test_a_checkpoint_of_other_settings_is_refused(run, interrupted, change):
    checkpoint = interrupted("killed")
    settings = dataclasses.replace(SHORT, **change)
    (key, value), before = next(iter(change.items())), checkpoint.read_bytes()
    message = rf"killed\.checkpoint: .*\(train\.{key} was {getattr(SHORT, key)} and is {value}\).*delete the file"
    with pytest.raises(UserError, match=message):
        run("killed", settings)
    assert checkpoint.read_bytes() == before
    checkpoint.unlink()
    assert run("killed", settings) == run("fresh", settings)


def test_a_checkpoint_of_other_code_is_refused(run, interrupted, monkeypatch):
    checkpoint = interrupted("killed")
    with monkeypatch.context() as patched:
        patched.setattr("degcraft.train.code_digest", lambda *modules: "of another version")
        with pytest.raises(UserError, match=r"killed\.checkpoint: .*another version of degcraft.*delete the file"):
            run("killed")
    assert checkpoint.exists()
    assert run("killed") == run("fresh")


def test_a_checkpoint_of_another_seed_is_ignored(run, interrupted, caplog):
    interrupted("killed")
    assert run("killed", seed=1) == run("fresh", seed=1)
    assert "of other pairs, weights (start, perceptual), scale or seed; starting again" in caplog.text


def test_a_checkpoint_of_other_pairs_is_ignored(run, interrupted, pairs, scale, tmp_path):
    checkpoint = interrupted("killed")
    shutil.copy(checkpoint, tmp_path / "other.checkpoint")
    with h5py.File(pairs) as file:
        source = file["hr"].virtual_sources()[0].file_name
    other = tmp_path / "other.h5"
    shutil.copy(pairs, other)
    with h5py.File(other, "r+") as file:
        file["lr"][:] = 255 - file["lr"][:]
        del file["hr"]
        layout = h5py.VirtualLayout((40, 32, 32, 3), np.uint8)
        for start in range(0, 40, 16):
            rows = slice(start, min(start + 16, 40))
            names = (pairs.parent / source).resolve(), "patches"
            layout[rows] = h5py.VirtualSource(*map(str, names), (16, 32, 32, 3), np.uint8)[: rows.stop - rows.start]
        file.create_virtual_dataset("hr", layout)
    for name in ("other", "fresh"):
        train(files_of(tmp_path, name, other), SHORT, scale, 0)
    assert (tmp_path / "other.safetensors").read_bytes() == (tmp_path / "fresh.safetensors").read_bytes()


def test_a_damaged_checkpoint_is_named(run, interrupted):
    checkpoint = interrupted("killed")
    whole = checkpoint.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"no checkpoint"):
        checkpoint.write_bytes(damaged)
        with pytest.raises(
            UserError, match=r"(?s)killed\.checkpoint: not a whole checkpoint.*delete it and run again"
        ) as error:
            run("killed")
        assert "weights_only" not in str(error.value)  # torch advises to run the code that may be in the file


def test_a_loss_that_is_no_number_stops_the_training(run, tmp_path):
    with pytest.raises(UserError, match=r"loss is (nan|inf) at step 2; lower train\.learning_rate.*, and run again$"):
        run("a", dataclasses.replace(SHORT, learning_rate=1e30))
    assert not (tmp_path / "a.safetensors").exists()


def test_a_lack_of_memory_is_said_in_words(run, monkeypatch):
    def advance(self, lr, hr):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(Run, "advance", advance)
    with pytest.raises(UserError, match=r"^train: out of memory; lower train\.batch \(\d+\) or train\.crop \(\d+\)$"):
        run("a")


def test_the_averaged_weights_are_what_is_saved(run):
    assert run("a")[0] != run("b", dataclasses.replace(SHORT, ema=0.0))[0]


def test_a_crop_larger_than_the_patches_is_named(run):
    with pytest.raises(UserError, match=r"train\.crop is 17"):
        run("a", dataclasses.replace(SHORT, crop=17))


def test_fine_tuning_starts_from_the_weights(run, tmp_path):
    run("first", TINY)
    start = tmp_path / "first.safetensors"
    tuned = dataclasses.replace(SHORT, start=str(start), learning_rate=1e-12)
    run("tuned", tuned)
    first, after = (load_network(tmp_path / f"{name}.safetensors")[0].state_dict() for name in ("first", "tuned"))
    for name, value in first.items():
        torch.testing.assert_close(after[name], value)


def test_a_checkpoint_of_other_starting_weights_is_ignored(run, interrupted, tmp_path, caplog):
    start = tmp_path / "start.safetensors"
    settings = dataclasses.replace(SHORT, start=str(start))
    run("a")
    shutil.copyfile(tmp_path / "a.safetensors", start)
    interrupted("killed", settings)
    run("b", seed=1)
    shutil.copyfile(tmp_path / "b.safetensors", start)
    assert run("killed", settings) == run("fresh", settings)
    assert "of other pairs, weights (start, perceptual), scale or seed; starting again" in caplog.text
