"""Degrading an image and a folder."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from degcraft.axes import Choices, Range, Step
from degcraft.degrade import degrade, degrade_folder
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.operators import to_uint8
from degcraft.resampling import KINDS, resize
from degcraft.seeds import stream
from degcraft.space import build

CLEAN = Distribution.uniform(build([Step("resize", (("kind", Choices(("bicubic",))),))]))
QUIET = Distribution.uniform(  # no noise, so that parameters alone determine the result
    build(
        [
            Step("blur", (("sigma", Range(0.2, 2.0, 2)),)),
            Step("resize", (("kind", Choices(("area", "bicubic"))),)),
            Step("jpeg", (("quality", Range(30, 90, 2)),)),
        ]
    )
)


def read(path):
    return np.asarray(Image.open(path))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_clean_distribution_is_bicubic_alone(make_photo):
    image = make_photo(32, 48)
    clean = degrade(image, CLEAN.space, CLEAN.space.draw(0, stream(0, "x")), 4, stream(0, "x"))
    np.testing.assert_array_equal(clean, to_uint8(resize(image.astype(np.float32), 8, 12)))


@pytest.mark.parametrize("scale", [2, 4])
def test_size_and_type(scale, space, make_photo):
    for index in range(len(space)):
        lr = degrade(make_photo(32, 48), space, space.draw(index, stream(0, "x")), scale, stream(0, "y", index))
        assert lr.shape == (32 // scale, 48 // scale, 3)
        assert lr.dtype == np.uint8


def test_what_is_no_image_or_of_other_sides_is_refused(space, make_photo):
    def refused(image, match):
        parameters = space.draw(0, np.random.default_rng(0))
        with pytest.raises(UserError, match=match):
            degrade(image, space, parameters, 2, np.random.default_rng(0))

    image = make_photo(8, 8)
    refused(image / 255, r"an array of shape \(8, 8, 3\) and type float64 is no image here")
    refused(image[..., 0], r"an array of shape \(8, 8\) and type uint8 is no image here")
    refused(np.dstack([image, image[..., :1]]), r"an array of shape \(8, 8, 4\) and type uint8")
    refused(image[:7], r"an image of 7 x 8 pixels: its sides have to be multiples of the scale 2")
    refused(image[:0], r"an image of 0 x 8 pixels")


def test_operators_run_in_the_order_given():
    flat = np.full((32, 32, 3), 128, np.uint8)
    noise, resize_ = Step("noise", (("sigma", Range(30, 30)),)), Step("resize", (("kind", Choices(("area",))),))
    deviations = []
    for steps in ([noise, resize_], [resize_, noise]):
        space = build(steps)
        deviations.append(degrade(flat, space, space.draw(0, stream(0, "x")), 4, stream(0, "y")).std())
    # the mean of 4 x 4 pixels has a quarter of the deviation
    assert deviations[0] == pytest.approx(30 / 4, rel=0.25)
    assert deviations[1] == pytest.approx(30, rel=0.25)


BLURS = {
    "isotropic": (("sigma", Range(6.0, 6.0)),),
    "anisotropic": (("kind", Choices(("anisotropic",))), ("sigma", Range(4.0, 4.0)), ("across", Range(1.2, 1.2))),
}


@pytest.mark.parametrize("order", ["blur first", "resize first", "blur twice", "resize only"])
@pytest.mark.parametrize("blur", BLURS)
@pytest.mark.parametrize("kind", KINDS)
def test_tiles_leave_no_seam(kind, blur, order, make_photo):
    soft, small = Step("blur", BLURS[blur]), Step("resize", (("kind", Choices((kind,))),))
    rest = [Step("noise", (("sigma", Range(5, 5)),)), Step("jpeg", (("quality", Range(60, 60)),))]
    local = {
        "blur first": [soft, small],
        "resize first": [small, soft],
        "blur twice": [soft, soft, small],
        "resize only": [small],
    }[order]
    image = make_photo(72, 104)
    for steps, largest in ((local, 1), (local + rest, 12)):  # JPEG may turn a step of one into several
        space = build(steps)
        values = space.draw(0, stream(0, "x"))
        whole, tiled = (degrade(image, space, values, 4, stream(0, "y"), tile=t).astype(int) for t in (2048, 32))
        assert whole.shape == tiled.shape == (18, 26, 3)
        assert np.abs(whole - tiled).max() <= largest  # sums in another order
        assert (whole != tiled).mean() < 0.02


def test_two_passes_of_an_operator_add_up():
    point = np.zeros((41, 41, 3), np.uint8)
    point[20, 20] = 255
    blur = Step("blur", (("sigma", Range(1.0, 1.0)),))
    resize_ = Step("resize", (("kind", Choices(("bicubic",))),))
    once, twice = (
        degrade(point, space, space.draw(0, stream(0, "x")), 1, stream(0, "y")).astype(float)
        for space in (build([blur, resize_]), build([blur, resize_, blur]))
    )
    # peak of a Gaussian: 255 / (2 pi s^2), and variances add
    assert once[20, 20, 0] == pytest.approx(255 / (2 * np.pi), abs=1.5)
    assert twice[20, 20, 0] == pytest.approx(255 / (4 * np.pi), abs=1.5)


def test_a_folder_gets_the_photos_names_and_a_table(folder_of, make_photo, tmp_path):
    folder = folder_of("photos", a=make_photo(33, 42), b=make_photo(20, 24))
    degrade_folder(folder, QUIET, tmp_path / "out", scale=4, seed=0)
    table = pd.read_csv(tmp_path / "out" / "parameters.csv")
    assert list(table.columns) == ["file", "photo", "bin", "blur_sigma", "resize_kind", "jpeg_quality"]
    assert table["file"].tolist() == table["photo"].tolist() == ["a.png", "b.png"]
    assert read(tmp_path / "out" / "a.png").shape == (8, 10, 3)  # 33 x 42 cut to 32 x 40


def test_the_table_explains_the_files(folder_of, make_photo, tmp_path):
    images = {"a": make_photo(32, 40), "b": make_photo(32, 40, 1)}
    degrade_folder(folder_of("photos", **images), QUIET, tmp_path / "out", scale=2, seed=5, draws=3)
    table = pd.read_csv(tmp_path / "out" / "parameters.csv")
    assert table["file"].tolist() == [f"{stem}-{draw}.png" for stem in "ab" for draw in range(3)]
    assert len(table[QUIET.space.names].drop_duplicates()) == 6
    for row in table.to_dict("records"):
        kind = QUIET.space.axes[1].choices.index(row["resize_kind"])
        values = np.array([row["blur_sigma"], kind, row["jpeg_quality"]], np.float32)
        lower, upper = QUIET.space.lower[row["bin"]], QUIET.space.upper[row["bin"]]
        assert ((lower.astype(np.float32) <= values) & (values <= upper.astype(np.float32))).all()
        expected = degrade(images[row["photo"][0]], QUIET.space, values, 2, stream(0, "unused"))
        np.testing.assert_array_equal(read(tmp_path / "out" / row["file"]), expected)


def test_same_seed_same_bytes(hr_folder, uniform, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        degrade_folder(hr_folder, uniform, tmp_path / name, scale=2, seed=seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert not contents(tmp_path / "a").items() & contents(tmp_path / "c").items()


def test_stages_draw_differently(hr_folder, uniform, tmp_path):
    for stage in ("one", "two"):
        degrade_folder(hr_folder, uniform, tmp_path / stage, scale=2, seed=0, stage=stage)
    assert not contents(tmp_path / "one").items() & contents(tmp_path / "two").items()


def test_unusable_photos_are_skipped_with_a_line(folder_of, make_photo, tmp_path, caplog):
    folder = folder_of("photos", good=make_photo(16, 16), tiny=make_photo(3, 40))
    (folder / "broken.jpg").write_text("no photo")
    with caplog.at_level(logging.WARNING, "degcraft"):
        degrade_folder(folder, CLEAN, tmp_path / "out", scale=4, seed=0)
    assert sorted(contents(tmp_path / "out")) == ["good.png", "parameters.csv"]
    lines = "\n".join(caplog.messages)
    assert "broken.jpg: is not a PNG" in lines
    assert "tiny.png: smaller than the scale" in lines


def test_bad_folders_are_named(folder_of, make_photo, tmp_path):
    def refused(match):
        with pytest.raises(UserError, match=match):
            degrade_folder(tmp_path / "photos", CLEAN, tmp_path / "out", scale=4, seed=0)

    refused("photos: no such folder")
    folder = folder_of("photos", tiny=make_photo(3, 3))
    refused("photos: holds no photo that can be degraded")
    (folder / "tiny.jpg").write_bytes((folder / "tiny.png").read_bytes())
    refused("differ only in the suffix")


SECOND_ORDER = [  # everything that has an order, a size or a choice, and no noise
    Step("rescale", (("direction", Choices(("keep", "down"))), ("down", Range(0.4, 1.0)))),
    Step("blur", (("kind", Choices(("sinc",))), ("cutoff", Range(1.5, 3.0)), ("size", Range(7, 21)))),
    Step("shuffle", (("steps", Range(3, 3)), ("order", Range(0, 1)))),
    Step("rescale", (("direction", Choices(("up",))), ("of", Choices(("lr",))), ("up", Range(1.0, 1.5)))),
    Step("resize", (("kind", Choices(("area", "bicubic-aliased"))),)),
    Step("blur", (("sigma", Range(0.2, 3.0)),)),
]


@pytest.mark.parametrize("seed", range(8))
def test_any_order_ends_in_an_lr_image_and_tiles_leave_no_seam(seed, make_photo):
    space = build(SECOND_ORDER)
    values = space.draw(seed % len(space), stream(seed, "x"))
    whole, tiled = (degrade(make_photo(72, 104), space, values, 4, stream(0, "y"), tile=t) for t in (2048, 32))
    assert whole.shape == (18, 26, 3)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_tiles_of_any_scale_end_where_its_pixels_do(make_photo):
    space = build([Step("blur", (("sigma", Range(1.0, 1.0)),)), Step("resize", ())])
    values = space.draw(0, stream(0, "x"))
    whole, tiled = (degrade(make_photo(72, 105), space, values, 3, stream(0, "y"), tile=t) for t in (2048, 32))
    assert whole.shape == (24, 35, 3)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_a_space_that_makes_no_lr_image_is_refused(make_photo):
    space = build([Step("blur", (("sigma", Range(1.0, 1.0)),))])
    with pytest.raises(UserError, match=r"makes 24 x 32 pixels of 24 x 32, at scale 4: it needs one step that resizes"):
        degrade(make_photo(24, 32), space, space.draw(0, stream(0, "x")), 4, stream(0, "y"))


def test_a_photo_in_tiles_and_blurred_in_one_with_its_resize_is_the_steps_one_by_one(make_photo):
    image = make_photo(96, 128)
    space = build([Step("blur", (("sigma", Range(2.5, 2.5)),)), Step("resize", ())])
    values = space.draw(0, stream(0, "x"))
    expected = image.astype(np.float32)
    for operator, settings in space.steps(values):
        expected = operator.apply(expected, settings, (24, 32), stream(0, "y"))
    for tile in (32, 64, 2048):
        difference = degrade(image, space, values, 4, stream(0, "y"), tile=tile) - np.clip(expected, 0, 255)
        assert np.abs(difference).max() <= 0.5 + 1e-3  # rounding
