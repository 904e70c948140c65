"""Goodness of fit: where reference photos stand among simulated ones."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from certificates import CRAFT_FACTS

from degcraft.axes import Range, Step
from degcraft.certify import Fit, MeasuredPhotos, Simulated, contents, judge, simulate_photos, typical_counts, write_fit
from degcraft.craft import craft
from degcraft.distribution import Distribution
from degcraft.moments import Moments
from degcraft.plots import plot_fit
from degcraft.settings import CertifySettings, CraftSettings
from degcraft.sharing import FOLDS
from degcraft.space import build

D = 5
CENTRES = np.eye(3, D) * 6  # of the features of three bins
CRAFT = replace(CRAFT_FACTS, distance=0.0, generalization=0.003, tolerance=1e-3)
SPACE = build([Step("noise", (("sigma", Range(0, 30, 3)),))])
NONE = np.empty(0)  # distances for photos drawn anew
CRAFTED = Distribution(SPACE, np.array([0.5, 0.5, 0.0]), np.full(3, 1 / 3))


def some_photos(count, seed, shift=0.0, turn=0.0):
    """Photos of the first two bins, each with an oddity of its content; ``shift`` leads out of all bins."""
    generator = np.random.default_rng(seed)
    moments = []
    for _ in range(count):
        centre = CENTRES[generator.integers(2)] + generator.normal(0, 0.3, D)
        centre[-1] += shift
        moments.append(Moments.of(generator.normal(centre, 1.0, (32, D))))
    return MeasuredPhotos(moments, generator.normal(0, 1, (count, 4)) + turn * generator.choice((-1, 1), (count, 4)))


@pytest.fixture(scope="module")
def bins():
    """For every fold, three bins."""
    generator = np.random.default_rng(9)
    return [[Moments.of(generator.normal(c, 1.0, (300, D))) for c in CENTRES] for _ in range(FOLDS)]


@pytest.fixture(scope="module")
def simulated():
    photos = some_photos(80, 1)
    return Simulated(photos.moments, photos.direction, np.arange(80) % 16)


def judged(photos, bins, simulated, distance, simulations=60):
    settings = CertifySettings(simulations=simulations)
    return judge(photos, CRAFTED, replace(CRAFT, distance=distance), bins, simulated, settings, seed=0)


def test_p_by_hand():
    fit = Fit(2.5, np.array([1.0, 2.0, 2.5, 4.0]), np.full(4, 3.0), np.array([1.0, 2.0, 2.5, 2.9]))
    assert (fit.p_distance, fit.p_direction, fit.p, fit.verdict) == (3 / 5, 1 / 5, 2 / 5, None)
    many = np.linspace(0, 1, 39)
    assert Fit(2.0, many, np.zeros(39), many).p == 2 / 40
    assert Fit(2.0, many, np.zeros(39), many).verdict == "misfit"
    assert Fit(2.0, many[:38], np.zeros(38), many[:38]).verdict is None  # so few can never be sure
    assert Fit(0.0, many, many, many).verdict == "ok"


def test_photos_of_the_crafted_distribution_are_explained(bins, simulated):
    pooled = [Moments.pooled(parts) for parts in zip(*bins, strict=True)]
    ps = []
    for seed in range(10, 30):
        photos = some_photos(8, seed)
        crafted = craft(SPACE, pooled, photos.moments, CraftSettings(), seed=0)
        ps.append(judged(photos, bins, simulated, crafted.solution.final.distance).p)
    assert sum(p <= 0.05 for p in ps) <= 2
    assert np.median(ps) > 0.2


def test_a_distance_beyond_chance_is_a_misfit(bins, simulated):
    fit = judged(some_photos(8, 2), bins, simulated, distance=40.0)
    assert (fit.p_distance, fit.verdict) == (1 / 61, "misfit")
    certificate = fit.certificate(CRAFT, NONE)
    assert certificate.fit_above == certificate.fit_simulations == 60
    assert 0 < certificate.fit_low < certificate.fit_median < certificate.fit_high < 40


def test_directions_beyond_chance_are_a_misfit(bins, simulated):
    fit = judged(some_photos(8, 2, turn=8.0), bins, simulated, distance=0.0)
    assert (fit.p_distance, fit.p_direction, fit.verdict) == (1.0, 1 / 61, "misfit")


def test_sets_that_hang_on_few_photos_vary_more(bins, simulated):
    """As one of few photos does, a set of eight in which one has nearly all of the patches."""
    photos = some_photos(8, 2)
    counts = [3200] + [1] * 7
    one = MeasuredPhotos([replace(m, count=n) for m, n in zip(photos.moments, counts, strict=True)], photos.direction)
    alike, unequal = (judged(each, bins, simulated, 0.0).certificate(CRAFT, NONE) for each in (photos, one))
    assert unequal.fit_median > 2 * alike.fit_median


def test_photos_never_meet_bins_that_they_describe(bins, simulated):
    spoilt = [[Moments(m.count, m.mean + 50, m.second + 5000 * np.eye(D)) for m in bins[0]], *bins[1:]]
    photos = some_photos(8, 2)
    one, other = (judged(photos, folds, simulated, 1.0, 6).distances for folds in (bins, spoilt))
    # of the six ways to hold two of four folds, the first three hold the first fold
    np.testing.assert_array_equal(one[:3], other[:3])
    assert (other[3:] > 10 * one[3:]).all()


def test_nothing_is_judged_by_too_few_photos(bins, simulated):
    photos = some_photos(8, 2)
    seven = Simulated(simulated.moments, simulated.direction, simulated.content % 7)
    empty = [[Moments(0, m.mean, m.second) for m in bins[0]], *bins[1:]]
    for fit in (
        judged(photos, bins, seven, 40.0),
        judged(photos, empty, simulated, 40.0),
        judged(photos, bins, simulated, 40.0, simulations=0),
        judged(photos, bins, None, 40.0),
    ):
        certificate = fit.certificate(CRAFT, NONE)
        assert (fit.p, fit.verdict, certificate.fit_simulations, certificate.fit_median) == (None, None, 0, None)


def test_simulated_photos_take_all_hr_photos_in_turn(uniform, patches, encoder, scale):
    settings = CertifySettings(photos=5)
    photos = simulate_photos(uniform, patches, encoder, 9, 3, 2, settings, scale, seed=0)
    assert photos.content.tolist() == photos.fold.tolist() == [0, 1, 2, 3, 0]  # of four photos
    assert [moments.count for moments in photos.moments] == [3] * 5
    assert photos.direction.shape[0] == 5
    again = simulate_photos(uniform, patches, encoder, 9, 3, 2, settings, scale, seed=0)
    np.testing.assert_array_equal(photos.direction, again.direction)
    assert not np.array_equal(photos.direction[0], photos.direction[4])  # another draw of the same photo
    more = simulate_photos(uniform, patches, encoder, 9, 3, 3, settings, scale, seed=0)
    np.testing.assert_array_equal(photos.moments[0].mean, more.moments[0].mean)
    assert not np.array_equal(photos.direction[0], more.direction[0])  # of three patches instead of two
    assert simulate_photos(uniform, patches, encoder, 9, 99, 2, settings, scale, seed=0).moments[0].count == 4


def test_large_sets_are_drawn_from_many_photos(uniform, patches, encoder, scale):
    for references, count in ((2, 8), (4, 12)):
        settings = CertifySettings(photos=8)
        photos = simulate_photos(uniform, patches, encoder, references, 1, 1, settings, scale, seed=0)
        assert len(photos.moments) == len(photos.content) == count


def test_of_many_hr_photos_some_from_all_over_the_folder_are_simulated_with():
    np.testing.assert_array_equal(contents(5, 12), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1])
    np.testing.assert_array_equal(contents(67, 64), np.arange(64))
    for available in (128, 256, 800, 1024, 3450):
        found = contents(available, 64)
        assert len(set(found)) == 64 and np.bincount(found % FOLDS).tolist() == [16] * 4
        assert found.min() < available / 16 and found.max() > 15 / 16 * available - FOLDS


def test_a_typical_photo_has_the_medians_of_both_counts():
    moments = [Moments.of(np.zeros((count, D))) for count in (2, 9, 30)]
    assert typical_counts(MeasuredPhotos(moments, np.zeros((3, 4))), [1, 4, 2]) == (3, 9, 2)


def test_what_is_written_and_said(bins, simulated, tmp_path, caplog):
    fit = judged(some_photos(8, 2), bins, simulated, distance=40.0)
    with caplog.at_level(logging.INFO):
        write_fit(fit, replace(CRAFT, distance=40.0), NONE, tmp_path)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "above all of 60 simulated ones" in caplog.text
    table = pd.read_csv(tmp_path / "fit.csv")
    assert list(table.columns) == ["simulation", "distance", "direction", "direction_observed"]
    assert table["simulation"].tolist() == list(range(61)) and table["distance"][0] == 40.0
    facts = json.loads((tmp_path / "certificate.json").read_text())
    assert facts["generalization"] == 0.003 and facts["fit"] == "misfit" and facts["fit_p"] == 2 / 61
    plot_fit(fit.table, tmp_path / "fit.png")
    first = (tmp_path / "fit.png").read_bytes()
    plot_fit(fit.table, tmp_path / "fit.png")
    assert (tmp_path / "fit.png").read_bytes() == first


def test_where_nothing_was_judged(tmp_path, caplog):
    fit = Fit(1.0, np.empty(0), np.empty(0), np.empty(0))
    with caplog.at_level(logging.INFO):
        write_fit(fit, CRAFT, NONE, tmp_path)
    assert [record.levelname for record in caplog.records] == ["RESULT"]
    assert json.loads((tmp_path / "certificate.json").read_text())["fit_p"] is None
    assert (tmp_path / "fit.csv").read_text() == "simulation,distance,direction,direction_observed\n0,1.0,,\n"
    plot_fit(fit.table, tmp_path / "fit.png")
    assert (tmp_path / "fit.png").stat().st_size > 1000
