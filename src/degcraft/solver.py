"""The convex problem behind crafting, and a solver that certifies its answer.

Minimise over the simplex ``F(w) + tau * KL(w || prior)`` where F is the squared Fréchet distance between the mixture of
the bins and the reference, and ``tau = generalization * F(prior)``. docs/crafting.md explains both in words.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from degcraft.moments import Array, Moments

_EPS = float(np.finfo(np.float64).eps)


class FrechetObjective:
    """F(w): squared Fréchet distance between a mixture of bins and a reference, with its gradient.

    With bin i's mean m_i and second moment S_i, the mixture has mean m(w) = sum w_i m_i and covariance
    C(w) = sum w_i S_i - m(w) m(w)'. The square of m(w) cancels between the mean term and tr C(w), which leaves

        F(w) = |m_r|^2 + tr C_r + sum w_i (tr S_i - 2 m_r.m_i) - 2 tr (A' C(w) A)^1/2,   A A' = C_r,

    linear minus a concave function of w: convex. F depends on w through the mixture's moments alone. They are kept as
    packed vectors, the mean and the upper triangle of the second moment, so that a mixture is one matrix product.

    Where an eigenvalue of A' C(w) A vanishes F has a kink; it is rounded off by adding to all eigenvalues what rounding
    makes of zero, f. This keeps F convex and lowers it, by at most f / v^1/2 for an eigenvalue v and never by more than
    2 f^1/2: far less than the solver's tolerance, unless C(w) is nearly singular where C_r is not.

    Attributes:
        packed: (bins, d(d+1)/2 + d) float64, each bin's moments about the mean of the bins' means.
        rounding: size of the error that rounding makes in F.

    Args:
        mean: (bins, d) float64.
        second: (bins, d, d) float64.
        reference: moments of the reference.
    """

    def __init__(self, mean: Array, second: Array, reference: Moments) -> None:
        self._centre = mean.mean(axis=0)  # moments about it lose less to rounding than moments about 0
        upper = np.triu_indices(mean.shape[1])
        centred = mean - self._centre
        packed = second[:, upper[0], upper[1]]
        for product in (mean[:, upper[0]] * self._centre[upper[1]], self._centre[upper[0]] * centred[:, upper[1]]):
            packed -= product
        self._upper = upper
        self.packed = np.concatenate([packed, centred], axis=1)
        self._spread = float(packed[:, upper[0] == upper[1]].sum(axis=1).max())
        values, vectors = np.linalg.eigh(self._unpacked(packed.mean(axis=0)))
        reached = vectors[:, values > len(values) * _EPS * np.trace(second, axis1=1, axis2=2).max()]
        self._reached = reached @ reached.T  # projects on the directions in which some bin has any variance
        self._set_reference(reference)

    @staticmethod
    def of(bins: Sequence[Moments], reference: Moments) -> FrechetObjective:
        """The objective from the moments of each bin."""
        return FrechetObjective(np.stack([m.mean for m in bins]), np.stack([m.second for m in bins]), reference)

    def with_reference(self, reference: Moments) -> FrechetObjective:
        """The same bins against another reference; the bins' moments are shared, not copied."""
        other = copy.copy(self)
        other._set_reference(reference)
        return other

    def _set_reference(self, reference: Moments) -> None:
        self._target = reference.mean - self._centre
        covariance = reference.covariance
        values, vectors = np.linalg.eigh(self._reached @ covariance @ self._reached)
        kept = values > len(values) * _EPS * np.trace(reference.second)  # the others are zero but for rounding
        self._factor = vectors[:, kept] * np.sqrt(values[kept])
        self._constant = float(self._target @ self._target + np.trace(covariance))
        self._floor = 4 * _EPS * float(values[kept].max(initial=0.0)) * (self._constant + self._spread)
        self.rounding = 1e-13 * (self._constant + self._spread)

    def __len__(self) -> int:
        return len(self.packed)

    def mixture(self, weights: Array) -> Array:
        """Packed moments of the mixture; linear in the weights (bins,)."""
        return np.asarray(weights @ self.packed)

    def _unpacked(self, upper: Array) -> Array:
        """The symmetric matrix of an upper triangle."""
        matrix = np.empty((len(self._centre),) * 2)
        matrix[self._upper] = upper
        matrix.T[self._upper] = upper
        return matrix

    def _parts(self, mixture: Array) -> tuple[Array, Array, Array]:
        """The mean, the second moment, and A' C(w) A."""
        d = len(self._centre)
        mean, second = mixture[-d:], self._unpacked(mixture[:-d])
        return mean, second, self._factor.T @ (second - np.outer(mean, mean)) @ self._factor

    def _value(self, mean: Array, second: Array, eigenvalues: Array) -> float:
        linear = float(np.trace(second) - 2.0 * self._target @ mean)
        return self._constant + linear - 2.0 * float(np.sqrt(eigenvalues).sum())

    def value(self, mixture: Array) -> float:
        """F at packed moments."""
        mean, second, product = self._parts(mixture)
        return self._value(mean, second, np.maximum(np.linalg.eigvalsh(product), 0.0) + self._floor)

    def value_and_slope(self, mixture: Array) -> tuple[float, Array]:
        """F at packed moments, and its derivative with respect to them."""
        mean, second, product = self._parts(mixture)
        values, vectors = np.linalg.eigh(product)
        values = np.maximum(values, 0.0) + self._floor
        # d tr(B^1/2) = tr(B^-1/2 dB) / 2
        half = self._factor @ (vectors / values**0.25)
        inner = half @ half.T
        by_second = np.eye(len(mean)) - inner
        by_second = by_second + by_second.T - np.diag(np.diag(by_second))  # an entry off the diagonal stands for two
        slope = np.concatenate([by_second[self._upper], 2.0 * (inner @ mean - self._target)])
        return self._value(mean, second, values), slope

    def gradient(self, slope: Array) -> Array:
        """(bins,) gradient with respect to the weights, from the derivative with respect to the packed moments."""
        return np.asarray(self.packed @ slope)

    def value_and_gradient(self, weights: Array) -> tuple[float, Array]:
        """F(w) and its gradient (bins,) at weights (bins,) on the simplex."""
        value, slope = self.value_and_slope(self.mixture(weights))
        return value, self.gradient(slope)


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
        distance_prior: F(prior), or the least that counts where the prior fits perfectly; unit of the relative gap.
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
        return max(float(gradient @ weights - gradient.min()), 0.0)
    shifted = -(gradient - gradient.min()) / tau
    lowest = gradient.min() - tau * np.log(np.sum(prior * np.exp(shifted)))
    return max(float(gradient @ weights + tau * kl_divergence(weights, prior) - lowest), 0.0)


def effective_bins(weights: Array) -> float:
    """Exponential of the entropy: how many equally weighted bins would be as spread out."""
    used = weights[weights > 0]
    return float(np.exp(-np.sum(used * np.log(used))))


def _normalised(log_weights: Array) -> Array:
    """Logarithms of the weights, shifted so that the weights sum to 1."""
    shifted = log_weights - log_weights.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


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

    Accelerated Bregman proximal gradient by dual averaging, with the entropy as reference function: the fast
    gradient method of Nesterov (Math. Program. 140, 2013, and 152, 2015) with the KL term kept as it is, which makes it
    converge linearly. Updates are multiplicative and stay inside the simplex. The step is
    backtracked on the descent that it promises. Three points: ``centre`` minimises the model of the objective gathered
    so far, ``average`` is what the descent is about, and at ``weights``, between the two, the tangent is taken. That
    tangent also gives the certificate, over all bins, at every iteration.

    Args:
        objective: F.
        prior: (bins,) positive, sums to 1.
        generalization: the dial, >= 0; 0 is the tightest fit.
        tolerance: stop when the certificate falls below this share of F(prior).
        max_iterations: stop there anyway; the certificate says what was reached.
        start: (bins,) weights that solve a similar problem, to start from (with a tenth of the prior mixed in, so that
            every bin can come back); the prior by default.
        progress: called with every row of the trace.
    """
    distance_prior = objective.value(objective.mixture(prior))
    unit = max(distance_prior, 1e4 * objective.rounding)  # a prior that fits perfectly cannot be improved on
    tau = generalization * unit
    log_prior = np.log(prior)
    log_centre = _normalised(log_prior if start is None else np.log(0.9 * start + 0.1 * prior))
    centre = average = np.exp(log_centre)
    centre_mixture = average_mixture = objective.mixture(centre)
    model = log_centre  # minus the gathered model's linear part
    mass = 0.0  # sum of the tangents' shares in it
    smoothness = step = 0.0
    iteration = 0
    trace: list[Iterate] = []
    while True:
        if smoothness:
            # the largest step with smoothness * step^2 = (mass + step) (1 + tau mass)
            scaled = (1.0 + tau * mass) / (2.0 * smoothness)
            step = scaled + np.sqrt(scaled**2 + 2.0 * scaled * mass)
        share = step / (mass + step) if mass else 1.0
        weights = (1.0 - share) * average + share * centre
        mixture = (1.0 - share) * average_mixture + share * centre_mixture
        value, slope = objective.value_and_slope(mixture)
        gradient = objective.gradient(slope)
        gap = certificate(weights, gradient, prior, tau)
        stuck = smoothness > 1e18 * unit  # no step is short enough for the arithmetic: this is as far as it goes
        done = gap <= tolerance * unit or iteration >= max_iterations or stuck
        if done or (iteration % 10 == 0 and (not trace or trace[-1].iteration < iteration)):
            kl = max(kl_divergence(weights, prior), 0.0)  # of equal weights it can round to less
            trace.append(Iterate(iteration, value + tau * kl, max(value, 0.0), kl, gap))
            if progress is not None:
                progress(trace[-1])
        if done:
            return Solution(weights, tuple(trace), unit)
        if not smoothness:
            smoothness = max(float(np.ptp(gradient)), _EPS * unit)
            continue
        trial_model = model + step * (tau * log_prior - gradient)
        log_trial = _normalised(trial_model / (1.0 + tau * (mass + step)))
        trial = np.exp(log_trial)
        trial_mixture = objective.mixture(trial)
        moved = share * (trial_mixture - centre_mixture)
        bound = value + float(slope @ moved) + smoothness * share**2 * float(trial @ (log_trial - log_centre))
        if objective.value(mixture + moved) <= bound + objective.rounding:
            average, average_mixture = (1.0 - share) * average + share * trial, mixture + moved
            centre, log_centre, centre_mixture = trial, log_trial, trial_mixture
            model, mass = trial_model, mass + step
            smoothness = max(0.8 * smoothness, 1e-18 * unit)
            iteration += 1
            if tau * mass > 1e12:  # what was gathered is as good as forgotten: start anew before it overflows
                model, mass = log_centre, 0.0
        else:
            smoothness *= 2.0
