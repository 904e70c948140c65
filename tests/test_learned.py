"""Whether the encoder learned anything, and what is said where it did not."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from certificates import CRAFT_FACTS, FAR
from report_tree import Page, results_tree, written
from summaries import write_summary

from degcraft.axes import Choices, Range, Step
from degcraft.certificate import Certificate
from degcraft.certify import Fit, write_fit
from degcraft.encoder import train_encoder
from degcraft.learned import TRUSTED, Learned, encoder_remarks, unlearned
from degcraft.outcome import outcome, what_was_crafted
from degcraft.settings import EncoderSettings
from degcraft.space import build

QUICK = EncoderSettings(channels=2, features=4, samples=32, buffer=16, passes=1, batch=8)
FILES = ("a.safetensors", "encoder.csv", "encoder_axes.csv")
BLIND = "The encoder learned nothing"


def curve(*losses, guess=0.08, every=200):
    return pd.DataFrame({"step": range(every, every * (len(losses) + 1), every), "loss": losses, "guess": guess})


def told(*shares):
    return pd.DataFrame({"axis": [f"axis{i}" for i in range(len(shares))], "explained": shares})


@pytest.mark.parametrize(
    ("shares", "learned"),
    [((0.6,), True), ((0.05,), True), ((0.049,), False), ((-0.3, 0.0), False), ((0.01, 0.01, 0.2), True)],
)
def test_a_twentieth_of_some_axis_has_to_be_explained(shares, learned):
    assert (unlearned(curve(0.078), told(*shares)) is None) == learned


def test_the_sentence_says_how_much_is_explained():
    rest = "So weights say nothing of the photos, and whether the space explains the photos is not judged."
    advice = "Raise encoder.samples, or leave it out."
    for shares, most in (((-0.2, 0.026), "3%"), ((-0.2, -0.1), "0%")):
        said = unlearned(curve(0.1), told(*shares))
        assert said == f"{BLIND}: it explains {most} of an axis at most. {rest} {advice}"


def test_few_steps_teach_little():
    assert unlearned(curve(0.06, 0.03, every=100), told(0.5)) is None
    assert unlearned(curve(0.06, 0.03, every=99), told(0.5)) == (
        "The encoder learned little in 198 steps: its loss is 0.03, that of a guess 0.08. So weights are rough, and "
        "whether the space explains the photos is not judged. Raise encoder.samples, or leave it out."
    )


def test_a_guess_is_the_mean_of_a_number_and_the_shares_of_classes(patches, tmp_path, scale):
    """The variance of what is uniform over 0..1, and a tenth of the entropy of two classes that are alike often."""
    steps = [
        Step("blur", (("sigma", Range(0.2, 2.0, 2)),)),
        Step("resize", (("kind", Choices(("area", "bicubic"))),)),  # two of five kinds
        Step("noise", (("sigma", Range(0.0, 25.0)),)),  # nuisance
    ]
    train_encoder(patches, build(steps), *(tmp_path / name for name in FILES), QUICK, scale, 0)
    guess = pd.read_csv(tmp_path / "encoder.csv")["guess"]
    assert guess.nunique() == 1
    assert guess[0] == pytest.approx(1 / 12 + 0.1 * np.log(2), rel=0.03)


def test_a_training_of_a_few_steps_is_warned_of(patches, space, encoder, tmp_path, scale, caplog):
    with caplog.at_level(logging.WARNING, "degcraft"):
        train_encoder(patches, space, *(tmp_path / name for name in FILES), QUICK, scale, 0)
    assert BLIND in caplog.text
    tables = [pd.read_csv(encoder.with_name(name)) for name in FILES[1:]]
    assert unlearned(*tables).startswith("The encoder learned little in 128 steps")


def written_tables(results, loss, explained):
    """What the training of an encoder leaves in ``results``."""
    folder = results / "extractor"
    folder.mkdir(exist_ok=True)
    curve(loss).to_csv(folder / "encoder.csv", index=False)
    pd.DataFrame({"axis": explained.keys(), "explained": explained.values()}).to_csv(
        folder / "encoder_axes.csv", index=False
    )


def test_what_is_known_of_an_encoder(tmp_path):
    assert Learned.read(tmp_path, "encoder") == TRUSTED
    written_tables(tmp_path, 0.03, {"blur_sigma": 0.0499, "noise_sigma": 0.05, "jpeg_quality": -0.01})
    assert Learned.read(tmp_path, "encoder") == Learned(None, ("blur_sigma", "jpeg_quality"))
    written_tables(tmp_path, 0.1, {"blur_sigma": 0.03})
    assert Learned.read(tmp_path, "encoder").blind.startswith(BLIND)
    assert Learned.read(tmp_path, "srgan") == TRUSTED
    (tmp_path / "extractor/encoder_axes.csv").unlink()  # a version that did not measure it
    assert Learned.read(tmp_path, "encoder") == TRUSTED


def test_axes_that_are_hardly_told_are_doubted():
    assert TRUSTED.doubt is None
    assert Learned(None, ("jpeg_quality",)).doubt == (
        "The encoder can hardly tell jpeg_quality: other steps hide it, or it was trained too briefly "
        "(encoder.samples). Weights on this axis are mostly chance. Without bins, it is drawn over all of its range."
    )
    many = Learned(None, ("noise_sigma", "jpeg_quality")).doubt
    assert many.startswith("The encoder can hardly tell noise_sigma, jpeg_quality: other steps hide them, or ")
    assert many.endswith("Without bins, they are drawn over all of their range.")
    assert Learned("blind", ("jpeg_quality",)).doubt == "blind"


def test_axes_that_are_hidden_are_hardly_told(patches, tmp_path, scale, caplog):
    """A first JPEG of qualities that are nearly the same, under noise that hides it."""
    steps = [
        Step("jpeg", (("quality", Range(94, 96, 2)),)),
        Step("noise", (("sigma", Range(0.0, 25.0, 2)),)),
        Step("resize", ()),
    ]
    settings = EncoderSettings(channels=4, features=8, samples=4096, buffer=1024, passes=4, batch=32)
    with caplog.at_level(logging.WARNING, "degcraft"):
        train_encoder(patches, build(steps), *(tmp_path / name for name in FILES), settings, scale, 0)
    assert "The encoder can hardly tell jpeg_quality" in caplog.text
    explained = pd.read_csv(tmp_path / FILES[2]).set_index("axis")["explained"]
    assert explained["noise_sigma"] > 0.5 > 0.05 > explained["jpeg_quality"]


def test_few_steps_are_remarked_on():
    assert list(encoder_remarks(EncoderSettings())) == []
    assert list(encoder_remarks(EncoderSettings(samples=8000))) == []  # 250
    (text,) = encoder_remarks(EncoderSettings(samples=1500, buffer=500))
    assert text.startswith("encoder: 42 steps (samples x passes / batch) teach it little")
    assert text.endswith("by default there are 1500 steps.")


def test_samples_that_fill_no_buffer_are_remarked_on():
    assert list(encoder_remarks(EncoderSettings(samples=24_000))) == []
    (text,) = encoder_remarks(EncoderSettings(samples=20_000))
    assert text.startswith("encoder.samples: 16000 of 20000 are drawn, as many as fill whole buffers of 8000.")


def test_the_ending_says_so_and_not_what_follows_from_it(tmp_path):
    folder = tmp_path / "targets" / "cam"
    folder.mkdir(parents=True)
    FAR.write(folder / "certificate.json")
    rows = ["jpeg_quality,30,60,,0.9,0.5,0.8,1", "jpeg_quality,60,90,,0.1,0.5,0,0.2"]
    (folder / "marginals.csv").write_text("\n".join(["axis,lower,upper,choice,weight,prior,low,high", *rows]))
    write_summary(tmp_path, {("full", "cam"): 27.0, ("crafted-cam", "cam"): 26.0})
    for learned in (TRUSTED, Learned(f"{BLIND}."), Learned(None, ("jpeg_quality",))):
        texts = (
            outcome(tmp_path, ["cam"], learned=learned),
            what_was_crafted(tmp_path, ["cam"], 0, "results", learned),
        )
        for text in texts:
            said = text.replace("\n", " ")
            for words in ("Most of the weight", "a range that goes farther"):
                assert (words in said) == (learned == TRUSTED)
            assert ("does not contain" in said) == (learned.blind is None)
            assert said.count(BLIND) == (learned.blind is not None)
            assert said.count("can hardly tell jpeg_quality") == (learned.hardly_told != ())


def test_the_page_says_so_and_not_what_follows_from_it(tmp_path, make_photo):
    inputs = results_tree(tmp_path, make_photo)
    FAR.write(inputs.results / "targets/cam/certificate.json")
    assert "does not contain" in Page(written(inputs)).text
    assert "Where most of the weight lies" in Page(written(inputs)).text
    written_tables(inputs.results, 0.1, {"noise_sigma": 0.01})
    text = Page(written(inputs)).text
    assert "Where most of the weight lies" not in text and "the table below" not in text
    assert text.count(BLIND) == 3  # at the top, at the weights, and where the fit is
    assert "does not contain" not in text
    assert "does not explain" not in text


def test_the_page_says_which_axes_are_hardly_told_and_not_where_their_weight_lies(tmp_path, make_photo):
    inputs = results_tree(tmp_path, make_photo)
    names = ("noise_sigma", "jpeg_quality")
    weight = [f"{axis},{ends},,{weight},0.5,0.1,0.9" for axis in names for ends, weight in (("1,5", 0.9), ("5,9", 0.1))]
    table = "\n".join(["axis,lower,upper,choice,weight,prior,low,high", *weight])
    (inputs.results / "targets/cam/marginals.csv").write_text(table)
    for axes in ((), names[:1]):
        written_tables(inputs.results, 0.03, {axis: 0.01 if axis in axes else 0.5 for axis in names})
        text = Page(written(inputs)).text
        assert text.count("The encoder can hardly tell noise_sigma") == (2 if axes else 0)  # at the top and the weights
        for axis in names:
            assert text.count(axis) == (2 if axis in axes else 1)
        assert ("Where most of the weight lies, on the axes that the encoder can tell" in text) == (axes != ())


def test_the_log_says_so_in_place_of_the_fit(tmp_path, caplog):
    fit = Fit(1.0, np.zeros(0), np.zeros(0), np.zeros(0))
    with caplog.at_level(logging.INFO, "degcraft"):
        write_fit(fit, CRAFT_FACTS, np.array([0.9, 1.1]), tmp_path, f"{BLIND}.")
    assert caplog.messages == [f"{BLIND}."]
    assert Certificate.read(tmp_path / "certificate.json").fit is None
