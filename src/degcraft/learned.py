"""Whether the encoder learned to tell degradations apart, in words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from degcraft.settings import EncoderSettings
from degcraft.words import counted

NOTHING = 0.05  # share of a guess's loss: an encoder that takes off less learned nothing; of two passes 0.1 may be all
STEPS = 200  # with fewer, crafted weights are nearly twice as far from the truth as with the default, or farther


def unlearned(curve: pd.DataFrame) -> str | None:
    """That an encoder learned nothing, or little in few steps, and what follows; None if it learned.

    Args:
        curve: ``step, loss, guess``, as `degcraft.encoder.train_encoder` writes it.
    """
    last = curve.iloc[-1]
    if last["loss"] > (1 - NOTHING) * last["guess"]:
        found = (
            f"The encoder learned nothing: its loss is {losses_of(curve)}. So weights say nothing of the photos, and"
        )
    elif last["step"] < STEPS:
        steps = counted(int(last["step"]), "step")
        found = f"The encoder learned little in {steps}: its loss is {losses_of(curve)}. So weights are rough, and"
    else:
        return None
    return f"{found} whether the space explains the photos is not judged. Raise encoder.samples, or leave it out."


def losses_of(curve: pd.DataFrame) -> str:
    """``0.013, that of a guess 0.083``."""
    last = curve.iloc[-1]
    return f"{last['loss']:.2g}, that of a guess {last['guess']:.2g}"


def read_unlearned(results: str | os.PathLike[str], extractor: str) -> str | None:
    """The same of a run's extractor; None where it is no encoder, or one from a version that knew no guess."""
    path = Path(results, "extractor", f"{extractor}.csv")
    curve = pd.read_csv(path) if extractor == "encoder" and path.is_file() else pd.DataFrame()
    return unlearned(curve) if "guess" in curve else None


def encoder_remarks(settings: EncoderSettings) -> Iterator[str]:
    """That the encoder is trained briefly, if it is."""
    if settings.steps < STEPS:
        yield (
            f"encoder: {counted(settings.steps, 'step')} (samples x passes / batch) teach it little, so that crafting "
            f"finds the degradation badly. Raise encoder.samples; by default there are {EncoderSettings().steps} steps."
        )
