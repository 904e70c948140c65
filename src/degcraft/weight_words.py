"""Where most of the crafted weight lies on each axis, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from degcraft.axes import axis_operator

MOST = 0.8  # share of the weight that is called most of it


@dataclass(frozen=True)
class Found:
    """Most of the weight of one axis.

    Attributes:
        axis: its name.
        values: ``1.13 to 1.6, 2.53 to 3 (HR px)``, or choices, the heaviest first.
        share: of the weight.
    """

    axis: str
    values: str
    share: float


def most_of_the_weight(marginals: pd.DataFrame) -> Iterator[Found]:
    """For each axis that varies, the smallest part of it that holds at least `MOST`: the densest intervals, or choices.

    Args:
        marginals: the table of `degcraft.bootstrap`.
    """
    for axis, rows in marginals.groupby("axis", sort=False):
        if len(rows) < 2:
            continue
        weight = rows["weight"].to_numpy()
        width = (rows["upper"] - rows["lower"]).fillna(1.0).to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            density = np.where(weight > 0, weight / width, 0.0)  # a single value with weight has an infinite one
        order = np.argsort(-density, kind="stable")
        held = order[: int((weight[order].cumsum() < MOST - 1e-9).sum()) + 1]
        if rows["lower"].isna().any():
            values = ", ".join(rows["choice"].iloc[held])
        else:
            unit = axis_operator(str(axis))[2].unit
            values = ", ".join(_runs(rows, sorted(held))) + (f" ({unit})" if unit else "")
        yield Found(str(axis), values, float(weight[held].sum()))


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
