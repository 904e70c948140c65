"""Scores: averaged over seeds, compared, and with their intervals."""

from __future__ import annotations

import pandas as pd
import pytest
from summaries import write_summary

from degcraft.scores import Score, Summary


@pytest.mark.parametrize(
    ("score", "certain"),
    [
        (Score(0.5, 0.1, 0.9, 6, 1), True),
        (Score(-0.5, -0.9, -0.1, 6, 1), True),
        (Score(0.5, 0.1, 0.9, 5, 1), False),  # five photos all gain by chance in 6% of cases
        (Score(0.5, 0.0, 0.9, 40, 1), False),
        (Score(0.5, 0.5, 0.5, 40, 1), False),  # without resamplings
    ],
)
def test_what_is_certain(score, certain):
    assert score.certain is certain


def test_an_interval_is_averaged_over_seeds(tmp_path):
    score = Summary.read(write_summary(tmp_path, {("full", "cam"): [26.0, 27.0]})).get("full", "cam")
    assert score is not None
    assert (score.value, score.low, score.high, score.photos, score.seeds) == (26.5, 25.5, 27.5, 7, 2)


def test_only_what_was_measured_on_as_many_photos_is_compared(tmp_path):
    file = write_summary(tmp_path, {("full", "full"): 27.0, ("clean", "full"): 26.0, ("crafted-cam", "full"): 25.0})
    table = pd.read_csv(file)
    table.loc[table["distribution"] == "crafted-cam", "n"] = 3  # on the photos of cam alone
    table.to_csv(file, index=False)
    summary = Summary.read(file)
    assert [summary.is_best(name, "full", "psnr_y", 2) for name in ("full", "clean", "crafted-cam")] == [
        True,
        False,
        True,
    ]


def test_models_of_two_targets_are_not_compared(tmp_path):
    """However many photos they were measured on, as these were on others."""
    values = {("full", "full"): 27.0, ("crafted-cam", "full"): 25.0, ("oracle-cam", "full"): 24.0}
    file = write_summary(tmp_path, values | {("crafted-phone", "full"): 31.0})
    table = pd.read_csv(file)
    table.loc[table["distribution"] != "full", "n"] = 3
    table.to_csv(file, index=False)
    summary = Summary.read(file)
    best = [name for name in summary.distributions if summary.is_best(name, "full", "psnr_y", 2)]
    assert best == ["full", "crafted-cam", "crafted-phone"]


def test_names_are_not_taken_for_numbers_or_gaps(tmp_path):
    summary = Summary.read(write_summary(tmp_path, {("full", "007"): 26.0, ("full", "NA"): 27.0}))
    assert summary.testsets == ["007", "NA"]


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.123, 0.456, "+0.12 to +0.46"),
        (-0.926, -0.003045, "-0.926 to -0.003"),  # not to +0.00, which would hold 0
        (0.0000004, 0.5, "+0.000000 to +0.500000"),
        (-0.003, 0.002, "+0.00 to +0.00"),
        (0.0, 0.4, "+0.00 to +0.40"),
    ],
)
def test_an_interval_that_leaves_out_0_is_shown_to(low, high, shown):
    assert Score(0.1, low, high, 6, 1).ends(2) == shown
