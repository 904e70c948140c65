"""Kills, full disks, damage and changes in the middle of real runs of the workflow."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from workflow_runs import TINY, command, make_photos, rules_planned, snakemake

STAGES = {
    "photos",
    "space",
    "target",
    "extractor_encoder",
    "bin_features_shard",
    "bin_features",
    "reference",
    "craft",
    "bootstrap",
    "certify",
    "plots",
    "pairs_shard",
    "pairs",
    "train",
    "testset",
    "evaluate",
    "evaluate_bicubic",
    "summary",
    "report",
    "upscale",
    "degrade",
}
WITH_SNAKEMAKE = {"photos", "train", "report"}  # killed together with the process that started the job
FOLDERS = {"upscale", "degrade"}  # have a file in their folder already when they are killed
CHECKPOINT = "results/checkpoints/crafted-made-seed0.pt"
ENCODER = "results/extractor/encoder.safetensors"
BINS = {"jpeg": {"quality": {"range": [30, 95], "bins": 2}}}
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
    """Start the workflow as the leader of a process group; what it says goes to a file, and jobs meet breakpoints."""
    line = command(folder, config, *arguments)
    sources = [str(Path(__file__).with_name("breakpoints")), os.environ.get("PYTHONPATH")]
    path = os.pathsep.join(source for source in sources if source)
    environment = {**os.environ, "PYTHONPATH": path, "BREAKPOINTS": str(folder / "breakpoints")}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in a shell's background ignores it
    try:
        with (folder / "said.txt").open("ab") as said:
            return subprocess.Popen(line, cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)


def break_at(folder: Path, rule: str, what: str, count: int = 1) -> Path:
    """Have something happen to a job of a rule (see breakpoints/sitecustomize.py); returns what tells that it did."""
    (folder / "breakpoints").mkdir(parents=True, exist_ok=True)
    (folder / "breakpoints" / rule).write_text(f"{what} {count}")
    return folder / "breakpoints" / f"{rule}.met"


@contextmanager
def stopped(met: Path, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Wait until a job has stopped at a breakpoint; let it go on after the block."""
    while not (met.exists() and met.read_text()):
        assert process.poll() is None, f"the run ended without {met.name}"
        time.sleep(0.01)
    job = psutil.Process(int(met.read_text()))
    while job.status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    try:
        yield
    finally:
        job.resume()


def job_with(log: Path, process: subprocess.Popen[bytes]) -> psutil.Process:
    """The job of a run that has a log open, as soon as there is one."""
    while process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):  # it has just ended
                if any(file.path == str(log) for file in child.open_files()):
                    return child
        time.sleep(0.01)
    pytest.fail(f"the run ended, and no job was seen with {log}")


def begin_and_pause(folder: Path, endless: dict[str, object]) -> subprocess.Popen[bytes]:
    """A run that is going on, whose job waits for ever, and takes no time from what is tried beside it."""
    process = start(folder, endless, ENCODER)
    job_with(folder / "results/logs/extractor/encoder.log", process).suspend()
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the whole process group."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_killed_in_the_middle_of_every_stage_the_results_are_the_same(config, undisturbed, tmp_path):
    folder = tmp_path / "run"
    for rule in STAGES:
        count = 3 if rule == "train" else 2 if rule in FOLDERS else 1
        break_at(folder, rule, "kill-run" if rule in WITH_SNAKEMAKE else "kill", count)
    steps = []
    for _ in range(len(WITH_SNAKEMAKE)):
        assert start(folder, config, "--retries", "1").wait(timeout=600) == -signal.SIGKILL
        assert snakemake(folder, config, "--unlock").returncode == 0
        if (folder / CHECKPOINT).exists():
            steps.append(torch.load(folder / CHECKPOINT, weights_only=True)["run"]["step"])
    process = start(folder, config, "--retries", "1")
    assert process.wait(timeout=600) == 0, (folder / "said.txt").read_text()
    assert {path.name for path in (folder / "breakpoints").iterdir()} == {f"{rule}.met" for rule in STAGES}
    assert_same(folder, undisturbed)
    assert not (folder / CHECKPOINT).exists()
    (resumed,) = steps
    assert resumed > 0 and resumed % TRAINING["checkpoint_every"] == 0
    log = (folder / "results/logs/train/crafted-made-seed0.log").read_text()
    assert f"train: going on from step {resumed} ({CHECKPOINT})" in log


