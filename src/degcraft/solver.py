"""The convex problem behind crafting, and a solver that certifies its answer.

Minimise over the simplex ``F(w) + tau * KL(w || prior)`` where F is the squared Fréchet distance between the mixture of
the bins and the reference, and ``tau = generalization * F(prior)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from degcraft.moments import Array, Moments, psd_root


class FrechetObjective:
    """F(w): squared Fréchet distance between a mixture of bins and a reference, with its gradient.

    With bin i's mean m_i and second moment S_i, the mixture has mean m(w) = sum w_i m_i and covariance
    C(w) = sum w_i S_i - m(w) m(w)'. The square of m(w) cancels between the mean term and tr C(w), which leaves

        F(w) = |m_r|^2 + tr C_r + sum w_i (tr S_i - 2 m_r.m_i) - 2 tr (A C(w) A)^1/2,   A = C_r^1/2,

    linear minus a concave function of w: convex.

    Attributes:
        rounding: size of the error that rounding makes in F.

    Args:
        mean: (bins, d) float64.
        second: (bins, d, d) float64.
        reference: moments of the reference.
    """

    def __init__(self, mean: Array, second: Array, reference: Moments) -> None:
        self._mean = mean
        self._second = second.reshape(len(second), -1)
        self._shape = second.shape[1:]
        covariance = reference.covariance
        self._root = psd_root(covariance)
        self._constant = float(reference.mean @ reference.mean + np.trace(covariance))
        self._linear = np.trace(second, axis1=1, axis2=2) - 2.0 * mean @ reference.mean
        self.rounding = 1e-13 * (self._constant + float(np.abs(self._linear).max()))

    def __len__(self) -> int:
        return len(self._mean)

    def value_and_gradient(self, weights: Array) -> tuple[float, Array]:
        """F(w) and its gradient (bins,) at weights (bins,) on the simplex."""
        mean = weights @ self._mean
        covariance = (weights @ self._second).reshape(self._shape) - np.outer(mean, mean)
        values, vectors = np.linalg.eigh(self._root @ covariance @ self._root)
        positive = values > 1e-12 * max(values[-1], 1e-300)
        roots = np.sqrt(values[positive])
        value = self._constant + float(self._linear @ weights) - 2.0 * float(roots.sum())
        # d tr(B^1/2) = tr(B^-1/2 dB) / 2; directions where B is zero cannot change to first order and drop out
        half = self._root @ vectors[:, positive] / np.sqrt(roots)
        inner = half @ half.T
        gradient = self._linear - self._second @ inner.ravel() + 2.0 * self._mean @ (inner @ mean)
        return value, gradient


@dataclass(frozen=True)
class Iterate:
    """One row of the trace; `distance` is F(w), `gap` the bound on how far the objective is from its optimum."""

    iteration: int
    objective: float
    distance: float
    kl: float
    gap: float


@dataclass(frozen=True, eq=False)
class Solution:
    """Weights with their certificate.

    Attributes:
        weights: (bins,) float64 on the simplex.
        trace: the iterations, first and last included; the last one is that of `weights`.
        distance_prior: F(prior), the unit of the relative gap.
    """

    weights: Array
    trace: tuple[Iterate, ...]
    distance_prior: float

    @property
    def final(self) -> Iterate:
        """The last row of the trace."""
        return self.trace[-1]

    @property
    def relative_gap(self) -> float:
        """Gap over F(prior): an upper bound on what a better solver could still gain."""
        return self.final.gap / self.distance_prior


def kl_divergence(weights: Array, prior: Array) -> float:
    """KL(weights || prior) in nats; both on the simplex, prior positive."""
    used = weights > 0
    return float(np.sum(weights[used] * np.log(weights[used] / prior[used])))


def certificate(weights: Array, gradient: Array, prior: Array, tau: float) -> float:
    """Upper bound on F(w) + tau KL(w||prior) minus its minimum, by convexity of F.

    F is bounded below by its tangent at w, and the minimum over the simplex of tangent + tau KL has a closed form. With
    tau = 0 the bound is max_i <grad F(w), w - e_i>, the Frank-Wolfe gap (Jaggi, ICML 2013).
    """
    if tau == 0:
        return float(gradient @ weights - gradient.min())
    shifted = -(gradient - gradient.min()) / tau
    lowest = gradient.min() - tau * np.log(np.sum(prior * np.exp(shifted)))
    return float(gradient @ weights + tau * kl_divergence(weights, prior) - lowest)


def solve(
    objective: FrechetObjective,
    prior: Array,
    generalization: float,
    tolerance: float = 1e-4,
    max_iterations: int = 20_000,
    start: Array | None = None,
    progress: Callable[[Iterate], None] | None = None,
) -> Solution:
    """Minimise F(w) + generalization * F(prior) * KL(w || prior) over the simplex.

    Bregman proximal gradient with the entropy as reference function and a backtracked step (Bauschke, Bolte and
    Teboulle, Math. Oper. Res. 42(2), 2017): multiplicative updates that stay inside the simplex.

    Args:
        objective: F.
        prior: (bins,) positive, sums to 1.
        generalization: the dial, >= 0; 0 is the tightest fit.
        tolerance: stop when the certificate falls below this share of F(prior).
        max_iterations: stop there anyway; the certificate says what was reached.
        start: (bins,) weights to start from, positive; the prior by default.
        progress: called with every row of the trace.
    """
    distance_prior, _ = objective.value_and_gradient(prior)
    unit = max(distance_prior, 1e4 * objective.rounding)  # a prior that fits perfectly cannot be improved on
    tau = generalization * unit
    log_prior = np.log(prior)
    log_weights = log_prior if start is None else np.log(start)
    weights = np.exp(log_weights)
    value, gradient = objective.value_and_gradient(weights)
    smoothness = max(float(np.ptp(gradient)), 1e-12)
    trace: list[Iterate] = []

    def record(iteration: int, gap: float) -> None:
        kl = kl_divergence(weights, prior)
        trace.append(Iterate(iteration, value + tau * kl, value, kl, gap))
        if progress is not None:
            progress(trace[-1])

    stuck = False
    for iteration in range(max_iterations + 1):
        gap = certificate(weights, gradient, prior, tau)
        done = gap <= tolerance * unit or iteration == max_iterations or stuck
        if done or iteration % 10 == 0:
            record(iteration, gap)
        if done:
            break
        smoothness *= 0.7
        while True:
            log_trial = (smoothness * log_weights + tau * log_prior - gradient) / (smoothness + tau)
            log_trial -= log_trial.max()
            log_trial -= np.log(np.exp(log_trial).sum())
            trial = np.exp(log_trial)
            trial_value, trial_gradient = objective.value_and_gradient(trial)
            divergence = float(trial @ (log_trial - log_weights))
            model = value + float(gradient @ (trial - weights)) + smoothness * divergence
            if trial_value <= model + objective.rounding:
                log_weights, weights, value, gradient = log_trial, trial, trial_value, trial_gradient
                break
            smoothness *= 2.0
            stuck = smoothness > 1e18 * unit  # no step is short enough for the arithmetic: this is as far as it goes
            if stuck:
                break
    return Solution(weights, tuple(trace), unit)
