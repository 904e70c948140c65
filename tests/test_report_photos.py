"""Photos on the page: patches for the eye, the same place of every picture, sliders."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from report_tree import ODD, SCALE, SVG, VALUES, Page, results_tree, save, written

from degcraft import report
from degcraft.errors import UserError
from degcraft.report import side_by_side, write_report
from degcraft.report_pictures import CROP, drawn_patches, reference_crops
from degcraft.storage import creating_h5


@pytest.fixture
def inputs(tmp_path, make_photo):
    return results_tree(tmp_path, make_photo)


def test_patches_of_both_distributions_stand_beside_those_of_the_references(inputs):
    alts = [attributes["alt"] for attributes in Page(written(inputs)).all("img")]
    shown = ["from the reference photos", "drawn from the crafted distribution", "drawn from the full range"]
    assert [alt for alt in alts if alt.startswith("Patches")] == [f"Patches {words} for cam" for words in shown]
    page = Page(written(replace(inputs, distributions=["bicubic", "crafted-cam"])))
    assert "drawn from the full range" not in " ".join(str(attributes["alt"]) for attributes in page.all("img"))


def test_patches_are_few_and_large_whatever_the_scale(inputs):
    for side in (8, 16):
        page = Page(written(replace(inputs, patch=side)))
        (shown,) = (a for a in page.all("img") if a["alt"] == "Patches from the reference photos for cam")
        assert shown["width"] == str({8: 26 * 23, 16: 50 * 12}[side])  # three with lines between, each pixel a square
        assert int(shown["height"]) * 3 // 2 == pytest.approx(int(shown["width"]), abs=20)  # two rows


def test_patches_come_from_all_photos_and_keep_their_pixels(inputs):
    photos = sorted((inputs.results.parent / "photos" / "reference").iterdir())
    crops = reference_crops(photos, 16, 5, 0.5, 0)
    whole = [np.asarray(Image.open(path)) for path in photos]
    assert [crop.shape for crop in crops] == [(16, 16, 3)] * 5
    for index, crop in enumerate(crops):  # two of the first photo, three of the second
        windows = np.lib.stride_tricks.sliding_window_view(whole[index // 2 if index < 4 else 1], (16, 16, 3))
        assert (windows[:, :, 0] == crop).all(axis=(-3, -2, -1)).any()


def test_drawn_patches_come_from_all_photos(tmp_path):
    with creating_h5(tmp_path / "pairs.h5") as file:  # 100 pairs of 14 HR patches, each of a photo of its own
        file["lr"] = np.array([*range(14)] * 7 + [0, 7], np.uint8)[:, None, None, None]
    drawn = drawn_patches(tmp_path / "pairs.h5", 14, 7)
    assert [int(patch[0, 0, 0]) for patch in drawn] == [0, 2, 4, 7, 8, 10, 12]


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
    images = Page(written(inputs)).all("img")
    assert all(attributes["alt"] for attributes in images)
    sources = [attributes["src"].partition(",") for attributes in images]
    vectors = [base64.b64decode(content) for kind, _, content in sources if kind.startswith("data:image/svg+xml")]
    assert vectors == [SVG.encode()] * 5
    for kind, _, content in sources:
        if not kind.startswith("data:image/svg+xml"):
            with Image.open(io.BytesIO(base64.b64decode(content))) as image:
                image.load()


def test_figures_have_the_size_at_which_they_were_drawn(inputs):
    figures = [attributes for attributes in Page(written(inputs)).all("img") if "svg" in attributes["src"][:20]]
    sizes = {(figure["width"], figure["height"], figure["style"]) for figure in figures}
    assert sizes == {("481", "96", "--width: 481px")}


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
    said = " ".join(page.text.split())
    assert "1 of 2 photos; all of them: upscaled/cam/" in said and "0 of 2 photos; all of them: upscaled/film/" in said
    assert "too large for this page" not in said
    assert (inputs.results / "evaluation" / "examples" / "phone.png").is_file()


def test_few_reference_photos_are_remarked_on(inputs, monkeypatch):
    assert "2 used, 0 skipped. With 8 or more the degradation is found better." in Page(written(inputs)).text
    monkeypatch.setattr(report, "REFERENCES", 2)
    assert "is found better" not in Page(written(inputs)).text


def test_photos_that_could_not_be_super_resolved_are_counted(inputs):
    assert "could not be super-resolved" not in Page(written(inputs)).text
    (inputs.upscaled["cam"] / "broken.jpg").touch()
    (inputs.upscaled["cam"] / "IMG_1.HEIC").touch()
    said = " ".join(Page(written(inputs)).text.split())
    assert said.count("Passed over, since no PNG, JPEG, WebP or TIFF by name: IMG_1.HEIC.") == 2  # also as references
    assert "1 of 3 photos could not be super-resolved: broken.jpg; why: logs/upscale/cam.log" in said


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


def test_what_patches_for_the_eye_are_compared_for(inputs):
    def said(*distributions):
        return Page(written(replace(inputs, distributions=distributions))).text

    assert "blocks should look alike in the first two; what they show" in said("bicubic", "full", "crafted-cam")
    assert "blocks should look alike in both; what they show" in said("bicubic", "crafted-cam")
    assert "For the eye" in said("full") and "alike" not in said("full")
