"""The whole workflow through a real Slurm: what jobs ask for, what comes out, and what happens to a job that is killed.

`make test-slurm` runs this; `make test` does not. tools/slurm_cluster.sh starts the Slurm, in a temporary folder.
"""

import filecmp
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from slurm_runs import finished, run_id, running, submit, tiny_config
from workflow_runs import write_config


@pytest.fixture(scope="module")
def runs(begun):
    """The folder of the runs that have begun, and the finished processes."""
    root, futures = begun
    return root, finished(futures)


def jobs_recorded(cluster, process):
    """What Slurm recorded of the jobs of one run: a dictionary a job, in the order of submission."""
    shown = subprocess.check_output(["scontrol", "show", "job", "--oneliner"], env=cluster, text=True)
    jobs = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in shown.splitlines()]
    return sorted((job for job in jobs if job["JobName"] == run_id(process)), key=lambda job: int(job["JobId"]))


def memory(job):
    return re.search(r"mem=(\w+)", job["TRES"]).group(1)


@pytest.mark.parametrize(
    ("comment", "asked"),
    [
        ("rule_prepare_photos_space_space_clean", ("5000M", "01:00:00", "standard", None)),  # side by side
        ("rule_extractor_encoder", ("16000M", "04:00:00", "gpu", "gres:gpu:1")),
        ("rule_bin_features_shard_wildcards_encoder_1", ("16000M", "02:00:00", "gpu", "gres:gpu:1")),
        ("rule_bin_features_wildcards_encoder", ("2000M", "00:10:00", "standard", None)),
        ("rule_craft_bootstrap_certify_craft_plots", ("4000M", "03:00:00", "standard", None)),
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
    assert states == [("400M", "FAILED"), ("1600M", "COMPLETED")]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([], "ClusterName needs to be specified"),
        (["ClusterName=far", "SlurmctldHost=localhost", "SlurmctldPort=1"], "Unable to contact slurm controller"),
    ],
)
def test_a_slurm_that_does_not_answer_ends_the_run_before_its_first_job(cluster, tmp_path, settings, said):
    file = tmp_path / "slurm.conf"
    file.write_text("".join(f"{line}\n" for line in [*settings, "AuthType=auth/none", "PartitionName=a Nodes=ALL"]))
    silent = {**cluster, "SLURM_CONF": str(file)}
    process = submit(silent, "slurm", tmp_path / "run", tiny_config(tmp_path), "results/space/bins.csv")
    assert process.returncode == 1
    assert "Slurm does not answer here:" in process.stderr and said in process.stderr
    assert "submitted" not in process.stderr


def test_jobs_of_a_killed_run_are_ended_before_another_begins(cluster, tmp_path):
    log = tmp_path / "run/.snakemake/slurm_logs/rule_space/1.log"
    log.parent.mkdir(parents=True)
    waiting = ["sbatch", "--parsable", "--hold", "--mem=100", "--wrap=true"]
    numbers = [
        subprocess.check_output([*waiting, f"--output={path}"], env=cluster, text=True).strip()
        for path in (log, tmp_path / "another.log")
    ]
    try:
        arguments = cluster, "slurm", tmp_path / "run", tiny_config(tmp_path), "results/space/bins.csv"
        refused = submit(*arguments)
        assert refused.returncode == 1 and "submitted" not in refused.stderr
        assert re.search(rf"end them, and run again:\n    scancel {numbers[0]}$", refused.stderr, re.MULTILINE)
        subprocess.run(["scancel", numbers[0]], env=cluster, check=True)
        assert submit(*arguments).returncode == 0
    finally:
        subprocess.run(["scancel", *numbers], env=cluster, check=False)


def test_jobs_refuse_another_configuration_than_the_run_began_with(cluster, tmp_path):
    config, logs = tiny_config(tmp_path), tmp_path / "run/.snakemake/slurm_logs"
    with ThreadPoolExecutor() as pool:
        run = pool.submit(submit, cluster, "slurm", tmp_path / "run", config, "results/pairs/full.h5", "--retries", "0")
        while not (run.done() or logs.exists()):
            time.sleep(0.01)
        write_config(tmp_path / "run", {**config, "seed": 5})
        process = run.result()
    assert process.returncode == 1
    assert "run/config.yaml: changed since the run began" in process.stdout + process.stderr
    assert not (tmp_path / "run/results/pairs/full.h5").exists()


@pytest.mark.parametrize("arguments", [[], ["--accounting"]])
def test_nothing_is_left_when_the_cluster_stops(tmp_path, arguments):
    folder, said = tmp_path / "slurm", tmp_path / "said"
    with running(folder, *arguments) as environment:
        account = ["--account=lab"] if arguments else []
        job = f"echo $$ > {said}; trap '' TERM; sleep 600; sleep 600"
        command = ["sbatch", *account, "--mem=100", "--chdir", tmp_path, "--wrap", job]
        subprocess.run(command, env=environment, check=True)
        end = time.monotonic() + 60
        while not (said.exists() and said.read_text()) and time.monotonic() < end:
            time.sleep(0.2)
        processes = {path.stem: path.read_text() for path in folder.glob("*.pid")}
        processes["job"] = said.read_text()
    daemons = {"munged", "slurmctld", "slurmd"} | ({"slurmdbd", "mariadbd"} if arguments else set())
    assert processes.keys() == {*daemons, "job"}
    for process in processes.values():
        with pytest.raises(ProcessLookupError):
            os.kill(int(process), 0)
    assert not [path for path in folder.rglob("*") if path.is_socket()]
