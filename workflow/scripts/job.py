"""What every script does around its call of the library: threads, log, and errors in the user's words."""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before numpy: jobs run side by side, and torch gets its threads from the settings

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends a job without a traceback, wherever it is

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from threadpoolctl import threadpool_limits

from degcraft.errors import UserError
from degcraft.failures import DONE, FAILED
from degcraft.progress import JOB, RESULT
from degcraft.records import recorded

cv2.setNumThreads(1)


@contextmanager
def job(snakemake: object) -> Iterator[None]:
    """Check the inputs, log to the rule's file, record the outputs; show a `UserError` as its message alone."""
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    log = Path(snakemake.log[0])
    logging.raiseExceptions = False  # no traceback for every line, where the disk has no room for the log
    layout = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(filename=log, filemode="w", encoding="utf-8", level=logging.INFO, format=layout, force=True)
    name = os.environ[JOB] = " ".join([snakemake.rule, *snakemake.wildcards])
    logging.getLogger("degcraft").addHandler(_terminal(name))
    logging.getLogger("degcraft").info("%s: %s", snakemake.rule, dict(snakemake.wildcards))
    try:
        with threadpool_limits(1), recorded(snakemake.input, snakemake.output):
            yield
    except UserError as error:
        logging.getLogger("degcraft").error("%s", error)
        print(f"\ndegcraft: {error}\n(log: {log})\n", file=sys.stderr, flush=True)
        sys.exit(1)
    except Exception:
        logging.getLogger("degcraft").exception(FAILED)
        raise
    logging.getLogger("degcraft").info(DONE)


def _terminal(name: str) -> logging.Handler:
    """Shows what the stage came to, and warnings, with its name before them; errors are shown as the job ends."""
    handler = logging.StreamHandler()
    handler.setLevel(RESULT)
    handler.addFilter(lambda record: record.levelno < logging.ERROR)
    handler.setFormatter(logging.Formatter(f"{name.replace('%', '%%')}: %(message)s"))
    return handler


def _end_with(parent: int) -> None:
    """End with the process that started this one: killed, it could not end its jobs, and another run may begin."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
