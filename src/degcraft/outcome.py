"""What a run found, in a few sentences and a table: for the terminal, and for the top of the report."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.certificate import Certificate
from degcraft.fit_words import doubtful, fit_sentence
from degcraft.learned import TRUSTED, Learned
from degcraft.names import Name
from degcraft.scores import TELLING, Score, Summary
from degcraft.times import times_table
from degcraft.words import counted, some

if TYPE_CHECKING:
    from degcraft.photo_counts import PhotoCounts

WIDTH = 100  # columns of the terminal text
SHOWN = 0.005  # dB; smaller differences are 0.00 where they are shown
SHOWN_SSIM = 0.0005  # likewise, with three decimals
BETTER = ("better than", "worse than")
TO_COME = "the report of a whole run, which few train.steps make soon"
CHANCE = ", which can be chance"
INTERPOLATION = {"bicubic": "bicubic interpolation"}


def headline(target: str, summary: Summary, differences: Summary, certificate: Certificate | None = None) -> str | None:
    """What crafting came to for one target in a short sentence or two; None where there is nothing to compare.

    Args:
        target: its name.
        summary: all scores.
        differences: paired differences to the full model.
        certificate: the target's ``certificate.json``.
    """
    misfit = certificate is not None and certificate.fit == "misfit"
    ending = ". The degradation space does not explain these photos." if misfit else "."
    own, everywhere = (differences.get(f"crafted-{target}", testset) for testset in (target, "full"))
    if own is not None:
        text = f"On the photos of {target} the crafted model is {_compared(own.value, 'the full-range one', *BETTER)}"
        text += _chance(own) + _beaten(target, summary, "but" if own.value > -SHOWN else "and")
    else:
        crafted, bicubic = (summary.get(name, target) for name in (f"crafted-{target}", "bicubic"))
        if crafted is None or bicubic is None:
            return None
        against = _compared(crafted.value - bicubic.value, "bicubic interpolation", *BETTER)
        text = f"On the photos of {target} the crafted model is {against}"
        text += f", though {_few(crafted)}" if _few(crafted) and not against.startswith("level") else ""
    if everywhere is None:
        return f"{text}{ending}"
    if abs(everywhere.value) < SHOWN:
        return f"{text}; over the full range it is level{ending}"
    chance = _chance(everywhere)
    if chance and own is not None and chance == _chance(own):
        chance = CHANCE  # that photos are few is said once
    return f"{text}; over the full range it {_gained(everywhere.value)}{chance}{ending}"


def _beaten(target: str, summary: Summary, conjunction: str) -> str:
    """What is better on the photos of a target than the model crafted for them, if anything: clean or interpolation."""
    crafted = summary.get(f"crafted-{target}", target)
    others = {words: summary.get(name, target) for name, words in {"clean": "the clean one", **INTERPOLATION}.items()}
    worse = {words: score.value - crafted.value for words, score in others.items() if score and crafted}
    words = max(worse, key=lambda words: worse[words], default="")
    return f", {conjunction} {_compared(-worse[words], words, *BETTER)}" if words and worse[words] >= SHOWN else ""


def _chance(gained: Score) -> str:
    """What is said of a difference that is not certain, unless it is shown as 0.00."""
    if gained.certain or abs(gained.value) < SHOWN:
        return ""
    return f", though {_few(gained)}" if _few(gained) else CHANCE


def _few(score: Score) -> str:
    """``3 photos are too few to tell``; empty if they are enough."""
    few = f"{counted(score.photos, 'photo')} {'is' if score.photos == 1 else 'are'} too few to tell"
    return few if score.photos < TELLING else ""


def sentence(
    target: str,
    summary: Summary,
    certificate: Certificate | None = None,
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
        rest = "; ".join(filter(None, [others, _over_full_range(target, summary, differences)]))
        return f"{reached}{_seeds(crafted)}: {rest}."
    if any(testset == target for _, testset, _ in summary.scores):
        return _without_crafted(target, summary)
    return _unmeasured(target, certificate)


def sentences(
    target: str, summary: Summary, certificate: Certificate | None, differences: Summary | None = None
) -> Iterator[str]:
    """What was found for one target; and if it is so, that SSIM-Y contradicts, that all models are below interpolation,
    that its photos are beyond the degradation space, or nearly.
    """
    yield sentence(target, summary, certificate, differences)
    if differences is not None:
        yield from _otherwise(target, differences)
    if _all_below_interpolation(target, summary):
        yield (
            f"No model reaches bicubic interpolation on the photos of {target}: perhaps they were trained too briefly "
            "(train.steps)."
        )
    if certificate is not None and doubtful(certificate):
        yield f"{target}: {fit_sentence(certificate)}"


def _otherwise(target: str, differences: Summary) -> Iterator[str]:
    """That SSIM-Y falls where PSNR-Y rises or the other way round, if it is certain."""
    gained, similar = (differences.get(f"crafted-{target}", target, metric) for metric in ("psnr_y", "ssim_y"))
    if gained is None or similar is None or not similar.certain or abs(similar.value) < SHOWN_SSIM:
        return
    if abs(gained.value) >= SHOWN and gained.value * similar.value < 0:
        than = "lower" if similar.value < 0 else "higher"
        yield (
            f"SSIM-Y says otherwise: on the photos of {target} it is {abs(similar.value):.3f} {than} than with the "
            f"full model (95% interval {similar.ends(3)})."
        )


def _all_below_interpolation(target: str, summary: Summary) -> bool:
    """Whether every model that was tested on the photos of a target is worse there than bicubic interpolation."""
    found = {name: score.value for name in summary.distributions if (score := summary.get(name, target)) is not None}
    bicubic = found.pop("bicubic", None)
    return bicubic is not None and bool(found) and max(found.values()) < bicubic - SHOWN


def _trained(target: str) -> dict[str, str]:
    """What the crafted model of a target is compared with, in words, by distribution."""
    return {"full": "the full model", "clean": "the clean model", f"oracle-{target}": "the oracle model"}


def _against_others(target: str, summary: Summary, differences: Summary | None) -> str:
    """The crafted model beside those trained on other distributions, and beside interpolation where that is news."""
    found = {name: words for name, words in _trained(target).items() if summary.get(name, target) is not None}
    crafted, bicubic = summary.get(f"crafted-{target}", target), summary.get("bicubic", target)
    assert crafted is not None
    if bicubic is not None and (not found or crafted.value < bicubic.value):
        found |= INTERPOLATION
    parts = []
    for name, words in found.items():
        score = summary.get(name, target)
        assert score is not None
        gained = differences.get(f"crafted-{target}", target) if differences is not None and name == "full" else None
        parts.append(_compared(crafted.value - score.value, words) + _interval(gained))
    few = f" ({_few(crafted)})" if _few(crafted) and "full" not in found else ""  # said with the interval
    return ", ".join(parts) + few


def _interval(gained: Score | None) -> str:
    """`` (95% interval +0.12 to +0.50)``, and that photos are few if they are."""
    if gained is None:
        return ""
    parts = [f"95% interval {gained.ends(2)}"] if gained.has_interval else []
    parts += [_few(gained)] if _few(gained) else []
    return f" ({', but '.join(parts)})" if parts else ""


def _compared(difference: float, other: str, more: str = "above", less: str = "below") -> str:
    """``0.31 dB above the full model``, by the sign of the difference as it is shown."""
    if abs(difference) < SHOWN:
        return f"level with {other}"
    return f"{decibel(abs(difference))} {more if difference > 0 else less} {other}"


def _gained(difference: float) -> str:
    """``gives up 0.05 dB``; not for differences that are not shown."""
    return f"{'gains' if difference > 0 else 'gives up'} {decibel(abs(difference))}"


def _over_full_range(target: str, summary: Summary, differences: Summary | None) -> str:
    """What the crafted model gains or gives up over the full range; empty if not measured."""
    crafted, full = summary.get(f"crafted-{target}", "full"), summary.get("full", "full")
    gained = differences.get(f"crafted-{target}", "full") if differences is not None else None
    if crafted is None:
        return ""
    if full is None:
        return f"over the full range it reaches {decibel(crafted.value)}"
    difference = crafted.value - full.value if gained is None else gained.value
    if abs(difference) < SHOWN:
        return "over the full range it is level with the full model"
    return f"over the full range it {_gained(difference)} against the full model{_interval(gained)}"


def _without_crafted(target: str, summary: Summary) -> str:
    """A target with test pairs for which no crafted model was trained, or none with the configuration's dial."""
    dials = [name for name in summary.distributions if summary.get(name, target) and Name.parse(name).dial]
    words = {name: f"the model crafted with the dial at {Name.parse(name).dial}" for name in dials}
    words |= {**_trained(target), **INTERPOLATION}
    found = {text: score for name, text in words.items() if (score := summary.get(name, target)) is not None}
    parts = [f"{text} {decibel(score.value)}" for text, score in found.items()]
    seeds = _seeds(max(found.values(), key=lambda score: score.seeds))
    missing = "No model was crafted with the dial of craft.generalization" if dials else "No crafted model was trained"
    return f"{missing}. PSNR-Y on the photos of {target}{seeds}: {', '.join(parts)}."


