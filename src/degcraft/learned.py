"""Whether the encoder learned to tell degradations apart, and along which axes, in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from degcraft.settings import EncoderSettings
from degcraft.words import counted, some

TOLD = 0.05  # share of an axis that is explained; below it crafting is hardly nearer to the truth than the full range
STEPS = 200  # with fewer, crafted weights are nearly twice as far from the truth as with the default, or farther


def unlearned(curve: pd.DataFrame, explained: pd.DataFrame) -> str | None:
    """That an encoder learned nothing, or little in few steps, and what follows; None if it learned.

    Args:
        curve: ``step, loss, guess``, as `degcraft.encoder.train_encoder` writes it.
        explained: ``axis, explained``, likewise.
    """
    steps, most = int(curve["step"].iloc[-1]), explained["explained"].max()
    if most < TOLD:
        found = f"The encoder learned nothing: it explains {max(most, 0):.0%} of an axis at most"
        weights = "say nothing of the photos"
    elif steps < STEPS:
        found = f"The encoder learned little in {counted(steps, 'step')}: its loss is {losses_of(curve)}"
        weights = "are rough"
    else:
        return None
    return (
        f"{found}. So weights {weights}, and whether the space explains the photos is not judged. Raise "
        "encoder.samples, or leave it out."
    )


def losses_of(curve: pd.DataFrame) -> str:
    """``0.013, that of a guess 0.083``."""
    last = curve.iloc[-1]
    return f"{last['loss']:.2g}, that of a guess {last['guess']:.2g}"


def hardly_told(explained: pd.DataFrame) -> tuple[str, ...]:
    """Axes of which an encoder tells next to nothing.

    Args:
        explained: ``axis, explained``, as `degcraft.encoder.train_encoder` writes it.
    """
    return tuple(explained.loc[explained["explained"] < TOLD, "axis"])


def untold(axes: Sequence[str]) -> str | None:
    """That weights on axes that are `hardly_told` say next to nothing, and what follows; None without any."""
    if not axes:
        return None
    many = len(axes) > 1
    return (
        f"The encoder can hardly tell {some(axes)}: other steps hide {'them' if many else 'it'}, or it was trained too "
        f"briefly (encoder.samples). Weights on {'these axes' if many else 'this axis'} are mostly chance. Without "
        f"bins, {'they are' if many else 'it is'} drawn over all of {'their' if many else 'its'} range."
    )


@dataclass(frozen=True)
class Learned:
    """What can be relied on of what an extractor's features say.

    Attributes:
        blind: that it learned nothing or little, if so; nothing that was judged by its features is then said.
        hardly_told: axes on which weights say next to nothing.
    """

    blind: str | None = None
    hardly_told: tuple[str, ...] = ()

    @property
    def doubt(self) -> str | None:
        """Why weights should not be relied on, or not all of them."""
        return self.blind or untold(self.hardly_told)

    def told(self, marginals: pd.DataFrame) -> pd.DataFrame:
        """The rows of marginals (of `degcraft.bootstrap`) that can be relied on: none if the extractor is blind."""
        return marginals.iloc[:0] if self.blind else marginals[~marginals["axis"].isin(self.hardly_told)]

    @staticmethod
    def read(results: str | os.PathLike[str], extractor: str) -> Learned:
        """Of a run's extractor; nothing is doubted where it is no encoder, or of a version that did not measure it."""
        tables = [Path(results, "extractor", name) for name in ("encoder.csv", "encoder_axes.csv")]
        there = extractor == "encoder" and all(table.is_file() for table in tables)
        return Learned.of(tables if there else [])

    @staticmethod
    def of(tables: Sequence[str | os.PathLike[str]]) -> Learned:
        """Of an encoder's ``encoder.csv`` and ``encoder_axes.csv``; nothing is doubted where there are none."""
        if not tables:
            return TRUSTED
        curve, explained = (pd.read_csv(table) for table in tables)
        return Learned(unlearned(curve, explained), hardly_told(explained))


TRUSTED = Learned()
"""Where nothing is doubted."""


def encoder_remarks(settings: EncoderSettings) -> Iterator[str]:
    """That the encoder is trained briefly, or on fewer samples than were asked for, if it is."""
    if settings.steps < STEPS:
        yield (
            f"encoder: {counted(settings.steps, 'step')} (samples x passes / batch) teach it little, so that crafting "
            f"finds the degradation badly. Raise encoder.samples; by default there are {EncoderSettings().steps} steps."
        )
    if (drawn := settings.buffers * settings.buffer) < settings.samples:
        yield (
            f"encoder.samples: {drawn} of {settings.samples} are drawn, as many as fill whole buffers of "
            f"{settings.buffer}. Give a multiple of encoder.buffer."
        )
