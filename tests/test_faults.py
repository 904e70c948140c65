"""Kills, full disks, damage and changes in the middle of real runs of the workflow."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from workflow_runs import TINY, command, make_photos, snakemake

LOGS = {
    "photos": "photos.log",
    "space": "space.log",
    "target": "target/made.log",
    "extractor_encoder": "extractor/encoder.log",
    "bin_features_shard": "bin_features/encoder/0.log",
    "bin_features": "bin_features/encoder.log",
    "reference": "reference/made.log",
    "craft": "craft/made.log",
    "certify": "certify/made.log",
    "pairs_shard": "pairs/crafted-made/0.log",
    "pairs": "pairs/crafted-made.log",
    "train": "train/crafted-made-seed0.log",
    "testset": "testset/made-full.log",
    "evaluate": "evaluate/crafted-made-seed0-made.log",
    "evaluate_bicubic": "evaluate/bicubic-made.log",
    "summary": "summary.log",
    "report": "report.log",
    "upscale": "upscale/made.log",
    "degrade": "degrade/crafted-made.log",
}
WITH_SNAKEMAKE = {"photos", "train", "report"}  # killed together with the process that started the job
CHECKPOINT = "results/checkpoints/crafted-made-seed0.pt"
TRAINING = {**TINY["train"], "distributions": ["crafted"], "steps": 300, "checkpoint_every": 20}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """One made target, one model, and a folder to degrade."""
    root = tmp_path_factory.mktemp("photos")
    made = str(make_photos(root / "made", 4, 96, 1))
    return {
        **TINY,
        "hr": str(make_photos(root / "hr", 4, 128, 0)),
        "targets": {"made": {"truth": {"noise_sigma": [2, 8]}, "photos": made}},
        "bin_features": {"patches": 8},
        "pairs": {"count": 40},
        "train": TRAINING,
        "degrade": {"photos": made, "distributions": ["crafted"]},
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, config: dict[str, object]) -> Path:
    """The folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    process = snakemake(folder, config)
    assert process.returncode == 0, process.stderr[-4000:]
    return folder


def artifacts(folder: Path) -> dict[str, bytes]:
    """Every file of the results but logs and timings."""
    results = folder / "results"
    files = {str(path.relative_to(results)): path for path in results.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(("logs/", "benchmarks/"))}


def assert_same(folder: Path, undisturbed: Path) -> None:
    """The same files with the same bytes, and nothing left over from a kill."""
    found, expected = artifacts(folder), artifacts(undisturbed)
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


def start(folder: Path, config: dict[str, object], *arguments: str) -> subprocess.Popen[bytes]:
    """Start the workflow as the leader of a process group; what it says goes to a file."""
    line = command(folder, config, *arguments)
    with (folder / "said.txt").open("ab") as said:
        return subprocess.Popen(line, cwd=folder, stdout=said, stderr=said, start_new_session=True)


def job_with(log: Path, process: subprocess.Popen[bytes]) -> psutil.Process | None:
    """The job that has a log open."""
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if any(file.path == str(log) for file in child.open_files()):
                return child
        except psutil.Error:  # it has just ended
            continue
    return None


