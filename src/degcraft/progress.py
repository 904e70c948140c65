"""Progress of long work: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
_INTERVAL = 20.0  # seconds between lines of a log


def track(items: Iterable[T], total: int, what: str, start: int = 0) -> Iterator[T]:
    """Pass items on and report how far they are, their rate and the time left.

    Args:
        items: what is worked through.
        total: how many there are altogether.
        what: name of the work.
        start: how many were done before this run (a resumed training).
    """
    log = logging.getLogger("degcraft")
    begun = last = time.monotonic()
    bar = tqdm(total=total, initial=start, desc=what, leave=False, disable=not sys.stderr.isatty())
    with bar:
        for done, item in enumerate(items, start + 1):
            yield item
            bar.update()
            now = time.monotonic()
            if now - last >= _INTERVAL or done == total:
                last = now
                rate = (done - start) / max(now - begun, 1e-9)
                log.info("%s: %d of %d, %.1f a second, %.0f s left", what, done, total, rate, (total - done) / rate)