def _unmeasured(target: str, certificate: Certificate | None) -> str:
    """A target without test pairs: its models are measured nowhere."""
    text = f"{target} has no test pairs, so PSNR-Y of its models is unknown"
    if certificate is not None:
        before, after = certificate.distance_prior, certificate.distance
        text += f"; crafting took the distance to its reference photos from {before:.3g} to {after:.3g}"
    return f"{text}."


def _seeds(score: Score) -> str:
    return f" (mean of {score.seeds} seeds)" if score.seeds > 1 else ""


def decibel(value: float) -> str:
    """``28.25 dB``."""
    return f"{value:.2f} dB"


def read_certificate(results: str | os.PathLike[str], target: str) -> Certificate | None:
    """A target's ``certificate.json``; None if there is none."""
    path = Path(results) / "targets" / target / "certificate.json"
    return Certificate.read(path) if path.is_file() else None


def outcome(
    results: str | os.PathLike[str],
    targets: Sequence[str],
    since: float = 0.0,
    shown: str | os.PathLike[str] | None = None,
    others: Mapping[str, Sequence[str]] | None = None,
    counts: Mapping[str, PhotoCounts] | None = None,
    learned: Learned = TRUSTED,
) -> str:
    """The ending that a run prints: the stages' times, PSNR-Y, a sentence or two for each target, and where to look.

    Args:
        results: the folder with ``summary.csv`` and ``differences.csv``.
        targets: the names of all targets.
        since: when the run began, seconds since the epoch; only its own jobs have times.
        shown: the folder as the user would write it, if another directory was given to run in.
        others: what was made for other programs, by what it is, relative to ``results``.
        counts: how many photos there are in each folder of super-resolved or degraded ones, and how many should be; by
            folder, relative to ``results``.
        learned: by the extractor; what cannot be relied on is not said.
    """
    summary, differences = (Summary.read(Path(results) / name) for name in ("summary.csv", "differences.csv"))
    certificates = {target: None if learned.blind else read_certificate(results, target) for target in targets}
    found = [learned.doubt] if learned.doubt else []
    found += [text for name, known in certificates.items() for text in sentences(name, summary, known, differences)]
    found += [f"{target}: {text}" for target in targets for text in _weights(results, target, learned)]
    paragraphs = ["\n".join(_wrapped(text)) for text in found]
    times = "\n".join(_aligned(times_table(results, since)))
    where = Path(results if shown is None else shown)
    places = "\n".join(_places(Path(results), where, others or {}, counts or {}))
    return "\n" + "\n\n".join(filter(None, [times, _table(summary), *paragraphs, places]))


