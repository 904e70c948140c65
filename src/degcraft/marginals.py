"""Weights of bins summed over axes: one axis at a time, or two together."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degcraft.moments import Array
from degcraft.space import Space


def pieces(space: Space, axis: int) -> tuple[Array, Array, Array]:
    """An axis cut at the ends of all bins' intervals.

    Returns:
        lower and upper ends of the pieces, (k,) float64, for a choice both its index; and (bins, k) float64, the share
        of each bin that lies in each piece: by length, since inside a bin parameters are uniform.
    """
    lower, upper = space.lower[:, axis, None], space.upper[:, axis, None]
    point = lower == upper
    points, edges = np.unique(lower[point]), np.unique([lower, upper])
    starts, ends = np.append(points, edges[:-1]), np.append(points, edges[1:])
    inside = (lower <= starts) & (ends <= upper) & (point == (starts == ends))
    share = np.where(inside, np.where(point, 1.0, (ends - starts) / np.where(point, 1.0, upper - lower)), 0.0)
    held = [k for k in np.lexsort([ends, starts]) if inside[:, k].any()]
    return starts[held], ends[held], share[:, held]


def marginals(space: Space, weight: Array, prior: Array) -> pd.DataFrame:
    """Weights summed over all axes but one, for each axis in turn.

    Bins count where the axis has an effect, if there are any: those of Poisson noise say nothing of its sigma.

    Returns:
        ``axis, lower, upper, choice, weight, prior``, a row an interval or choice (see `pieces`); the columns that do
        not apply are empty.
    """
    tables = []
    for i, axis in enumerate(space.axes):
        starts, ends, share = pieces(space, i)
        columns = {
            "axis": axis.name,
            "lower": np.nan if axis.choices else starts,
            "upper": np.nan if axis.choices else ends,
            "choice": [axis.word(int(code)) for code in starts] if axis.choices else "",
            "weight": _where_it_matters(space, i, weight) @ share,
            "prior": _where_it_matters(space, i, prior) @ share,
        }
        tables.append(pd.DataFrame(columns, index=range(len(starts))))
    return pd.concat(tables, ignore_index=True)


def _where_it_matters(space: Space, index: int, weight: Array) -> Array:
    """Weights of the bins where an axis has an effect, summing to what all of them do; all of them if there is none."""
    matters = space.mattering(weight, index)
    return matters * (weight.sum() / matters.sum()) if 0 < matters.sum() < weight.sum() else weight


def read_marginals(path: str | os.PathLike[str]) -> pd.DataFrame:
    """The table that `degcraft.bootstrap` wrote; ``choice`` is empty where an axis has none."""
    return pd.read_csv(path, dtype={"choice": str}).fillna({"choice": ""})


def joint(space: Space, first: int, second: int, weight: Array) -> NDArray[np.float64]:
    """Weights summed over all axes but two, by their `pieces`: (pieces of the first, pieces of the second) float64."""
    return np.asarray((weight[:, None] * pieces(space, first)[2]).T @ pieces(space, second)[2])
