"""Why a run stopped, from the logs of its jobs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>[A-Z]+) (?P<message>.*)$", re.MULTILINE)
_SHOWN = 5
STOPPED = "ended from outside: stopped; the same command goes on"
KILLED = (
    "ended from outside: stopped, or killed for want of memory or time; run the same command again, and if it ends so "
    "again, with fewer --cores, or on a cluster with more mem_mb or runtime (set-resources in the profile)"
)
FAILED = "failed"  # what a job logs with the traceback of an error that is not in the user's words
DONE = "done"  # the last line of a job that did not fail


def failures(
    logs: str | os.PathLike[str],
    own: Iterable[str | os.PathLike[str]],
    since: float,
    shown: str | os.PathLike[str] | None = None,
    interrupted: bool = False,
) -> str:
    """The ending that a failed run prints: the cause of each job that failed, and its log.

    Args:
        logs: the folder of all logs.
        own: those of the run's jobs; another run may write others at the same time.
        since: when the run began, seconds since the epoch; logs that were written before are of earlier runs.
        shown: the folder as the user would write it, if another directory was given to run in.
        interrupted: whether Ctrl-C ended the run; jobs that were still importing then have no log.
    """
    shown = logs if shown is None else shown
    written = [path for path in sorted(map(Path, own)) if path.is_file() and path.stat().st_mtime >= since]
    places = {path: Path(shown, path.relative_to(logs)) for path in written}
    found = [f"  {cause}\n  (log: {place})" for path, place in places.items() for cause in _cause(path, interrupted)]
    if len(found) > _SHOWN:
        found[_SHOWN:] = [f"  and {len(found) - _SHOWN} more"]
    unknown = f"The lines above name the cause; logs are in {shown}."
    without_log = STOPPED if interrupted else unknown
    return "\n".join(["\ndegcraft stopped.", *(found or [f"  {without_log}"])])


def _cause(path: Path, interrupted: bool) -> Iterator[str]:
    """What the log of a job that failed says, if it is one."""
    text = path.read_text(encoding="utf-8", errors="replace").rstrip()
    *_, last = [None, *_LINE.finditer(text)]
    if last is None or last["message"] == DONE:
        return
    if last["level"] != "ERROR":
        yield STOPPED if interrupted else KILLED
    elif last["message"] == FAILED:
        yield text.splitlines()[-1]  # of the traceback
    else:
        yield text[last.start("message") :].replace("\n", "\n  ")
