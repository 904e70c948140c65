"""Words that messages share: paths in quotes, the first few of many names, and numbers of things."""

from __future__ import annotations

import os
from collections.abc import Sequence

NAMED = 5  # names in a message, at most


def quoted(path: str | os.PathLike[str]) -> str:
    r"""A path in quotes, as it was written; escaped where a line could not hold it. ``'C:\photos'``, ``'a\nb.png'``."""
    text = os.fspath(path)
    return f"'{text}'" if text.isprintable() else repr(text)


def some(words: Sequence[str]) -> str:
    """The first few words of a list, and how many more there are."""
    more = f", and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return f"{', '.join(words[:NAMED])}{more}"


def two_digits(value: float) -> str:
    """A number in two digits, without a power of ten: ``2.1``, ``0.031``, ``1500``."""
    return f"{float(f'{value:.2g}'):g}"


def counted(number: int, one: str, more: str = "") -> str:
    """``1 photo``, ``3 photos``; ``more`` is the plural where it is not made with an s."""
    return f"{number} {one if number == 1 else more or f'{one}s'}"
