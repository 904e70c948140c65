"""The convex problem, its gradient, its certificate and its solver."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from degcraft.moments import Moments, frechet_distance
from degcraft.solver import FrechetObjective, certificate, effective_bins, kl_divergence, solve

SEEDS = st.integers(0, 10_000)


class Problem:
    """Random bins, a random reference, and the parts that most tests need."""

    def __init__(self, seed: int, bins: int = 6, d: int = 4, reference: Moments | None = None) -> None:
        generator = np.random.default_rng(seed)
        self.bins = [
            Moments.of(generator.normal(size=(25, d)) @ generator.normal(size=(d, d)) + generator.normal(size=d))
            for _ in range(bins)
        ]
        self.mean = np.stack([m.mean for m in self.bins])
        self.second = np.stack([m.second for m in self.bins])
        self.reference = reference or Moments.of(generator.normal(size=(40, d)) * 1.5 + 0.5)
        self.objective = FrechetObjective(self.mean, self.second, self.reference)
        self.prior = np.full(bins, 1 / bins)
        self.random_weights = generator.dirichlet(np.ones(bins), size=8)

    def mixture(self, weights: np.ndarray) -> Moments:
        return Moments(1, weights @ self.mean, np.tensordot(weights, self.second, axes=1))

    def penalised(self, weights: np.ndarray, tau: float) -> tuple[float, np.ndarray]:
        value, gradient = self.objective.value_and_gradient(weights)
        ratio = np.log(np.maximum(weights, 1e-300) / self.prior)
        return value + tau * float(weights @ ratio), gradient + tau * (ratio + 1)

    def optimum(self, tau: float) -> float:
        """The least value of the objective, by an independent solver."""
        result = minimize(
            lambda w: self.penalised(w, tau),
            self.prior,
            jac=True,
            method="SLSQP",
            bounds=[(1e-12, 1)] * len(self.prior),
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
            options={"ftol": 1e-12, "maxiter": 500},
        )
        return float(result.fun)


@given(SEEDS)
def test_value_is_the_frechet_distance_of_the_mixture(seed):
    problem = Problem(seed)
    for weights in problem.random_weights:
        value, _ = problem.objective.value_and_gradient(weights)
        expected = frechet_distance(problem.mixture(weights), problem.reference)
        assert value == pytest.approx(expected, rel=1e-8, abs=1e-7)


@given(SEEDS)
def test_gradient_against_finite_differences(seed):
    problem, step = Problem(seed), 1e-6
    weights = problem.random_weights[0] * 0.9 + problem.prior * 0.1
    _, gradient = problem.objective.value_and_gradient(weights)
    for i, unit in enumerate(np.eye(len(weights))):
        ahead, _ = problem.objective.value_and_gradient(weights + step * unit)
        behind, _ = problem.objective.value_and_gradient(weights - step * unit)
        assert gradient[i] == pytest.approx((ahead - behind) / (2 * step), rel=1e-4, abs=1e-4)


@given(SEEDS, st.floats(0.0, 1.0))
def test_convex_along_segments(seed, t):
    problem = Problem(seed)
    for a, b in itertools.pairwise(problem.random_weights):
        at_a, at_b, between = (problem.objective.value_and_gradient(w)[0] for w in (a, b, t * a + (1 - t) * b))
        assert between <= t * at_a + (1 - t) * at_b + 1e-9


@pytest.mark.parametrize("vertex", range(6))
def test_certificate_is_zero_at_a_vertex_known_to_be_optimal(vertex):
    bins = Problem(3).bins
    problem = Problem(3, reference=bins[vertex])  # the reference is one of the bins, so F is 0 at that vertex
    value, gradient = problem.objective.value_and_gradient(np.eye(6)[vertex])
    assert value == pytest.approx(0.0, abs=1e-9)
    assert certificate(np.eye(6)[vertex], gradient, problem.prior, tau=0.0) == pytest.approx(0.0, abs=1e-8)
    other = np.eye(6)[(vertex + 1) % 6]
    assert certificate(other, problem.objective.value_and_gradient(other)[1], problem.prior, tau=0.0) > 0.1


@pytest.mark.parametrize("tau", [0.0, 0.01, 1.0])
@given(seed=SEEDS)
def test_certificate_bounds_the_distance_to_the_optimum(tau, seed):
    problem = Problem(seed, bins=4, d=3)
    best = problem.optimum(tau)
    for weights in problem.random_weights[:4]:
        value, _ = problem.penalised(weights, tau)
        gap = certificate(weights, problem.objective.value_and_gradient(weights)[1], problem.prior, tau)
        assert value - best <= gap + 1e-7


@pytest.mark.parametrize("generalization", [0.0, 0.003, 0.3])
@given(seed=SEEDS)
def test_solution_is_as_good_as_an_independent_solvers(generalization, seed):
    problem = Problem(seed, bins=5, d=3)
    solution = solve(problem.objective, problem.prior, generalization)
    best = problem.optimum(generalization * solution.distance_prior)
    assert solution.relative_gap <= 1e-4
    assert solution.final.objective - best <= solution.final.gap + 1e-7
    assert solution.weights.min() >= 0
    assert solution.weights.sum() == pytest.approx(1.0, abs=1e-12)


def test_the_last_row_of_the_trace_is_that_of_the_weights():
    problem = Problem(1)
    rows = []
    solution = solve(problem.objective, problem.prior, 0.01, progress=rows.append)
    tau = 0.01 * problem.objective.value_and_gradient(problem.prior)[0]
    assert tuple(rows) == solution.trace
    assert solution.trace[0].kl == pytest.approx(0.0, abs=1e-12)
    assert solution.final.distance == pytest.approx(problem.objective.value_and_gradient(solution.weights)[0])
    assert solution.final.kl == pytest.approx(kl_divergence(solution.weights, problem.prior))
    assert solution.final.objective == pytest.approx(problem.penalised(solution.weights, tau)[0])
    assert [row.iteration for row in rows] == sorted({row.iteration for row in rows})


def test_the_dial_runs_from_the_tightest_fit_to_the_prior():
    problem = Problem(5)
    solutions = [solve(problem.objective, problem.prior, dial) for dial in (0.0, 0.01, 0.1, 1.0, 1e4)]
    unit = solutions[0].distance_prior
    # a well-known consequence of optimality: with a larger dial the distance rises and the divergence falls
    for tight, loose in itertools.pairwise(solutions):
        assert tight.final.distance <= loose.final.distance + 2e-4 * unit
        assert tight.final.kl >= loose.final.kl - 1e-2
    np.testing.assert_allclose(solutions[-1].weights, problem.prior, atol=1e-3)
    assert solutions[0].final.distance - problem.optimum(0.0) <= 1e-4 * unit


def test_kl_by_hand():
    prior = np.array([0.5, 0.25, 0.25])
    assert kl_divergence(prior, prior) == 0.0
    assert kl_divergence(np.array([1.0, 0.0, 0.0]), prior) == pytest.approx(np.log(2))


def test_finds_the_bin_that_the_reference_is():
    problem = Problem(2, reference=Problem(2).bins[4])
    weights = solve(problem.objective, problem.prior, 0.0, tolerance=1e-6).weights
    assert weights[4] > 0.99


def flat(problem: Problem) -> Problem:
    """One feature without variance, anywhere."""
    problem.mean[:, 0], problem.second[:, 0, :], problem.second[:, :, 0] = 0, 0, 0
    mean, second = problem.reference.mean.copy(), problem.reference.second.copy()
    mean[0], second[0, :], second[:, 0] = 0, 0, 0
    problem.reference = Moments(9, mean, second)
    return problem


def doubled(problem: Problem) -> Problem:
    """Every bin twice."""
    problem.mean, problem.second = np.repeat(problem.mean, 2, axis=0), np.repeat(problem.second, 2, axis=0)
    problem.prior = np.full(len(problem.mean), 1 / len(problem.mean))
    return problem


def poor(problem: Problem) -> Problem:
    """A reference of two vectors: a covariance of rank one."""
    problem.reference = Moments.of(np.random.default_rng(0).normal(size=(2, 4)))
    return problem


def point(problem: Problem) -> Problem:
    """A reference without any variance."""
    problem.reference = Moments.of(np.ones((3, 4)))
    return problem


def shifted(problem: Problem) -> Problem:
    """Means that dwarf the covariances."""
    offset = np.full(4, 1000.0)
    moved = [Moments(m.count, m.mean + offset, m.covariance + np.outer(*[m.mean + offset] * 2)) for m in problem.bins]
    problem.mean, problem.second = np.stack([m.mean for m in moved]), np.stack([m.second for m in moved])
    m = problem.reference
    problem.reference = Moments(m.count, m.mean + offset, m.covariance + np.outer(*[m.mean + offset] * 2))
    return problem


def small(problem: Problem) -> Problem:
    """Features of a thousandth of the size."""
    problem.mean, problem.second = problem.mean * 1e-3, problem.second * 1e-6
    problem.reference = Moments(9, problem.reference.mean * 1e-3, problem.reference.second * 1e-6)
    return problem


def uneven(problem: Problem) -> Problem:
    """Features of very different sizes."""
    size = np.array([1e-3, 1.0, 1e3, 1.0])
    problem.mean, problem.second = problem.mean * size, problem.second * np.outer(size, size)
    problem.reference = Moments(9, problem.reference.mean * size, problem.reference.second * np.outer(size, size))
    return problem


def singular(problem: Problem) -> Problem:
    """Bins of three vectors each: covariances of rank two, in directions of their own."""
    generator = np.random.default_rng(1)
    problem.bins = [Moments.of(generator.normal(size=(3, 4)) + generator.normal(size=4)) for _ in range(6)]
    problem.mean, problem.second = np.stack([m.mean for m in problem.bins]), np.stack([m.second for m in problem.bins])
    return problem


def own(problem: Problem) -> Problem:
    """The reference is one of the bins, which has a singular covariance."""
    problem = singular(problem)
    problem.reference = problem.bins[3]
    return problem


def unreached(problem: Problem) -> Problem:
    """A feature without variance in any bin, which varies in the reference."""
    problem.mean[:, 0], problem.second[:, 0, :], problem.second[:, :, 0] = 0, 0, 0
    return problem


def lopsided(problem: Problem) -> Problem:
    """A prior with nearly all of its weight on one bin."""
    problem.prior = np.array([1 - 5e-9, *[1e-9] * 5])
    return problem


@pytest.mark.parametrize("generalization", [0.0, 1e-12, 0.003])
@pytest.mark.parametrize(
    "hard", [flat, doubled, poor, point, shifted, small, uneven, singular, own, unreached, lopsided]
)
def test_hard_problems_stay_finite_and_reach_the_tolerance(hard, generalization):
    problem = hard(Problem(7))
    objective = FrechetObjective(problem.mean, problem.second, problem.reference)
    solution = solve(objective, problem.prior, generalization, max_iterations=5000)
    assert np.isfinite(solution.weights).all()
    assert solution.relative_gap <= 1e-4


@pytest.mark.parametrize("generalization", [0.0, 0.003])
def test_a_reference_that_the_prior_matches_gives_the_prior(generalization):
    problem = Problem(0, bins=4)
    objective = FrechetObjective(problem.mean, problem.second, problem.mixture(problem.prior))
    solution = solve(objective, problem.prior, generalization, max_iterations=300)
    assert solution.final.distance == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(solution.weights, problem.prior, atol=1e-2)


def test_deterministic():
    first, second = (solve(Problem(4).objective, Problem(4).prior, 0.003) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    assert first.trace == second.trace


def test_another_start_ends_at_the_same_value():
    problem = Problem(6)
    here = solve(problem.objective, problem.prior, 0.003)
    there = solve(problem.objective, problem.prior, 0.003, start=0.1 * problem.prior + 0.9 * problem.random_weights[0])
    assert abs(here.final.objective - there.final.objective) <= 1e-4 * here.distance_prior


MIXED_SEEDS = st.tuples(SEEDS, st.integers(1, 30), st.integers(1, 8), st.integers(2, 12), st.integers(2, 12))


@given(MIXED_SEEDS, st.sampled_from([0.0, 1e-9, 1e-4, 0.03, 10.0]), st.booleans())
def test_any_moments_and_prior_are_solved_to_the_tolerance(sizes, generalization, twice):
    seed, bins, d, vectors, reference_vectors = sizes
    generator = np.random.default_rng(seed)
    drawn = [Moments.of(generator.normal(size=(vectors, d)) + generator.normal(0, 2, d)) for _ in range(bins)]
    drawn = drawn * 2 if twice else drawn
    prior = generator.dirichlet(np.full(len(drawn), 0.3)) + 1e-9
    prior /= prior.sum()
    reference = Moments.of(generator.normal(size=(reference_vectors, d)))
    objective = FrechetObjective(np.stack([m.mean for m in drawn]), np.stack([m.second for m in drawn]), reference)
    solution = solve(objective, prior, generalization, max_iterations=3000)
    assert solution.weights.min() >= 0
    assert solution.weights.sum() == pytest.approx(1.0, abs=1e-9)
    assert 0 <= solution.relative_gap <= 1e-4
    # the gap is that of the weights: anybody can compute it again from them
    value, gradient = objective.value_and_gradient(solution.weights)
    tau = generalization * solution.distance_prior
    again = certificate(solution.weights, gradient, prior, tau)
    assert again == pytest.approx(solution.final.gap, rel=1e-3, abs=1e-7 * (1 + tau))
    mixed = Moments(1, *(np.tensordot(solution.weights, [getattr(m, k) for m in drawn], 1) for k in ("mean", "second")))
    assert value == pytest.approx(frechet_distance(mixed, reference), abs=1e-6)


def test_the_certificate_holds_at_a_kink():
    # one bin is a point; from it, a little of the other one lowers F by the square root of that little: no finite slope
    spread = np.array([[0.0, 0.0], [0.0, 1.0]])
    mean, second = np.zeros((2, 2)), np.stack([np.diag([1.0, 0.0]), np.diag([1.0, 0.0]) + spread])
    objective = FrechetObjective(mean, second, Moments(9, np.zeros(2), np.eye(2)))
    corner = np.array([1.0, 0.0])
    value, gradient = objective.value_and_gradient(corner)
    best, _ = objective.value_and_gradient(np.array([0.0, 1.0]))
    assert value - best == pytest.approx(1.0, abs=1e-6)
    assert certificate(corner, gradient, np.full(2, 0.5), tau=0.0) >= value - best


def test_another_reference_for_the_same_bins():
    problem, other = Problem(8), Problem(9).reference
    shared = problem.objective.with_reference(other)
    anew = FrechetObjective(problem.mean, problem.second, other)
    for weights in problem.random_weights:
        for a, b in zip(shared.value_and_gradient(weights), anew.value_and_gradient(weights), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
    assert shared.packed is problem.objective.packed


def test_an_impossible_tolerance_ends_all_the_same():
    problem = Problem(3)
    for generalization in (0.0, 0.003, 1e4):
        solution = solve(problem.objective, problem.prior, generalization, tolerance=0.0, max_iterations=2000)
        assert np.isfinite(solution.weights).all()
        assert solution.relative_gap < 1e-4


def test_effective_bins_by_hand():
    assert effective_bins(np.array([0.25, 0.25, 0.25, 0.25, 0.0])) == pytest.approx(4.0)
    assert effective_bins(np.array([0.0, 1.0])) == 1.0
