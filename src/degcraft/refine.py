"""Adaptive bins: split those from which crafting gains most, as far as the samples that are there can tell.

A full grid over many axes is out of reach, and most of its bins would end up without weight. So a round of refinement
crafts with the bins there are, and splits some of them at the middle of an axis. Which ones, follows from the gradient
of F at the crafted weights w. It is linear in a bin's moments, so that it is a mean over the bin's samples f of

    c(f) = |f|^2 - 2 m_r.f - f'Mf + 2 f'M m(w)

(see `degcraft.solver.FrechetObjective`), and the samples in the lower and in the upper half of a bin tell what the
gradient of each half would be. Moving a bin's weight to its better half lowers F by the weight times half the
difference, to first order.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.moments import IN_WORDS, Array, Moments, require_fit
from degcraft.settings import RefineSettings
from degcraft.solver import FrechetObjective, Solution, effective_bins, kl_divergence, solve
from degcraft.space import Space
from degcraft.storage import creating_h5, reading_h5, write_table

NARROWEST = 1 / 32
"""Smallest width of a bin, of its axis's whole range."""
DEEPEST = 4
"""Axes along which a bin is split in one round, at most."""
_TOGETHER = 16  # bins whose samples' costs are computed at a time


@dataclass(frozen=True, eq=False)
class Refined:
    """Bins after a round of splits.

    Attributes:
        space: the bins; those that a bin was split into stand where it stood.
        prior: (bins,) float64; a bin hands its prior on by volume, so this still is the whole range.
        parent: (bins,) int64, for each bin the row of the table before that it is, or is a part of.
        new: (bins,) bool, whether it is a part.
    """

    space: Space
    prior: Array
    parent: NDArray[np.int64]
    new: NDArray[np.bool_]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a CSV: ``bin, prior, parent, new`` and the axes."""
        table = self.space.table()
        columns = {"prior": self.prior, "parent": self.parent, "new": self.new.astype(int)}
        for position, (name, values) in enumerate(columns.items(), 1):
            table.insert(position, name, values)
        write_table(table, path)

    @staticmethod
    def read(path: str | os.PathLike[str]) -> Refined:
        """Read what `write` wrote.

        Raises:
            UserError: it is no table of bins, or that of a space that was not refined.
        """
        bins = Distribution.read(path)
        table = pd.read_csv(path)
        if not {"parent", "new"} <= set(table.columns):
            raise UserError(f"{path}: has no columns 'parent' and 'new'; delete it and run again")
        parent, new = table["parent"].to_numpy(np.int64), table["new"].to_numpy(bool)
        return Refined(bins.space, bins.prior, parent, new)


def described(tables: Sequence[str | os.PathLike[str]]) -> list[int]:
    """Bins described up to each table of bins: those of the space, which comes first, and all new ones after it."""
    space, *rounds = tables
    return list(
        accumulate([int(Refined.read(path).new.sum()) for path in rounds], initial=len(Distribution.read(space).space))
    )


def round_share(settings: RefineSettings, before: int, rounds_left: int) -> int:
    """Bins that a round describes, at most: its share of those that are left after ``before`` ones."""
    return (settings.bins - before) // rounds_left


def craft_round(
    bins: Distribution,
    moments: Sequence[Moments],
    reference: Moments,
    generalization: float,
    tolerance: float,
    files: tuple[object, object] = IN_WORDS,
) -> Solution:
    """Choose the weights of a round's bins.

    Args:
        bins: the bins and their prior.
        moments: of each bin.
        reference: moments of the reference photos.
        generalization: the dial.
        tolerance: certified relative gap at which to stop.
        files: of the bins' moments and of the reference photos', for messages.

    Raises:
        UserError: see `degcraft.moments.require_fit`.
    """
    require_fit(len(bins.weight), moments, [reference], files)
    return solve(FrechetObjective.of(moments, reference), bins.prior, generalization, tolerance)


def split(
    crafted: Distribution,
    moments: Sequence[Moments],
    features: NDArray[np.float32],
    parameters: NDArray[np.float32],
    reference: Moments,
    generalization: float,
    count: int,
) -> Refined:
    """Split the bins from which crafting gains most.

    Args:
        crafted: the bins and their weights.
        moments: of each bin.
        features: (bins, patches, d), the samples behind the moments.
        parameters: (bins, patches, axes), what they were degraded with.
        reference: moments of the reference photos.
        generalization: the dial.
        count: new bins, at most.
    """
    cost, prior_distance = sample_costs(crafted, moments, features, reference)
    difference, error = halves(crafted.space, cost, parameters)
    gain = gains(crafted, cost.mean(axis=1), difference, error, generalization * prior_distance)
    gain[:, ~crafted.space.binned] = 0.0  # nuisance axes are drawn, not crafted
    return cut(crafted, chosen(crafted.space, gain, count), difference)


def sample_costs(
    crafted: Distribution, moments: Sequence[Moments], features: NDArray[np.float32], reference: Moments
) -> tuple[Array, float]:
    """What each sample costs at the crafted weights, (bins, patches), over what the mixture does; and F(prior).

    The mean over a bin's samples is the bin's component of the gradient of F, less the mixture's, w.grad F(w): along
    the simplex a gradient is known up to a constant only.
    """
    prior_distance, _ = FrechetObjective.of(moments, reference).value_and_gradient(crafted.prior)
    mixture = (
        np.tensordot(crafted.weight, np.stack([m.mean for m in moments]), 1),
        np.tensordot(crafted.weight, np.stack([m.second for m in moments]), 1),
    )
    parts = []
    for first in range(0, len(features), _TOGETHER):
        samples = features[first : first + _TOGETHER].reshape(-1, features.shape[2]).astype(np.float64)
        # F as a function of the mixture, at weight 1, and of single samples, at weight 0
        points = np.vstack([mixture[0], samples])
        squares = np.concatenate([mixture[1][None], samples[:, :, None] * samples[:, None, :]])
        _, gradient = FrechetObjective(points, squares, reference).value_and_gradient(np.eye(1, len(points))[0])
        parts.append((gradient[1:] - gradient[0]).reshape(-1, features.shape[1]))
    return np.concatenate(parts), prior_distance


def halves(space: Space, cost: Array, parameters: NDArray[np.float32]) -> tuple[Array, Array]:
    """How the costs in the upper and in the lower half of each bin differ, along every axis: half the difference.

    A least-squares fit of one number for each axis, added in the upper half and subtracted in the lower one, so that
    what one axis does is not laid to another whose halves happen to coincide with its own. What a patch costs in the
    other bins on average is fitted along with them: most of the variance is that of contents, and every bin has the
    same ones.

    Args:
        space: the bins.
        cost: (bins, patches).
        parameters: (bins, patches, axes).

    Returns:
        The numbers and their standard errors, (bins, axes) each; an axis that does not vary in a bin has 0. With fewer
        patches than numbers to fit, the errors are infinite.
    """
    middle = (space.lower + space.upper) / 2
    difference, error = np.zeros_like(middle), np.zeros_like(middle)
    elsewhere = (cost.sum(axis=0) - cost) / max(len(space) - 1, 1)
    for index in range(len(space)):
        varies = np.flatnonzero(space.lower[index] < space.upper[index])
        sides = np.where(parameters[index][:, varies] >= middle[index, varies], 1.0, -1.0)
        design = np.column_stack([sides, np.ones(len(sides)), elsewhere[index]])
        inverse = np.linalg.pinv(design.T @ design)
        fit = inverse @ design.T @ cost[index]
        residual = cost[index] - design @ fit
        difference[index, varies] = fit[: len(varies)]
        spare = len(design) - np.linalg.matrix_rank(design)  # without, the fit goes through whatever the costs are
        variances = np.diag(inverse)[: len(varies)] * (residual @ residual) / max(spare, 1)
        error[index, varies] = np.sqrt(variances) if spare > 0 else np.inf
    return difference, error


def gains(crafted: Distribution, reduced: Array, difference: Array, error: Array, dial: float) -> Array:
    """Expected first-order decrease of the objective from splitting each bin along each axis, (bins, axes).

    A bin of some weight can move it to its better half. A bin that has less weight than the prior gives it could take
    weight from others if its better half costs less than the crafted mixture does at the margin; how much, is unknown,
    so that the weight of a typical bin of the mixture, sum w^2, stands for it.

    Args:
        crafted: weights w and prior.
        reduced: (bins,) gradient of F at w, less w.grad F(w).
        difference: from `halves`. Its square counts less the square of its standard error, by which noise alone
            enlarges it.
        error: that standard error.
        dial: weight of KL(w || prior) in the objective.
    """
    weight, prior = crafted.weight, crafted.prior
    better = np.sqrt(np.maximum(difference**2 - error**2, 0.0))
    margin = dial * kl_divergence(weight, prior) - reduced
    cheaper = np.maximum(margin[:, None] + better, 0.0) * (weight < prior)[:, None]
    return np.maximum(weight[:, None] * better, np.sum(weight**2) * cheaper)


def chosen(space: Space, gain: Array, count: int) -> dict[int, list[int]]:
    """The bins to split and the axes along which, most gain first, so that no more than ``count`` new bins arise.

    A bin split along k axes becomes k + 1 bins, see `cut`. Neither choices nor single values can be split, nor
    intervals whose halves would be narrower than `NARROWEST` of the axis or, where values lie on a grid, its stride.
    """
    numbers = np.array([axis.choices is None for axis in space.axes])
    stride = np.array([axis.parameter.stride for axis in space.axes])
    least = np.maximum(NARROWEST * (space.upper.max(axis=0) - space.lower.min(axis=0)), stride)
    width = (space.upper - space.lower) / 2
    able = numbers & (width > 0) & (width >= least * (1 - 1e-9)) & (gain > 0)
    splits: dict[int, list[int]] = {}
    for index, axis in zip(*np.unravel_index(np.argsort(-gain, axis=None, kind="stable"), gain.shape), strict=True):
        if not able[index, axis] or len(splits.get(index, [])) == DEEPEST:
            continue
        count -= 1 if index in splits else 2
        if count < 0:
            break
        splits.setdefault(int(index), []).append(int(axis))
    return splits


def cut(crafted: Distribution, splits: Mapping[int, Sequence[int]], difference: Array) -> Refined:
    """Split bins at the middle of axes, one axis after the other, each time the half that costs less.

    Args:
        crafted: the bins and their prior.
        splits: for some bins, the axes.
        difference: (bins, axes), positive where the lower half costs less.
    """
    space = crafted.space
    rows: list[tuple[Array, Array, float, int]] = []
    for index in range(len(space)):
        lower, upper, prior = space.lower[index].copy(), space.upper[index].copy(), float(crafted.prior[index])
        for axis in splits.get(index, ()):
            middle, prior = (lower[axis] + upper[axis]) / 2, prior / 2
            other_lower, other_upper = lower.copy(), upper.copy()
            if difference[index, axis] > 0:
                upper[axis] = other_lower[axis] = middle
            else:
                lower[axis] = other_upper[axis] = middle
            rows.append((other_lower, other_upper, prior, index))
        rows.append((lower, upper, prior, index))
    lowers, uppers, priors, parents = (np.array(column) for column in zip(*rows, strict=True))
    return Refined(replace(space, lower=lowers, upper=uppers), priors, parents, np.isin(parents, list(splits)))


def gather_round(
    refined: Refined,
    before: str | os.PathLike[str],
    parts: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
) -> None:
    """Join the moments and samples of the bins that were kept and of the new ones.

    Args:
        refined: the bins.
        before: file of the bins before the round.
        parts: files of `degcraft.bin_features.describe_bins` with samples, which hold the new bins.
        output: HDF5 file to write, laid out like them.

    Raises:
        UserError: the parts do not hold every new bin once.
    """
    with reading_h5(before, "bin", "features", "parameters") as file:
        columns, chunks = {}, {}
        for name in _datasets(file):
            columns[name], chunks[name] = file[name][:][refined.parent], file[name].chunks
    found: list[int] = []
    for part in parts:
        with reading_h5(part, "bin", *columns) as file:
            bins = file["bin"][:]
            found.extend(bins.tolist())
            for name, values in columns.items():
                values[bins] = file[name][:]
    if sorted(found) != np.flatnonzero(refined.new).tolist():
        raise UserError(f"{parts[0]} and the parts beside it do not hold every new bin once; delete them and run again")
    columns["bin"] = np.arange(len(refined.new), dtype=np.int32)
    with creating_h5(output) as file:
        for name, values in columns.items():
            file.create_dataset(name, data=values, chunks=chunks[name])


def _datasets(file: h5py.File) -> list[str]:
    """Names of all data sets, those in groups too."""
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


def rounds_table(
    tables: Sequence[str | os.PathLike[str]],
    weights: Sequence[str | os.PathLike[str]],
    traces: Sequence[str | os.PathLike[str]],
) -> pd.DataFrame:
    """What each round came to: ``round, bins, evaluated, distance, gap, effective_bins``.

    ``evaluated`` counts the bins described so far; ``gap`` bounds what better weights of the same bins could gain;
    ``effective_bins`` is the exponential of the weights' entropy.

    Args:
        tables: of the bins, from the space on.
        weights: as crafted on each of them.
        traces: of the same.
    """
    rows = []
    for number, evaluated in enumerate(described(tables)):
        weight = Distribution.read(weights[number]).weight
        last = pd.read_csv(traces[number]).iloc[-1]
        rows.append(
            {
                "round": number,
                "bins": len(weight),
                "evaluated": evaluated,
                "distance": float(last["distance"]),
                "gap": float(last["gap"]),
                "effective_bins": effective_bins(weight),
            }
        )
    return pd.DataFrame(rows)
