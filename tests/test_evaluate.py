"""Measuring models on test sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from degcraft import evaluate as subject
from degcraft.degrade import degrade_folder
from degcraft.errors import UserError
from degcraft.evaluation_pairs import EvaluationPair, made_pairs, own_pairs, size_problem
from degcraft.metrics import HIGHEST, METRICS, measure


@pytest.fixture
def folders(folder_of, make_photo):
    """LR and HR photos of the stems a and b, scale 2."""
    hr = {"a": make_photo(32, 40), "b": make_photo(40, 32, 1)}
    return folder_of("lr", **{k: v[::2, ::2] for k, v in hr.items()}), folder_of("hr", **hr)


def test_why_sizes_do_not_fit_is_guessed():
    def problem(lr, hr):
        return size_problem(EvaluationPair("old", Path("lr/a.png"), Path("hr/a.png")), lr, hr, 4, 11)

    assert problem((40, 30), (160, 121)) is None
    assert problem((41, 30), (160, 120)) == "lr/a.png: 41x30 pixels, but hr/a.png over the scale 4 has 40x30"
    assert problem((160, 120), (40, 30)).endswith("has 10x7; perhaps the folders are swapped")
    assert problem((80, 60), (161, 121)).endswith("has 40x30; they would fit a scale of 2")


def test_own_pairs_are_those_of_the_same_stem(folders):
    lr, hr = folders
    (lr / "a.png").rename(lr / "a.webp")
    pairs = own_pairs("demo", lr, hr)
    assert [(p.testset, p.lr.name, p.hr.name) for p in pairs] == [
        ("demo", "a.webp", "a.png"),
        ("demo", "b.png", "b.png"),
    ]


@pytest.mark.parametrize(("missing", "where"), [("lr", 0), ("hr", 1)])
def test_a_photo_without_its_partner_is_named(folders, missing, where):
    (folders[where] / "b.png").unlink()
    with pytest.raises(UserError, match=f"{missing}: no photo with the stem 'b'"):
        own_pairs("demo", *folders)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        ("{}x4", "{}", "rename 'ax4' to 'a'"),  # DIV2K
        ("{}x4m", "{}", "rename 'ax4m' to 'a'"),
        ("{}_LR4", "{}_HR", "rename 'a_LR4' to 'a' and 'a_HR' to 'a', and the others likewise"),  # RealSR
        ("{}", "{}-gt", "rename 'a-gt' to 'a'"),
        ("{}_small", "{}", None),
    ],
)
def test_endings_of_data_sets_are_recognised(folders, low, high, said):
    for folder, name in zip(folders, (low, high), strict=True):
        for stem in ("a", "b"):
            (folder / f"{stem}.png").rename(folder / f"{name.format(stem)}.png")
    with pytest.raises(UserError, match="no photo with the stem") as error:
        own_pairs("demo", *folders)
    assert ("without such endings names fit" in str(error.value)) == (said is not None)
    assert said is None or said in str(error.value)


def test_two_photos_of_one_stem_without_endings_are_not_told_to_share_it(folders):
    (folders[0] / "a.png").rename(folders[0] / "ax4.png")
    (folders[0] / "ax8.png").touch()
    with pytest.raises(UserError) as error:
        own_pairs("demo", *folders)
    assert "names fit" not in str(error.value)


def test_endings_are_recognised_where_a_photo_is_missing(folders):
    for stem in ("a", "b"):
        (folders[0] / f"{stem}.png").rename(folders[0] / f"{stem}x4.png")
    (folders[1] / "a.png").unlink()
    with pytest.raises(UserError, match="rename 'bx4' to 'b', and the others likewise"):
        own_pairs("demo", *folders)


@pytest.mark.parametrize("where", [0, 1])
def test_two_photos_of_one_stem_are_refused(folders, where):
    (folders[where] / "b.jpg").write_bytes((folders[where] / "b.png").read_bytes())
    with pytest.raises(UserError, match="differ only in the suffix"):
        own_pairs("demo", *folders)


def test_made_pairs_are_those_of_the_table(folders, uniform, tmp_path):
    degrade_folder(folders[1], uniform, tmp_path / "full", scale=2, seed=0, draws=2)
    pairs = made_pairs("full", tmp_path / "full", folders[1])
    assert [(p.testset, p.lr.name, p.hr.name) for p in pairs] == [
        ("full", f"{stem}-{draw}.png", f"{stem}.png") for stem in "ab" for draw in range(2)
    ]
    assert all(path.is_file() for p in pairs for path in (p.lr, p.hr))


@pytest.mark.parametrize("scale", [2, 4])
def test_bicubic_is_pillows(make_photo, scale):
    lr = make_photo(9, 13)
    restored = subject.bicubic(scale)(lr)
    expected = Image.fromarray(lr).resize((13 * scale, 9 * scale), Image.Resampling.BICUBIC)
    assert restored.dtype == np.uint8
    assert np.abs(restored.astype(int) - np.asarray(expected)).max() <= 1  # Pillow rounds after each of the two passes


def test_a_row_for_each_test_image(folders, uniform, tmp_path):
    lr, hr = folders
    degrade_folder(hr, uniform, tmp_path / "full", scale=2, seed=0)
    pairs = own_pairs("demo", lr, hr) + made_pairs("full", tmp_path / "full", hr)
    table = subject.evaluate(subject.bicubic(2), pairs, 2, tmp_path / "examples", count=9)
    assert list(table.columns) == ["testset", "file", "photo", *METRICS]
    assert table["testset"].tolist() == ["demo", "demo", "full", "full"]
    assert table["photo"].tolist() == ["a.png", "b.png"] * 2
    restored = np.asarray(Image.open(tmp_path / "examples" / "b.png"))
    np.testing.assert_array_equal(restored, subject.bicubic(2)(np.asarray(Image.open(lr / "b.png"))))
    truth = np.asarray(Image.open(hr / "b.png"))
    assert table.loc[1, list(METRICS)].to_dict() == pytest.approx(measure(restored, truth, 2))
    assert sorted(path.name for path in (tmp_path / "examples").iterdir()) == ["a.png", "b.png"]  # of the first set


def test_a_pair_that_does_not_fit_says_what_would(folder_of, make_photo, tmp_path):
    pairs = own_pairs("demo", folder_of("lr", a=make_photo(50, 61)), folder_of("hr", a=make_photo(100, 122)))
    with pytest.raises(UserError, match=r"hr/a\.png over the scale 4 has 30x25; they would fit a scale of 2"):
        subject.evaluate(subject.bicubic(4), pairs, 4, tmp_path / "examples", 0)


class Closeness:
    """Stands where LPIPS would: the mean absolute difference."""

    smallest = 25

    def __call__(self, a, b):
        return float(np.abs(a.astype(int) - b).mean())


def test_a_perceptual_distance_is_measured_without_the_borders(folders, tmp_path):
    lr, hr = folders
    pairs = own_pairs("demo", lr, hr)
    table = subject.evaluate(subject.bicubic(2), pairs, 2, tmp_path / "examples", 0, Closeness())
    assert list(table.columns) == ["testset", "file", "photo", *METRICS, "lpips"]
    restored, truth = (np.asarray(Image.open(folder / "a.png")) for folder in (lr, hr))
    restored = subject.bicubic(2)(restored)
    assert table.loc[0, "lpips"] == Closeness()(restored[2:-2, 2:-2], truth[2:-2, 2:-2])


def test_a_photo_too_small_for_the_perceptual_distance_is_named(folder_of, make_photo, tmp_path):
    pairs = own_pairs("demo", folder_of("lr", a=make_photo(14, 14)), folder_of("hr", a=make_photo(28, 28)))
    assert len(subject.evaluate(subject.bicubic(2), pairs, 2, tmp_path / "examples", 0)) == 1
    with pytest.raises(UserError, match=r"a\.png: smaller than 29 pixels"):
        subject.evaluate(subject.bicubic(2), pairs, 2, tmp_path / "examples", 0, Closeness())


def test_as_many_examples_as_asked_for(folders, tmp_path):
    subject.evaluate(subject.bicubic(2), own_pairs("demo", *folders), 2, tmp_path / "examples", count=1)
    assert [path.name for path in (tmp_path / "examples").iterdir()] == ["a.png"]


def test_hr_sides_that_are_no_multiple_of_the_scale_are_cut(folder_of, make_photo, tmp_path):
    hr = make_photo(33, 41)
    lr = folder_of("lr", a=hr[:32:2, :40:2])
    pairs = own_pairs("demo", lr, folder_of("hr", a=hr))
    table = subject.evaluate(lambda _: hr[:32, :40], pairs, 2, tmp_path / "examples", count=0)
    assert table["psnr_rgb"].tolist() == [HIGHEST]
    assert table["ssim_y"].tolist() == pytest.approx([1.0])


def test_sizes_that_do_not_fit_are_named(folder_of, make_photo, tmp_path):
    lr, hr = folder_of("lr", a=make_photo(15, 20)), folder_of("hr", a=make_photo(32, 40))
    with pytest.raises(UserError, match=r"lr/a\.png: 20x15 pixels, but .*hr/a\.png over the scale 2 has 20x16"):
        subject.evaluate(subject.bicubic(2), own_pairs("demo", lr, hr), 2, tmp_path / "examples", count=0)


def test_a_photo_too_small_to_be_measured_is_named(folder_of, make_photo, tmp_path):
    lr, hr = folder_of("lr", a=make_photo(6, 6)), folder_of("hr", a=make_photo(12, 12))
    with pytest.raises(UserError, match=r"a\.png"):  # 8 pixels are left after shaving, and SSIM's window has 11
        subject.evaluate(subject.bicubic(2), own_pairs("demo", lr, hr), 2, tmp_path / "examples", count=0)
