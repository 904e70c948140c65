"""Ranges that may be too short: most of an axis's weight lies at an end beyond which there are other values."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from degcraft.axes import axis_operator

MUCH = 0.5  # of the weight
SOFTER = ("sigma", "across", "variance", "variance_across")  # parameters of a blur that grow with its width
ENLARGED = "Photos that were enlarged look like that, too: give them as the source delivers them."


def short_ranges(marginals: pd.DataFrame) -> Iterator[str]:
    """A sentence for every end of an axis where crafted weight piles up, although the operator could go farther.

    Weight of `MUCH` does if its interval is above what the full range has there: of two bins, one always has half.
    Next to nothing is as good as none: above 0, no more is missed than is narrower than the bin.

    Args:
        marginals: the table of `degcraft.bootstrap`.
    """
    for axis, rows in marginals.groupby("axis", sort=False):
        _, operator, parameter = axis_operator(str(axis))
        if len(rows) < 2 or parameter.choices is not None:
            continue
        first, last = rows.iloc[0], rows.iloc[-1]
        if _piles_up(last) and last["upper"] < parameter.upper:
            text = _sentence(str(axis), last, "upper", parameter.upper)
            yield f"{text} {ENLARGED}" if operator.name == "blur" and parameter.name in SOFTER else text
        least = first["upper"] - first["lower"] if parameter.lower == 0 else 0.0
        if _piles_up(first) and first["lower"] - parameter.lower > least:
            yield _sentence(str(axis), first, "lower", parameter.lower)


def _piles_up(row: pd.Series) -> bool:
    return bool(row["weight"] >= MUCH and row["low"] > row["prior"])


def _sentence(axis: str, row: pd.Series, end: str, limit: float) -> str:
    return (
        f"{row['weight']:.0%} of the weight lies at the {end} end of {axis}, {row['lower']:.3g} to {row['upper']:.3g}; "
        f"if the photos look like that, a range that goes farther (as far as {limit:g}) may fit better."
    )
