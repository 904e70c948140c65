"""Crafting: choose the bins' weights so that the mixture's features match the reference photos'."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from degcraft.errors import UserError
from degcraft.moments import Array, Moments
from degcraft.progress import track
from degcraft.seeds import stream
from degcraft.settings import CraftSettings
from degcraft.solver import FrechetObjective, Solution, solve
from degcraft.space import Distribution, Space
from degcraft.storage import replacing


@dataclass(frozen=True, eq=False)
class Crafted:
    """The outcome of crafting for one target.

    Attributes:
        distribution: the crafted weights beside the prior.
        solution: weights, trace and certificate.
        marginals: the table of `marginals`, with ``low`` and ``high``.
        distances: (bootstrap,) float64, the crafted distance for each resampling.
    """

    distribution: Distribution
    solution: Solution
    marginals: pd.DataFrame
    distances: Array


def craft(
    space: Space, bins: Sequence[Moments], references: Sequence[Moments], settings: CraftSettings, seed: int
) -> Crafted:
    """Choose the weights for one target.

    Args:
        space: the bins.
        bins: moments of each bin, in the space's order.
        references: moments of each reference photo.
        settings: dial, tolerance, resamplings.
        seed: of the resampling.

    Raises:
        UserError: the moments were not made for this space or with different extractors.
    """
    mean = np.stack([m.mean for m in bins])
    second = np.stack([m.second for m in bins])
    if len(bins) != len(space):
        raise UserError(f"moments of {len(bins)} bins for a space of {len(space)}; delete results/bin_features")
    if mean.shape[1] != len(references[0].mean):
        raise UserError("bins and reference photos were described by different extractors; delete both and run again")
    prior = Distribution.uniform(space).prior
    pooled = Moments.pooled(references)
    solution = solve(FrechetObjective(mean, second, pooled), prior, settings.generalization, settings.tolerance)
    if solution.relative_gap > settings.tolerance:
        logging.getLogger("degcraft").warning(
            "craft: stopped at a relative gap of %.1e, above craft.tolerance %.1e",
            *(solution.relative_gap, settings.tolerance),
        )
    draws = []
    distances = []
    for draw in track(range(settings.bootstrap), settings.bootstrap, "craft: bootstrap"):
        chosen = stream(seed, "craft", draw).integers(len(references), size=len(references))
        resampled = FrechetObjective(mean, second, Moments.pooled([references[i] for i in chosen]))
        start = 0.9 * solution.weights + 0.1 * prior
        again = solve(resampled, prior, settings.generalization, 10 * settings.tolerance, start=start)
        draws.append(marginals(space, again.weights, prior)["weight"].to_numpy())
        distances.append(again.final.distance)
    table = marginals(space, solution.weights, prior)
    low, high = interval(np.stack(draws)) if draws else (table["weight"], table["weight"])
    table["low"], table["high"] = low, high
    return Crafted(Distribution(space, solution.weights, prior), solution, table, np.array(distances))


def interval(samples: Array) -> tuple[Array, Array]:
    """Central 95% of bootstrap samples along the first axis."""
    low, high = np.quantile(samples, [0.025, 0.975], axis=0)
    return low, high


def marginals(space: Space, weight: Array, prior: Array) -> pd.DataFrame:
    """Weights summed over all axes but one, for each axis in turn.

    Returns:
        ``axis, lower, upper, choice, weight, prior``, a row an interval or choice; the columns that do not apply are
        empty.
    """
    tables = []
    for i, axis in enumerate(space.axes):
        cells = pd.DataFrame({"lower": space.lower[:, i], "upper": space.upper[:, i], "weight": weight, "prior": prior})
        summed = cells.groupby(["lower", "upper"], as_index=False).sum()
        summed.insert(0, "axis", axis.name)
        codes = summed["lower"].astype(int)
        summed.insert(3, "choice", [axis.choices[code] for code in codes] if axis.choices else "")
        if axis.choices:
            summed[["lower", "upper"]] = np.nan
        tables.append(summed)
    return pd.concat(tables, ignore_index=True)


def write_crafted(crafted: Crafted, references: Sequence[Moments], settings: CraftSettings, folder: Path) -> None:
    """Write ``weights.csv``, ``trace.csv``, ``marginals.csv`` and ``craft.json`` into a folder."""
    solution = crafted.solution
    with replacing(folder / "weights.csv") as partial:
        crafted.distribution.write(partial)
    with replacing(folder / "trace.csv") as partial:
        pd.DataFrame([vars(row) for row in solution.trace]).to_csv(partial, index=False)
    with replacing(folder / "marginals.csv") as partial:
        crafted.marginals.to_csv(partial, index=False)
    weights = crafted.distribution.weight
    entropy = -float(np.sum(weights[weights > 0] * np.log(weights[weights > 0])))
    low, high = interval(crafted.distances) if len(crafted.distances) else (solution.final.distance,) * 2
    facts = {
        "bins": len(weights),
        "features": len(references[0].mean),
        "reference_photos": len(references),
        "reference_patches": sum(m.count for m in references),
        "generalization": settings.generalization,
        "distance_prior": solution.distance_prior,
        "distance": solution.final.distance,
        "distance_low": float(low),
        "distance_high": float(high),
        "objective": solution.final.objective,
        "gap": solution.final.gap,
        "relative_gap": solution.relative_gap,
        "tolerance": settings.tolerance,
        "iterations": solution.final.iteration,
        "kl": solution.final.kl,
        "effective_bins": float(np.exp(entropy)),
    }
    write_json(folder / "craft.json", facts)


def write_json(path: str | os.PathLike[str], facts: Mapping[str, object]) -> None:
    """Write a flat JSON object, indented."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(facts, indent=2) + "\n")
