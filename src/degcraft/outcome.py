"""What a run found, in a few sentences and a table: for the terminal, and for the top of the report."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from degcraft.names import Name
from degcraft.times import times_table

WIDTH = 100  # columns of the terminal text
SHOWN = 0.005  # dB; smaller differences are 0.00 where they are shown
BETTER = ("better than", "worse than")
LOWER = ("lpips",)  # metrics that are the better the lower they are


@dataclass(frozen=True)
class Score:
    """One metric of one distribution on one test set: the mean over photos and its interval.

    Attributes:
        value: mean over the seeds.
        low, high: ends of the 95% interval; mean over the seeds.
        photos: how many photos the mean is over.
        seeds: how many models were trained.
    """

    value: float
    low: float
    high: float
    photos: int
    seeds: int


@dataclass(frozen=True)
class Summary:
    """``summary.csv`` or ``differences.csv``, averaged over seeds.

    Attributes:
        scores: by distribution, test set and metric.
    """

    scores: Mapping[tuple[str, str, str], Score]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Summary:
        """Read ``distribution,seed,testset,metric,value,low,high,n`` and more; a table without rows is allowed."""
        names = {"distribution": str, "testset": str, "metric": str}
        table = pd.read_csv(path, dtype=names, keep_default_na=False)
        scores = {}
        for (distribution, testset, metric), rows in table.groupby(list(names), sort=False):
            value, low, high = (float(rows[column].astype(float).mean()) for column in ("value", "low", "high"))
            key = str(distribution), str(testset), str(metric)
            scores[key] = Score(value, low, high, int(rows["n"].iloc[0]), len(rows))
        return cls(scores)

    @cached_property
    def distributions(self) -> list[str]:
        """Distributions from interpolation to the oracles."""
        found = dict.fromkeys(distribution for distribution, _, _ in self.scores)
        return sorted(found, key=lambda name: Name.parse(name).rank)

    @cached_property
    def testsets(self) -> list[str]:
        """Test sets: the targets' own first, then ``full`` and ``clean``."""
        found = dict.fromkeys(testset for _, testset, _ in self.scores)
        return sorted(found, key=lambda name: ("full", "clean").index(name) + 1 if name in ("full", "clean") else 0)

    @property
    def seeds(self) -> int:
        """How many seeds the trained models have."""
        return max((score.seeds for score in self.scores.values()), default=1)

    def get(self, distribution: str, testset: str, metric: str = "psnr_y") -> Score | None:
        """A score, or None if it was not measured."""
        return self.scores.get((distribution, testset, metric))

    def photos(self, testset: str) -> int:
        """How many photos a test set has."""
        return max(score.photos for (_, name, _), score in self.scores.items() if name == testset)

    def is_best(self, distribution: str, testset: str, metric: str, decimals: int) -> bool:
        """Whether a score, as it is shown, is the best of those over as many photos of its test set.

        With several targets, models for one of them are measured on fewer photos than ``full`` is.
        """
        score = self.get(distribution, testset, metric)
        if score is None:
            return False
        column = [
            other.value
            for (_, name, kind), other in self.scores.items()
            if (name, kind, other.photos) == (testset, metric, score.photos)
        ]
        best = min if metric in LOWER else max
        return round(score.value, decimals) == round(best(column), decimals)


def headline(target: str, summary: Summary, differences: Summary) -> str | None:
    """What crafting came to for one target in one short sentence; None where there is nothing to compare.

    Args:
        target: its name.
        summary: all scores.
        differences: paired differences to the full model.
    """
    own, elsewhere = (differences.get(f"crafted-{target}", testset) for testset in (target, "full"))
    if own is not None:
        text = f"On the photos of {target} the crafted model is {_compared(own.value, 'the full-range one', *BETTER)}"
        if own.low <= 0 <= own.high:
            text += ", which can be chance"
    else:
        crafted, bicubic = (summary.get(name, target) for name in (f"crafted-{target}", "bicubic"))
        if crafted is None or bicubic is None:
            return None
        against = _compared(crafted.value - bicubic.value, "bicubic interpolation", *BETTER)
        text = f"On the photos of {target} the crafted model is {against}"
    if elsewhere is None:
        return f"{text}."
    if abs(elsewhere.value) < SHOWN:
        return f"{text}; elsewhere it is level."
    return f"{text}; elsewhere it {_gained(elsewhere.value)}."


