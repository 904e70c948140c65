"""The page: self-contained, escaped, whose links lead somewhere, and the same bytes twice."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest
from report_tree import ODD, Page, results_tree, write_scores, written

from degcraft.report import photo_table


@pytest.fixture
def inputs(tmp_path, make_photo):
    return results_tree(tmp_path, make_photo)


def test_the_page_needs_nothing_from_outside(inputs):
    source = written(inputs)
    page = Page(source)
    addresses = [value for _, attributes in page.elements for name, value in attributes.items() if name == "src"]
    addresses += [attributes.get("href") for attributes in page.all("link")]
    assert len(addresses) > 10
    assert all(address.startswith("data:") for address in addresses)
    assert all(re.fullmatch(r"#[\w-]+|\w[\w./-]*", attributes["href"]) for attributes in page.all("a"))
    assert not re.search(r"https?://|@import|url\(", source)
    assert len(source) < 2_000_000


def test_the_page_allows_its_own_script_and_no_other(inputs):
    source = written(inputs)
    (script,) = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in source
    assert "on" not in {name[:2] for _, attributes in Page(source).elements for name in attributes}  # no handlers


def test_every_header_of_a_table_has_a_scope(inputs):
    headers = Page(written(inputs)).all("th")
    assert len(headers) > 10
    assert {header.get("scope") for header in headers} == {"row", "col"}


OTHERS = {
    "onnx": ["models/full/seed0/model.onnx"],
    "degraded": ["degraded/full/", "degraded/crafted-cam/"],
    "paired": [],
    "exported": ["exported/crafted-cam/"],
}


def test_what_may_be_wider_than_a_phone_scrolls_with_a_sign_and_by_keyboard(inputs):
    page = Page(written(inputs))
    regions = [attributes for attributes in page.all("div") if "scroll" in (attributes.get("class") or "").split()]
    scores = [attributes for attributes in page.all("table") if "scores" in (attributes.get("class") or "").split()]
    assert len(scores) == 6 and len(regions) == len(scores) + 5  # and the figures
    assert all(region["role"] == "region" and region["aria-label"] and "tabindex" in region for region in regions)
    (rule,) = re.findall(r"^\.scroll, pre \{(.*)\}$", page.text, re.M)  # shadows that stay, under covers that scroll
    assert rule.count("local") == rule.count("scroll,") == 2 and "overflow-x: auto" in rule


def test_links_lead_somewhere_on_the_page(inputs):
    page = Page(written(inputs))
    anchors = {attributes.get("id") for _, attributes in page.elements}
    links = {attributes["href"] for attributes in page.all("a") if attributes["href"].startswith("#")}
    assert links
    assert {link.removeprefix("#") for link in links} <= anchors


def test_links_lead_to_the_files_of_the_run(inputs):
    page = Page(written(replace(inputs, others=OTHERS)))
    links = {attributes["href"] for attributes in page.all("a") if not attributes["href"].startswith("#")}
    plots = ["marginals", "joint", "fit", "trade_off", "trace"]
    figures = [f"{plot}.{kind}" for plot in plots for kind in ("svg", "png")]
    tables = [f"{table}.csv" for table in ("marginals", "weights", "fit", "trade_off", "trace", "reference")]
    own = {"summary.csv", "differences.csv", "hr/photos.csv", "extractor/encoder_axes.csv", "benchmarks/"}
    own |= {"upscaled/cam/", "evaluation/examples/cam.png", "targets/cam/certificate.json"}
    models = {"models/clean/", "models/full/", "models/crafted-cam/"}
    others = {path for paths in OTHERS.values() for path in paths}
    assert links == own | models | others | {f"targets/cam/{name}" for name in figures + tables}


def test_links_to_what_is_not_made_are_left_out(inputs):
    write_scores(inputs.results, {})
    without = replace(inputs, distributions=["bicubic"], tests={}, upscaled={}, extractor="srgan")
    page = Page(written(without))
    links = " ".join(attributes["href"] for attributes in page.all("a"))
    assert "targets/cam/weights.csv" in links
    assert not re.search(
        "encoder|models|upscaled/|examples|differences|perceptual|onnx|exported|degraded|paired", links
    )


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


def test_photo_table(tmp_path):
    path = tmp_path / "photos.csv"
    path.write_text("file,width,height,used,reason,patches\nNA,9,9,True,,4\nb.png,0,0,False,cannot be read (x),0\n")
    photos = photo_table(path, tmp_path)
    assert (photos.used, photos.patches, photos.skipped) == (("NA",), 4, (("b.png", "cannot be read (x)"),))
    assert photos.passed_over == ("photos.csv",)
