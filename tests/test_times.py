"""How long the stages took."""

from __future__ import annotations

import os

import pytest

from degcraft.times import clock, stage_times, times_table


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "benchmarks"
    for name, seconds in {"photos": "4.5000", "train/full-seed0": "100.25", "train/clean-seed0": "60"}.items():
        path = folder / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:04\t120.5\n")
    return tmp_path


def test_jobs_of_a_stage_are_added_up(results):
    assert stage_times(results) == {"photos": (1, 4.5), "train": (2, 160.25)}


def test_the_longest_stage_comes_first(results):
    assert times_table(results) == [["stage", "jobs", "time"], ["train", "2", "2:40"], ["photos", "1", "0:04"]]


def test_what_is_not_recorded_is_not_shown(results, tmp_path):
    (results / "benchmarks" / "space.tsv").write_text("s\th:m:s\n-\t-\n")
    assert stage_times(results)["space"] == (1, 0.0)
    assert times_table(tmp_path / "elsewhere") == []


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0:00"), (59.6, "1:00"), (750, "12:30"), (11220, "3:07:00")])
def test_seconds_as_a_clock_shows_them(seconds, words):
    assert clock(seconds) == words


def test_jobs_of_earlier_runs_have_no_times(results):
    os.utime(results / "benchmarks/photos.tsv", (1, 1))
    assert list(stage_times(results, since=2)) == ["train"]
