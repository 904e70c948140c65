"""The page: self-contained, escaped, right about every combination of what was trained, and the same bytes twice."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from certificates import UNJUDGED
from PIL import Image

from degcraft import report
from degcraft.certificate import Certificate
from degcraft.errors import UserError
from degcraft.report import ReportInputs, most_of_the_weight, photo_table, side_by_side, write_report
from degcraft.report_pictures import (
    CROP,
    drawn_patches,
    reference_crops,
)
from degcraft.storage import creating_h5

SCALE = 2
ODD = "<b>&"  # a stem that is markup unless it is escaped
VALUES = {"bicubic": 26.0, "clean": 26.5, "full": 27.0, "crafted-cam": 27.5}


class Page(HTMLParser):
    """What the tests ask of a page: its elements, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data.replace("\N{NO-BREAK SPACE}", " ")

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def write_table(path, columns, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


def write_scores(results, values, testsets=("cam", "full", "clean")):
    """``summary.csv``: on ``full`` and ``clean`` a model scores one and two decibels less; ``differences.csv``."""
    rows = [
        (distribution, 0, testset, metric, (value - i) / (1 if metric.startswith("psnr") else 100), 0.1, 99.9, 2)
        for distribution, value in values.items()
        for i, testset in enumerate(testsets)
        for metric in ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
    ]
    write_table(
        results / "summary.csv", ["distribution", "seed", "testset", "metric", "value", "low", "high", "n"], rows
    )
    rows = [
        (distribution, "full", 0, testset, metric, value - values["full"], value - values["full"] - 0.2, 0.3, 2)
        for distribution, value in values.items()
        for testset in testsets
        for metric in ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
        if distribution != "full"
    ]
    columns = ["distribution", "against", "seed", "testset", "metric", "value", "low", "high", "n"]
    write_table(results / "differences.csv", columns, rows)


@pytest.fixture
def inputs(tmp_path, make_photo):
    """A whole results tree: one target ``cam`` with two reference photos and two test pairs."""
    results, photos = tmp_path / "results", tmp_path / "photos"
    stems = ["a", ODD]
    for index, stem in enumerate(stems):
        hr = make_photo(160, 144, index)
        save(hr, photos / "hr" / f"{stem}.png")
        save(hr[::SCALE, ::SCALE], photos / "lr" / f"{stem}.png")
        save(make_photo(40, 60, index), photos / "reference" / f"{stem}.png")
        save(make_photo(80, 120, index), results / "upscaled" / "cam" / f"{stem}.png")
        for distribution in VALUES:
            save(hr // 2, results / "evaluation" / distribution / "seed0" / "examples" / "cam" / f"{stem}.png")
    for distribution, value in VALUES.items():
        rows = [("cam", f"{stem}.png", f"{stem}.png", value + i) for i, stem in enumerate(stems)]
        folder = results / "evaluation" / distribution / "seed0"
        write_table(folder / "cam.csv", ["target", "file", "photo", "psnr_y"], rows)
    write_scores(results, VALUES)
    columns = ["file", "width", "height", "used", "reason", "patches"]
    rows = [(f"{stem}.png", 60, 40, True, "", 16) for stem in stems]
    write_table(results / "targets" / "cam" / "reference.csv", columns, rows)
    rows = [("good.png", 200, 200, True, "", 9), ("<i>&.png", 3, 3, False, "smaller than a <patch>", 0)]
    write_table(results / "hr" / "photos.csv", columns, rows)
    columns = ["axis", "lower", "upper", "choice", "weight", "prior", "low", "high"]
    rows = [("noise_sigma", 0, 5, "", 0.9, 0.5, 0.8, 1.0), ("noise_sigma", 5, 10, "", 0.1, 0.5, 0.0, 0.2)]
    write_table(results / "targets" / "cam" / "marginals.csv", columns, rows)
    for distribution in ("full", "crafted-cam"):
        lr = np.stack([make_photo(16, 16, index) for index in range(30)])
        with creating_h5(results / "pairs" / f"{distribution}.h5") as file:
            file["lr"] = lr if distribution == "full" else lr // 2
    for plot in ("marginals", "joint", "trace", "trade_off", "fit"):
        save(np.full((20, 40, 3), 255, np.uint8), results / "targets" / "cam" / f"{plot}.png")
    certificate = replace(UNJUDGED, distance_prior=20.8, distance=1.2, distance_low=1.3, distance_high=2.6)
    certificate = replace(certificate, relative_gap=9.7e-5, effective_bins=7.5, bins=216, kl=3.4)
    certificate = replace(certificate, generalization=0.003, auto=False, reference_photos=2, reference_patches=32)
    judged = {"fit": "ok", "fit_p": 0.43, "fit_simulations": 100, "fit_p_distance": 0.3, "fit_p_direction": 0.215}
    replace(certificate, **judged).write(results / "targets" / "cam" / "certificate.json")
    return ReportInputs(
        results=results,
        config={"hr": "photos", "scale": SCALE, "targets": {"cam": {"reference": "<script>&"}}},
        scale=SCALE,
        patch=16,
        textured=0.5,
        seed=0,
        distributions=list(VALUES),
        references={"cam": photos / "reference"},
        tests={"cam": (photos / "lr", photos / "hr")},
        upscaled={"cam": photos / "reference"},
    )


def written(inputs):
    """The page as text."""
    write_report(inputs)
    return (inputs.results / "report.html").read_text()


def test_the_page_needs_nothing_from_outside(inputs):
    source = written(inputs)
    page = Page(source)
    addresses = [value for _, attributes in page.elements for name, value in attributes.items() if name == "src"]
    addresses += [attributes.get("href") for attributes in page.all("link")]
    assert len(addresses) > 10
    assert all(address.startswith("data:") for address in addresses)
    assert all(attributes["href"].startswith("#") for attributes in page.all("a"))
    assert not re.search(r"https?://|@import|url\(", source)
    assert len(source) < 2_000_000


def test_the_page_allows_its_own_script_and_no_other(inputs):
    source = written(inputs)
    (script,) = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in source
    assert "on" not in {name[:2] for _, attributes in Page(source).elements for name in attributes}  # no handlers


def test_patches_of_both_distributions_stand_beside_those_of_the_references(inputs):
    alts = [attributes["alt"] for attributes in Page(written(inputs)).all("img")]
    shown = ["from the reference photos", "drawn from the crafted distribution", "drawn from the full range"]
    assert [alt for alt in alts if alt.startswith("Patches")] == [f"Patches {words} for cam" for words in shown]
    page = Page(written(replace(inputs, distributions=["bicubic", "crafted-cam"])))
    assert "drawn from the full range" not in " ".join(str(attributes["alt"]) for attributes in page.all("img"))


def test_patches_come_from_all_photos_and_keep_their_pixels(inputs):
    photos = sorted((inputs.results.parent / "photos" / "reference").iterdir())
    crops = reference_crops(photos, 16, 5, 0.5, 0)
    whole = [np.asarray(Image.open(path)) for path in photos]
    assert [crop.shape for crop in crops] == [(16, 16, 3)] * 5
    for index, crop in enumerate(crops):  # two of the first photo, three of the second
        windows = np.lib.stride_tricks.sliding_window_view(whole[index // 2 if index < 4 else 1], (16, 16, 3))
        assert (windows[:, :, 0] == crop).all(axis=(-3, -2, -1)).any()
    drawn = drawn_patches(inputs.results / "pairs" / "full.h5", 3)
    assert len(drawn) == 3 and not np.array_equal(drawn[0], drawn[2])


def test_the_outcome_in_one_sentence_comes_first(inputs):
    source = written(inputs)
    (first,) = re.findall(r'<p class="headline">(.*?)</p>', source)
    assert first.replace("\u00a0", " ") == (
        "On the photos of cam the crafted model is 0.50 dB better than the full-range one; "
        "over the full range it gains 0.50 dB."
    )
    assert source.index(first) < source.index("reaches 27.50")


def test_results_with_more_pixels_than_are_read_are_not_shown(inputs, make_photo, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 160 * 144)
    save(make_photo(90, 150), inputs.results.parent / "photos" / "reference" / "a.png")
    save(make_photo(180, 300), inputs.results / "upscaled" / "cam" / "a.png")
    page = Page(written(inputs))
    assert sum(attributes.get("class") == "slider" for attributes in page.all("figure")) == 1
    assert "too large for this page" not in page.text
    save(make_photo(180, 300), inputs.results / "upscaled" / "cam" / f"{ODD}.png")
    page = Page(written(inputs))
    assert not any(attributes.get("class") == "slider" for attributes in page.all("figure"))
    assert "too large for this page" in page.text


def test_every_slider_has_its_two_pictures_and_a_name(inputs):
    source = written(inputs)
    sliders = re.findall(r'<figure class="slider">.*?</figure>', source, re.DOTALL)
    assert len(sliders) == 2
    for slider in map(Page, sliders):
        assert [a["class"] for a in slider.all("div")] == ["pictures", "before", "after"]
        assert len(slider.all("img")) == 2
        (field,) = slider.all("input")
        assert field["type"] == "range" and field["aria-label"] and "hidden" in field  # until the script runs


def test_every_image_can_be_read_and_is_described(inputs):
    for attributes in Page(written(inputs)).all("img"):
        assert attributes["alt"]
        with Image.open(io.BytesIO(base64.b64decode(attributes["src"].partition(",")[2]))) as image:
            image.load()


def test_every_header_of_a_table_has_a_scope(inputs):
    headers = Page(written(inputs)).all("th")
    assert len(headers) > 10
    assert {header.get("scope") for header in headers} == {"row", "col"}


def test_links_lead_somewhere(inputs):
    page = Page(written(inputs))
    anchors = {attributes.get("id") for _, attributes in page.elements}
    links = {attributes["href"].removeprefix("#") for attributes in page.all("a")}
    assert links
    assert links <= anchors


def test_names_and_values_are_escaped(inputs):
    source = written(inputs)
    page = Page(source)
    assert not page.all("i")  # the skipped photo's name
    assert not page.all("patch") and "smaller than a <patch>" in page.text
    assert "<i>&.png" in page.text
    assert "reference: <script>&" in page.text
    assert f"reference photo {ODD}.png" in {attributes["alt"] for attributes in page.all("img")}
    assert ODD not in source


def test_same_bytes_twice(inputs):
    picture = inputs.results / "evaluation" / "examples" / "cam.png"
    first = written(inputs), picture.read_bytes()
    assert (written(inputs), picture.read_bytes()) == first


def test_the_sentence_follows_the_sign(inputs):
    assert (
        "reaches 27.50 dB PSNR-Y: 0.50 dB above the full model (95% interval +0.30 to +0.30), 1.00 dB above the clean"
        in Page(written(inputs)).text
    )
    write_scores(inputs.results, VALUES | {"crafted-cam": 26.9})
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
    source = written(inputs)
    table = source[source.index("Difference to full in PSNR-Y") : source.index("Difference to full in SSIM-Y")]
    assert re.findall(r"<th scope=\"row\">(.*?)</th>", table) == ["bicubic", "clean", "crafted-cam"]
    assert re.findall(r"<b>(.*?)</b>", table) == ["+0.50"] * 3  # the others' intervals reach from below to 0.3
    assert "-1.00 <small>-1.20 to +0.30</small>" in table


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
    gains = gains[gains["metric"] == "psnr_y"].assign(metric="lpips", value=-0.005, low=-0.009, high=-0.001)
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


def test_seeds_are_mentioned_only_where_there_are_several(inputs):
    assert "mean over 2 seeds" not in Page(written(inputs)).text
    table = pd.read_csv(inputs.results / "summary.csv")
    pd.concat([table, table.assign(seed=1)]).to_csv(inputs.results / "summary.csv", index=False)
    assert "mean over 2 seeds" in Page(written(inputs)).text


def test_many_targets_share_the_pictures(inputs, monkeypatch):
    monkeypatch.setattr(report, "ROWS", 2)
    monkeypatch.setattr(report, "BEFORE_AFTER", 1)
    for name in ("film", "phone"):
        for kind in ("targets", "upscaled"):
            (inputs.results / kind / name).symlink_to(inputs.results / kind / "cam")
        for distribution in VALUES:
            folder = inputs.results / "evaluation" / distribution / "seed0"
            (folder / f"{name}.csv").write_text((folder / "cam.csv").read_text())
            (folder / "examples" / name).symlink_to(folder / "examples" / "cam")
    targets = ("cam", "film", "phone")
    everywhere = {
        key: dict.fromkeys(targets, getattr(inputs, key)["cam"]) for key in ("references", "tests", "upscaled")
    }
    page = Page(written(replace(inputs, **everywhere)))
    assert sum(attributes.get("class") == "strip" for attributes in page.all("figure")) == 2
    assert sum(attributes.get("class") == "slider" for attributes in page.all("figure")) == 1
    assert (inputs.results / "evaluation" / "examples" / "phone.png").is_file()


def test_side_by_side_shows_the_same_place_of_every_picture(inputs):
    rows = side_by_side(inputs, "cam")
    assert [row.name for row in rows] == ["a", ODD]
    labels = [picture.label for picture in rows[0].pictures]
    assert labels == ["LR", "bicubic", "clean", "full", "crafted", "HR"]
    assert [picture.note for picture in rows[1].pictures] == ["", "27.00 dB", "27.50 dB", "28.00 dB", "28.50 dB", ""]
    assert [picture.best for picture in rows[0].pictures] == [False] * 4 + [True, False]
    lr, *models, hr = (picture.pixels for picture in rows[0].pictures)
    assert hr.shape == (CROP, CROP, 3)
    assert all(np.array_equal(model, hr // 2) for model in models)
    assert np.array_equal(lr[::SCALE, ::SCALE], hr[::SCALE, ::SCALE])


def test_side_by_side_says_what_is_missing(inputs):
    for path in inputs.results.glob("evaluation/full/seed0/examples/cam/*"):
        path.unlink()
    with pytest.raises(UserError, match="no example images of cam"):
        side_by_side(inputs, "cam")


def test_the_picture_file_shows_all_rows(inputs):
    write_report(inputs)
    with Image.open(inputs.results / "evaluation" / "examples" / "cam.png") as picture:
        assert picture.width > 6 * 2 * CROP
        assert picture.height > 2 * 2 * CROP


def test_photo_table(tmp_path):
    path = tmp_path / "photos.csv"
    path.write_text("file,width,height,used,reason,patches\nNA,9,9,True,,4\nb.png,0,0,False,cannot be read (x),0\n")
    photos = photo_table(path)
    assert (photos.used, photos.patches, photos.skipped) == (("NA",), 4, (("b.png", "cannot be read (x)"),))


def test_most_of_the_weight():
    nan = float("nan")
    rows = [
        ("blur_sigma", 0.0, 1.0, "", 0.05),
        ("blur_sigma", 1.0, 2.0, "", 0.5),
        ("blur_sigma", 2.0, 3.0, "", 0.35),
        ("blur_sigma", 3.0, 4.0, "", 0.1),
        ("resize_kind", nan, nan, "area", 0.15),
        ("resize_kind", nan, nan, "bicubic", 0.85),
        ("jpeg_quality", 30.0, 95.0, "", 1.0),
    ]
    found = list(most_of_the_weight(pd.DataFrame(rows, columns=["axis", "lower", "upper", "choice", "weight"])))
    assert found == [
        ("blur_sigma", "1 to 3 (HR px)", pytest.approx(0.85)),
        ("resize_kind", "bicubic", pytest.approx(0.85)),
    ]