def seconds_of(log: Path) -> float:
    """How long a job took, by the first and the last line of its log."""
    stamps = [datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f") for line in log.read_text().splitlines()]
    return (stamps[-1] - stamps[0]).total_seconds()


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the whole process group."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@dataclass
class Killer:
    """Kills one job of each stage when a part of its usual time has passed.

    Attributes:
        folder: of the run.
        delays: by stage, seconds from the first line of the log.
        killed: stages whose jobs were killed in the middle, that is, before the log said that all is done.
    """

    folder: Path
    delays: dict[str, float]
    killed: set[str]

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """Until the run ends, or was ended together with a job."""
        missed: set[str] = set()
        logs = {stage: self.folder / "results/logs" / LOGS[stage] for stage in self.delays.keys() - self.killed}
        for log in logs.values():
            log.unlink(missing_ok=True)
        while process.poll() is None:
            for stage in logs.keys() - self.killed - missed:
                if logs[stage].exists() and self._due(stage):
                    job = self._stopped(stage, logs[stage], process)
                    if job is None:
                        missed.add(stage)
                        continue
                    self.killed.add(stage)
                    if stage in WITH_SNAKEMAKE:
                        end(process)
                        return
                    job.kill()
            time.sleep(0.002)

    def _due(self, stage: str) -> bool:
        if stage == "train":  # a kill while there is nothing to go on from would show less, however fast the machine
            return (self.folder / CHECKPOINT).exists()
        time.sleep(self.delays[stage])
        return True

    def _stopped(self, stage: str, log: Path, process: subprocess.Popen[bytes]) -> psutil.Process | None:
        """The job, stopped in the middle; None if it was too late."""
        job = job_with(log, process)
        if job is None:
            return None
        job.suspend()
        over = stage == "train" and not (self.folder / CHECKPOINT).exists()  # the last thing that training removes
        if over or log.read_text().endswith("done\n"):
            job.resume()
            return None
        return job


def test_killed_in_the_middle_of_every_stage_the_results_are_the_same(config, undisturbed, tmp_path):
    delays = {stage: seconds_of(undisturbed / "results/logs" / log) / 3 for stage, log in LOGS.items()}
    killer = Killer(tmp_path / "run", delays, set())
    log, said, resumed = killer.folder / "results/logs" / LOGS["train"], "", None
    for attempt in range(8):
        again = sorted(LOGS.keys() - killer.killed) if attempt > len(WITH_SNAKEMAKE) else []
        process = start(killer.folder, config, "--retries", "2", *(["--forcerun", *again] if again else []))
        killer.watch(process)
        said += log.read_text() if log.exists() else ""  # a later run of the stage begins the log anew
        if process.returncode == -signal.SIGKILL:
            snakemake(killer.folder, config, "--unlock")
            if (killer.folder / CHECKPOINT).exists():
                resumed = torch.load(killer.folder / CHECKPOINT, weights_only=True)["run"]["step"]
        elif killer.killed == LOGS.keys():
            break
        delays.update((stage, delays[stage] / 4) for stage in again)
    assert (process.returncode, LOGS.keys() - killer.killed) == (0, set()), (killer.folder / "said.txt").read_text()
    assert_same(killer.folder, undisturbed)
    assert resumed is not None and resumed > 0 and resumed % TRAINING["checkpoint_every"] == 0
    assert f"train: going on from step {resumed} ({CHECKPOINT})" in said


def test_jobs_end_with_snakemake(config, tmp_path):
    process = start(tmp_path / "run", config, "results/extractor/encoder.safetensors")
    log = tmp_path / "run/results/logs" / LOGS["extractor_encoder"]
    while not log.exists() and process.poll() is None:
        time.sleep(0.01)
    job = job_with(log, process)
    assert job is not None
    process.kill()
    process.wait()
    job.wait(timeout=60)
    assert not log.read_text().endswith("done\n")


def test_a_second_run_in_the_same_folder_is_refused(config, tmp_path):
    first = start(tmp_path / "run", config, "results/extractor/encoder.safetensors")
    while not list((tmp_path / "run/.snakemake/locks").glob("*")) and first.poll() is None:
        time.sleep(0.01)
    asked = "results/extractor/encoder.safetensors"

    def refused() -> None:
        second = snakemake(tmp_path / "run", config, asked)
        assert second.returncode == 1
        assert "Directory cannot be locked" in second.stderr and "--unlock" in second.stderr
        assert "Traceback" not in second.stderr and "degcraft stopped" not in second.stderr

    refused()
    assert first.poll() is None
    end(first)
    refused()  # Snakemake cannot know that nobody is there any more
    assert snakemake(tmp_path / "run", config, "--unlock").returncode == 0
    assert snakemake(tmp_path / "run", config, "results/space/bins.csv").returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """``small_disk("200k")``: results lie on a disk of their own of this size, now or from now on; takes root."""
    results = tmp_path / "run" / "results"
    results.mkdir(parents=True)

    def sized(size: str) -> None:
        options = f"size={size}" + (",remount" if os.path.ismount(results) else "")
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(results)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("mounting a small disk takes root")

    yield sized
    subprocess.run(["umount", str(results)], check=False, capture_output=True)


def test_a_run_on_a_full_disk_says_so_and_goes_on_when_there_is_room(config, undisturbed, small_disk, tmp_path):
    small_disk("240k")
    process = snakemake(tmp_path / "run", config, "results/pairs/clean.h5")
    assert process.returncode == 1
    said = "degcraft: results/hr/patches.h5: cannot be written, the disk is full; make room on it and run again"
    assert said in process.stderr and "Traceback" not in process.stderr
    assert not [path for path in (tmp_path / "run/results").rglob("*") if path.suffix == ".h5"]
    small_disk("40m")
    assert snakemake(tmp_path / "run", config, "results/pairs/clean.h5").returncode == 0
    found, expected = artifacts(tmp_path / "run"), artifacts(undisturbed)
    assert "hr/patches.h5" in found and "space/bins.csv" in found
    assert [name for name in found.keys() & expected.keys() if found[name] != expected[name]] == []


def flip(path: Path) -> None:
    """One bit in the middle the other way round, as a disk does it, and nobody sees when."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def copy(undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of the undisturbed run, with the times of its files."""
    return Path(shutil.copytree(undisturbed, tmp_path / "copy", symlinks=True, copy_function=shutil.copy2))


@pytest.mark.parametrize(
    ("damaged", "missing"),
    [("hr/patches.h5", "results/pairs/clean.h5"), ("summary.csv", "results/report.html")],
)
def test_damage_to_an_earlier_result_is_named(copy, config, undisturbed, damaged, missing):
    path = copy / "results" / damaged
    flip(path)
    (copy / missing).unlink(missing_ok=True)
    process = snakemake(copy, config, missing)
    assert process.returncode == 1
    message = f"degcraft: results/{damaged}: damaged, or changed by hand: it is not what was written there"
    assert message in process.stderr and "Traceback" not in process.stderr
    path.unlink()
    process = snakemake(copy, config, missing)
    assert process.returncode == 0, process.stderr[-4000:]
    found, expected = artifacts(copy), artifacts(undisturbed)
    assert [name for name in expected if found[name] != expected[name]] == []


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[bytes]) -> Path:
    """The first file in a folder that a pattern describes."""
    while process.poll() is None:
        for path in folder.glob(pattern):
            return path
        time.sleep(0.005)
    pytest.fail(f"the run ended without {pattern}")


