"""Moments of bins in general position and of photos that are mixtures of them, so that crafting has a known answer."""

from __future__ import annotations

import numpy as np

from degcraft.axes import Choices, Range, Step
from degcraft.moments import Moments
from degcraft.space import build

SPACE = build(
    [
        Step("blur", (("sigma", Range(0.2, 3.2, 3)),)),
        Step("resize", (("kind", Choices(("bicubic", "area"))),)),
        Step("noise", (("sigma", Range(0.0, 20.0, 2)),)),
    ]
)


def synthetic(seed: int = 0, d: int = 14) -> list[Moments]:
    """Bins of unit covariance, means in general position: any mixture mean has one set of weights."""
    means = np.random.default_rng(seed).normal(0, 3, (12, d))
    return [Moments(50, mean, np.eye(d) + np.outer(mean, mean)) for mean in means]


def mixed(bins: list[Moments], weights: np.ndarray, count: int = 30) -> Moments:
    mean = sum(w * m.mean for w, m in zip(weights, bins, strict=True))
    second = sum(w * m.second for w, m in zip(weights, bins, strict=True))
    return Moments(count, mean, second)


def some_references(n: int = 5) -> list[Moments]:
    """Photos that differ: each is a mixture of its own."""
    weights = np.random.default_rng(1).dirichlet(np.full(12, 0.3), n)
    return [mixed(synthetic(), w) for w in weights]
