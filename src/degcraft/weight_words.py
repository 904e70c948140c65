"""Where most of the crafted weight lies on each axis, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from degcraft.axes import axis_unit

MOST = 0.8  # share of the weight that is called most of it
LITTLE = 0.1  # share of the weight that crafting moves along an axis of which no part stands out
NOTHING = 0.05  # and that is next to nothing


@dataclass(frozen=True)
class Found:
    """Most of the weight of one axis.

    Attributes:
        axis: its name.
        values: ``1.13 to 1.6, 2.53 to 3 (HR px)``, or choices, the heaviest first.
        share: of the weight.
        whole: whether that is all of the axis.
    """

    axis: str
    values: str
    share: float
    whole: bool = False


def most_of_the_weight(marginals: pd.DataFrame) -> Iterator[Found]:
    """For each axis that varies, the smallest part of it that holds at least `MOST`: the densest intervals, or choices.

    Where crafting moved less than `LITTLE` no part stands out, and it is all of the axis.

    Args:
        marginals: the table of `degcraft.bootstrap`.
    """
    axes = list(marginals["axis"].unique())
    for axis, rows in marginals.groupby("axis", sort=False):
        if len(rows) < 2:
            continue
        weight = rows["weight"].to_numpy()
        width = (rows["upper"] - rows["lower"]).fillna(1.0).to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            density = np.where(weight > 0, weight / width, 0.0)  # a single value with weight has an infinite one
        order = np.argsort(-density, kind="stable")
        most = int((weight[order].cumsum() < MOST - 1e-9).sum()) + 1
        held = order if _moved(rows) < LITTLE else order[:most]
        if rows["lower"].isna().any():
            values = ", ".join(rows["choice"].iloc[held])
        else:
            unit = axis_unit(str(axis), axes)
            values = ", ".join(_runs(rows, sorted(held))) + (f" ({unit})" if unit else "")
        yield Found(str(axis), values, float(weight[held].sum()), len(held) == len(rows))


def weight_sentences(marginals: pd.DataFrame) -> Iterator[str]:
    """Where most of the weight lies, in a sentence or two; in none if no axis varies.

    Args:
        marginals: the table of `degcraft.bootstrap`.
    """
    found = list(most_of_the_weight(marginals))
    if found and all(_moved(rows) < NOTHING for _, rows in marginals.groupby("axis", sort=False)):
        yield "The weights are spread over the whole space: crafting changed next to nothing on any axis."
        return
    somewhere = "; ".join(f"{part.axis} {part.values}" for part in found if not part.whole)
    everywhere = "; ".join(f"{part.axis}, {part.values}" for part in found if part.whole)
    if somewhere:
        yield f"Most of the weight lies at {somewhere}."
    if everywhere:
        yield f"{'It' if somewhere else 'The weight'} is spread over all of {everywhere}."


def _moved(rows: pd.DataFrame) -> float:
    """Share of the weight that crafting moved along an axis."""
    return float((rows["weight"] - rows["prior"]).abs().sum() / 2)


def _runs(rows: pd.DataFrame, held: list[int]) -> Iterator[str]:
    """Intervals, neighbours together; a single value by itself."""
    ends = [[float(rows[end].iloc[place]) for end in ("lower", "upper")] for place in held]
    runs: list[list[float]] = []
    for lower, upper in ends:
        if runs and runs[-1][1] == lower:
            runs[-1][1] = upper
        else:
            runs.append([lower, upper])
    for lower, upper in runs:
        yield f"{lower:.3g}" if lower == upper else f"{lower:.3g} to {upper:.3g}"
