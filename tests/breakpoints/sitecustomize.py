"""Lets something happen to jobs of the workflow at a moment that does not depend on the machine's pace.

Every Python that finds this file on its path imports it as it starts. The variable ``BREAKPOINTS`` names a folder with
a file for each rule to break: ``kill 2`` in it kills the first job of the rule that is about to give its second file
under ``results`` its name, ``kill-run 2`` kills the job together with the whole run, ``stop 2`` stops it until it is
told to continue. ``interrupt-run 0`` is Ctrl-C while the job imports, before it has a log. The file gets the suffix
``.met`` and holds the job's process then; it breaks no second time.
"""

import os
import signal
import sys
from pathlib import Path

FOLDER = os.environ.get("BREAKPOINTS")
named = 0


def at(event: str, arguments: tuple[object, ...]) -> None:
    """Called for everything that Python reports to its audit hooks."""
    global named
    begins = event == "import" and arguments[0] == "job"
    if not begins and (event != "os.rename" or not str(arguments[1]).startswith("results/")):
        return
    job = getattr(sys.modules["__main__"], "snakemake", None)  # what Snakemake gives to a script
    if job is None:
        return
    named += not begins
    asked = Path(FOLDER, job.rule)
    if not asked.exists():
        return
    what, _, count = asked.read_text().partition(" ")
    if named != int(count):
        return
    met = asked.with_name(f"{job.rule}.met")
    asked.rename(met)
    met.write_text(str(os.getpid()))
    if what == "interrupt-run":
        os.killpg(0, signal.SIGINT)
        return
    if what == "kill-run":
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGSTOP if what == "stop" else signal.SIGKILL)


if FOLDER:
    sys.addaudithook(at)
