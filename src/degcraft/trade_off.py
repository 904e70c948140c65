"""The dial as a path: the weights from the tightest fit to the full range, and what held-out photos say about them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.moments import Array, Moments
from degcraft.progress import track
from degcraft.seeds import stream
from degcraft.settings import CraftSettings
from degcraft.sharing import LEAST_TO_HOLD_OUT
from degcraft.solver import FrechetObjective, Solution, effective_bins, solve
from degcraft.storage import replacing, write_table

_FOLDS = 5


@dataclass(frozen=True, eq=False)
class TradeOff:
    """The path of one target.

    Attributes:
        generalization: (n,) float64, the dials, rising.
        solutions: their weights with certificates.
        held_out: (folds, n) float64, distance of a fold's photos to the mixture crafted for the other photos; no folds
            where there are fewer than `LEAST_TO_HOLD_OUT` photos.
        chosen: index of the dial that is used.
    """

    generalization: Array
    solutions: tuple[Solution, ...]
    held_out: Array
    chosen: int

    @property
    def solution(self) -> Solution:
        """That of the chosen dial."""
        return self.solutions[self.chosen]

    def table(self) -> pd.DataFrame:
        """One row a dial.

        Returns:
            ``generalization, distance, effective_bins, kl, gap, held_out, held_out_error, chosen``. ``held_out`` is the
            mean over the folds and ``held_out_error`` the standard error of its difference from the best one, as
            `paired` has them, NaN without folds; ``chosen`` is 1 for the dial that is used and 0 for the others.
        """
        mean, error = mean_and_error(self.held_out)
        return pd.DataFrame(
            {
                "generalization": self.generalization,
                "distance": [s.final.distance for s in self.solutions],
                "effective_bins": [effective_bins(s.weights) for s in self.solutions],
                "kl": [s.final.kl for s in self.solutions],
                "gap": [s.final.gap for s in self.solutions],
                "held_out": mean,
                "held_out_error": error,
                "chosen": (np.arange(len(self.solutions)) == self.chosen).astype(int),
            }
        )

    def write(self, table: str | os.PathLike[str], weights: str | os.PathLike[str]) -> None:
        """Write the table, and the weights as a CSV: ``bin`` and a column a dial, named by its number."""
        write_table(self.table(), Path(table))
        columns = {str(d): s.weights for d, s in zip(self.generalization.tolist(), self.solutions, strict=True)}
        with replacing(Path(weights)) as partial:
            pd.DataFrame(columns).rename_axis("bin").to_csv(partial)


def trade_off(
    objective: FrechetObjective, prior: Array, references: Sequence[Moments], settings: CraftSettings, seed: int
) -> TradeOff:
    """Craft for every dial of ``settings.trade_off`` and the chosen one.

    Args:
        objective: distance to all reference photos.
        prior: (bins,) positive, sums to 1.
        references: moments of each reference photo.
        settings: the dial (None: chosen here, by `largest_within_error`), the other dials, and the tolerance.
        seed: of the assignment of photos to folds.

    Raises:
        UserError: the dial is to be chosen and there are fewer than `LEAST_TO_HOLD_OUT` reference photos.
    """
    given = settings.generalization
    if given is None and len(references) < LEAST_TO_HOLD_OUT:
        raise UserError(
            f"craft.generalization: 'auto' holds out reference photos and needs at least {LEAST_TO_HOLD_OUT}, "
            f"this target has {len(references)}; give a number (0.003 is a good start) or more photos"
        )
    dials = np.array(sorted({*settings.trade_off} | ({given} if given is not None else set())))
    held_out = hold_out(objective, prior, references, dials, settings.tolerance, seed)
    chosen = largest_within_error(held_out) if given is None else int(np.searchsorted(dials, given))
    return TradeOff(dials, path(objective, prior, dials, settings.tolerance, from_prior=chosen), held_out, chosen)


def at_dial(bins: Distribution, weights: str | os.PathLike[str], dial: float) -> Distribution:
    """The distribution for one dial, from the weights that `TradeOff.write` wrote.

    Args:
        bins: a distribution over the same bins, for the space and the prior.
        weights: the CSV.
        dial: one of its columns.

    Raises:
        UserError: no such column, or other bins.
    """
    table = pd.read_csv(weights, index_col="bin")
    columns = {float(column): column for column in table.columns}
    if dial not in columns:
        raise UserError(f"{weights}: no column for the dial {dial:g}; add the value to craft.trade_off and run again")
    if len(table) != len(bins.weight):
        raise UserError(f"{weights}: {len(table)} bins instead of {len(bins.weight)}; delete it and run again")
    return replace(bins, weight=table[columns[dial]].to_numpy(np.float64))


def path(
    objective: FrechetObjective, prior: Array, dials: Array, tolerance: float, from_prior: int | None = None
) -> tuple[Solution, ...]:
    """Solutions for rising dials, each started from that of the next larger one.

    Args:
        objective: F.
        prior: (bins,) positive, sums to 1.
        dials: (n,) rising.
        tolerance: of `solve`.
        from_prior: index of the dial that starts from the prior, so that its trace shows all of the way.
    """
    solutions: list[Solution] = []
    for index in reversed(range(len(dials))):
        start = solutions[-1].weights if solutions and index != from_prior else None
        solutions.append(solve(objective, prior, float(dials[index]), tolerance, start=start))
    return tuple(reversed(solutions))


def deal(photos: int, seed: int) -> list[Array]:
    """Photos dealt at random into five folds, or as many as there are photos: their indices, sizes differing by one."""
    order = stream(seed, "craft folds").permutation(photos)
    return [np.sort(order[fold :: min(_FOLDS, photos)]) for fold in range(min(_FOLDS, photos))]


def hold_out(
    objective: FrechetObjective,
    prior: Array,
    references: Sequence[Moments],
    dials: Array,
    tolerance: float,
    seed: int,
) -> Array:
    """Cross-validation over the photos: (folds, dials), the distance of held-out photos to the mixture without them.

    No folds where there are fewer than `LEAST_TO_HOLD_OUT` photos.
    """
    if len(references) < LEAST_TO_HOLD_OUT:
        return np.empty((0, len(dials)))
    distances = []
    parts = deal(len(references), seed)
    for fold in track(parts, len(parts), "craft: held-out photos"):
        rest = [m for i, m in enumerate(references) if i not in fold]
        held = objective.with_reference(Moments.pooled([references[i] for i in fold]))
        solutions = path(objective.with_reference(Moments.pooled(rest)), prior, dials, tolerance)
        distances.append([held.value(held.mixture(s.weights)) for s in solutions])
    return np.array(distances)


def mean_and_error(held_out: Array) -> tuple[Array, Array]:
    """Mean over the folds, and the standard error of its difference from the smallest mean, paired by fold.

    Folds differ far more from each other than dials do within a fold, so that unpaired errors would say nothing.

    Args:
        held_out: (folds, dials).

    Returns:
        (dials,) each; NaN if there are no folds.
    """
    count, dials = held_out.shape
    if not count:
        return np.full(dials, np.nan), np.full(dials, np.nan)
    mean = held_out.mean(axis=0)
    difference = held_out - held_out[:, [mean.argmin()]]
    return mean, difference.std(axis=0, ddof=1) / np.sqrt(count)


def largest_within_error(held_out: Array) -> int:
    """Index of the largest dial whose mean is above the smallest by no more than the standard error of the difference.

    The rule of one standard error (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 7.10): of the
    dials that the photos cannot tell apart, the one that generalises best.
    """
    mean, error = mean_and_error(held_out)
    return int(np.flatnonzero(mean - mean.min() <= error)[-1])
