"""Training in two processes, for real, over gloo."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from test_train import files_of

from degcraft.errors import UserError
from degcraft.networks import load_network
from degcraft.pairs_dataset import PairBatches
from degcraft.settings import TrainSettings
from degcraft.train import train
from degcraft.training.group import gpu_of
from degcraft.training.launch import _free_port, launch

SETTINGS = TrainSettings(
    channels=6,
    blocks=1,
    steps=24,
    batch=4,
    crop=8,
    learning_rate=3e-3,
    warmup=10,
    adversarial_steps=6,
    discriminator_channels=2,
    checkpoint_every=10,
    validate_every=10,
)
TWO = dataclasses.replace(SETTINGS, processes=2)


@pytest.mark.parametrize("size", [2, 5])
def test_parts_make_up_the_batch(size, pairs, scale):
    def batches(**part):
        return PairBatches(pairs, 10, 8, scale, 0, range(9), validation=4, **part)

    whole, parts = batches(), [batches(part=(rank, size)) for rank in range(size)]
    for step in range(9):
        for kind in (0, 1):
            together = np.concatenate([part[step][kind].numpy() for part in parts])
            np.testing.assert_array_equal(together, whole[step][kind].numpy())


def test_two_processes_train_what_one_does(pairs, scale, tmp_path, caplog):
    for name, settings in (("one", SETTINGS), ("two", dataclasses.replace(TWO, workers=1))):
        with caplog.at_level("INFO", "degcraft"):
            train(files_of(tmp_path, name, pairs), settings, scale, 0)
    one, two = (load_network(tmp_path / f"{name}.safetensors")[0].state_dict() for name in ("one", "two"))
    for name, value in one.items():  # sums in another order
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-5)
    one, two = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("one", "two"))
    pd.testing.assert_frame_equal(one, two, rtol=1e-4)
    said = [message for message in caplog.messages if "at step 30 on held-back patches" in message]
    assert len(said) == 2 and said[1] == said[0].replace("one.monitor", "two.monitor")


KILLED = """
import json, sys
from degcraft.settings import TrainSettings
from degcraft.train import TrainFiles, train

files, settings = (json.loads(text) for text in sys.argv[1:3])
train(TrainFiles(**files), TrainSettings(**settings), int(sys.argv[3]), 0)
"""


def test_killed_processes_end_together_and_go_on_exactly(pairs, scale, tmp_path, caplog):
    longer = dataclasses.replace(TWO, steps=300, adversarial_steps=0)
    files = files_of(tmp_path, "killed", pairs)
    arguments = [json.dumps(dataclasses.asdict(part)) for part in (files, longer)]
    parent = subprocess.Popen([sys.executable, "-c", KILLED, *arguments, str(scale)])
    while not Path(files.checkpoint).exists():
        assert parent.poll() is None
        time.sleep(0.01)
    children = psutil.Process(parent.pid).children()
    assert len(children) == 2
    parent.kill()
    parent.wait()
    psutil.wait_procs(children, timeout=60)
    assert [child.pid for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    with caplog.at_level("INFO", "degcraft"):
        train(files, longer, scale, 0)
    assert any("going on from step" in message for message in caplog.messages)
    train(files_of(tmp_path, "whole", pairs), longer, scale, 0)
    killed, whole = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("killed", "whole"))
    assert killed == whole


MEETING = """
import sys
import torch
from degcraft.training.group import joined

with joined() as group:
    cpu = torch.device("cpu")
    agreed = [group.same(number, cpu) for number in (7, group.rank, -7)]
    print(agreed, group.mean(torch.tensor(1.0 + group.rank)).item())
"""


def test_processes_know_whether_they_agree():
    address = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MEETING],
            env={**os.environ, **address, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    assert [process.communicate(timeout=120)[0] for process in started] == ["[True, False, True] 1.5\n"] * 2


def test_what_one_process_finds_wrong_is_said_once(pairs, scale, tmp_path):
    with pytest.raises(UserError, match=r"^train: the loss is (nan|inf) at step 2; lower train\.learning_rate"):
        train(files_of(tmp_path, "a", pairs), dataclasses.replace(TWO, learning_rate=1e30), scale, 0)
    assert not (tmp_path / "a.safetensors").exists()


def test_a_process_that_dies_is_no_success():
    with pytest.raises(RuntimeError, match=r"ended with exit status [12]"):
        launch("json.tool", {}, 2, 1, 1)  # finds no file with the name {}


@pytest.mark.skipif("SLURM_JOB_ID" in os.environ, reason="inside of a Slurm job")
def test_several_nodes_need_slurm(pairs, scale, tmp_path):
    with pytest.raises(UserError, match=r"train\.nodes: 2 nodes need a job of Slurm"):
        train(files_of(tmp_path, "a", pairs), dataclasses.replace(TWO, nodes=2), scale, 0)


@pytest.mark.parametrize(("local", "seen", "by_srun", "gpu"), [(0, 1, False, 0), (1, 2, False, 1), (1, 1, True, 0)])
def test_every_process_has_a_gpu(local, seen, by_srun, gpu):
    assert gpu_of(local, seen, by_srun) == gpu


@pytest.mark.parametrize(("local", "seen", "by_srun"), [(1, 1, False), (2, 2, True)])
def test_more_processes_than_gpus_are_refused(local, seen, by_srun):
    with pytest.raises(UserError, match=rf"^train\.processes: more than the GPUs of this machine, {seen}; lower it"):
        gpu_of(local, seen, by_srun)
