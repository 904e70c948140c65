"""Where most of the weight lies, in words."""

from __future__ import annotations

import pandas as pd
import pytest

from degcraft.weight_words import Found, most_of_the_weight, weight_sentences

NAN = float("nan")


def table(*rows):
    """Marginals of these weights, beside a full range that has as much in each interval or choice of an axis."""
    marginals = pd.DataFrame(rows, columns=["axis", "lower", "upper", "choice", "weight"])
    return marginals.assign(prior=1 / marginals.groupby("axis")["weight"].transform("size"))


def found(*rows):
    return list(most_of_the_weight(table(*rows)))


def noise(*weights):
    return [("noise_sigma", 5.0 * k, 5.0 * (k + 1), "", weight) for k, weight in enumerate(weights)]


def quality(*weights):
    return [("jpeg_quality", 30.0 + 20 * k, 50.0 + 20 * k, "", weight) for k, weight in enumerate(weights)]


def test_neighbours_go_together_and_fixed_axes_are_left_out():
    assert found(
        ("blur_sigma", 0.0, 1.0, "", 0.05),
        ("blur_sigma", 1.0, 2.0, "", 0.5),
        ("blur_sigma", 2.0, 3.0, "", 0.35),
        ("blur_sigma", 3.0, 4.0, "", 0.1),
        ("resize_kind", NAN, NAN, "area", 0.15),
        ("resize_kind", NAN, NAN, "bicubic", 0.85),
        ("jpeg_quality", 30.0, 95.0, "", 1.0),
    ) == [
        Found("blur_sigma", "1 to 3 (HR px)", pytest.approx(0.85)),
        Found("resize_kind", "bicubic", pytest.approx(0.85)),
    ]


def test_two_peaks_are_two():
    rows = [(0.0, 5.0, 0.5), (5.0, 10.0, 0.04), (10.0, 15.0, 0.06), (15.0, 20.0, 0.4)]
    (peaks,) = found(*(("noise_sigma", lower, upper, "", weight) for lower, upper, weight in rows))
    assert peaks == Found("noise_sigma", "0 to 5, 15 to 20 (of 255)", pytest.approx(0.9))


def test_what_counts_is_the_weight_for_the_width():
    rows = [(0.0, 1.0, 0.45), (1.0, 9.0, 0.5), (9.0, 9.5, 0.05), (5.0, 5.0, 0.0)]
    (dense,) = found(*(("noise_sigma", lower, upper, "", weight) for lower, upper, weight in rows))
    assert dense == Found("noise_sigma", "0 to 9.5 (of 255)", pytest.approx(1.0))


def test_a_single_value_with_weight_comes_first():
    rows = [(0.0, 0.0, 0.8), (0.0, 5.0, 0.1), (5.0, 10.0, 0.1)]
    (value,) = found(*(("noise_sigma", lower, upper, "", weight) for lower, upper, weight in rows))
    assert value == Found("noise_sigma", "0 (of 255)", pytest.approx(0.8))


def test_the_heaviest_choice_comes_first():
    rows = [("area", 0.3), ("bicubic", 0.1), ("bilinear", 0.6)]
    (choices,) = found(*(("resize_kind", NAN, NAN, choice, weight) for choice, weight in rows))
    assert choices == Found("resize_kind", "bilinear, area", pytest.approx(0.9))


@pytest.mark.parametrize("weights", [(0.3, 0.7), (0.19, 0.19, 0.19, 0.15, 0.14, 0.14)])
def test_what_stands_out_nowhere_is_all_of_the_axis(weights):
    (whole,) = found(*noise(*weights))
    assert whole == Found("noise_sigma", f"0 to {5 * len(weights)} (of 255)", pytest.approx(1.0), whole=True)


def test_a_sentence_says_where_the_weight_lies_and_over_what_it_is_spread():
    fixed = ("blur_sigma", 1.0, 1.0, "", 1.0)
    assert list(weight_sentences(table(fixed))) == []
    assert list(weight_sentences(table(fixed, *noise(0.1, 0.9), *quality(0.05, 0.95)))) == [
        "Most of the weight lies at noise_sigma 5 to 10 (of 255); jpeg_quality 50 to 70 (1-100)."
    ]
    assert list(weight_sentences(table(fixed, *noise(0.3, 0.7), *quality(0.05, 0.95)))) == [
        "Most of the weight lies at jpeg_quality 50 to 70 (1-100).",
        "It is spread over all of noise_sigma, 0 to 10 (of 255).",
    ]


def test_weights_that_are_spread_over_everything_are_called_unchanged_only_if_they_are():
    assert list(weight_sentences(table(*noise(0.3, 0.7), *quality(0.4, 0.6)))) == [
        "The weight is spread over all of noise_sigma, 0 to 10 (of 255); jpeg_quality, 30 to 70 (1-100)."
    ]
    choices = [("resize_kind", NAN, NAN, "area", 0.46), ("resize_kind", NAN, NAN, "bicubic", 0.54)]
    assert list(weight_sentences(table(*choices, *quality(0.18, 0.18, 0.16, 0.16, 0.16, 0.16)))) == [
        "The weights are spread over the whole space: crafting changed next to nothing on any axis."
    ]
