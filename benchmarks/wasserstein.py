"""How far marginals are from each other: the 1-Wasserstein distance, the axis scaled to 0..1."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


def below(grid: Array, lower: Array, upper: Array, weight: Array) -> Array:
    """(n,) what lies below each place of a grid; weights (k,) are uniform in their intervals, which may overlap."""
    return np.clip((grid[:, None] - lower) / (upper - lower), 0.0, 1.0) @ weight


def below_in(rows: pd.DataFrame, grid: Array, column: str = "weight") -> Array:
    """`below`, of an axis's rows of ``marginals.csv``."""
    return below(grid, *(rows[name].to_numpy() for name in ("lower", "upper", column)))


def distance(one: Array, other: Array, circle: bool = False) -> float:
    """Of two marginals, by what lies below each place of an even grid over the whole axis.

    On a circle, where both ends of the axis are one place, nothing says where to begin: what flows over the ends is
    chosen so that least is carried (Rabin et al., SIAM J. Imaging Sci. 4(1), 2011).
    """
    flow = one - other
    return float(np.abs(flow - circle * np.median(flow)).mean())
