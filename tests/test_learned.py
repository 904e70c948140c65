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
from degcraft.learned import encoder_remarks, read_unlearned, unlearned
from degcraft.outcome import outcome, what_was_crafted
from degcraft.settings import EncoderSettings
from degcraft.space import build

QUICK = EncoderSettings(channels=2, features=4, samples=32, buffer=16, passes=1, batch=8)
BLIND = "The encoder learned nothing"


def curve(*losses, guess=0.08, every=200):
    return pd.DataFrame({"step": range(every, every * (len(losses) + 1), every), "loss": losses, "guess": guess})


@pytest.mark.parametrize(
    ("last", "learned"), [(0.06, True), (0.0759, True), (0.0761, False), (0.08, False), (1.0, False)]
)
def test_a_twentieth_of_a_guess_has_to_be_learned(last, learned):
    assert (unlearned(curve(0.01, last)) is None) == learned


def test_the_sentence_names_both_losses():
    assert unlearned(curve(0.3, 0.1034)) == (
        f"{BLIND}: its loss is 0.1, that of a guess 0.08. So weights say nothing of the photos, and whether the space "
        "explains the photos is not judged. Raise encoder.samples, or leave it out."
    )


def test_few_steps_teach_little():
    assert unlearned(curve(0.06, 0.03, every=100)) is None
    assert unlearned(curve(0.06, 0.03, every=99)) == (
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
    train_encoder(patches, build(steps), tmp_path / "a.safetensors", tmp_path / "encoder.csv", QUICK, scale, 0)
    guess = pd.read_csv(tmp_path / "encoder.csv")["guess"]
    assert guess.nunique() == 1
    assert guess[0] == pytest.approx(1 / 12 + 0.1 * np.log(2), rel=0.03)


def test_a_training_of_a_few_steps_is_warned_of(patches, space, encoder, tmp_path, scale, caplog):
    with caplog.at_level(logging.WARNING, "degcraft"):
        train_encoder(patches, space, tmp_path / "a.safetensors", tmp_path / "encoder.csv", QUICK, scale, 0)
    assert BLIND in caplog.text
    assert unlearned(pd.read_csv(encoder.with_suffix(".csv"))).startswith("The encoder learned little in 128 steps")


def test_other_extractors_and_curves_of_before_are_not_judged(tmp_path):
    assert read_unlearned(tmp_path, "encoder") is None
    (tmp_path / "extractor").mkdir()
    curve(0.1).to_csv(tmp_path / "extractor/encoder.csv", index=False)
    assert read_unlearned(tmp_path, "encoder")
    assert read_unlearned(tmp_path, "srgan") is None
    curve(0.1).drop(columns="guess").to_csv(tmp_path / "extractor/encoder.csv", index=False)
    assert read_unlearned(tmp_path, "encoder") is None


def test_few_steps_are_remarked_on():
    assert list(encoder_remarks(EncoderSettings())) == []
    assert list(encoder_remarks(EncoderSettings(samples=8000))) == []  # 250
    (text,) = encoder_remarks(EncoderSettings(samples=1500, buffer=500))
    assert text.startswith("encoder: 42 steps (samples x passes / batch) teach it little")
    assert text.endswith("by default there are 1500 steps.")


def test_the_ending_says_so_and_not_what_follows_from_it(tmp_path):
    folder = tmp_path / "targets" / "cam"
    folder.mkdir(parents=True)
    FAR.write(folder / "certificate.json")
    rows = ["jpeg_quality,30,60,,0.9,0.5,0.8,1", "jpeg_quality,60,90,,0.1,0.5,0,0.2"]
    (folder / "marginals.csv").write_text("\n".join(["axis,lower,upper,choice,weight,prior,low,high", *rows]))
    write_summary(tmp_path, {("full", "cam"): 27.0, ("crafted-cam", "cam"): 26.0})
    for blind in (None, f"{BLIND}."):
        texts = outcome(tmp_path, ["cam"], blind=blind), what_was_crafted(tmp_path, ["cam"], 0, "results", blind)
        for text in texts:
            for words in ("Most of the weight", "a range that goes farther", "does not contain"):
                assert (words in text.replace("\n", " ")) == (blind is None)
            assert text.count(BLIND) == (blind is not None)


def test_the_page_says_so_and_not_what_follows_from_it(tmp_path, make_photo):
    inputs = results_tree(tmp_path, make_photo)
    FAR.write(inputs.results / "targets/cam/certificate.json")
    assert "does not contain" in Page(written(inputs)).text
    (inputs.results / "extractor").mkdir(exist_ok=True)
    curve(0.1).to_csv(inputs.results / "extractor/encoder.csv", index=False)
    text = Page(written(inputs)).text
    assert text.count(BLIND) == 3  # at the top, at the weights, and where the fit is
    assert "does not contain" not in text
    assert "does not explain" not in text


def test_the_log_says_so_in_place_of_the_fit(tmp_path, caplog):
    fit = Fit(1.0, np.zeros(0), np.zeros(0), np.zeros(0))
    with caplog.at_level(logging.INFO, "degcraft"):
        write_fit(fit, CRAFT_FACTS, np.array([0.9, 1.1]), tmp_path, f"{BLIND}.")
    assert caplog.messages == [f"{BLIND}."]
    assert Certificate.read(tmp_path / "certificate.json").fit is None