def sentence(
    target: str,
    summary: Summary,
    certificate: Mapping[str, Any] | None = None,
    differences: Summary | None = None,
) -> str:
    """What was found for one target.

    Args:
        target: its name.
        summary: all scores.
        certificate: the target's ``certificate.json``; used where nothing was measured on its photos.
        differences: paired differences to the full model, for the interval of what was gained.
    """
    crafted = summary.get(f"crafted-{target}", target)
    if crafted is not None:
        reached = f"On the photos of {target} the crafted model reaches {decibel(crafted.value)} PSNR-Y"
        others = _against_others(target, summary, differences)
        rest = "; ".join(filter(None, [others, _over_full_range("it", target, summary, differences)]))
        return f"{reached}{_seeds(crafted)}: {rest}."
    if any(testset == target for _, testset, _ in summary.scores):
        return _without_crafted(target, summary)
    return _unmeasured(target, summary, certificate)


def sentences(
    target: str, summary: Summary, certificate: Mapping[str, Any] | None, differences: Summary | None = None
) -> Iterator[str]:
    """What was found for one target, and that its photos are beyond the degradation space if they are."""
    yield sentence(target, summary, certificate, differences)
    if certificate is not None and certificate["fit"] == "misfit":
        yield f"{target}: {fit_sentence(certificate)}"


def _against_others(target: str, summary: Summary, differences: Summary | None) -> str:
    """The crafted model beside those trained on other distributions, and beside interpolation where that is news."""
    others = {"full": "the full model", "clean": "the clean model", f"oracle-{target}": "the oracle model"}
    found = {name: words for name, words in others.items() if summary.get(name, target) is not None}
    crafted, bicubic = summary.get(f"crafted-{target}", target), summary.get("bicubic", target)
    assert crafted is not None
    if bicubic is not None and (not found or crafted.value < bicubic.value):
        found["bicubic"] = "bicubic interpolation"
    parts = []
    for name, words in found.items():
        score = summary.get(name, target)
        assert score is not None
        gained = differences.get(f"crafted-{target}", target) if differences is not None and name == "full" else None
        parts.append(_compared(crafted.value - score.value, words) + _interval(gained))
    return ", ".join(parts)


def _interval(gained: Score | None) -> str:
    """`` (95% interval +0.12 to +0.50)``."""
    return f" (95% interval {gained.low:+.2f} to {gained.high:+.2f})" if gained is not None else ""


def _compared(difference: float, other: str, more: str = "above", less: str = "below") -> str:
    """``0.31 dB above the full model``, by the sign of the difference as it is shown."""
    if abs(difference) < SHOWN:
        return f"level with {other}"
    return f"{decibel(abs(difference))} {more if difference > 0 else less} {other}"


def _gained(difference: float) -> str:
    """``gives up 0.05 dB``; not for differences that are not shown."""
    return f"{'gains' if difference > 0 else 'gives up'} {decibel(abs(difference))}"


def _over_full_range(subject: str, target: str, summary: Summary, differences: Summary | None = None) -> str:
    """What the crafted model, called ``subject``, gains or gives up over the full range; empty if not measured."""
    crafted, full = summary.get(f"crafted-{target}", "full"), summary.get("full", "full")
    gained = differences.get(f"crafted-{target}", "full") if differences is not None else None
    if crafted is None:
        return ""
    if full is None:
        return f"over the full range {subject} reaches {decibel(crafted.value)}"
    difference = crafted.value - full.value if gained is None else gained.value
    if abs(difference) < SHOWN:
        return f"over the full range {subject} is level with the full model"
    return f"over the full range {subject} {_gained(difference)} against the full model"


def _without_crafted(target: str, summary: Summary) -> str:
    """A target with test pairs for which no crafted model was trained."""
    words = {"full": "the full model", "clean": "the clean model", f"oracle-{target}": "the oracle model"}
    words["bicubic"] = "bicubic interpolation"
    found = {text: score for name, text in words.items() if (score := summary.get(name, target)) is not None}
    parts = [f"{text} {decibel(score.value)}" for text, score in found.items()]
    seeds = _seeds(max(found.values(), key=lambda score: score.seeds))
    return f"No crafted model was trained. PSNR-Y on the photos of {target}{seeds}: {', '.join(parts)}."


