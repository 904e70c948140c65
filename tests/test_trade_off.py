"""The path of the dial, and the dial that held-out photos choose."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.moments import Moments
from degcraft.settings import CraftSettings
from degcraft.solver import FrechetObjective, solve
from degcraft.space import Space
from degcraft.trade_off import at_dial, deal, hold_out, largest_within_error, mean_and_error, path, trade_off

DIALS = np.array([0.0, 0.001, 0.01, 0.1, 1.0])
SETTINGS = CraftSettings(trade_off=tuple(DIALS), tolerance=1e-5)


def problem(
    seed: int, bins: int = 12, d: int = 4, photos: int = 6
) -> tuple[FrechetObjective, np.ndarray, list[Moments]]:
    """Random bins; reference photos whose vectors come from the first two."""
    generator = np.random.default_rng(seed)
    means, factors = generator.normal(0, 2, (bins, d)), generator.normal(0, 1, (bins, d, d))
    second = factors @ factors.transpose(0, 2, 1) + means[:, :, None] * means[:, None, :]
    sources = generator.integers(2, size=(photos, 20))
    noise = generator.normal(size=(photos, 20, d))
    references = [
        Moments.of(means[s] + np.einsum("nij,nj->ni", factors[s], z)) for s, z in zip(sources, noise, strict=True)
    ]
    return (
        FrechetObjective(means, second, Moments.pooled(references)),
        generator.dirichlet(np.full(bins, 5.0)),
        references,
    )


@given(st.integers(0, 10_000))
def test_along_the_path_the_distance_rises_and_the_divergence_falls(seed):
    objective, prior, _ = problem(seed)
    solutions = path(objective, prior, DIALS, tolerance=1e-5)
    for dial, (tight, loose) in zip(DIALS[1:], itertools.pairwise(solutions), strict=True):
        slack = tight.final.gap + loose.final.gap
        assert tight.final.distance <= loose.final.distance + slack
        # what the optimality of both implies: (dial - smaller dial) * (fall of the divergence) >= -slack
        fall = tight.final.kl - loose.final.kl
        smaller = DIALS[np.searchsorted(DIALS, dial) - 1]
        assert (dial - smaller) * tight.distance_prior * fall >= -slack


def test_every_solution_is_that_of_its_dial():
    objective, prior, _ = problem(0)
    for dial, solution in zip(DIALS, path(objective, prior, DIALS, 1e-6), strict=True):
        alone = solve(objective, prior, float(dial), 1e-6)
        assert solution.relative_gap <= 1e-6
        assert solution.final.objective == pytest.approx(alone.final.objective, abs=2e-6 * alone.distance_prior)


def test_the_chosen_dial_joins_the_path_and_starts_from_the_prior():
    objective, prior, references = problem(1)
    result = trade_off(objective, prior, references, CraftSettings(generalization=0.05, trade_off=(1.0, 0.0)), seed=0)
    table = result.table()
    assert table["generalization"].tolist() == [0.0, 0.05, 1.0]
    assert table["chosen"].tolist() == [0, 1, 0]
    np.testing.assert_array_equal(result.solution.weights, solve(objective, prior, 0.05).weights)
    assert result.solution.trace[0].kl == pytest.approx(0.0, abs=1e-12)
    assert (table["effective_bins"].diff().dropna() > 0).all()
    assert table["held_out_error"].min() == 0.0  # of the best


@given(st.integers(1, 40), st.integers(0, 100))
def test_every_photo_is_held_out_once(photos, seed):
    parts = deal(photos, seed)
    assert len(parts) == min(5, photos)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(photos))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_the_seed_deals_the_photos():
    assert all((a == b).all() for a, b in zip(deal(9, 1), deal(9, 1), strict=True))
    assert len({tuple(np.concatenate(deal(9, seed))) for seed in range(5)}) == 5


def test_held_out_distances_are_those_to_the_other_photos():
    objective, prior, references = problem(2, photos=4)
    held_out = hold_out(objective, prior, references, DIALS, 1e-5, seed=0)
    assert held_out.shape == (4, 5)
    (photo,) = deal(4, 0)[0]
    rest = Moments.pooled([m for i, m in enumerate(references) if i != photo])
    weights = solve(objective.with_reference(rest), prior, 1.0, 1e-5).weights
    value, _ = objective.with_reference(references[photo]).value_and_gradient(weights)
    assert held_out[0, -1] == pytest.approx(value, rel=1e-9)


def test_three_photos_are_too_few_to_hold_any_out():
    objective, prior, references = problem(3, photos=3)
    table = trade_off(objective, prior, references, SETTINGS, seed=0).table()
    assert table[["held_out", "held_out_error"]].isna().all(axis=None)


def test_paired_errors_by_hand():
    # the second dial is best; the third is worse by 1, 2 and 3 in three parts that differ by hundreds
    held_out = np.array([[105.0, 100.0, 101.0], [305.0, 300.0, 302.0], [605.0, 600.0, 603.0]])
    mean, error = mean_and_error(held_out)
    np.testing.assert_allclose(mean, [1015 / 3, 1000 / 3, 1006 / 3])
    np.testing.assert_allclose(error, [0.0, 0.0, 1 / np.sqrt(3)], atol=1e-12)


@pytest.mark.parametrize(
    ("third", "chosen"),
    [
        ([101.0, 302.0, 603.0], 1),  # worse by 2 with an error of 0.58
        ([101.0, 299.0, 600.5], 2),  # worse by 0.17 with an error of 0.6
        ([99.0, 299.0, 599.0], 2),  # better
    ],
)
def test_the_largest_dial_within_one_standard_error(third, chosen):
    held_out = np.column_stack([[105.0, 305.0, 605.0], [100.0, 300.0, 600.0], third])
    assert largest_within_error(held_out) == chosen


def test_auto_takes_a_dial_of_the_path():
    objective, prior, references = problem(4, photos=10)
    result = trade_off(objective, prior, references, CraftSettings(generalization=None, trade_off=tuple(DIALS)), seed=0)
    np.testing.assert_array_equal(result.generalization, DIALS)
    assert result.chosen == largest_within_error(result.held_out)
    assert result.chosen < len(DIALS) - 1  # the full range is nowhere near these photos


def test_the_weights_of_a_dial_are_read_back(space: Space, tmp_path):
    objective, prior, references = problem(5, bins=len(space))
    result = trade_off(objective, prior, references, SETTINGS, seed=0)
    result.write(tmp_path / "trade_off.csv", tmp_path / "weights.csv")
    bins = Distribution(space, result.solution.weights, prior)
    read = at_dial(bins, tmp_path / "weights.csv", 0.1)
    np.testing.assert_array_equal(read.weight, result.solutions[list(result.generalization).index(0.1)].weights)
    np.testing.assert_array_equal(read.prior, prior)
    with pytest.raises(
        UserError, match=r"weights\.csv: no column for the dial 0\.2; add the value to craft\.trade_off"
    ):
        at_dial(bins, tmp_path / "weights.csv", 0.2)
