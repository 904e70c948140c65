"""What a distribution comes to on single axes: ranges, shares and how axes depend on each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from degcraft.axes import Axis
from degcraft.distribution import Distribution

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """One numeric axis of a distribution.

    Attributes:
        lower, upper: of the uniform distribution that is nearest to the marginal, see `spread`.
        mean: of the marginal.
        low, high: its quantiles of 5% and 95%.
    """

    lower: float
    upper: float
    mean: float
    low: float
    high: float


def spread(lower: Array, upper: Array, weight: Array) -> Spread:
    """What a mixture of uniform distributions on intervals comes to as one range.

    The range is that of the uniform distribution with the smallest 2-Wasserstein distance from the mixture: around its
    mean, three times as wide as the expected difference of two draws, so that a uniform mixture gives back its own
    range. It is cut to the intervals' outermost ends.

    Args:
        lower: (n,) lower ends of the intervals.
        upper: (n,) upper ends; a point where it is the lower one.
        weight: (n,) sums to 1.
    """
    mean = float(weight @ (lower + upper) / 2)
    ends = np.unique(np.concatenate([lower, upper]))
    difference = 0.0  # of two draws, 2 times the integral of F (1 - F)
    for place in (0.5 - 0.5 / 3**0.5, 0.5 + 0.5 / 3**0.5):  # exact for the squares of straight lines
        below = _below(ends[:-1] + place * np.diff(ends), lower, upper, weight)
        difference += float(np.diff(ends) @ (below * (1 - below)))
    half = 1.5 * difference
    low, high = _quantiles(ends, lower, upper, weight)
    return Spread(max(mean - half, float(ends[0])), min(mean + half, float(ends[-1])), mean, low, high)


def _below(values: Array, lower: Array, upper: Array, weight: Array) -> Array:
    """Distribution function of the mixture."""
    width = upper - lower
    share = np.where(width > 0, (values[:, None] - lower) / np.where(width > 0, width, 1.0), values[:, None] >= lower)
    return np.asarray(np.clip(share, 0.0, 1.0) @ weight)


def _quantiles(ends: Array, lower: Array, upper: Array, weight: Array) -> tuple[float, float]:
    """Those of 5% and 95%."""
    before = np.nextafter(ends, -np.inf)
    places = np.stack([before, ends], axis=1).ravel()
    shares = np.maximum.accumulate(_below(places, lower, upper, weight))
    low, high = np.interp([0.05, 0.95], shares, places)
    return float(low), float(high)


def shares(distribution: Distribution, step: int, parameter: str) -> dict[str, float]:
    """How often each choice of a step's categorical parameter is drawn, those that are drawn at all."""
    space = distribution.space
    found: dict[str, float] = {}
    for i, axis in enumerate(space.axes):
        if (axis.step, axis.parameter.name) == (step, parameter) and axis.choices is not None:
            if axis.mixture is not None:
                found = dict(axis.mixture.shares)
            else:
                for code, weight in zip(space.lower[:, i], distribution.weight, strict=True):
                    found[axis.choices[int(code)]] = found.get(axis.choices[int(code)], 0.0) + float(weight)
    return {choice: share for choice, share in found.items() if share > 0}


def axis_spread(distribution: Distribution, step: int, parameter: str) -> Spread | None:
    """`spread` of a step's parameter where it has an effect; None if no axis sets it or it never has one."""
    space = distribution.space
    for i, axis in enumerate(space.axes):
        if (axis.step, axis.parameter.name) == (step, parameter):
            weight = space.mattering(distribution.weight, i)
            used = weight > 0
            if used.any():
                return spread(space.lower[used, i], space.upper[used, i], weight[used] / weight.sum())
    return None


def dependences(distribution: Distribution) -> Iterator[tuple[Axis, Axis, float]]:
    """Correlations between the crafted numeric axes, which their ranges do not say; pairs in the order of the axes.

    Of two axes those bins count where both have an effect.
    """
    space = distribution.space
    numeric = [i for i, axis in enumerate(space.axes) if axis.choices is None and space.binned[i]]
    for pair in combinations(numeric, 2):
        weight = distribution.weight
        for i in pair:
            weight = space.mattering(weight, i)
        weight = weight / (weight.sum() or 1.0)
        centre, width = (space.lower + space.upper)[:, pair] / 2, (space.upper - space.lower)[:, pair]
        off = centre - weight @ centre
        scale = float(np.prod(weight @ (off**2 + width**2 / 12))) ** 0.5
        if scale > 0:
            yield space.axes[pair[0]], space.axes[pair[1]], float(weight @ np.prod(off, axis=1)) / scale