@pytest.mark.parametrize(
    ("rule", "what", "key", "settings", "target"),
    [
        ("craft", "kill", "craft", {"generalization": 0.1}, ["crafting"]),
        ("space", "kill", "degradation", [*TINY["degradation"][:3], BINS], []),
        ("bin_features_shard", "kill-run", "bin_features", {"patches": 9}, []),
        ("pairs_shard", "kill", "pairs", {"count": 41}, []),
    ],
)
def test_what_fails_after_a_change_is_not_passed_over(rule, what, key, settings, target, config, undisturbed, tmp_path):
    """Although what follows from it is still there, of the run before."""
    folder = tmp_path / "run"
    shutil.copytree(undisturbed, folder)
    changed = {**config, key: config[key] | settings if isinstance(settings, dict) else settings}
    met = break_at(folder, rule, what)
    assert start(folder, changed, *target).wait(timeout=600) != 0
    assert met.exists()
    if what == "kill-run":
        assert snakemake(folder, changed, "--unlock").returncode == 0
    planned = rules_planned(snakemake(folder, changed, *target, "--dry-run"))
    assert {rule, "craft" if target else "train"} <= planned


def test_what_had_not_begun_is_kept_when_a_change_is_undone(config, undisturbed, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(undisturbed, folder)
    made = {
        "train": folder / "results/models/crafted-made/seed0/model.safetensors",
        "bootstrap": folder / "results/targets/made/bootstrap.csv",
    }
    changed = {**config, "train": {**TRAINING, "steps": 301}, "craft": {**config["craft"], "bootstrap": 11}}
    for rule in made:
        break_at(folder, rule, "interrupt-run", 0)
    assert start(folder, changed, "--cores", "1").wait(timeout=600) != 0
    begun = {rule for rule, path in made.items() if not path.exists()}
    assert len(begun) == 1
    assert begun == rules_planned(snakemake(folder, config, "--dry-run")) & set(made)


def test_ctrl_c_while_jobs_import_is_told_from_a_failure(config, tmp_path):
    folder = tmp_path / "run"
    met = break_at(folder, "photos", "interrupt-run", 0)
    assert start(folder, config, "photos").wait(timeout=600) != 0
    assert met.exists() and not (folder / "results/logs/photos.log").exists()
    said = (folder / "said.txt").read_text()
    assert "\ndegcraft stopped.\n  ended from outside: stopped; the same command goes on\n" in said
    assert "The lines above name the cause" not in said


@pytest.fixture(scope="module")
def endless(config: dict[str, object]) -> dict[str, object]:
    """A configuration whose encoder is being trained for as long as a test takes."""
    return {**config, "encoder": {**TINY["encoder"], "samples": 10**7}}


def test_jobs_end_with_snakemake(endless, tmp_path):
    process = start(tmp_path / "run", endless, ENCODER)
    log = tmp_path / "run/results/logs/extractor/encoder.log"
    job = job_with(log, process)
    process.kill()
    process.wait()
    job.wait(timeout=60)
    assert not log.read_text().endswith("done\n")


def test_a_second_run_in_the_same_folder_is_refused(endless, tmp_path):
    first = begin_and_pause(tmp_path / "run", endless)

    def refused() -> None:
        second = snakemake(tmp_path / "run", endless, ENCODER)
        assert second.returncode == 1
        assert "Directory cannot be locked" in second.stderr and "--unlock" in second.stderr
        assert "Traceback" not in second.stderr and "degcraft stopped" not in second.stderr

    refused()
    assert first.poll() is None
    end(first)
    refused()  # Snakemake cannot know that nobody is there any more
    assert snakemake(tmp_path / "run", endless, "--unlock").returncode == 0
    assert snakemake(tmp_path / "run", endless, "results/space/bins.csv").returncode == 0


def test_a_second_run_is_refused_although_a_check_has_deleted_the_lock_of_the_first(endless, tmp_path):
    first = begin_and_pause(tmp_path / "run", endless)
    assert snakemake(tmp_path / "run", endless, "check").returncode == 0
    second = snakemake(tmp_path / "run", endless, ENCODER)
    assert second.returncode == 1
    assert f"another run is going on in {tmp_path / 'run'};" in second.stderr
    assert first.poll() is None
    end(first)
    assert snakemake(tmp_path / "run", endless, "results/space/bins.csv").returncode == 0


def test_a_run_on_a_full_disk_says_so_and_goes_on_when_there_is_room(config, undisturbed, small_disk, tmp_path):
    small_disk(tmp_path / "run/results", "size=240k")
    process = snakemake(tmp_path / "run", config, "results/pairs/clean.h5")
    assert process.returncode == 1
    said = "degcraft: results/hr/patches.h5: cannot be written, the disk is full; make room on it and run again"
    assert said in process.stderr and "Traceback" not in process.stderr
    assert not [path for path in (tmp_path / "run/results").rglob("*") if path.suffix == ".h5"]
    small_disk(tmp_path / "run/results", "size=40m")
    assert snakemake(tmp_path / "run", config, "results/pairs/clean.h5").returncode == 0
    found, expected = artifacts(tmp_path / "run"), artifacts(undisturbed)
    assert "hr/patches.h5" in found and "space/clean.csv" in found
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


def test_a_photo_that_changes_while_it_is_read_is_an_error_and_then_read_again(config, tmp_path):
    hr = Path(shutil.copytree(str(config["hr"]), tmp_path / "hr"))
    changed, run = {**config, "hr": str(hr)}, tmp_path / "run"
    met = break_at(run, "photos", "stop")
    process = start(run, changed, "results/hr/patches.h5")
    with stopped(met, process):  # all photos have been read
        Image.fromarray(np.full((128, 128, 3), 90, np.uint8)).save(hr / "photo3.png")
    assert process.wait(timeout=300) == 1
    said = (run / "said.txt").read_text()
    assert f"degcraft: {hr}/photo3.png: changed while this job was reading it; run again" in said
    assert not (run / "results/hr/patches.h5").exists()
    assert snakemake(run, changed, "results/hr/patches.h5").returncode == 0
    with h5py.File(run / "results/hr/patches.h5") as file:
        assert (file["patches"][file["photo"][:] == 3] == 90).all()


def test_a_training_whose_pairs_were_touched_meanwhile_goes_on(copy, config, undisturbed):
    model = copy / "results/models/crafted-made/seed0/model.safetensors"
    model.unlink()
    met = break_at(copy, "train", "stop", 3)
    process = start(copy, config)
    with stopped(met, process):
        (copy / "results/pairs/crafted-made.h5").touch()
    assert process.wait(timeout=300) == 1
    said = (copy / "said.txt").read_text()
    assert "degcraft: results/pairs/crafted-made.h5: changed while this job was reading it; run again" in said
    assert (copy / CHECKPOINT).exists() and not model.exists()
    assert snakemake(copy, config).returncode == 0
    steps = TRAINING["steps"] - TRAINING["checkpoint_every"]
    log = (copy / "results/logs/train/crafted-made-seed0.log").read_text()
    assert f"train: going on from step {steps} ({CHECKPOINT})" in log
    assert_same(copy, undisturbed)


def test_a_photo_that_disappears_before_it_is_read_is_named(config, tmp_path):
    photos = Path(shutil.copytree(str(config["degrade"]["photos"]), tmp_path / "photos"))
    changed, run = {**config, "degrade": {"photos": str(photos), "distributions": ["full"]}}, tmp_path / "run"
    met = break_at(run, "space", "stop")
    process = start(run, changed, "results/degraded/full")
    with stopped(met, process):  # degrading waits for the bins
        (photos / "photo2.png").unlink()
    assert process.wait(timeout=300) == 1
    said = (run / "said.txt").read_text()
    assert "photo2.png" in said and "Traceback" not in said
    process = snakemake(run, changed, "results/degraded/full")
    assert process.returncode == 0, process.stderr[-4000:]
    names = sorted(path.name for path in (run / "results/degraded/full").glob("*.png"))
    assert names == ["photo0.png", "photo1.png", "photo3.png"]