def what_was_crafted(
    results: str | os.PathLike[str],
    targets: Sequence[str],
    since: float,
    shown: str | os.PathLike[str],
    learned: Learned = TRUSTED,
) -> str:
    """The ending of a run that went no farther than crafting: a sentence for each target that it crafted for, and where
    to look; empty if there is none.

    Args:
        results: the folder.
        targets: the names of all targets.
        since: when the run began, seconds since the epoch.
        shown: the folder as the user would write it.
        learned: as in `outcome`.
    """
    paragraphs = []
    for target in targets:
        path = Path(results, "targets", target, "certificate.json")
        if path.is_file() and path.stat().st_mtime >= since:
            found = Certificate.read(path)
            distance = f"Distance {found.distance_prior:.3g} -> {found.distance:.3g}."
            fit = [] if learned.blind else [fit_sentence(found, TO_COME)]
            doubt = [learned.doubt] if learned.doubt else []
            said = [f"{target}: {distance}", *fit, *doubt, *_weights(results, target, learned)]
            figure = Path(shown, "targets", target, "marginals.png")
            paragraphs.append("\n".join([*_wrapped(" ".join(said)), f"figure: {figure}"]))
    if paragraphs:
        text = "The same command without 'crafting' goes on to training."
        if Path(results, "report.html").is_file():
            text += f" Until then {Path(shown, 'report.html')} and what was trained are those of the run before."
        paragraphs.append("\n".join(_wrapped(text)))
    return "\n" + "\n\n".join(paragraphs) if paragraphs else ""


def _weights(results: str | os.PathLike[str], target: str, learned: Learned) -> list[str]:
    """Where most of a target's weight lies, and what is said of ranges that may be too short for it."""
    path = Path(results, "targets", target, "marginals.csv")
    if not path.is_file():
        return []
    from degcraft.marginals import read_marginals  # OpenCV, by way of the operators
    from degcraft.short_ranges import short_ranges
    from degcraft.weight_words import weight_sentences

    table = learned.told(read_marginals(path))
    found = " ".join(weight_sentences(table))
    return [*filter(None, [found]), *short_ranges(table)]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False)


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


def _places(
    results: Path, shown: Path, others: Mapping[str, Sequence[str]], counts: Mapping[str, PhotoCounts]
) -> Iterator[str]:
    """Lines with the paths of the report, of the super-resolved photos, and of what there is for other programs."""
    yield f"report: {shown / 'report.html'}"
    for folder, count in counts.items():
        if folder.startswith("upscaled/"):
            yield f"photos: {shown / folder}{_missing(count, shown)}"
    for kind, paths in others.items():
        if made := sorted(
            (path for path in paths if (results / path).exists()), key=lambda path: "crafted-" not in path
        ):
            missing = _missing(counts.get(made[0].rstrip("/")), shown)
            yield f"{kind}: {shown / made[0]}" + (f" and {len(made) - 1} more" if made[1:] else "") + missing


def _missing(count: PhotoCounts | None, shown: Path) -> str:
    """`` (3 of 4 photos, not: a.jpg; passed over besides: b.HEIC; see results/logs/upscale/cam.log)``; empty if all."""
    if count is None:
        return ""
    parts = [f"{count.made} of {count.given} photos, not: {some(count.missing)}"] if count.missing else []
    if count.passed_over:
        parts.append(f"passed over{' besides' if parts else ''}: {some(count.passed_over)}")
    return f" ({'; '.join(parts)}; see {shown / count.log})" if parts else ""