def _unmeasured(target: str, summary: Summary, certificate: Mapping[str, Any] | None) -> str:
    """A target without test pairs."""
    parts = [f"{target} has no test pairs, so PSNR-Y on its photos is unknown"]
    if certificate is not None:
        before, after = certificate["distance_prior"], certificate["distance"]
        parts.append(f"crafting took the distance to its reference photos from {before:.3g} to {after:.3g}")
    parts += filter(None, [_over_full_range("the crafted model", target, summary)])
    return f"{'; '.join(parts)}."


def fit_sentence(certificate: Mapping[str, Any]) -> str:
    """What ``certificate.json`` says of how well the degradation space explains the reference photos."""
    if certificate["fit"] is None:
        return (
            "Whether the space explains the reference photos was not judged: that takes at least eight HR photos, and "
            "certify.simulations above 0."
        )
    chance = f"p = {certificate['fit_p']:.2g}"
    if certificate["fit"] == "ok":
        explained = "The reference photos are explained as well as photos degraded with the crafted distribution itself"
        return f"{explained} would be ({chance})."
    parts = []
    if certificate["fit_p_distance"] <= certificate["fit_p_direction"]:
        above, all_ = certificate["fit_above"], certificate["fit_simulations"]
        parts.append(
            f"their distance {certificate['distance']:.3g} is above {'all' if above == all_ else above} of {all_} "
            f"simulated ones, {certificate['fit_low']:.2g} to {certificate['fit_high']:.2g}"
        )
    if certificate["fit_p_direction"] <= certificate["fit_p_distance"]:
        parts.append("their detail fades along one direction more than that of simulated ones, as motion blur makes it")
    return (
        f"The reference photos hold a degradation that this space does not contain, or contents unlike any HR photo: "
        f"{', and '.join(parts)} ({chance}). Add the missing operator to 'degradation' or widen its ranges."
    )


def _seeds(score: Score) -> str:
    return f" (mean of {score.seeds} seeds)" if score.seeds > 1 else ""


def decibel(value: float) -> str:
    """``28.25 dB``."""
    return f"{value:.2f} dB"


def read_certificate(results: str | os.PathLike[str], target: str) -> dict[str, Any] | None:
    """A target's ``certificate.json``; None if there is none."""
    path = Path(results) / "targets" / target / "certificate.json"
    return dict(json.loads(path.read_text())) if path.is_file() else None


def outcome(results: str | os.PathLike[str], targets: Sequence[str]) -> str:
    """The ending that a run prints: the stages' times, PSNR-Y, a sentence or two for each target, and where to look.

    Args:
        results: the folder with ``summary.csv`` and ``differences.csv``.
        targets: the names of all targets.
    """
    summary, differences = (Summary.read(Path(results) / name) for name in ("summary.csv", "differences.csv"))
    certificates = {target: read_certificate(results, target) for target in targets}
    found = [text for name, known in certificates.items() for text in sentences(name, summary, known, differences)]
    paragraphs = ["\n".join(textwrap.wrap(text, WIDTH, break_on_hyphens=False)) for text in found]
    times = "\n".join(_aligned(times_table(results)))
    return "\n" + "\n\n".join(filter(None, [times, _table(summary), *paragraphs, _places(Path(results), targets)]))


def _table(summary: Summary) -> str:
    """Distributions by test sets, PSNR-Y; empty if nothing was measured."""
    if not summary.scores:
        return ""
    rows = [["PSNR-Y, dB", *summary.testsets]]
    for distribution in summary.distributions:
        rows.append([distribution, *(_cell(summary, distribution, testset) for testset in summary.testsets)])
    return "\n".join([*_aligned(rows), "(* the highest of its test set)"])


def _cell(summary: Summary, distribution: str, testset: str) -> str:
    score = summary.get(distribution, testset)
    if score is None:
        return "- "
    return f"{score.value:.2f}{'*' if summary.is_best(distribution, testset, 'psnr_y', 2) else ' '}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Rows as lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def _places(results: Path, targets: Iterable[str]) -> str:
    """Paths of the report and of the super-resolved photos."""
    folders = [results / "upscaled" / target for target in targets]
    lines = [f"report: {results / 'report.html'}"]
    lines += [f"photos: {folder}" for folder in folders if folder.is_dir()]
    return "\n".join(lines)
