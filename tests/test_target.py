"""Targets made from a known truth."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from degcraft.axes import Choices, Mixture, Range, Step
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.images import read_image
from degcraft.space import build
from degcraft.target import make_target, true_distribution

TRUTH = (("blur_sigma", Range(1.2, 1.9)), ("jpeg_quality", Range(50, 70)))


def test_truth_narrows_the_axes_it_names(steps):
    space = true_distribution(steps, TRUTH).space
    assert space.names == ["blur_sigma", "resize_kind", "noise_sigma", "jpeg_quality"]
    assert len(space) == 1
    kind = space.axes[1].choices.index("bicubic")
    assert space.lower[0].tolist() == [1.2, kind, 0.0, 50.0]  # noise keeps its whole range
    assert space.upper[0].tolist() == [1.9, kind, 20.0, 70.0]


def test_truth_about_the_second_pass_and_about_choices():
    blur = Step("blur", (("sigma", Range(0.2, 2.0, 2)),))
    resize = Step("resize", (("kind", Choices(("bicubic", "area", "bilinear"))),))
    truth = (("blur2_sigma", Range(1.0, 1.0)), ("resize_kind", Choices(("area", "bilinear"))))
    distribution = true_distribution((blur, resize, blur), truth)
    table = distribution.space.table()
    assert table["resize_kind"].tolist() == ["area", "bilinear"]
    assert table["blur_sigma_upper"].tolist() == [2.0, 2.0]
    assert table["blur2_sigma_lower"].tolist() == table["blur2_sigma_upper"].tolist() == [1.0, 1.0]
    np.testing.assert_allclose(distribution.weight, 0.5)


@pytest.mark.parametrize(
    ("narrowed", "cells"),
    [
        (Choices(("sinc",)), ["sinc"]),
        (Choices(("isotropic", "sinc")), ["isotropic", "sinc"]),
        (Mixture((("isotropic", 0.9), ("sinc", 0.1))), ["isotropic:0.9 sinc:0.1"]),
    ],
)
def test_truth_narrows_choices_that_are_nuisance(narrowed, cells):
    kind = Mixture((("isotropic", 0.5), ("sinc", 0.3), ("none", 0.2)))
    blur = Step("blur", (("kind", kind), ("sigma", Range(0.2, 2.0)), ("cutoff", Range(1.0, 3.0))))
    table = true_distribution((blur, Step("resize", ())), (("blur_kind", narrowed),)).space.table()
    assert table["blur_kind"].tolist() == cells


@pytest.mark.parametrize("axis", ["fog_density", "blur2_sigma", "blur_across", "sigma"])
def test_truth_about_an_axis_that_the_space_lacks_is_refused(axis, steps):
    with pytest.raises(UserError, match=f"truth names '{axis}', which is no axis"):
        true_distribution(steps, ((axis, Range(0.5, 1.0)),))


def test_truth_outside_an_operators_limits_is_refused(steps):
    with pytest.raises(UserError, match="jpeg_quality"):
        true_distribution(steps, (("jpeg_quality", Range(50, 170)),))


@pytest.fixture
def made(folder_of, make_photo, steps, tmp_path):
    """``made("name")``: a target made from five photos, in that folder."""
    photos = folder_of("photos", **{f"p{i}": make_photo(33 + i, 40, i) for i in range(5)})

    def run(name, truth=TRUTH, seed=0):
        make_target(photos, true_distribution(steps, truth), tmp_path / name, scale=2, seed=seed)
        return tmp_path / name

    return run


def stems(folder):
    return sorted(path.stem for path in folder.iterdir())


def test_references_and_tests_show_different_photos(made):
    folder = made("a")
    assert stems(folder / "reference") == ["p0", "p2", "p4"]
    assert stems(folder / "test" / "lr") == stems(folder / "test" / "hr") == ["p1", "p3"]


def test_test_pairs_fit(made, make_photo):
    folder = made("a")
    np.testing.assert_array_equal(read_image(folder / "test/hr/p1.png"), make_photo(34, 40, 1))
    np.testing.assert_array_equal(read_image(folder / "test/hr/p3.png"), make_photo(36, 40, 3))
    assert read_image(folder / "test/lr/p3.png").shape == (18, 20, 3)
    assert read_image(folder / "reference/p0.png").shape == (16, 20, 3)  # 33 rows cut to 32


def test_the_truth_is_what_the_photos_were_degraded_with(made):
    sharp, soft = (
        made(name, (("blur_sigma", Range(s, s)), ("noise_sigma", Range(0, 0)), ("jpeg_quality", Range(90, 90))))
        for name, s in (("sharp", 0.2), ("soft", 2.0))
    )
    for stem in ("p0", "p2"):
        deviations = [read_image(f / "reference" / f"{stem}.png").std() for f in (sharp, soft)]
        assert deviations[1] < 0.9 * deviations[0]


def test_same_seed_same_bytes(made):
    read = {
        name: {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*.png"))}
        for name, folder in ((name, made(name, seed=seed)) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    }
    assert read["a"] == read["b"]
    assert all(read["a"][p] != read["c"][p] for p in read["a"] if "hr" not in p.parts)


def refused(photos, output, match):
    with pytest.raises(UserError, match=match):
        make_target(
            photos,
            Distribution.uniform(build([Step("blur", (("sigma", Range(0, 1)),)), Step("resize", ())])),
            output,
            4,
            0,
        )


def test_bad_photos_are_named(folder_of, make_photo, tmp_path):
    folder = folder_of("photos", a=make_photo(20, 20))
    refused(folder, tmp_path / "out", "photos: a target needs at least two photos")
    Image.fromarray(make_photo(20, 20)).save(folder / "a.tif")
    refused(folder, tmp_path / "out", "differ only in the suffix")
    (folder / "a.tif").rename(folder / "b.tif")
    (folder / "c.jpg").write_bytes(b"no photo")
    refused(folder, tmp_path / "out", r"c\.jpg: is not a PNG")


def test_a_photo_smaller_than_the_scale_is_named(folder_of, make_photo, tmp_path):
    folder = folder_of("photos", a=make_photo(20, 20), b=make_photo(3, 20))
    refused(folder, tmp_path / "out", r"b\.png")
