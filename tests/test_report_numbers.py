"""What the page says in numbers, for every combination of what was trained."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest
from report_tree import VALUES, Page, results_tree, write_scores, written

from degcraft.certificate import Certificate


@pytest.fixture
def inputs(tmp_path, make_photo):
    return results_tree(tmp_path, make_photo)


def test_the_outcome_in_one_sentence_comes_first(inputs):
    write_scores(inputs.results, VALUES, photos=6)
    source = written(inputs)
    (first,) = re.findall(r'<p class="headline">(.*?)</p>', source)
    assert first.replace("\u00a0", " ") == (
        "On the photos of cam the crafted model is 0.50 dB better than the full-range one; "
        "over the full range it gains 0.50 dB."
    )
    assert source.index(first) < source.index("reaches 27.50")


def test_the_sentence_follows_the_sign(inputs):
    write_scores(inputs.results, VALUES, photos=6)
    assert (
        "reaches 27.50 dB PSNR-Y: 0.50 dB above the full model (95% interval +0.30 to +0.30), 1.00 dB above the clean"
        in Page(written(inputs)).text
    )
    write_scores(inputs.results, VALUES | {"crafted-cam": 26.9}, photos=6)
    text = Page(written(inputs)).text
    assert "reaches 26.90 dB PSNR-Y: 0.10 dB below the full model (95% interval -0.30 to +0.30), 0.40 dB above" in text
    assert "over the full range it gives up 0.10 dB" in text


def test_the_highest_of_a_column_is_bold(inputs):
    source = written(inputs)
    scores = source[source.index("PSNR-Y, dB") : source.index("SSIM-Y")]
    assert re.findall(r"<b>([\d.]+)</b>", scores) == ["27.50", "26.50", "25.50"]
    assert "2 photos" in scores
    assert "0.10\N{EN DASH}99.90" in scores


def test_differences_are_bold_where_their_interval_leaves_out_zero(inputs):
    write_scores(inputs.results, VALUES, photos=6)
    source = written(inputs)
    table = source[source.index("Difference to full in PSNR-Y") : source.index("Difference to full in SSIM-Y")]
    assert re.findall(r"<th scope=\"row\">(.*?)</th>", table) == ["bicubic", "clean", "crafted-cam"]
    assert re.findall(r"<b>(.*?)</b>", table) == ["+0.50"] * 3  # the others' intervals reach from below to 0.3
    assert "-1.00 <small>-1.20 to +0.30</small>" in table


def test_no_difference_is_bold_where_photos_are_few(inputs):
    write_scores(inputs.results, VALUES, photos=5)
    source = written(inputs)
    assert "though 5 photos are too few to tell" in source
    table = source[source.index("Difference to full in PSNR-Y") : source.index("Difference to full in SSIM-Y")]
    assert "<b>" not in table and "+0.50 <small>+0.30 to +0.30</small>" in table


def test_one_photo_has_no_interval_in_the_tables(inputs):
    for name in ("summary.csv", "differences.csv"):
        table = pd.read_csv(inputs.results / name)
        table.assign(low=table["value"], high=table["value"], n=1).to_csv(inputs.results / name, index=False)
    source = written(inputs)
    assert "+0.50" in source and "1 photo</small>" in source
    assert not re.search(r"<td>[^/]*(</b>)? <small>", source) and "interval +" not in source


def test_most_of_the_weight_may_be_on_all_of_the_axis(inputs):
    assert "all of the axis" not in Page(written(inputs)).text
    path = inputs.results / "targets" / "cam" / "marginals.csv"
    pd.read_csv(path).assign(weight=[0.6, 0.4]).to_csv(path, index=False)
    assert "<td>all of the axis: 0 to 10 (of 255)</td><td>100%</td>" in written(inputs)


def test_without_a_full_model_there_are_no_differences(inputs):
    columns = "distribution,against,seed,testset,metric,value,low,high,n\n"
    (inputs.results / "differences.csv").write_text(columns)
    assert "Difference to full" not in written(inputs)


def test_lpips_has_a_table_in_which_the_lowest_is_bold(inputs):
    assert "LPIPS" not in written(inputs)
    table = pd.read_csv(inputs.results / "summary.csv")
    table = table[table["metric"] == "psnr_y"].assign(metric="lpips", value=lambda t: 1 - t["value"] / 100)
    table.to_csv(inputs.results / "perceptual.csv", index=False)
    gains = pd.read_csv(inputs.results / "differences.csv")
    gains = gains[gains["metric"] == "psnr_y"].assign(metric="lpips", value=-0.005, low=-0.009, high=-0.001, n=6)
    gains.to_csv(inputs.results / "differences.csv", mode="a", header=False, index=False)
    source = written(replace(inputs, perceptual=True))
    scores = source[source.index("<caption>LPIPS on RGB") : source.index("<caption>Difference to full in LPIPS")]
    assert re.findall(r"<b>(.*?)</b>", scores) == ["0.725", "0.735", "0.745"]  # the crafted model's
    assert "<b>-0.005</b> <small>-0.009 to -0.001</small>" in source


def test_without_trained_distributions(inputs):
    write_scores(inputs.results, {"bicubic": 26.0, "full": 27.0})
    page = Page(written(replace(inputs, distributions=["bicubic", "full"], upscaled={})))
    assert "No crafted model was trained" in page.text
    assert "Super-resolved photos" not in page.text
    alts = " ".join(str(attributes["alt"]) for attributes in page.all("img"))
    assert "full, PSNR-Y" in alts
    assert "crafted, PSNR-Y" not in alts and "clean, PSNR-Y" not in alts


def test_without_test_pairs(inputs):
    write_scores(inputs.results, {})
    page = Page(written(replace(inputs, tests={})))
    assert "cam has no test pairs" in page.text
    assert "from 20.8 to 1.2" in page.text
    assert "nothing was measured" in page.text
    assert "Side by side" not in page.text
    assert not (inputs.results / "evaluation" / "examples").exists()


def test_the_fit_is_said_beside_the_target_and_a_misfit_also_on_top(inputs):
    page = Page(written(inputs))
    assert page.text.count("(p = 0.43)") == 1
    path = inputs.results / "targets" / "cam" / "certificate.json"
    far = {"fit": "misfit", "fit_p": 0.02, "fit_p_distance": 0.01, "fit_above": 100, "fit_low": 0.1, "fit_high": 0.7}
    replace(Certificate.read(path), **far).write(path)
    page = Page(written(inputs))
    assert page.text.count("hold a degradation that this space does not contain") == 2
    assert "alert" in {attributes.get("class") for attributes in page.all("p")}


def test_a_distance_that_was_not_resampled_has_no_interval(inputs):
    assert "a 95% interval from 1.3 to 2.6" in Page(written(inputs)).text
    path = inputs.results / "targets" / "cam" / "certificate.json"
    replace(Certificate.read(path), distance_low=1.2, distance_high=1.2).write(path)
    assert "gives a 95% interval" not in Page(written(inputs)).text


def test_seeds_are_mentioned_only_where_there_are_several(inputs):
    assert "mean over 2 seeds" not in Page(written(inputs)).text
    table = pd.read_csv(inputs.results / "summary.csv")
    pd.concat([table, table.assign(seed=1)]).to_csv(inputs.results / "summary.csv", index=False)
    assert "mean over 2 seeds" in Page(written(inputs)).text