def test_a_photo_that_changes_while_it_is_read_is_an_error_and_then_read_again(config, tmp_path):
    hr = Path(shutil.copytree(str(config["hr"]), tmp_path / "hr"))
    changed = {**config, "hr": str(hr)}
    process = start(tmp_path / "run", changed, "results/hr/patches.h5")
    results = tmp_path / "run/results"
    wait_for(results, "hr/.patches.*.partial.h5", process)
    job = job_with(results / "logs/photos.log", process)
    assert job is not None
    job.suspend()
    Image.fromarray(np.full((128, 128, 3), 90, np.uint8)).save(hr / "photo3.png")
    job.resume()
    assert process.wait(timeout=300) == 1
    said = (tmp_path / "run/said.txt").read_text()
    assert f"degcraft: {hr}/photo3.png: changed while this job was reading it; run again" in said
    assert not (results / "hr/patches.h5").exists()
    assert snakemake(tmp_path / "run", changed, "results/hr/patches.h5").returncode == 0
    with h5py.File(results / "hr/patches.h5") as file:
        assert (file["patches"][file["photo"][:] == 3] == 90).all()


def test_a_photo_that_disappears_before_it_is_read_is_named(config, tmp_path):
    photos = Path(shutil.copytree(str(config["degrade"]["photos"]), tmp_path / "photos"))
    changed = {**config, "degrade": {"photos": str(photos), "distributions": ["full"]}}
    process = start(tmp_path / "run", changed, "results/degraded/full")
    wait_for(tmp_path / "run/results", "logs/space.log", process)  # degrading waits for the bins
    (photos / "photo2.png").unlink()
    assert process.wait(timeout=300) == 1
    said = (tmp_path / "run/said.txt").read_text()
    assert "photo2.png" in said and "Traceback" not in said
    process = snakemake(tmp_path / "run", changed, "results/degraded/full")
    assert process.returncode == 0, process.stderr[-4000:]
    names = sorted(path.name for path in (tmp_path / "run/results/degraded/full").glob("*.png"))
    assert names == ["photo0.png", "photo1.png", "photo3.png"]
