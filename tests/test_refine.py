"""Splitting bins: what the samples tell, which bins are split, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degcraft.axes import Choices, Range, Step
from degcraft.bin_features import describe_bins, gather_bins
from degcraft.craft import craft
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.extractor import Extractor
from degcraft.moments import Moments
from degcraft.moments_file import read_moments
from degcraft.refine import (
    DEEPEST,
    NARROWEST,
    Refined,
    chosen,
    craft_round,
    cut,
    described,
    gains,
    gather_round,
    halves,
    round_share,
    rounds_table,
    sample_costs,
    split,
)
from degcraft.settings import BinFeatureSettings, CraftSettings, RefineSettings
from degcraft.sharing import shard_of
from degcraft.solver import FrechetObjective
from degcraft.space import Space, build

STEPS = (
    Step("blur", (("sigma", Range(0.0, 4.0, 2)),)),
    Step("resize", (("kind", Choices(("bicubic", "area"))),)),
    Step("noise", (("sigma", Range(0.0, 20.0, 1)),)),
    Step("jpeg", (("quality", Range(30.0, 94.0, 1)),)),
)
SPACE = build(STEPS)  # four bins: blur below or above 2, each with two kinds
BLUR, KIND, NOISE, QUALITY = range(4)


def samples(space: Space, generator: np.random.Generator, count: int = 40):
    """Parameters drawn in each bin, and features that are the parameters, each axis scaled to 0..1, with some noise."""
    parameters = np.stack([[space.draw(i, generator) for _ in range(count)] for i in range(len(space))])
    scale = np.array([4.0, 10.0, 20.0, 94.0])
    features = (parameters / scale + generator.normal(0, 0.02, parameters.shape)).astype(np.float32)
    return features, parameters, [Moments.of(f) for f in features]


@given(st.integers(0, 100))
def test_the_gradient_is_the_mean_of_the_samples_costs(seed):
    generator = np.random.default_rng(seed)
    features = generator.normal(0, 1, (20, 9, 3)).astype(np.float32) + generator.normal(0, 1, (20, 1, 3))
    moments = [Moments.of(f) for f in features]
    reference = Moments.of(generator.normal(0.5, 1, (50, 3)))
    crafted = Distribution(SPACE, generator.dirichlet(np.ones(20)), generator.dirichlet(np.ones(20)))
    cost, at_prior = sample_costs(crafted, moments, features, reference)
    objective = FrechetObjective(np.stack([m.mean for m in moments]), np.stack([m.second for m in moments]), reference)
    gradient = objective.value_and_gradient(crafted.weight)[1]
    np.testing.assert_allclose(cost.mean(axis=1), gradient - crafted.weight @ gradient, rtol=1e-6, atol=1e-6)
    assert at_prior == objective.value_and_gradient(crafted.prior)[0]


def one_bin(upper: list[float]) -> Space:
    """A bin from 0 to some bounds, on the axes of `SPACE`."""
    return replace(SPACE, lower=np.zeros((1, 4)), upper=np.array([upper]))


def test_halves_by_hand():
    # blur at 1 and 3 of 0 to 4, noise at 5 and 15 of 0 to 20; blur alone costs 4 more in its upper half, noise 2 less
    parameters = np.array([[[1, 0, 5, 0], [1, 0, 15, 0], [3, 0, 5, 0], [3, 0, 15, 0]]], np.float32)
    cost = np.array([[10.0, 8.0, 14.0, 12.0]])
    difference, error = halves(one_bin([4, 0, 20, 0]), cost, parameters)
    np.testing.assert_allclose(difference, [[2, 0, -1, 0]], atol=1e-9)
    np.testing.assert_allclose(error, 0, atol=1e-6)
    # with 1 up and down that no axis explains, four residuals of 1 over one degree of freedom: variance 4, error 2 / 2
    difference, error = halves(one_bin([4, 0, 20, 0]), cost + np.array([1, -1, -1, 1]), parameters)
    np.testing.assert_allclose(difference, [[2, 0, -1, 0]], atol=1e-9)
    np.testing.assert_allclose(error, [[1, 0, 1, 0]])


def test_what_cannot_be_told_from_noise_is_no_gain():
    """As many numbers to fit as patches: the fit goes through whatever they cost."""
    parameters = np.array([[[1, 0, 5, 0], [1, 0, 15, 0], [3, 0, 15, 0]]], np.float32)
    _, error = halves(one_bin([4, 0, 20, 0]), np.array([[1.0, 5.0, 2.0]]), parameters)
    assert (error[0, [0, 2]] == np.inf).all() and (error[0, [1, 3]] == 0).all()


def test_what_one_axis_does_is_not_laid_to_another_that_happens_to_agree():
    # three in four samples are in the same half of both axes
    parameters = np.array([[[1, 0, 5, 0]] * 3 + [[1, 0, 15, 0]] + [[3, 0, 15, 0]] * 3 + [[3, 0, 5, 0]]], np.float32)
    cost = np.array([[0.0] * 4 + [2.0] * 4])
    difference, _ = halves(one_bin([4, 0, 20, 0]), cost, parameters)
    np.testing.assert_allclose(difference, [[1, 0, 0, 0]], atol=1e-9)


def test_contents_that_cost_much_in_every_bin_hide_nothing():
    generator = np.random.default_rng(0)
    _, parameters, _ = samples(SPACE, generator, 20)
    contents = generator.normal(0, 100, 20)
    upper = np.where(parameters[1, :, NOISE] > 10, 1.0, -1.0)
    cost = np.stack([contents, contents + 0.5 * upper, contents, contents])
    difference, error = halves(SPACE, cost, parameters)
    np.testing.assert_allclose(difference[1], [0, 0, 0.5, 0], atol=1e-6)
    assert error[1].max() < 1e-6


def test_gains_by_hand():
    crafted = Distribution(SPACE, np.array([0.5, 0.5, 0.0, 0.0]), np.full(4, 0.25))
    reduced = np.array([0.0, 0.0, 2.0, 8.0])
    difference = np.zeros((4, 4))
    error = np.zeros((4, 4))
    difference[:, BLUR] = [3.0, -0.5, -5.0, 5.0]
    error[:, BLUR] = [0.0, 0.6, 4.0, 0.0]
    gain = gains(crafted, reduced, difference, error, dial=0.0)
    # bin 0 moves 0.5 to where it costs 3 less; bin 1's difference is below its error; the better half of bin 2 costs
    # 2 - 3, 1 less than the mixture, and a typical bin weighs 0.5; that of bin 3 costs 8 - 5, more than the mixture
    np.testing.assert_allclose(gain[:, BLUR], [1.5, 0.0, 0.5, 0.0])
    assert not gain[:, [KIND, NOISE, QUALITY]].any()
    # KL of the weights to the prior is log 2: the mixture costs as much more at the margin
    gain = gains(crafted, reduced, difference, error, dial=1.0)
    np.testing.assert_allclose(gain[:, BLUR], [1.5, 0.0, 0.5 * (1 + np.log(2)), 0.0])


def test_bins_are_chosen_by_gain_until_the_budget_is_spent():
    gain = np.zeros((4, 4))
    gain[2, NOISE], gain[0, BLUR], gain[2, BLUR], gain[1, QUALITY] = 4, 3, 2, 1
    assert chosen(SPACE, gain, 100) == {2: [NOISE, BLUR], 0: [BLUR], 1: [QUALITY]}
    assert chosen(SPACE, gain, 6) == {2: [NOISE, BLUR], 0: [BLUR]}  # 3 and 2 new bins; for 2 more, 1 is left
    assert chosen(SPACE, gain, 4) == {2: [NOISE], 0: [BLUR]}
    assert chosen(SPACE, gain, 1) == {}
    assert chosen(SPACE, np.zeros((4, 4)), 100) == {}


def test_choices_and_narrow_intervals_are_not_split():
    gain = np.ones((1, 4))
    lower, upper = SPACE.lower[:1].copy(), SPACE.upper[:1].copy()
    whole = replace(SPACE, lower=np.vstack([lower, lower]), upper=np.vstack([upper, upper]))

    def axes_split(**widths: float) -> list[int]:
        narrow = upper.copy()
        for name, width in widths.items():
            axis = ("blur", "kind", "noise", "quality").index(name)
            narrow[0, axis] = lower[0, axis] + width
        space = replace(whole, upper=np.vstack([upper, narrow]))
        return chosen(space, np.vstack([0 * gain, gain]), 100)[1]

    assert axes_split() == [BLUR, NOISE, QUALITY]
    assert axes_split(noise=0.0) == [BLUR, QUALITY]
    assert axes_split(noise=2 * NARROWEST * 20) == [BLUR, NOISE, QUALITY]
    assert axes_split(noise=1.9 * NARROWEST * 20) == [BLUR, QUALITY]
    assert axes_split(quality=4) == [BLUR, NOISE, QUALITY]
    fine = replace(whole, lower=whole.lower[:, [QUALITY]], upper=whole.lower[:, [QUALITY]] + [[2.0], [1.5]])
    fine = replace(fine, axes=(SPACE.axes[QUALITY],))
    assert chosen(fine, np.ones((2, 1)), 100) == {0: [0]}  # halves of 1.5 would not hold a whole number each


def test_the_round_is_crafted_with_the_prior_of_its_bins():
    generator = np.random.default_rng(0)
    moments = samples(SPACE, generator)[2]
    bins = Distribution(SPACE, np.full(4, 0.25), np.array([0.4, 0.3, 0.2, 0.1]))
    with pytest.raises(UserError, match="the bins' moments: of "):
        craft_round(bins, moments[1:], moments[3], 1e5, 1e-6)
    solution = craft_round(bins, moments, moments[3], 1e5, 1e-6)
    np.testing.assert_allclose(solution.weights, bins.prior, atol=1e-3)
    solution = craft_round(bins, moments, moments[3], 0.0, 1e-6)
    assert solution.weights[3] > 0.9 and solution.relative_gap <= 1e-6


def test_no_bin_is_split_along_more_axes_than_allowed():
    steps = tuple(Step("noise", (("sigma", Range(0.0, 20.0)),)) for _ in range(DEEPEST + 2))
    space = build(steps)
    splits = chosen(space, np.arange(1.0, DEEPEST + 3)[None], 100)
    assert splits == {0: list(range(DEEPEST + 1, 1, -1))}


def test_cut_goes_on_with_the_better_half():
    crafted = Distribution(SPACE, np.full(4, 0.25), np.array([0.4, 0.2, 0.2, 0.2]))
    difference = np.zeros((4, 4))
    difference[0, NOISE], difference[0, BLUR] = 1.0, -1.0
    refined = cut(crafted, {0: [NOISE, BLUR]}, difference)
    assert refined.parent.tolist() == [0, 0, 0, 1, 2, 3]
    assert refined.new.tolist() == [True] * 3 + [False] * 3
    np.testing.assert_allclose(refined.prior, [0.2, 0.1, 0.1, 0.2, 0.2, 0.2])
    # lower noise costs less, so that the upper half stays whole; of it, more blur costs less, and is the last
    np.testing.assert_array_equal(refined.space.lower[:3, [BLUR, NOISE]], [[0, 10], [0, 0], [1, 0]])
    np.testing.assert_array_equal(refined.space.upper[:3, [BLUR, NOISE]], [[2, 20], [1, 10], [2, 10]])
    np.testing.assert_array_equal(refined.space.lower[3:], SPACE.lower[1:])
    np.testing.assert_array_equal(crafted.space.lower, build(STEPS).lower)  # what was handed in stays


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_bins_after_any_rounds_are_the_space_once_and_their_prior_is_their_volume(seed, rounds):
    generator = np.random.default_rng(seed)
    bins = Distribution.uniform(SPACE)
    for _ in range(rounds):
        gain = generator.normal(0, 1, (len(bins.weight), 4))
        refined = cut(bins, chosen(bins.space, gain, 12), generator.normal(0, 1, gain.shape))
        assert refined.new.sum() <= 12
        bins = Distribution(refined.space, refined.prior, refined.prior)
    lower, upper = bins.space.lower, bins.space.upper
    continuous = [BLUR, NOISE, QUALITY]
    volume = np.prod((upper - lower)[:, continuous] / [4, 20, 64], axis=1) / 2  # two kinds
    np.testing.assert_allclose(bins.prior, volume, rtol=1e-9)
    assert bins.prior.sum() == pytest.approx(1.0)
    points = SPACE.lower.min(axis=0) + generator.random((50, 4)) * np.ptp([SPACE.lower.min(0), SPACE.upper.max(0)], 0)
    points[:, KIND] = generator.choice(SPACE.lower[:, KIND], 50)
    held = ((lower <= points[:, None]) & (points[:, None] <= upper)).all(axis=2).sum(axis=1)
    assert (held == 1).all()


def test_splitting_finds_the_axis_that_the_references_narrow():
    generator = np.random.default_rng(0)
    space = build((*STEPS[:2], Step("noise", (("sigma", Range(0.0, 20.0, 2)),)), *STEPS[3:]))
    features, parameters, moments = samples(space, generator)
    truth = replace(space, lower=np.array([[0.0, 2, 0, 30]]), upper=np.array([[2.0, 2, 2, 94]]))
    reference = samples(truth, generator, 400)[2]
    crafted = craft(space, moments, reference, CraftSettings(), 0)
    refined = split(crafted.distribution, moments, features, parameters, reference[0], 0.003, 2)
    widths = refined.space.upper[refined.new] - refined.space.lower[refined.new]
    assert widths.tolist() == [[2, 0, 5, 64]] * 2  # a bin of half the noise became two of a quarter of it
    again = craft(refined.space, samples(refined.space, generator)[2], reference, CraftSettings(), 0, refined.prior)
    assert again.solution.final.distance < 0.5 * crafted.solution.final.distance


def test_a_table_survives_writing_and_reading(tmp_path):
    refined = cut(Distribution.uniform(SPACE), {1: [NOISE], 3: [QUALITY, BLUR]}, np.ones((4, 4)))
    refined.write(tmp_path / "bins.csv")
    header = "bin,prior,parent,new,blur_sigma_lower,blur_sigma_upper,resize_kind,noise_sigma_lower,noise_sigma_upper"
    assert (tmp_path / "bins.csv").read_text().startswith(header)
    read = Refined.read(tmp_path / "bins.csv")
    for ours, theirs in ((refined, read), (refined.space, read.space)):
        for name in set(vars(ours)) - {"space", "operators", "axes"}:
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_the_space_is_no_refined_table(tmp_path):
    SPACE.table().to_csv(tmp_path / "bins.csv", index=False)
    with pytest.raises(UserError, match=r"bins\.csv: has no columns 'parent' and 'new'"):
        Refined.read(tmp_path / "bins.csv")


def test_rounds_share_what_is_left():
    settings = RefineSettings(rounds=3, bins=100)
    assert [round_share(settings, before, left) for before, left in ((40, 3), (60, 2), (75, 1))] == [20, 20, 25]


def test_described_bins_and_the_table_of_rounds(tmp_path):
    SPACE.table().to_csv(tmp_path / "0.csv", index=False)
    refined = cut(Distribution.uniform(SPACE), {1: [NOISE, BLUR]}, np.ones((4, 4)))
    refined.write(tmp_path / "1.csv")
    cut(Distribution(refined.space, refined.prior, refined.prior), {0: [BLUR]}, np.ones((6, 4))).write(
        tmp_path / "2.csv"
    )
    tables = [tmp_path / f"{i}.csv" for i in range(3)]
    assert described(tables) == [4, 7, 9]
    for number, weight in enumerate(([0.25] * 4, [0.5, 0.5, 0, 0, 0, 0], [1.0] + [0.0] * 6)):
        space = Distribution.read(tables[number]).space
        Distribution(space, np.array(weight), np.full(len(space), 1 / len(space))).write(tmp_path / f"w{number}.csv")
        trace = pd.DataFrame({"iteration": [0, 8], "distance": [9.0, 3.0 - number], "gap": [1.0, 0.25]})
        trace.to_csv(tmp_path / f"t{number}.csv", index=False)
    table = rounds_table(tables, [tmp_path / f"w{i}.csv" for i in range(3)], [tmp_path / f"t{i}.csv" for i in range(3)])
    assert list(table.columns) == ["round", "bins", "evaluated", "distance", "gap", "effective_bins"]
    expected = [[0, 4, 4, 3, 0.25, 4], [1, 6, 7, 2, 0.25, 2], [2, 7, 9, 1, 0.25, 1]]
    np.testing.assert_allclose(table.to_numpy(np.float64), expected)


@pytest.fixture(scope="module")
def described_round(space, patches, encoder, scale, tmp_path_factory):
    """The described bins of a space, a split of two of them, and ``parts(n)``: files of the new bins from n shards."""
    folder = tmp_path_factory.mktemp("round")
    settings = BinFeatureSettings(patches=5)
    apply = Extractor(encoder)
    describe_bins(apply, space, range(8), patches, folder / "part.h5", settings, scale, seed=0, samples=True)
    gather_bins([folder / "part.h5"], folder / "before.h5")
    refined = cut(Distribution.uniform(space), {2: [0], 7: [2, 3]}, np.ones((8, 4)))
    new = np.flatnonzero(refined.new)

    def parts(shards):
        paths = []
        for shard in range(shards):
            paths.append(folder / f"{shards}-{shard}.h5")
            bins = new[shard_of(len(new), shard, shards)].tolist()
            describe_bins(apply, refined.space, bins, patches, paths[-1], settings, scale, 0, True, True)
        return paths

    return refined, folder / "before.h5", parts


def test_a_round_keeps_what_was_described_and_does_not_depend_on_the_shards(described_round, tmp_path):
    refined, before, parts = described_round
    for shards in (1, 7):  # two of the seven have nothing to do
        gather_round(refined, before, parts(shards), tmp_path / f"{shards}.h5")
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "7.h5").read_bytes()
    with h5py.File(before) as old, h5py.File(tmp_path / "1.h5") as file:
        assert file["bin"][:].tolist() == list(range(11))
        for name in ("count", "mean", "second", "features", "parameters"):
            kept = file[name][:][~refined.new]
            np.testing.assert_array_equal(kept, old[name][:][[0, 1, 3, 4, 5, 6]])
        features, parameters = file["features"][:], file["parameters"][:]
    for moments, found in zip(read_moments(tmp_path / "1.h5"), features, strict=True):
        np.testing.assert_array_equal(moments.mean, Moments.of(found).mean)
    assert (parameters[refined.new] >= np.floor(refined.space.lower[refined.new][:, None])).all()
    assert (parameters[refined.new] <= np.ceil(refined.space.upper[refined.new][:, None])).all()


def test_a_round_notices_new_bins_that_are_missing(described_round, tmp_path):
    refined, before, parts = described_round
    with pytest.raises(UserError, match=r"2-0\.h5 and the parts beside it do not hold every new bin once"):
        gather_round(refined, before, parts(2)[:1], tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()
