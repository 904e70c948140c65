"""Hidden truths for the benchmarks of crafting, on axes scaled to [0, 1], and how far weights are from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from wasserstein import below, distance

from degcraft.space import Space

Box = Sequence[tuple[float, float]]
Unit = Callable[[np.random.Generator, int], NDArray[np.float64]]
"""Draws n points of [0, 1]^axes."""


@dataclass(frozen=True)
class Truth:
    """A distribution of degradations, over those axes of a space that vary."""

    name: str
    unit: Unit


def boxes(name: str, *parts: Box) -> Truth:
    """Uniform in one of several boxes, each as likely as the others."""
    ends = np.array(parts)

    def unit(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
        lower, upper = np.moveaxis(ends[generator.integers(len(ends), size=n)], 2, 0)
        return lower + (upper - lower) * generator.random(lower.shape)

    return Truth(name, unit)


def along(name: str, start: Sequence[float], end: Sequence[float], width: float) -> Truth:
    """Correlated axes: uniform along the way from one point to another, and ``width`` to either side on every axis."""
    first, last = np.array(start), np.array(end)

    def unit(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
        way = generator.random((n, 1))
        return first + (last - first) * way + generator.uniform(-width, width, (n, len(first)))

    return Truth(name, unit)


CLASSIC = (  # blur, noise, JPEG quality
    boxes("narrow, sharp", [(0.15, 0.30), (0.30, 0.42), (0.60, 0.75)]),
    boxes("narrow, blurred", [(0.60, 0.72), (0.10, 0.22), (0.25, 0.40)]),
    boxes("medium", [(0.35, 0.65), (0.50, 0.80), (0.40, 0.70)]),
    boxes("wide", [(0.10, 0.60), (0.05, 0.55), (0.45, 0.95)]),
    boxes("clean corner", [(0.00, 0.15), (0.00, 0.12), (0.85, 1.00)]),
    boxes("harsh corner", [(0.85, 1.00), (0.85, 1.00), (0.00, 0.15)]),
    boxes("two clusters", [(0.05, 0.25), (0.10, 0.30), (0.70, 0.95)], [(0.60, 0.80), (0.50, 0.80), (0.20, 0.45)]),
    along("correlated", (0.20, 0.75, 0.25), (0.75, 0.15, 0.85), 0.08),
)

SECOND_ORDER = (  # blur, first noise, second blur, second noise, second JPEG quality
    boxes("second order, mild", [(0.1, 0.4), (0.1, 0.4), (0.2, 0.6), (0.1, 0.4), (0.5, 0.9)]),
    boxes("second order, harsh", [(0.5, 0.9), (0.5, 0.9), (0.4, 0.9), (0.5, 0.8), (0.1, 0.5)]),
)

PRESETS = {
    "real-esrgan": (  # second noise, Gaussian and Poisson; cutoff of the last sinc; last JPEG quality
        boxes("mild", [(0.0, 0.35), (0.0, 0.3), (0.5, 1.0), (0.6, 1.0)]),
        boxes("harsh", [(0.5, 0.9), (0.5, 0.9), (0.0, 0.4), (0.1, 0.5)]),
        boxes("soft, clean", [(0.0, 0.3), (0.1, 0.4), (0.2, 0.6), (0.7, 1.0)]),
        boxes("noisy, poor JPEG", [(0.6, 1.0), (0.3, 0.7), (0.4, 0.9), (0.0, 0.3)]),
        boxes("Poisson noise", [(0.0, 0.3), (0.5, 1.0), (0.0, 0.5), (0.4, 0.8)]),
        boxes("narrow", [(0.3, 0.45), (0.3, 0.45), (0.3, 0.45), (0.5, 0.65)]),
    ),
    "bsrgan": (  # one blur, noise, last JPEG quality
        boxes("mild", [(0.0, 0.4), (0.0, 0.3), (0.6, 1.0)]),
        boxes("harsh", [(0.5, 0.9), (0.5, 0.9), (0.1, 0.5)]),
        boxes("blurred, clean", [(0.6, 1.0), (0.0, 0.25), (0.7, 1.0)]),
        boxes("noisy, poor JPEG", [(0.1, 0.4), (0.2, 0.6), (0.0, 0.3)]),
        boxes("noisy, good JPEG", [(0.2, 0.5), (0.7, 1.0), (0.4, 0.8)]),
        boxes("narrow", [(0.3, 0.45), (0.3, 0.45), (0.5, 0.65)]),
    ),
}


def varying(space: Space) -> NDArray[np.int64]:
    """Indices of the axes that truths speak of: the continuous ones that are cut into several bins."""
    return np.flatnonzero(space.binned & np.array([axis.choices is None for axis in space.axes]))


def drawer(truth: Truth, space: Space) -> Callable[[np.random.Generator], NDArray[np.float32]]:
    """Draws a vector of parameters for `Space.steps`; axes of which the truth does not speak are drawn from bin 0."""
    axes = varying(space)
    whole = [i for i in axes if space.axes[i].parameter.stride == 1]
    lower, upper = space.lower.min(axis=0)[axes], space.upper.max(axis=0)[axes]

    def draw(generator: np.random.Generator) -> NDArray[np.float32]:
        parameters = space.draw(0, generator)
        parameters[axes] = lower + (upper - lower) * truth.unit(generator, 1)[0]
        parameters[whole] = np.rint(parameters[whole])
        return parameters

    return draw


def exact_weights(truth: Truth, space: Space, samples: int = 200_000) -> NDArray[np.float64]:
    """(bins,) the truth's own weights: how much of it falls into each bin of a grid."""
    axes = varying(space)
    lower, upper = space.lower[:, axes], space.upper[:, axes]
    low, high = lower.min(axis=0), upper.max(axis=0)
    points = low + (high - low) * truth.unit(np.random.default_rng(0), samples)
    index = np.zeros(samples, np.int64)
    cell = np.zeros(len(space), np.int64)
    for i in range(len(axes)):
        edges = np.unique(np.concatenate([lower[:, i], upper[:, i]]))
        index = index * (len(edges) - 1) + np.clip(np.searchsorted(edges, points[:, i], "right") - 1, 0, len(edges) - 2)
        cell = cell * (len(edges) - 1) + np.searchsorted(edges, lower[:, i])
    counts = np.bincount(index, minlength=cell.max() + 1)[cell]
    return counts / counts.sum()


def marginal_errors(
    truth: Truth, space: Space, weights: NDArray[np.float64], samples: int = 50_000
) -> NDArray[np.float64]:
    """1-Wasserstein distance between the marginals of weights and truth on each varying axis, scaled to [0, 1]."""
    axes = varying(space)
    points = truth.unit(np.random.default_rng(1), samples)
    grid = np.linspace(0.0, 1.0, 2001)
    errors = []
    for column, axis in enumerate(axes):
        low, high = space.lower[:, axis].min(), space.upper[:, axis].max()
        lower, upper = ((ends[:, axis] - low) / (high - low) for ends in (space.lower, space.upper))
        kept = weights > 0
        true = np.searchsorted(np.sort(points[:, column]), grid, "right") / samples
        errors.append(distance(below(grid, lower[kept], upper[kept], weights[kept]), true))
    return np.array(errors)


def overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Bhattacharyya coefficient of two sets of weights: 1 if they are equal, 0 if they share no bin."""
    return float(np.sqrt(a * b).sum())
