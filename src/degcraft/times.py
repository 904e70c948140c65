"""How long the stages took, from the benchmarks that Snakemake writes."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path


def stage_times(results: str | os.PathLike[str], since: float = 0.0) -> dict[str, tuple[int, float]]:
    """Jobs and seconds of every stage, each job as it was last run, by the stage's name.

    Args:
        results: folder with ``benchmarks/<stage>.tsv`` or ``benchmarks/<stage>/<job>.tsv``.
        since: seconds since the epoch; jobs that ended before are left out.
    """
    folder = Path(results) / "benchmarks"
    found: dict[str, tuple[int, float]] = {}
    for path in sorted(path for path in folder.rglob("*.tsv") if path.stat().st_mtime >= since):
        stage = path.relative_to(folder).with_suffix("").parts[0]
        jobs, seconds = found.get(stage, (0, 0.0))
        found[stage] = jobs + 1, seconds + sum(_seconds(path))
    return found


def times_table(results: str | os.PathLike[str], since: float = 0.0) -> list[list[str]]:
    """Rows for the terminal, the longest stage first: ``stage``, ``jobs``, ``time``; empty if nothing is recorded."""
    times = sorted(stage_times(results, since).items(), key=lambda item: -item[1][1])
    rows = [[stage, str(jobs), clock(seconds)] for stage, (jobs, seconds) in times]
    return [["stage", "jobs", "time"], *rows] if rows else []


def clock(seconds: float) -> str:
    """``0:04``, ``12:30``, ``3:07:00``: minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _seconds(path: Path) -> Iterator[float]:
    """The column ``s`` of a benchmark; a file of another shape has none."""
    with path.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            try:
                yield float(row.get("s") or "")
            except ValueError:
                continue
