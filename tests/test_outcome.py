"""The sentences and the table at the end of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from certificates import CERTIFICATE, FAR, JUDGED
from summaries import write_summary

from degcraft.fit_words import fit_sentence
from degcraft.outcome import headline, outcome, sentence, sentences, what_was_crafted
from degcraft.photo_counts import PhotoCounts
from degcraft.scores import Score, Summary

ALL = PhotoCounts(8, (), (), "logs/upscale/cam.log")


@pytest.fixture
def said(tmp_path):
    """What is said of the target ``cam`` for some PSNR-Y values."""

    def say(values, certificate=None):
        return sentence("cam", Summary.read(write_summary(tmp_path, values)), certificate)

    return say


def test_crafted_above_the_others(said):
    assert said(
        {
            ("bicubic", "cam"): 26.5,
            ("full", "cam"): 27.94,
            ("clean", "cam"): 27.23,
            ("crafted-cam", "cam"): 28.25,
            ("full", "full"): 26.50,
            ("crafted-cam", "full"): 26.45,
        }
    ) == (
        "On the photos of cam the crafted model reaches 28.25 dB PSNR-Y: 0.31 dB above the full model, 1.02 dB above "
        "the clean model; over the full range it gives up 0.05 dB against the full model."
    )


def test_what_was_gained_has_the_interval_of_paired_differences(tmp_path):
    (tmp_path / "paired").mkdir()
    summary = Summary.read(write_summary(tmp_path, {("full", "cam"): 27.0, ("crafted-cam", "cam"): 27.5}))
    differences = Summary.read(write_summary(tmp_path / "paired", {("crafted-cam", "cam"): [0.4, 0.6]}))
    text = sentence("cam", summary, None, differences)
    assert text.endswith(": 0.50 dB above the full model (95% interval -0.50 to +1.50).")


@pytest.mark.parametrize(
    ("own", "everywhere", "words"),
    [
        (1.31, -1.05, "is 1.31 dB better than the full-range one; over the full range it gives up 1.05 dB."),
        (
            -1.2,
            0.1,
            "is 1.20 dB worse than the full-range one; over the full range it gains 0.10 dB, which can be chance.",
        ),
        (
            0.2,
            0.001,
            "is 0.20 dB better than the full-range one, which can be chance; over the full range it is level.",
        ),
        (-0.001, 0.2, "is level with the full-range one; over the full range it gains 0.20 dB, which can be chance."),
    ],
)
def test_the_headline(tmp_path, own, everywhere, words):
    file = write_summary(tmp_path, {("crafted-cam", "cam"): own, ("crafted-cam", "full"): everywhere})
    differences = Summary.read(file)  # an interval of a decibel to both sides
    assert headline("cam", Summary({}), differences) == f"On the photos of cam the crafted model {words}"


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"bicubic": 27.0, "clean": 26.0}, ""),
        ({"bicubic": 28.5, "clean": 26.0}, ", but 0.50 dB worse than bicubic interpolation"),
        ({"bicubic": 28.5, "clean": 29.0}, ", but 1.00 dB worse than the clean one"),
    ],
)
def test_the_headline_says_what_is_better_and_that_photos_do_not_fit(tmp_path, others, words):
    scores = {("crafted-cam", "cam"): 28.0, **{(name, "cam"): value for name, value in others.items()}}
    summary = Summary.read(write_summary(tmp_path, scores))
    (tmp_path / "paired").mkdir()
    differences = Summary.read(write_summary(tmp_path / "paired", {("crafted-cam", "cam"): 1.5}))
    text = f"On the photos of cam the crafted model is 1.50 dB better than the full-range one{words}."
    assert headline("cam", summary, differences, replace(JUDGED, fit="ok")) == text
    misfit = headline("cam", summary, differences, replace(JUDGED, fit="misfit"))
    assert misfit == f"{text} The degradation space does not explain these photos."


def test_a_certain_ssim_that_contradicts_is_said():
    def said(psnr, low, high, photos=7):
        ssim = Score((low + high) / 2, low, high, photos, 1)
        scores = {("crafted-old", "old", "psnr_y"): Score(psnr, psnr - 1, psnr + 1, photos, 1)}
        differences = Summary(scores | {("crafted-old", "old", "ssim_y"): ssim})
        return [text for text in sentences("old", Summary(scores), None, differences) if "SSIM" in text]

    assert said(0.01, -0.015, -0.001) == [
        "SSIM-Y says otherwise: on the photos of old it is 0.008 lower than with the full model (95% interval -0.015 "
        "to -0.001)."
    ]
    assert "higher than" in said(-0.2, 0.001, 0.003)[0]
    assert not said(0.01, 0.001, 0.003)
    assert not said(0.01, -0.015, 0.001)
    assert not said(0.01, -0.015, -0.001, photos=5)
    assert not said(0.01, -0.0006, -0.0002)  # which would be shown as 0.000
    assert not said(0.004, -0.015, -0.001)  # PSNR-Y says that the two are level


def test_models_that_are_below_interpolation_are_said_to_be(tmp_path):
    scores = {("bicubic", "cam"): 28.0, ("full", "cam"): 27.0, ("crafted-cam", "cam"): 26.9}
    summary = Summary.read(write_summary(tmp_path, scores))
    (tmp_path / "paired").mkdir()
    differences = Summary.read(write_summary(tmp_path / "paired", {("crafted-cam", "cam"): -2.0}))
    assert "2.00 dB worse than the full-range one, and 1.10 dB worse than bic" in headline("cam", summary, differences)
    _, below = sentences("cam", summary, None, differences)
    assert below.startswith("No model reaches bicubic interpolation on the photos of cam")
    reached = Summary.read(write_summary(tmp_path, {**scores, ("full", "cam"): 28.1}))
    assert len(list(sentences("cam", reached, None, differences))) == 1


@pytest.mark.parametrize(
    ("photos", "own", "everywhere"),
    [
        (1, ", though 1 photo is too few to tell", ", which can be chance"),
        (5, ", though 5 photos are too few to tell", ", which can be chance"),
        (6, "", ""),
    ],
)
def test_fewer_than_six_photos_are_too_few_to_tell(photos, own, everywhere):
    gained = {("crafted-cam", name, "psnr_y"): Score(0.5, 0.4, 0.6, photos, 1) for name in ("cam", "full")}
    assert headline("cam", Summary({}), Summary(gained)) == (
        f"On the photos of cam the crafted model is 0.50 dB better than the full-range one{own}; "
        f"over the full range it gains 0.50 dB{everywhere}."
    )


def test_few_photos_are_said_wherever_something_is_compared():
    scores = {("crafted-cam", "cam", "psnr_y"): Score(27.0, 26.0, 28.0, 2, 1)}
    scores["bicubic", "cam", "psnr_y"] = Score(26.0, 25.0, 27.0, 2, 1)
    assert headline("cam", Summary(scores), Summary({})) == (
        "On the photos of cam the crafted model is 1.00 dB better than bicubic interpolation, though 2 photos are too "
        "few to tell."
    )
    assert "1.00 dB above bicubic interpolation (2 photos are too few to tell)" in sentence("cam", Summary(scores))
    gained = {("crafted-cam", "cam", "psnr_y"): Score(0.001, 0.001, 0.001, 2, 1)}
    gained["crafted-cam", "full", "psnr_y"] = Score(0.1, 0.05, 0.2, 2, 1)
    assert headline("cam", Summary({}), Summary(gained)) == (
        "On the photos of cam the crafted model is level with the full-range one; over the full range it gains "
        "0.10 dB, though 2 photos are too few to tell."
    )


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (Score(0.5, 0.5, 0.5, 1, 1), " (1 photo is too few to tell)"),
        (Score(0.5, 0.25, 0.75, 3, 1), " (95% interval +0.25 to +0.75, but 3 photos are too few to tell)"),
        (Score(0.5, 0.25, 0.75, 6, 1), " (95% interval +0.25 to +0.75)"),
        (Score(0.5, 0.5, 0.5, 6, 1), ""),  # without resamplings
    ],
)
def test_one_photo_has_no_interval(tmp_path, score, words):
    summary = Summary.read(write_summary(tmp_path, {("full", "cam"): 27.0, ("crafted-cam", "cam"): 27.5}))
    differences = Summary({("crafted-cam", "cam", "psnr_y"): score})
    assert sentence("cam", summary, None, differences).endswith(f": 0.50 dB above the full model{words}.")


def test_the_headline_without_a_full_model(tmp_path):
    summary = Summary.read(write_summary(tmp_path, {("crafted-cam", "cam"): 27.0, ("bicubic", "cam"): 26.0}))
    assert headline("cam", summary, Summary({})) == (
        "On the photos of cam the crafted model is 1.00 dB better than bicubic interpolation."
    )
    assert headline("film", summary, Summary({})) is None


def test_crafted_below_the_others_and_below_interpolation(said):
    assert said(
        {
            ("bicubic", "cam"): 28.0,
            ("full", "cam"): 27.5,
            ("clean", "cam"): 27.8,
            ("oracle-cam", "cam"): 27.3,
            ("crafted-cam", "cam"): 27.3,
            ("full", "full"): 26.0,
            ("crafted-cam", "full"): 26.2,
        }
    ) == (
        "On the photos of cam the crafted model reaches 27.30 dB PSNR-Y: 0.20 dB below the full model, 0.50 dB below "
        "the clean model, level with the oracle model, 0.70 dB below bicubic interpolation; over the full range it "
        "gains 0.20 dB against the full model."
    )


def test_other_targets_do_not_count(said):
    text = said({("crafted-cam", "cam"): 27.0, ("bicubic", "cam"): 26.0, ("oracle-film", "film"): 30.0})
    assert (
        text == "On the photos of cam the crafted model reaches 27.00 dB PSNR-Y: 1.00 dB above bicubic interpolation."
    )


def test_without_a_full_model(said):
    text = said({("crafted-cam", "cam"): 27.0, ("clean", "cam"): 26.5, ("crafted-cam", "full"): 25.0})
    assert text.endswith(": 0.50 dB above the clean model; over the full range it reaches 25.00 dB.")


def test_without_a_crafted_model(said):
    text = said({("bicubic", "cam"): 26.0, ("full", "cam"): 27.0})
    assert text == (
        "No crafted model was trained. PSNR-Y on the photos of cam: the full model 27.00 dB, "
        "bicubic interpolation 26.00 dB."
    )


def test_with_a_crafted_model_of_another_dial_alone(said):
    text = said({("full", "cam"): 27.0, ("crafted-cam-0.1", "cam"): 27.5, ("crafted-film-0.1", "film"): 28.0})
    assert text == (
        "No model was crafted with the dial of craft.generalization. PSNR-Y on the photos of cam: the model crafted "
        "with the dial at 0.1 27.50 dB, the full model 27.00 dB."
    )


def test_nothing_is_minus_zero(tmp_path):
    (tmp_path / "paired").mkdir()
    summary = Summary.read(write_summary(tmp_path, {("full", "cam"): 27.0, ("crafted-cam", "cam"): 27.5}))
    differences = Summary.read(write_summary(tmp_path / "paired", {("crafted-cam", "cam"): 0.998}))
    assert "(95% interval +0.00 to +2.00)" in sentence("cam", summary, None, differences)


def test_without_test_pairs(said):
    assert said({("full", "full"): 26.0}, CERTIFICATE) == (
        "cam has no test pairs, so PSNR-Y of its models is unknown; crafting took the distance to its reference photos "
        "from 20.8 to 1.19."
    )
    assert said({}) == "cam has no test pairs, so PSNR-Y of its models is unknown."


def test_only_a_misfit_is_news_or_what_is_nearly_one(tmp_path):
    summary = Summary.read(write_summary(tmp_path, {}))
    assert len(list(sentences("cam", summary, CERTIFICATE))) == 1
    assert list(sentences("cam", summary, FAR))[1] == f"cam: {fit_sentence(FAR)}"
    near = replace(JUDGED, fit="ok", fit_p=0.079, fit_p_distance=0.0396, fit_p_direction=0.5, fit_above=97)
    assert "but only just (p = 0.079)" in list(sentences("cam", summary, near))[1]
    assert len(list(sentences("cam", summary, replace(near, fit_p=0.4)))) == 1


def test_seeds_are_averaged(said):
    text = said({("bicubic", "cam"): 20.0, ("crafted-cam", "cam"): [27.0, 28.0], ("full", "cam"): [26.0, 27.5]})
    assert "reaches 27.50 dB PSNR-Y (mean of 2 seeds): 0.75 dB above the full model" in text


def test_what_is_given_up_over_the_full_range_is_paired(tmp_path):
    values = {
        ("crafted-cam", "cam"): 28.0,
        ("full", "cam"): 27.0,
        ("full", "full"): 26.0,
        ("crafted-cam", "full"): 24.0,
    }
    summary = Summary.read(write_summary(tmp_path, values))
    folder = tmp_path / "paired"
    folder.mkdir()
    differences = Summary.read(write_summary(folder, {("crafted-cam", "full"): -0.1}))
    assert "over the full range it gives up 0.10 dB" in sentence("cam", summary, None, differences)


def test_the_terminal_text(tmp_path):
    values = {("crafted-cam", "cam"): 28.0, ("full", "cam"): 27.0, ("full", "full"): 26.0, ("bicubic", "cam"): 25.0}
    write_summary(tmp_path, values)
    text = outcome(tmp_path, ["cam"], counts={"upscaled/cam": ALL})
    lines = text.splitlines()
    assert lines[1].split() == ["PSNR-Y,", "dB", "cam", "full"]
    assert [line.split() for line in lines[2:5]] == [
        ["bicubic", "25.00", "-"],
        ["full", "27.00", "26.00*"],
        ["crafted-cam", "28.00*", "-"],
    ]
    assert "1.00 dB above the full model" in " ".join(lines)
    assert f"report: {tmp_path}/report.html" in lines
    assert f"photos: {tmp_path}/upscaled/cam" in lines
    assert max(map(len, lines)) <= max(100, len(str(tmp_path)) + 30)


def test_paths_are_those_that_the_user_would_write(tmp_path):
    write_summary(tmp_path, {("full", "cam"): 27.0})
    lines = outcome(tmp_path, ["cam"], shown="mine/results", counts={"upscaled/cam": ALL}).splitlines()
    assert lines[-2:] == ["report: mine/results/report.html", "photos: mine/results/upscaled/cam"]


def test_photos_of_which_nothing_was_made_are_counted(tmp_path):
    write_summary(tmp_path, {("full", "cam"): 27.0})
    counts = {
        "upscaled/cam": PhotoCounts(4, ("broken.jpg",), (), "logs/upscale/cam.log"),
        "upscaled/old": PhotoCounts(2, (), (), "logs/upscale/old.log"),
        "upscaled/tel": PhotoCounts(2, (), ("a.HEIC", "b"), "logs/upscale/tel.log"),
        "degraded/full": PhotoCounts(2, ("d.png",), ("c.bmp",), "logs/degrade/full.log"),
    }
    (tmp_path / "degraded/full").mkdir(parents=True)
    others = {"degraded": ["degraded/full/"]}
    lines = outcome(tmp_path, ["cam", "old", "tel"], shown="mine", others=others, counts=counts).splitlines()
    assert lines[-4:] == [
        "photos: mine/upscaled/cam (3 of 4 photos, not: broken.jpg; see mine/logs/upscale/cam.log)",
        "photos: mine/upscaled/old",
        "photos: mine/upscaled/tel (passed over: a.HEIC, b; see mine/logs/upscale/tel.log)",
        "degraded: mine/degraded/full (1 of 2 photos, not: d.png; passed over besides: c.bmp; see "
        "mine/logs/degrade/full.log)",
    ]


def test_a_photo_of_which_nothing_was_made_is_the_one_without_a_result_of_its_stem(tmp_path):
    for path in ("made/a.b.png", "made/parameters.csv", "photos/a.b.jpg", "photos/a.jpg", "photos/a.HEIC"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    count = PhotoCounts.of(tmp_path / "made", tmp_path / "photos", "logs/x.log")
    assert count == PhotoCounts(2, ("a.jpg",), ("a.HEIC",), "logs/x.log")
    assert count.made == 1


def test_what_there_is_for_other_programs_is_named_crafted_first(tmp_path):
    write_summary(tmp_path, {("full", "cam"): 27.0})
    for name in ("degraded/full", "degraded/crafted-cam", "models/full/seed0"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "models/full/seed0/model.onnx").touch()
    others = {
        "onnx": ["models/full/seed0/model.onnx", "models/clean/seed0/model.onnx"],  # the second is not there
        "degraded": ["degraded/full/", "degraded/crafted-cam/"],
        "paired": [],
        "exported": ["exported/crafted-cam/"],
    }
    assert outcome(tmp_path, ["cam"], shown="mine", others=others).splitlines()[-3:] == [
        "report: mine/report.html",
        "onnx: mine/models/full/seed0/model.onnx",
        "degraded: mine/degraded/crafted-cam and 1 more",
    ]


def test_the_terminal_text_where_nothing_was_measured(tmp_path):
    write_summary(tmp_path, {})
    folder = tmp_path / "targets" / "cam"
    folder.mkdir(parents=True)
    CERTIFICATE.write(folder / "certificate.json")
    (tmp_path / "upscaled" / "old").mkdir(parents=True)  # of a target that the configuration no longer has
    text = outcome(tmp_path, ["cam"])
    assert "cam has no test pairs" in text
    assert "old" not in text
    assert "*" not in text


def test_the_ending_of_a_run_that_only_crafted(tmp_path):
    for name, judged in {"cam": replace(JUDGED, fit="ok", fit_p=0.43), "old": JUDGED}.items():
        (tmp_path / "targets" / name).mkdir(parents=True)
        judged.write(tmp_path / "targets" / name / "certificate.json")
    os.utime(tmp_path / "targets/old/certificate.json", (1, 1))  # of an earlier run
    lines = what_was_crafted(tmp_path, ["cam", "old", "film"], 2, "mine/results").splitlines()
    assert lines == [
        "",
        "cam: Distance 20.8 -> 1.19. Nothing was noticed in the reference photos that the space does not",
        "contain (p = 0.43).",
        "figure: mine/results/targets/cam/marginals.png",
        "",
        "The same command without 'crafting' goes on to training.",
    ]
    (tmp_path / "report.html").touch()
    assert what_was_crafted(tmp_path, ["cam"], 2, "mine/results").splitlines()[5:] == [
        "The same command without 'crafting' goes on to training. Until then mine/results/report.html and",
        "what was trained are those of the run before.",
    ]
    assert what_was_crafted(tmp_path, ["old"], 2, "mine/results") == ""


def test_the_ending_says_where_the_weight_lies(tmp_path):
    (tmp_path / "targets" / "cam").mkdir(parents=True)
    replace(JUDGED, fit="ok", fit_p=0.43).write(tmp_path / "targets/cam/certificate.json")
    rows = ["noise_sigma,0,5,,0.3,0.5,0.2,0.4", "noise_sigma,5,10,,0.7,0.5,0.6,0.8"]
    rows += ["jpeg_quality,30,60,,0.9,0.5,0.8,1", "jpeg_quality,60,90,,0.1,0.5,0,0.2"]
    table = "\n".join(["axis,lower,upper,choice,weight,prior,low,high", *rows])
    (tmp_path / "targets/cam/marginals.csv").write_text(table)
    text = what_was_crafted(tmp_path, ["cam"], 2, "results").replace("\n", " ")
    assert "Most of the weight lies at jpeg_quality 30 to 60 (1-100). It is spread over all of noise_sigma" in text
    assert "noise_sigma, 0 to 10 (of 255). 70% of" in text
    assert "at the lower end of jpeg_quality, 30 to 60; if the photos look like that, a range that goes farther" in text
    write_summary(tmp_path, {})
    assert "cam: Most of the weight lies at jpeg_quality 30 to 60" in outcome(tmp_path, ["cam"])


def test_the_terminal_text_begins_with_the_times(tmp_path):
    write_summary(tmp_path, {("full", "cam"): 27.0})
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "photos.tsv").write_text("s\th:m:s\n75.2\t0:01:15\n")
    lines = outcome(tmp_path, ["cam"]).splitlines()
    assert [line.split() for line in lines[1:3]] == [["stage", "jobs", "time"], ["photos", "1", "1:15"]]


def test_neither_torch_nor_matplotlib_is_imported():
    program = "import sys, degcraft.outcome; sys.exit(bool({'torch', 'matplotlib', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
