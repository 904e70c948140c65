"""The whole workflow through a real Slurm: what jobs ask for, what comes out, and what happens to a job that is killed.

`make test-slurm` runs this; `make test` does not. tools/slurm_cluster.sh starts the Slurm, in a temporary folder.
"""

import filecmp
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from workflow_runs import ROOT, TINY, make_photos, snakemake, write_config

CANNOT = 77  # exit status of slurm_cluster.sh


@contextmanager
def running(folder):
    """A Slurm of its own; the environment for its commands."""
    tool = ROOT / "tools/slurm_cluster.sh"
    started = subprocess.run([tool, "start", folder], capture_output=True, text=True, timeout=300)
    if started.returncode == CANNOT:
        pytest.skip(started.stderr.strip())
    assert started.returncode == 0, started.stderr
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    try:
        yield {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
    finally:
        subprocess.run([tool, "stop", folder], check=True, timeout=120)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """See `running`."""
    with running(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


@pytest.fixture(scope="module")
def site_profile(tmp_path_factory):
    """The shipped profile as a site with these two partitions and GPUs would edit it: some settings put in force."""
    folder = tmp_path_factory.mktemp("profile")
    rules = "train|extractor_encoder|extractor_srgan|bin_features_shard|refine_shard|upscale"
    chosen = rf"^( *)#(?=(set-resources|slurm_partition|mem_mb|gpu|{rules}):)"
    text = re.sub(chosen, r"\1", (ROOT / "slurm/config.yaml").read_text(), flags=re.MULTILINE)
    (folder / "config.yaml").write_text(text)
    return folder


def submit(cluster, profile, folder, config, *arguments):
    """Run the workflow through Slurm, from the root, with its files in a folder of its own."""
    command = [sys.executable, "-m", "snakemake", *arguments, "--profile", profile, "--directory", folder]
    command += ["--configfile", write_config(folder, config), "--slurm-init-seconds-before-status-checks", "2"]
    return subprocess.run(command, cwd=ROOT, env=cluster, capture_output=True, text=True, timeout=1500)


def large_photo(folder):
    """A photo of 76 megapixels, which takes more than 400 MB to be cut."""
    folder.mkdir()
    tile = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8), (0, 0), 2)
    cv2.imwrite(str(folder / "large.png"), np.tile(tile, (17, 17, 1)), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return folder


@pytest.fixture(scope="module")
def runs(cluster, site_profile, tmp_path_factory):
    """Side by side, since Slurm mostly waits: the whole workflow on Slurm and without it, and cutting a large photo."""
    root = tmp_path_factory.mktemp("runs")
    truth = {"noise_sigma": [2, 8], "blur_sigma": [0.5, 1.5]}
    targets = {"made": {"truth": truth, "photos": str(make_photos(root / "made", 4, 96, 1))}}
    config = {**TINY, "hr": str(make_photos(root / "hr", 4, 128, 0)), "targets": targets}
    large = {**config, "hr": str(large_photo(root / "large-hr"))}
    too_little = ["results/hr/patches.h5", "--set-resources", "photos:mem_mb=attempt*400"]
    with ThreadPoolExecutor() as pool:
        started = {
            "slurm": pool.submit(submit, cluster, site_profile, root / "slurm", config),
            "large": pool.submit(submit, cluster, "slurm", root / "large", large, *too_little),
            "local": pool.submit(snakemake, root / "local", config),
        }
    processes = {name: run.result() for name, run in started.items()}
    for process in processes.values():
        assert process.returncode == 0, process.stderr[-4000:]
    return root, processes


def jobs_recorded(cluster, process):
    """What Slurm recorded of the jobs of one run: a dictionary a job, in the order of submission."""
    run = re.search(r"SLURM run ID: (\S+)", process.stderr).group(1)
    shown = subprocess.check_output(["scontrol", "show", "job", "--oneliner"], env=cluster, text=True)
    jobs = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in shown.splitlines()]
    return sorted((job for job in jobs if job["JobName"] == run), key=lambda job: int(job["JobId"]))


def memory(job):
    return re.search(r"mem=(\w+)", job["TRES"]).group(1)


@pytest.mark.parametrize(
    ("comment", "asked"),
    [
        ("rule_prepare_photos_space", ("4000M", "01:00:00", "standard", None)),  # 3000 and 1000, side by side
        ("rule_extractor_encoder", ("16000M", "04:00:00", "gpu", "gres:gpu:1")),
        ("rule_bin_features_shard_wildcards_encoder_1", ("16000M", "02:00:00", "gpu", "gres:gpu:1")),
        ("rule_bin_features_wildcards_encoder", ("2000M", "00:10:00", "standard", None)),
        ("rule_craft_certify_craft", ("4000M", "02:00:00", "standard", None)),  # after each other
        ("rule_train_wildcards_crafted-made_0", ("16000M", "1-00:00:00", "gpu", "gres:gpu:1")),
        ("rule_evaluate_wildcards_crafted-made_0_made", ("6000M", "02:00:00", "standard", None)),
        ("rule_upscale_wildcards_made", ("16000M", "04:00:00", "gpu", "gres:gpu:1")),
    ],
)
def test_jobs_ask_for_memory_time_partition_and_gpu(cluster, runs, comment, asked):
    (job,) = [job for job in jobs_recorded(cluster, runs[1]["slurm"]) if job["Comment"] == comment]
    assert (memory(job), job["TimeLimit"], job["Partition"], job.get("TresPerJob")) == asked
    assert job["JobState"] == "COMPLETED"


def test_short_rules_go_together(cluster, runs):
    rules = re.search(r"^total +(\d+)$", runs[1]["slurm"].stderr, re.MULTILINE).group(1)
    jobs = jobs_recorded(cluster, runs[1]["slurm"])
    assert len(jobs) == 21 and int(rules) > 30


def test_results_have_the_bytes_of_a_local_run(runs):
    compared = 0
    for path in (runs[0] / "local/results").rglob("*"):
        relative = path.relative_to(runs[0] / "local")
        if path.is_file() and relative.parts[1] not in ("logs", "benchmarks"):
            assert filecmp.cmp(path, runs[0] / "slurm" / relative, shallow=False), relative
            compared += 1
    assert compared > 50


def test_a_job_killed_for_memory_gets_more_when_it_is_sent_again(cluster, runs):
    output = runs[1]["large"].stderr
    assert "exceeded memory limit" in output and "degcraft stopped" not in output
    states = [(memory(job), job["JobState"]) for job in jobs_recorded(cluster, runs[1]["large"])]
    assert states == [("400M", "FAILED"), ("800M", "COMPLETED")]


def test_nothing_is_left_when_the_cluster_stops(tmp_path):
    said = tmp_path / "said"
    with running(tmp_path / "slurm") as environment:
        job = f"echo $$ > {said}; trap '' TERM; sleep 600; sleep 600"
        subprocess.run(["sbatch", "--mem=100", "--chdir", tmp_path, "--wrap", job], env=environment, check=True)
        end = time.monotonic() + 60
        while not (said.exists() and said.read_text()) and time.monotonic() < end:
            time.sleep(0.2)
    daemons = [path.read_text() for path in (tmp_path / "slurm").glob("*.pid")]  # those that end well remove theirs
    for process in [said.read_text(), *daemons]:
        with pytest.raises(ProcessLookupError):
            os.kill(int(process), 0)
