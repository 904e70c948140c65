"""Intervals of crafted weights, on synthetic moments with a known answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from mixtures import SPACE, mixed, some_references, synthetic

from degcraft.bootstrap import bootstrap, interval
from degcraft.craft import craft
from degcraft.marginals import read_marginals
from degcraft.moments import Moments
from degcraft.settings import CraftSettings
from degcraft.storage import write_table


def sure(references, draws):
    """The crafted distance, and what drawing the photos anew comes to."""
    settings, bins = CraftSettings(), synthetic()
    crafted = craft(SPACE, bins, references, settings, seed=0)
    dial, tolerance = crafted.generalization, settings.tolerance
    found = bootstrap(crafted.distribution, bins, references, dial, tolerance, draws, seed=0)
    return crafted.solution.final.distance, found


def test_intervals_of_the_bootstrap():
    distance, found = sure(some_references(), draws=20)
    table = found.marginals
    assert (table["low"] <= table["high"]).all()
    assert (table["low"] < table["high"]).any()
    assert table[["low", "high"]].stack().between(0, 1 + 1e-9).all()
    for column in ("weight", "prior"):
        np.testing.assert_allclose(table.groupby("axis")[column].sum(), 1.0)
    assert (table["low"] <= table["weight"]).all()
    assert (table["weight"] <= table["high"]).all()
    assert found.distances["draw"].tolist() == list(range(20))
    drawn = found.distances["distance"].to_numpy()
    low, high = interval(distance, drawn)
    assert 0 <= low <= distance <= high
    # a drawing holds fewer different photos, which can be fitted less well; that is why the interval is moved
    assert np.median(drawn) > distance


def test_one_photo_leaves_nothing_to_draw():
    table = sure(some_references(1), draws=5)[1].marginals
    # every drawing is the photo itself; what is left is the solver's tolerance
    np.testing.assert_allclose(table["high"] - table["low"], 0.0, atol=1e-9)
    np.testing.assert_allclose(table["low"], table["weight"], atol=0.02)


def test_intervals_are_as_wide_as_solved_exactly():
    """Also where the full range is far off on one axis, beside which what the photos vary in is small."""
    settings, bins, references = CraftSettings(), [], []
    for index in range(12):
        mean = np.array([10 * (index // 4), 2 * (index // 2 % 2), 2 * (index % 2)])
        bins.append(Moments(50, mean, np.eye(3) + np.outer(mean, mean)))
    for kind, noise in np.random.default_rng(0).random((8, 2)):
        rest = np.outer([1 - kind, kind], [1 - noise, noise]).ravel()
        references.append(mixed(bins, np.concatenate([np.zeros(8), rest])))
    crafted = craft(SPACE, bins, references, settings, seed=0)

    def widths(tolerance):
        drawn = bootstrap(crafted.distribution, bins, references, crafted.generalization, tolerance, 40, seed=0)
        table = drawn.marginals[drawn.marginals["axis"] != "blur_sigma"]
        return (table["high"] - table["low"]).to_numpy()

    exact = widths(1e-8)
    assert (exact > 0.2).all()
    np.testing.assert_allclose(widths(settings.tolerance), exact, rtol=0.1)


def test_without_drawings_the_intervals_are_the_weights():
    found = sure(some_references(), draws=0)[1]
    pd.testing.assert_series_equal(found.marginals["low"], found.marginals["weight"], check_names=False)
    pd.testing.assert_series_equal(found.marginals["high"], found.marginals["weight"], check_names=False)
    assert list(found.distances.columns) == ["draw", "distance"] and found.distances.empty


def test_the_same_drawings_give_the_same_numbers_and_others_do_not():
    first, again = (sure(some_references(), draws=10)[1] for _ in range(2))
    pd.testing.assert_frame_equal(first.marginals, again.marginals, check_exact=True)
    pd.testing.assert_frame_equal(first.distances, again.distances, check_exact=True)
    assert first.distances["distance"].nunique() > 1


def test_marginals_csv(tmp_path):
    write_table(sure(some_references(), draws=2)[1].marginals, tmp_path / "marginals.csv")
    table = pd.read_csv(tmp_path / "marginals.csv")
    assert list(table.columns) == ["axis", "lower", "upper", "choice", "weight", "prior", "low", "high"]
    assert list(table["axis"]) == ["blur_sigma"] * 3 + ["resize_kind"] * 2 + ["noise_sigma"] * 2
    assert table["choice"].notna().tolist() == table["lower"].isna().tolist()
    read = read_marginals(tmp_path / "marginals.csv")
    assert read["choice"].tolist() == ["", "", "", "area", "bicubic", "", ""]


def test_interval_by_hand():
    low, high = interval(np.array([50.0, 60.0, 10.0]), np.arange(101.0)[:, None])
    np.testing.assert_allclose(low, [2.5, 12.5, 0.0])  # as far below the estimate as the median, but not below 0
    np.testing.assert_allclose(high, [97.5, 107.5, 57.5])
    assert interval(3.0, np.empty(0)) == (3.0, 3.0)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.floats(0, 1e6))
def test_an_interval_holds_its_estimate(samples, estimate):
    low, high = interval(estimate, np.array(samples))
    assert 0 <= low <= estimate <= high
