"""Training, and what survives a kill."""

from __future__ import annotations

import dataclasses
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from degcraft.errors import UserError
from degcraft.networks import load_network
from degcraft.networks.sr import Compact, to_tensor
from degcraft.pairs import gather_pairs, make_pairs
from degcraft.settings import PairSettings, TrainSettings
from degcraft.train import _Run, train

TINY = TrainSettings(
    channels=6, blocks=1, steps=120, batch=4, crop=8, learning_rate=3e-3, warmup=10, checkpoint_every=50
)
SHORT = dataclasses.replace(TINY, steps=24, checkpoint_every=10)


class KilledError(Exception):
    """Stands for a kill right after a checkpoint has been written."""


@pytest.fixture(scope="module")
def pairs(patches, uniform, scale, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    make_pairs(uniform, patches, folder / "part.h5", PairSettings(40), 0, scale, 0)
    gather_pairs([folder / "part.h5"], uniform, patches, folder / "pairs.h5", scale, 0)
    return folder / "pairs.h5"


@pytest.fixture
def run(pairs, scale, tmp_path):
    """``run(name, settings)``: bytes of the model and of the curve."""

    def run(name, settings=SHORT, seed=0):
        files = [tmp_path / f"{name}{suffix}" for suffix in (".safetensors", ".csv", ".checkpoint")]
        train(pairs, *files, settings, scale, seed)
        assert not files[2].exists()
        return tuple(path.read_bytes() for path in files[:2])

    return run


@pytest.fixture
def interrupted(run, monkeypatch, tmp_path):
    """``interrupted(name, settings, after)``: stop after so many checkpoints; the last one's path."""

    def interrupt(name, settings=SHORT, after=1):
        save, saved = _Run.save, []

        def save_and_die(self, path, identity):
            save(self, path, identity)
            saved.append(path)
            if len(saved) == after:
                raise KilledError

        with monkeypatch.context() as patch, pytest.raises(KilledError):
            patch.setattr(_Run, "save", save_and_die)
            run(name, settings)
        assert sorted(path.name for path in tmp_path.glob(f"{name}*")) == [f"{name}.checkpoint"]
        return tmp_path / f"{name}.checkpoint"

    return interrupt


def test_loss_falls(run, tmp_path):
    run("a", TINY)
    curve = pd.read_csv(tmp_path / "a.csv")
    assert list(curve.columns) == ["step", "loss", "learning_rate"]
    assert curve["step"].tolist() == [50, 100, 120]
    assert curve["loss"].iloc[-1] < 0.95 * curve["loss"].iloc[0]  # the rest is grain, which nobody can foresee
    # cosine at step 99 of 120, counted from 0: 0.003 (1 + cos(pi 99 / 120)) / 2
    assert curve["learning_rate"].iloc[1] == pytest.approx(0.0015 * (1 + np.cos(np.pi * 99 / 120)))


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


@pytest.mark.parametrize("after", [1, 2])
def test_going_on_after_a_kill_gives_the_same_weights(run, interrupted, after):
    whole = run("whole")
    interrupted("killed", after=after)
    assert run("killed")[0] == whole[0]


@pytest.mark.parametrize("every", [50, 30])
def test_going_on_after_a_kill_gives_the_same_curve(run, interrupted, every):
    settings = dataclasses.replace(TINY, checkpoint_every=every)
    whole = run("whole", settings)
    interrupted("killed", settings)
    assert run("killed", settings) == whole


def test_going_on_does_not_start_again(run, interrupted, tmp_path, monkeypatch):
    interrupted("killed", after=2)
    steps, advance = [], _Run.advance
    monkeypatch.setattr(_Run, "advance", lambda self, loss: steps.append(self.step) or advance(self, loss))
    run("killed")
    assert steps == [20, 21, 22, 23]


def test_workers_and_how_often_to_save_change_nothing(run, interrupted, tmp_path):
    whole = run("whole")
    interrupted("killed")
    others = dataclasses.replace(SHORT, workers=2, checkpoint_every=7)
    assert run("killed", others)[0] == whole[0]


@pytest.mark.parametrize("change", [{"learning_rate": 1e-3}, {"channels": 5}, {"steps": 30}, {"batch": 3}])
def test_a_checkpoint_of_other_settings_is_ignored(run, interrupted, change):
    interrupted("killed")
    settings = dataclasses.replace(SHORT, **change)
    assert run("killed", settings) == run("fresh", settings)


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
        train(other, tmp_path / name, tmp_path / "curve", tmp_path / f"{name}.checkpoint", SHORT, scale, 0)
    assert (tmp_path / "other").read_bytes() == (tmp_path / "fresh").read_bytes()


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


class Payload:
    """Code that an ordinary unpickling would run."""

    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return (type(self.victim).touch, (self.victim,))


def test_code_in_a_checkpoint_is_refused_and_not_run(run, tmp_path):
    torch.save({"identity": Payload(tmp_path / "touched")}, tmp_path / "a.checkpoint")
    with pytest.raises(UserError, match=r"a\.checkpoint: not a whole checkpoint"):
        run("a")
    assert not (tmp_path / "touched").exists()
    torch.load(tmp_path / "a.checkpoint", weights_only=False)  # it would have worked
    assert (tmp_path / "touched").exists()


def test_a_loss_that_is_no_number_stops_the_training(run, tmp_path):
    with pytest.raises(UserError, match=r"loss is (nan|inf) at step 24; lower train\.learning_rate"):
        run("a", dataclasses.replace(SHORT, learning_rate=1e30))
    assert not (tmp_path / "a.safetensors").exists()


def test_averaged_weights_by_hand():
    torch.manual_seed(0)
    run = _Run(Compact(channels=3, blocks=0, scale=2), dataclasses.replace(TINY, ema=0.3))
    expected = {name: value.clone() for name, value in run.network.state_dict().items()}
    for step in range(1, 8):
        run.advance(functional.l1_loss(run.network(torch.rand(1, 3, 4, 4)), torch.rand(1, 3, 8, 8)))
        decay = min(0.3, step / (step + 10))  # 1/11, 2/12, ... and from step 5 on 0.3
        for name, value in run.network.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value
    for name, value in run.average.items():
        torch.testing.assert_close(value, expected[name])
        assert not torch.equal(value, run.network.state_dict()[name])


def test_the_averaged_weights_are_what_is_saved(run):
    assert run("a")[0] != run("b", dataclasses.replace(SHORT, ema=0.0))[0]


def test_without_averaging_the_last_weights_are_saved():
    torch.manual_seed(0)
    run = _Run(Compact(channels=3, blocks=0, scale=2), dataclasses.replace(TINY, ema=0.0))
    run.advance(functional.l1_loss(run.network(torch.rand(1, 3, 4, 4)), torch.rand(1, 3, 8, 8)))
    for name, value in run.network.state_dict().items():
        torch.testing.assert_close(run.average[name], value)


def test_the_learning_rate_rises_and_falls():
    run = _Run(Compact(channels=3, blocks=0, scale=2), TINY)
    rates = [run.learning_rate(step) for step in range(TINY.steps)]
    assert rates[0] == pytest.approx(TINY.learning_rate / 10)
    assert rates[:9] == sorted(rates[:9])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[60] == pytest.approx(TINY.learning_rate / 2)  # half way down the cosine
    assert 0 < rates[-1] < 1e-3 * TINY.learning_rate


def test_a_crop_larger_than_the_patches_is_named(run):
    with pytest.raises(UserError, match=r"train\.crop is 17"):
        run("a", dataclasses.replace(SHORT, crop=17))
