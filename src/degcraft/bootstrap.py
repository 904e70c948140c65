"""How sure crafted weights are: crafting for reference photos that are drawn anew, with repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from degcraft.distribution import Distribution
from degcraft.marginals import marginals
from degcraft.moments import Array, Moments
from degcraft.progress import track
from degcraft.seeds import stream
from degcraft.solver import FrechetObjective, solve


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """What drawing the reference photos anew came to.

    Attributes:
        marginals: the table of `degcraft.marginals.marginals`, with the ends of 95% intervals, ``low`` and ``high``.
        distances: ``draw, distance``, the squared Fréchet distance that crafting leaves, a row a drawing.
    """

    marginals: pd.DataFrame
    distances: pd.DataFrame


def bootstrap(
    crafted: Distribution,
    bins: Sequence[Moments],
    references: Sequence[Moments],
    generalization: float,
    tolerance: float,
    draws: int,
    seed: int,
) -> Bootstrap:
    """Craft again for photos drawn from the reference photos.

    Args:
        crafted: what was crafted for all of them.
        bins: moments of each bin, in the space's order.
        references: moments of each reference photo.
        generalization: the dial that was used.
        tolerance: relative gap that was asked for. Here a tenth of it is: weights start from the crafted ones, and
            solved less exactly, they would vary less than they do with the photos.
        draws: how often; with 0 the intervals are the weights.
        seed: of the drawings.
    """
    space, prior = crafted.space, crafted.prior
    objective = FrechetObjective.of(bins, Moments.pooled(references))
    weights, distances = [], []
    for draw in track(range(draws), draws, "bootstrap"):
        chosen = stream(seed, "craft", draw).integers(len(references), size=len(references))
        drawn = objective.with_reference(Moments.pooled([references[i] for i in chosen]))
        again = solve(drawn, prior, generalization, tolerance / 10, start=crafted.weight)
        weights.append(marginals(space, again.weights, prior)["weight"].to_numpy())
        distances.append(again.final.distance)
    table = marginals(space, crafted.weight, prior)
    weight = table["weight"].to_numpy()
    table["low"], high = interval(weight, np.array(weights).reshape(-1, len(table)))
    table["high"] = np.maximum(weight, np.minimum(high, 1.0))
    return Bootstrap(table, pd.DataFrame({"draw": range(draws), "distance": np.array(distances, np.float64)}))


def interval(estimate: Array | float, samples: Array) -> tuple[Array, Array]:
    """Central 95% of bootstrap samples along the first axis, moved so that their median is the estimate.

    Resampling with repeats leaves fewer different photos, so that bootstrap distances lie above the estimate as it lies
    above the truth. Their spread says how far the estimate varies with the choice of photos; their place does not. The
    interval holds the estimate, and does not go below 0.

    Args:
        estimate: (...) non-negative.
        samples: (n, ...); with none, the interval is the estimate.
    """
    if not len(samples):
        return np.asarray(estimate), np.asarray(estimate)
    low, middle, high = np.quantile(samples, [0.025, 0.5, 0.975], axis=0)
    return np.maximum(estimate - (middle - low), 0.0), estimate + (high - middle)
