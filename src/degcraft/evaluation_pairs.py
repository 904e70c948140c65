"""Test pairs: which LR photo belongs to which HR photo, and whether their sizes fit."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from degcraft.degrade import PARAMETERS
from degcraft.errors import UserError
from degcraft.images import distinct_stems, list_images

_ENDING = re.compile(r"[-_]?(?:x[0-9]+[dmw]?|lr(?:x?[0-9]+)?|lq|hr|hq|gt)$", re.IGNORECASE)
"""What data sets put behind the stem of an LR or HR photo: 0801x4 or 0801x4m in DIV2K, Canon_001_LR4 in RealSR."""


@dataclass(frozen=True)
class EvaluationPair:
    """One test image: an LR file, the HR file it should become, and the test set it belongs to."""

    testset: str
    lr: Path
    hr: Path


def own_pairs(target: str, lr: str | os.PathLike[str], hr: str | os.PathLike[str]) -> list[EvaluationPair]:
    """A target's own test pairs: files of the same stem in two folders.

    Raises:
        UserError: an image without its partner.
    """
    low, high = (distinct_stems(list_images(folder)) for folder in (lr, hr))
    problems = [
        f"{where}: no photo with the stem {min(missing)!r}, which its partner folder holds"
        for missing, where in ((low.keys() - high.keys(), hr), (high.keys() - low.keys(), lr))
        if missing
    ]
    if problems:
        raise UserError("; ".join(problems) + _endings(low, high))
    return [EvaluationPair(target, low[stem], high[stem]) for stem in sorted(low)]


def _endings(low: Iterable[str], high: Iterable[str]) -> str:
    """That stems fit without what data sets put behind them, if they do where they did not before."""
    lr, hr = ({_ENDING.sub("", stem): stem for stem in sorted(stems)} for stems in (low, high))
    if len(lr) < len(set(low)) or len(hr) < len(set(high)) or len(lr.keys() & hr.keys()) <= len(set(low) & set(high)):
        return ""
    first = min(lr.keys() & hr.keys())
    renamed = [f"{stem!r} to {first!r}" for stem in (lr[first], hr[first]) if stem != first]
    return f"; without such endings names fit: rename {' and '.join(renamed)}, and the others likewise"


def made_pairs(testset: str, folder: str | os.PathLike[str], hr: str | os.PathLike[str]) -> list[EvaluationPair]:
    """Pairs from a folder that `degcraft.degrade.degrade_folder` wrote."""
    import pandas as pd  # see degcraft.space

    table = pd.read_csv(Path(folder) / PARAMETERS)
    return [
        EvaluationPair(testset, Path(folder) / file, Path(hr) / photo)
        for file, photo in zip(table["file"], table["photo"], strict=True)
    ]


def _perhaps(lr: Sequence[int], hr: Sequence[int]) -> str:
    """What may have happened to a pair whose sizes do not fit."""
    if lr[0] > hr[0] and lr[1] > hr[1]:
        return "; perhaps the folders are swapped"
    fitting = [scale for scale in (2, 4) if (hr[0] // scale, hr[1] // scale) == tuple(lr)]
    return f"; they would fit a scale of {fitting[0]}" if fitting else ""


def size_problem(pair: EvaluationPair, lr: Sequence[int], hr: Sequence[int], scale: int, least: int) -> str | None:
    """Why a pair cannot be measured because of its sizes, in words; None if it can.

    Args:
        pair: for its files' names.
        lr: width and height of the LR photo.
        hr: width and height of the HR photo; what is beyond a multiple of the scale is cut off.
        scale: SR scale.
        least: pixels that a side of the HR photo must have.
    """
    width, height = hr[0] // scale, hr[1] // scale
    if tuple(lr) != (width, height):
        found = f"{lr[0]}x{lr[1]} pixels, but {pair.hr} over the scale {scale} has {width}x{height}"
        return f"{pair.lr}: {found}{_perhaps(lr, hr)}"
    if scale * min(width, height) < least:
        return f"{pair.hr}: smaller than {least} pixels, too small for the metrics; remove the pair"
    return None
