"""Why a run stopped, as it says at its end."""

from __future__ import annotations

import os

import pytest
from workflow_runs import TINY, make_photos, snakemake

from degcraft.failures import failures

STAMP = "2026-11-24 21:12:17,001"


@pytest.fixture
def logs(tmp_path):
    """``logs(name, text)`` writes a log; the folder is its attribute."""

    def write(name, text):
        path = tmp_path / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    write.folder = tmp_path / "logs"
    return write


def ending(logs, since=0.0, **options):
    """What is said of all that was written."""
    return failures(logs.folder, logs.folder.rglob("*.log"), since, **options)


def test_the_users_words_are_repeated_with_their_log(logs):
    path = logs("craft/album.log", f"{STAMP} INFO craft: album\n{STAMP} ERROR album: too few photos\nadd some\n")
    assert ending(logs) == f"\ndegcraft stopped.\n  album: too few photos\n  add some\n  (log: {path})"


def test_logs_are_named_as_the_user_writes_their_folder(logs):
    logs("craft/album.log", f"{STAMP} ERROR too few photos\n")
    assert ending(logs, shown="mine/logs").endswith("\n  (log: mine/logs/craft/album.log)")


def test_of_a_traceback_the_last_line_is_shown(logs):
    logs("train.log", f"{STAMP} ERROR failed\nTraceback (most recent call last):\n  File x\nValueError: no\n")
    assert "\n  ValueError: no\n" in ending(logs)


def test_a_job_without_a_last_word_was_ended_from_outside(logs):
    logs("train.log", f"{STAMP} INFO train: 100 of 3200, 35 a second, 01:28 left\n")
    assert "\n  ended from outside" in ending(logs)


def test_a_job_that_ctrl_c_ended_before_it_had_a_log_was_ended_from_outside(logs):
    stopped = "\ndegcraft stopped.\n  ended from outside: stopped; the same command goes on"
    assert ending(logs, interrupted=True) == stopped
    logs("craft/album.log", f"{STAMP} ERROR too few photos\n")
    assert "too few photos" in ending(logs, interrupted=True)


def test_a_job_that_ctrl_c_ended_was_not_killed_for_want_of_memory(logs):
    logs("train.log", f"{STAMP} INFO train: 100 of 3200, 35 a second, 01:28 left\n")
    assert "memory" in ending(logs) and "memory" not in ending(logs, interrupted=True)


def test_jobs_that_ended_well_and_other_runs_are_no_cause(logs):
    logs("photos.log", f"{STAMP} RESULT 4 of 4 photos used\n{STAMP} INFO done\n")
    old = logs("craft.log", f"{STAMP} ERROR of yesterday\n")
    os.utime(old, (1, 1))
    assert ending(logs, 2).startswith("\ndegcraft stopped.\n  The lines above name the cause")


def test_what_another_run_writes_beside_it_is_no_cause(logs):
    logs("extractor/encoder.log", f"{STAMP} INFO encoder: 209 of 1500\n")
    own = logs("check.log", f"{STAMP} INFO check\n")
    assert failures(logs.folder, [own, logs.folder / "unwritten.log"], 0, interrupted=True) == (
        f"\ndegcraft stopped.\n  ended from outside: stopped; the same command goes on\n  (log: {own})"
    )


def test_many_causes_are_counted(logs):
    for shard in range(8):
        logs(f"pairs/full-{shard}.log", f"{STAMP} ERROR the disk is full\n")
    text = ending(logs)
    assert text.count("the disk is full") == 5 and text.endswith("\n  and 3 more")


def test_a_run_ends_with_the_cause(tmp_path):
    hr, reference = (make_photos(tmp_path / name, count, 128, 0) for name, count in {"hr": 2, "reference": 1}.items())
    whole = (reference / "photo0.png").read_bytes()
    (reference / "photo0.png").write_bytes(whole[:-1000])  # its head says that it is large enough
    train = {**TINY["train"], "distributions": ["crafted"]}
    config = {**TINY, "hr": str(hr), "targets": {"album": {"reference": str(reference)}}, "train": train}
    process = snakemake(tmp_path / "run", config, "results/targets/album/reference.h5")
    assert process.returncode == 1
    said = process.stderr[process.stderr.index("degcraft stopped.") :]
    assert (
        "none of the 1 reference photos can be used" in said
        and f"(log: {tmp_path}/run/results/logs/reference/album.log)" in said
    )
    assert "CalledProcessError" not in said
    assert "photos: 2 of 2 photos used, 12 patches of 64 pixels\n" in process.stderr  # each stage says what it came to
