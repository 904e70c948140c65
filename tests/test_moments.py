"""Moments and the Fréchet distance, against answers on paper and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from degcraft.moments import Moments, frechet_distance, psd_root

SEEDS = st.integers(0, 10_000)


def random_moments(seed: int, d: int = 5, n: int = 40) -> Moments:
    generator = np.random.default_rng(seed)
    return Moments.of(generator.normal(size=(n, d)) @ generator.normal(size=(d, d)) + generator.normal(size=d))


def test_moments_of_two_vectors_by_hand():
    moments = Moments.of(np.array([[1.0, 2.0], [3.0, 6.0]], np.float32))
    assert moments.count == 2
    np.testing.assert_array_equal(moments.mean, [2, 4])
    np.testing.assert_array_equal(moments.second, [[5, 10], [10, 20]])  # (1 + 9)/2, (2 + 18)/2, (4 + 36)/2
    np.testing.assert_array_equal(moments.covariance, [[1, 2], [2, 4]])
    assert moments.mean.dtype == moments.second.dtype == np.float64


@given(SEEDS)
def test_covariance_is_numpys(seed):
    features = np.random.default_rng(seed).normal(3.0, 2.0, (30, 4))
    np.testing.assert_allclose(Moments.of(features).covariance, np.cov(features.T, bias=True), atol=1e-12)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), SEEDS)
def test_pooled_moments_are_those_of_the_union(sizes, seed):
    generator = np.random.default_rng(seed)
    parts = [generator.normal(size=(n, 3)) for n in sizes]
    pooled, union = Moments.pooled([Moments.of(part) for part in parts]), Moments.of(np.concatenate(parts))
    assert pooled.count == union.count
    np.testing.assert_allclose(pooled.mean, union.mean, atol=1e-12)
    np.testing.assert_allclose(pooled.second, union.second, atol=1e-12)


def test_mixture_moments_are_those_of_samples_in_that_proportion():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(50, 3)), generator.normal(2.0, 3.0, (50, 3))
    mean = 0.25 * Moments.of(a).mean + 0.75 * Moments.of(b).mean
    second = 0.25 * Moments.of(a).second + 0.75 * Moments.of(b).second
    samples = Moments.of(np.concatenate([a, b, b, b]))  # one part a, three parts b
    np.testing.assert_allclose(mean, samples.mean, atol=1e-12)
    np.testing.assert_allclose(second - np.outer(mean, mean), samples.covariance, atol=1e-12)


@given(SEEDS)
def test_equal_covariances_leave_the_squared_gap_of_the_means(seed):
    generator = np.random.default_rng(seed)
    features, shift = generator.normal(size=(60, 4)), generator.normal(size=4)
    distance = frechet_distance(Moments.of(features), Moments.of(features + shift))
    assert distance == pytest.approx(shift @ shift, abs=1e-9)


def test_diagonal_covariances_by_hand():
    # commuting covariances: |gap|^2 + sum (s_a - s_b)^2, here 3^2 + (1 - 2)^2 + (5 - 3)^2 = 14
    a = Moments(9, np.zeros(2), np.diag([1.0, 25.0]))
    mean = np.array([3.0, 0.0])
    b = Moments(9, mean, np.diag([4.0, 9.0]) + np.outer(mean, mean))
    assert frechet_distance(a, b) == pytest.approx(14.0, abs=1e-12)


@given(SEEDS, SEEDS)
def test_against_scipy(first, second):
    a, b = random_moments(first), random_moments(second)
    cross = np.trace(sqrtm(a.covariance @ b.covariance)).real
    expected = np.sum((a.mean - b.mean) ** 2) + np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(SEEDS, SEEDS, SEEDS)
def test_it_is_the_square_of_a_metric(first, second, third):
    a, b, c = (random_moments(seed) for seed in (first, second, third))
    ab, bc, ac = (np.sqrt(max(frechet_distance(*pair), 0.0)) for pair in ((a, b), (b, c), (a, c)))
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-8)
    assert frechet_distance(b, a) == pytest.approx(ab**2, rel=1e-6, abs=1e-7)
    assert ac <= ab + bc + 1e-4


def test_singular_covariances_by_hand():
    # covariances s_a^2 uu' and s_b^2 vv' of rank one: tr (C_a^1/2 C_b C_a^1/2)^1/2 = s_a s_b |u.v|
    u, v = np.array([1.0, 0.0, 0.0]), np.array([0.6, 0.8, 0.0])
    a, b = Moments(5, np.zeros(3), 4 * np.outer(u, u)), Moments(5, np.zeros(3), 9 * np.outer(v, v))
    assert frechet_distance(a, b) == pytest.approx(4 + 9 - 2 * 2 * 3 * 0.6, abs=1e-7)
    point = Moments(1, np.array([0.0, 2.0, 0.0]), np.diag([0.0, 4.0, 0.0]))  # a single vector
    assert frechet_distance(a, point) == pytest.approx(4 + 4, abs=1e-7)


def test_root_of_a_matrix_that_rounding_made_indefinite():
    matrix = np.diag([4.0, 0.0, -1e-15])
    np.testing.assert_allclose(psd_root(matrix), np.diag([2.0, 0.0, 0.0]), atol=1e-12)


@given(SEEDS)
def test_root_squared_is_the_matrix(seed):
    covariance = random_moments(seed).covariance
    root = psd_root(covariance)
    np.testing.assert_allclose(root, root.T, atol=1e-10)
    np.testing.assert_allclose(root @ root, covariance, atol=1e-8)
