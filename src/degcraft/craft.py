"""Crafting: choose the bins' weights so that the mixture's features match the reference photos'."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from degcraft.certificate import CraftFacts
from degcraft.distribution import Distribution
from degcraft.moments import IN_WORDS, Array, Moments, require_fit
from degcraft.progress import announce
from degcraft.settings import CraftSettings
from degcraft.solver import FrechetObjective, Solution, effective_bins
from degcraft.space import Space
from degcraft.storage import write_table
from degcraft.trade_off import TradeOff, trade_off


@dataclass(frozen=True, eq=False)
class Crafted:
    """The outcome of crafting for one target.

    Attributes:
        distribution: the crafted weights beside the prior.
        trade_off: the path of the dial.
    """

    distribution: Distribution
    trade_off: TradeOff

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
        return CraftFacts(
            bins=len(self.distribution.weight),
            features=len(references[0].mean),
            reference_photos=len(references),
            reference_patches=sum(m.count for m in references),
            generalization=self.generalization,
            auto=settings.generalization is None,
            distance_prior=solution.distance_prior,
            distance=solution.final.distance,
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
        settings: dial and tolerance.
        seed: of the folds by which the dial is chosen.
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
    solution = path.solution
    if solution.relative_gap > settings.tolerance:
        logging.getLogger("degcraft").warning(
            "stopped at a relative gap of %.1e, above craft.tolerance %.1e",
            *(solution.relative_gap, settings.tolerance),
        )
    return Crafted(Distribution(space, solution.weights, prior), path)


def write_crafted(crafted: Crafted, references: Sequence[Moments], settings: CraftSettings, folder: Path) -> None:
    """Write ``weights.csv``, ``trace.csv``, the path and ``craft.json`` into a folder.

    The path is ``trade_off.csv`` and ``trade_off_weights.csv``; see `TradeOff`.
    """
    solution = crafted.solution
    crafted.distribution.write(folder / "weights.csv")
    write_table(pd.DataFrame([vars(row) for row in solution.trace]), folder / "trace.csv")
    crafted.trade_off.write(folder / "trade_off.csv", folder / "trade_off_weights.csv")
    crafted.facts(references, settings).write(folder / "craft.json")
    before, after = f"{solution.distance_prior:.3g}", f"{solution.final.distance:.3g}"
    announce(f"distance {before} -> {after}, certified within {100 * solution.relative_gap:.2g}% of {before}")
