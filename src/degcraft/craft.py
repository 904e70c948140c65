"""Crafting: choose the bins' weights so that the mixture's features match the reference photos'."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from degcraft.certificate import CraftFacts
from degcraft.distribution import Distribution
from degcraft.marginals import marginals
from degcraft.moments import IN_WORDS, Array, Moments, require_fit
from degcraft.progress import announce, track
from degcraft.seeds import stream
from degcraft.settings import CraftSettings
from degcraft.solver import FrechetObjective, Solution, effective_bins, solve
from degcraft.space import Space
from degcraft.storage import write_table
from degcraft.trade_off import TradeOff, trade_off


@dataclass(frozen=True, eq=False)
class Crafted:
    """The outcome of crafting for one target.

    Attributes:
        distribution: the crafted weights beside the prior.
        trade_off: the path of the dial.
        marginals: the table of `degcraft.marginals.marginals`, with ``low`` and ``high``.
        distances: (bootstrap,) float64, the crafted distance for each resampling.
    """

    distribution: Distribution
    trade_off: TradeOff
    marginals: pd.DataFrame
    distances: Array

    @property
    def solution(self) -> Solution:
        """Weights, trace and certificate."""
        return self.trade_off.solution

    @property
    def generalization(self) -> float:
        """The dial that was used, given or chosen."""
        return float(self.trade_off.generalization[self.trade_off.chosen])

    def facts(self, references: Sequence[Moments], settings: CraftSettings) -> CraftFacts:
        """What ``craft.json`` says of it.

        Args:
            references: moments of each reference photo.
            settings: with which it was crafted.
        """
        solution = self.solution
        low, high = interval(solution.final.distance, self.distances)
        return CraftFacts(
            bins=len(self.distribution.weight),
            features=len(references[0].mean),
            reference_photos=len(references),
            reference_patches=sum(m.count for m in references),
            generalization=self.generalization,
            auto=settings.generalization is None,
            distance_prior=solution.distance_prior,
            distance=solution.final.distance,
            distance_low=float(low),
            distance_high=float(high),
            objective=solution.final.objective,
            gap=solution.final.gap,
            relative_gap=solution.relative_gap,
            tolerance=settings.tolerance,
            iterations=solution.final.iteration,
            kl=solution.final.kl,
            effective_bins=effective_bins(self.distribution.weight),
        )


def craft(
    space: Space,
    bins: Sequence[Moments],
    references: Sequence[Moments],
    settings: CraftSettings,
    seed: int,
    prior: Array | None = None,
    files: tuple[object, object] = IN_WORDS,
) -> Crafted:
    """Choose the weights for one target.

    Args:
        space: the bins.
        bins: moments of each bin, in the space's order.
        references: moments of each reference photo.
        settings: dial, tolerance, resamplings.
        seed: of the resampling.
        prior: (bins,) weights of the whole range; uniform by default.
        files: of the bins' moments and of the reference photos', for messages.

    Raises:
        UserError: the moments were not made for this space or with different extractors, or there are too few reference
            photos to choose the dial by.
    """
    require_fit(len(space), bins, references, files)
    prior = Distribution.uniform(space).prior if prior is None else prior
    objective = FrechetObjective.of(bins, Moments.pooled(references))
    path = trade_off(objective, prior, references, settings, seed)
    generalization, solution = float(path.generalization[path.chosen]), path.solution
    if solution.relative_gap > settings.tolerance:
        logging.getLogger("degcraft").warning(
            "stopped at a relative gap of %.1e, above craft.tolerance %.1e",
            *(solution.relative_gap, settings.tolerance),
        )
    draws = []
    distances = []
    for draw in track(range(settings.bootstrap), settings.bootstrap, "craft: bootstrap"):
        chosen = stream(seed, "craft", draw).integers(len(references), size=len(references))
        resampled = objective.with_reference(Moments.pooled([references[i] for i in chosen]))
        again = solve(resampled, prior, generalization, 10 * settings.tolerance, start=solution.weights)
        draws.append(marginals(space, again.weights, prior)["weight"].to_numpy())
        distances.append(again.final.distance)
    table = marginals(space, solution.weights, prior)
    weight = table["weight"].to_numpy()
    table["low"], high = interval(weight, np.array(draws).reshape(-1, len(table)))
    table["high"] = np.maximum(weight, np.minimum(high, 1.0))
    return Crafted(Distribution(space, solution.weights, prior), path, table, np.array(distances))


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


def write_crafted(crafted: Crafted, references: Sequence[Moments], settings: CraftSettings, folder: Path) -> None:
    """Write ``weights.csv``, ``trace.csv``, ``marginals.csv``, the path and ``craft.json`` into a folder.

    The path is ``trade_off.csv`` and ``trade_off_weights.csv``; see `TradeOff`.
    """
    solution = crafted.solution
    crafted.distribution.write(folder / "weights.csv")
    write_table(pd.DataFrame([vars(row) for row in solution.trace]), folder / "trace.csv")
    write_table(crafted.marginals, folder / "marginals.csv")
    crafted.trade_off.write(folder / "trade_off.csv", folder / "trade_off_weights.csv")
    crafted.facts(references, settings).write(folder / "craft.json")
    before, after = f"{solution.distance_prior:.3g}", f"{solution.final.distance:.3g}"
    announce(f"distance {before} -> {after}, certified within {100 * solution.relative_gap:.2g}% of {before}")
