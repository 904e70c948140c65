"""What the log says of long work."""

from __future__ import annotations

import io
import logging
import re
import sys
from types import SimpleNamespace

import pytest

from degcraft import progress
from degcraft.progress import Progress, track


@pytest.fixture
def lines(caplog, monkeypatch):
    """Every step writes a line, on a clock that a step moves on by ten seconds."""
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    monkeypatch.setattr(progress, "_INTERVAL", 0.0)
    caplog.set_level(logging.INFO, "degcraft")
    return lambda: caplog.messages


def test_items_pass_and_the_time_left_is_said(lines):
    assert list(track("abc", 3, "work")) == ["a", "b", "c"]
    assert lines() == [
        "work: 1 of 3, 0.1 a second, 00:20 left",
        "work: 2 of 3, 0.1 a second, 00:10 left",
        "work: 3 of 3, 0.1 a second, 00:00 left",
    ]


def test_what_was_done_before_does_not_count_as_speed(lines):
    list(track("ab", 10, "train", start=8))
    assert lines()[0] == "train: 9 of 10, 0.1 a second, 00:10 left"


def test_a_first_step_that_took_long_is_no_measure_of_the_others(lines, monkeypatch):
    monkeypatch.setattr(progress, "_SLOW", 10.0)
    list(track("abcd", 4, "extractor"))
    assert lines()[0] == "extractor: 2 of 4, 0.1 a second, 00:20 left"
    list(track("a", 1, "alone"))
    assert lines()[-1] == "alone: 1 of 1, 0.1 a second, 00:00 left"


def test_units_and_work_that_is_done_again(lines):
    with Progress(4_000_000, "upscale", unit="megapixels", per=1_000_000) as work:
        work.advance(500_000)
        work.advance(-500_000)
        work.advance(4_000_000)
    assert lines()[0] == "upscale: 0.50 of 4.00 megapixels, 0.05 a second, 01:10 left"
    assert lines()[1] == "upscale: 0.00 of 4.00 megapixels, 0 a second, ? left"
    assert lines()[2].endswith("00:00 left")


def test_lines_are_rare_and_the_last_one_is_certain(caplog):
    caplog.set_level(logging.INFO, "degcraft")
    list(track(range(1000), 1000, "work"))
    assert len(caplog.messages) == 1
    assert re.match(r"work: 1000 of 1000, .* a second, 00:00 left", caplog.messages[0])


class Terminal(io.StringIO):
    """Keeps what a terminal is sent."""

    def isatty(self):
        return True


def test_frames_name_the_job_and_leave_the_cursor_at_the_beginning(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("DEGCRAFT_JOB", "certify cam")
    list(track("abc", 3, "certify: photos"))
    list(track("abc", 3, "certify"))
    assert re.findall("\r([^\r]+?)%[^\r]*\r(?=\r)", sys.stderr.getvalue()) == [
        "certify cam: photos:   0",
        "certify cam:   0",
    ]


def test_a_slow_first_step_does_not_count(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    clock = SimpleNamespace(now=0.0)
    with Progress(1001, "extractor") as work:
        work._bar._time = lambda: clock.now
        work._bar.start_t = work._bar.last_print_t = clock.now
        for seconds in (100, 1, 1, 1):
            clock.now += seconds
            work.advance()
    left = re.findall(r"\d/1001 \[.*?<(.*?),", sys.stderr.getvalue())
    assert left == ["?", "16:39", "16:38", "16:37"]
