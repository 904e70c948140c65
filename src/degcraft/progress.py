"""Progress of long work: a bar on a terminal, a line now and then in a log, and what it came to."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

T = TypeVar("T")
RESULT = logging.INFO + 5  # level of what a stage came to, which a run shows on the terminal as well
JOB = "DEGCRAFT_JOB"  # environment variable with the job's name for its bars; a training's processes have it as well
_INTERVAL = 20.0  # seconds between lines of a log
_SLOW = 20.0  # seconds of a first step that started processes or compiled, and tells nothing about the others

logging.addLevelName(RESULT, "RESULT")


def announce(text: str) -> None:
    """Say what a stage came to, in a line without the stage's name: in its log, and on the terminal of the run."""
    logging.getLogger("degcraft").log(RESULT, "%s", text)


class _Bar(tqdm):  # type: ignore[type-arg]  # generic in stubs alone
    @staticmethod
    def status_printer(file: SupportsWrite[str]) -> Callable[[str], None]:
        """Frames leave the cursor at the beginning of their line, so that no other line is appended to one."""

        write = tqdm.status_printer(file)

        def write_and_return(frame: str) -> None:
            write(frame)
            file.write("\r")
            sys.stderr.flush()

        return write_and_return


class Progress:
    """How far some work is, its rate and the time left.

    Several jobs may share a terminal, so a bar has the job's name where there is one.

    Args:
        total: amount of work altogether.
        what: name of the work.
        start: how much was done before this run (a resumed training).
        unit: in which amounts are shown, in the plural.
        per: how much makes one unit.
    """

    def __init__(self, total: int, what: str, start: int = 0, unit: str = "", per: int = 1) -> None:
        self._total, self._what, self._start, self._unit, self._per = total, what, start, unit, per
        self._done = self._from = start
        self._begun = self._last = time.monotonic()
        layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}" if unit else None
        hidden = not sys.stderr.isatty()
        name = _label(what)
        self._bar = _Bar(total=total, initial=start, desc=name, leave=False, disable=hidden, bar_format=layout)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()

    def advance(self, amount: int = 1) -> None:
        """Count some work as done; a negative amount has to be done again."""
        first = self._done == self._start
        self._done += amount
        if first:  # starts processes and compiles, which says nothing about the time that others take
            self._bar.n = self._bar.last_print_n = self._done
            self._bar.unpause()
        else:
            self._bar.update(amount)
        now = time.monotonic()
        if first and now - self._begun >= _SLOW and self._done < self._total:
            self._begun, self._last, self._from = now, now, self._done
            return
        if now - self._last >= _INTERVAL or self._done == self._total:
            self._last = now
            logging.getLogger("degcraft").info("%s", self._line(max(now - self._begun, 1e-9)))

    def _line(self, seconds: float) -> str:
        rate = (self._done - self._from) / seconds
        left = tqdm.format_interval((self._total - self._done) / rate) if rate > 0 else "?"
        done, total = (f"{amount / self._per:{'.2f' if self._unit else '.0f'}}" for amount in (self._done, self._total))
        unit = f" {self._unit}" if self._unit else ""
        return f"{self._what}: {done} of {total}{unit}, {rate / self._per:.3g} a second, {left} left"


def _label(what: str) -> str:
    """The job's name and the part of the job, if it has parts: ``certify cam: photos``."""
    _, colon, part = what.partition(":")
    return f"{os.environ[JOB]}{colon}{part}" if os.environ.get(JOB) else what


def track(items: Iterable[T], total: int, what: str, start: int = 0) -> Iterator[T]:
    """Pass items on and report how far they are; see `Progress`.

    Args:
        items: what is worked through.
        total: how many there are altogether.
        what: name of the work.
        start: how many were done before this run.
    """
    with Progress(total, what, start) as progress:
        for item in items:
            yield item
            progress.advance()
