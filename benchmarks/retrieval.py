"""How well crafting finds a hidden truth again.

    python benchmarks/retrieval.py --photos FOLDER --work FOLDER [--quick] [--samples N [N ...] | --presets P [P ...]]

FOLDER holds sharp photos, 40 or more. Every second one is HR material, as a user's own would be; from the others
reference patches are made with hidden truths, and the crafted weights are compared with them. Then the two halves
change places, since much depends on which photos happen to be in which. Printed for each truth and each kind of
features, means over both turns (and for the encoder also with references from the bins' own photos):

- error: mean over the axes of the 1-Wasserstein distance between the crafted and the true marginal, each axis scaled
  to [0, 1]; beside it that of the full range, and that of the truth's own weights, which is what the bins' width costs;
- overlap: Bhattacharyya coefficient of the joint weights;
- distance: of the full range and of the crafted weights, beside the one that the truth's own weights have.

Then the error and the distance against the number of reference photos, with a plot. Instead of all that, with --samples
the error against the encoder's training, with --presets the error on every axis in the spaces of presets.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import lab
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import truths
import yaml
from command_line import ROOT, arguments
from numpy.typing import NDArray
from threads import one_thread

from degcraft.moments import Moments
from degcraft.settings import BinFeatureSettings, EncoderSettings, PhotoSettings, SrganSettings
from degcraft.solver import Solution, solve
from degcraft.steps import parse_steps

GENERALIZATION = 0.003
PHOTOS = 20
COUNTS = (1, 2, 4, 8, 16, PHOTOS)


def main() -> None:
    """Print the tables and write the plot."""
    parser = arguments(__doc__, "photos", "work")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, to see it run; worse figures")
    parser.add_argument("--extractors", nargs="+", choices=lab.EXTRACTORS, default=list(lab.EXTRACTORS))
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--samples", type=int, nargs="+", help="only compare these values of encoder.samples")
    instead.add_argument("--presets", nargs="+", choices=truths.PRESETS, help="only craft in these presets")
    options = parser.parse_args()
    one_thread()
    pd.set_option("display.width", 200)
    if options.presets:
        print(in_presets(options).round(3).to_string(index=False))
        return
    if options.samples:
        print(encoder_training(options).round(3).to_string(index=False))
        return
    rows: list[dict[str, object]] = []
    studies: list[pd.DataFrame] = []
    for extractor in options.extractors:
        for half in (0, 1):
            start = time.perf_counter()
            made = lab.prepare(replace(_setup(options, extractor), half=half))
            print(f"{extractor}, half {half}: ready after {time.perf_counter() - start:.0f} s", flush=True)
            rows += [row | {"half": half} for row in retrieve(made, truths.CLASSIC, extractor)]
            if extractor == "encoder":
                own = lab.prepare(replace(made.setup, apart=False))
                rows += [row | {"half": half} for row in retrieve(own, truths.CLASSIC, "encoder, same photos")]
                studies.append(number_of_photos(made))
                second = lab.prepare(replace(made.setup, steps=SECOND_ORDER))
                rows += [row | {"half": half} for row in retrieve(second, truths.SECOND_ORDER, extractor)]
    table = pd.DataFrame(rows)
    for extractor, part in table.groupby("features", sort=False):
        by_truth = part.drop(columns=["features", "half"]).groupby("truth", sort=False).mean()
        print(f"\n{extractor}\n{by_truth.round(3).to_string()}")
    print("\nmeans over the classic truths, for each half and for both")
    classic = table[table["truth"].isin([truth.name for truth in truths.CLASSIC])].drop(columns="truth")
    print(classic.groupby(["features", "half"], sort=False).mean().round(3).to_string())
    print(classic.drop(columns="half").groupby("features", sort=False).mean().round(3).to_string())
    if studies:
        study = summary_of_photos(pd.concat(studies))
        print(f"\nencoder, number of reference photos\n{study.round(3).to_string(index=False)}")
        plot_photos(study, options.work / "photos.png")


SECOND_ORDER = parse_steps(
    [
        {"blur": {"sigma": {"range": [0.2, 3.0], "bins": 4}}},
        {"noise": {"sigma": {"range": [0, 25], "bins": 2}}},
        {"jpeg": {"quality": [30, 95]}},
        {"resize": {"kind": ["bicubic"]}},
        {"blur": {"sigma": {"range": [0.2, 1.5], "bins": 2}}},
        {"noise": {"sigma": {"range": [0, 25], "bins": 4}}},
        {"jpeg": {"quality": {"range": [30, 95], "bins": 4}}},
    ]
)
"""Two passes; the first JPEG is nuisance."""


def _setup(options: argparse.Namespace, extractor: str) -> lab.Setup:
    if options.quick:
        small = EncoderSettings(samples=2000, buffer=1000, passes=2)
        brief = SrganSettings(channels=16, blocks=2, steps=20, adversarial_steps=0)
        bins = BinFeatureSettings(patches=16)
        return lab.Setup(options.photos, options.work, lab.CLASSIC, extractor, small, brief, bins=bins)
    brief = SrganSettings(channels=32, blocks=8, steps=400, adversarial_steps=100, batch=8)
    patches = PhotoSettings(per_photo=96)
    return lab.Setup(options.photos, options.work, lab.CLASSIC, extractor, srgan=brief, patches=patches)


def encoder_training(options: argparse.Namespace) -> pd.DataFrame:
    """Steps, share of a guess's loss that is left, error and overlap for each number of samples; means over the halves.

    A buffer is no larger than the samples.
    """
    rows = []
    for samples in options.samples:
        encoder = EncoderSettings(samples=samples, buffer=min(samples, EncoderSettings().buffer))
        for half in (0, 1):
            made = lab.prepare(replace(_setup(options, "encoder"), encoder=encoder, half=half))
            last = pd.read_csv(made.extractor_file.with_suffix(".csv")).iloc[-1]
            found = pd.DataFrame(retrieve(made, truths.CLASSIC, "encoder"))[["error", "full range", "overlap"]].mean()
            learned = {"samples": samples, "steps": encoder.steps, "loss left": last["loss"] / last["guess"]}
            rows.append({**learned, **found})
            print(rows[-1], flush=True)
    return pd.DataFrame(rows).groupby(["samples", "steps"], as_index=False).mean()


def in_presets(options: argparse.Namespace) -> pd.DataFrame:
    """What the encoder explains of every crafted axis, and the error on it; means over the truths and the halves."""
    rows = []
    for preset in options.presets:
        raw = yaml.safe_load((ROOT / "config" / "presets" / f"{preset}.yaml").read_text(encoding="utf-8"))
        steps = parse_steps(raw["degradation"])
        for half in (0, 1):
            made = lab.prepare(replace(_setup(options, "encoder"), steps=steps, half=half))
            last = pd.read_csv(made.extractor_file.with_suffix(".csv")).iloc[-1]
            print(f"{preset}, half {half}: {last['loss'] / last['guess']:.3f} of a guess's loss is left", flush=True)
            told = pd.read_csv(lab.axes_file(made.extractor_file)).set_index("axis")["explained"]
            axes = [made.space.names[i] for i in truths.varying(made.space)]
            for index, truth in enumerate(truths.PRESETS[preset]):
                found = craft(made, truth, index)
                print(f"  {truth.name}: error {found.error.mean():.3f}, full range {found.full.mean():.3f}", flush=True)
                for axis, error, full, exact in zip(axes, found.error, found.full, found.own, strict=True):
                    row = {"preset": preset, "axis": axis, "explained": told[axis], "error": error}
                    rows.append(row | {"full range": full, "exact": exact})
    return pd.DataFrame(rows).groupby(["preset", "axis"], sort=False, as_index=False).mean()


@dataclass(frozen=True, eq=False)
class Found:
    """What crafting found of a truth.

    Attributes:
        solution: of the solver.
        weights: (bins,) the truth's own.
        distance: of those.
        error, full, own: (axes,) errors of the crafted, the full range's and the truth's own marginals.
    """

    solution: Solution
    weights: NDArray[np.float64]
    distance: float
    error: NDArray[np.float64]
    full: NDArray[np.float64]
    own: NDArray[np.float64]


def craft(made: lab.Lab, truth: truths.Truth, index: int) -> Found:
    """Craft for references made with a truth; ``index`` seeds them."""
    prior = np.full(len(made.space), 1.0 / len(made.space))
    draw = truths.drawer(truth, made.space)
    pooled = Moments.pooled(made.references(draw, range(min(PHOTOS, made.photos)), 100 + index, each="patch"))
    objective = made.objective.with_reference(pooled)
    solution = solve(objective, prior, GENERALIZATION)
    exact = truths.exact_weights(truth, made.space)
    errors = (truths.marginal_errors(truth, made.space, weights) for weights in (solution.weights, prior, exact))
    return Found(solution, exact, objective.value_and_gradient(exact)[0], *errors)


def retrieve(made: lab.Lab, hidden: Sequence[truths.Truth], features: str) -> Iterator[dict[str, object]]:
    """A row a truth."""
    for index, truth in enumerate(hidden):
        start = time.perf_counter()
        found = craft(made, truth, index)
        yield {
            "features": features,
            "truth": truth.name,
            "error": found.error.mean(),
            "full range": found.full.mean(),
            "exact": found.own.mean(),
            "times better": found.full.mean() / found.error.mean(),
            "overlap": truths.overlap(found.solution.weights, found.weights),
            "distance full": found.solution.distance_prior,
            "crafted": found.solution.final.distance,
            "of truth": found.distance,
            "gap": found.solution.relative_gap,
            "seconds": time.perf_counter() - start,
        }


def number_of_photos(made: lab.Lab, draws: int = 4) -> pd.DataFrame:
    """Error and distance against the number of reference photos; each photo has one degradation, as real ones do."""
    prior = np.full(len(made.space), 1.0 / len(made.space))
    rows = []
    for index, truth in enumerate(truths.CLASSIC):
        draw = truths.drawer(truth, made.space)
        photos = made.references(draw, range(min(PHOTOS, made.photos)), 200 + index)
        for count in COUNTS:
            for turn in range(draws if count < len(photos) else 1):
                chosen = np.random.default_rng(turn).permutation(len(photos))[:count]
                objective = made.objective.with_reference(Moments.pooled([photos[i] for i in chosen]))
                solution = solve(objective, prior, GENERALIZATION)
                rows.append(
                    {
                        "photos": count,
                        "error": truths.marginal_errors(truth, made.space, solution.weights).mean(),
                        "distance": solution.final.distance / solution.distance_prior,
                    }
                )
    return pd.DataFrame(rows)


def summary_of_photos(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over truths and draws, and the range of the error."""
    return rows.groupby("photos", as_index=False).agg(
        error=("error", "mean"), low=("error", lambda v: v.quantile(0.1)), high=("error", lambda v: v.quantile(0.9)),
        distance=("distance", "mean"),
    )  # fmt: skip


def plot_photos(study: pd.DataFrame, path: Path) -> None:
    """Error with its 10% to 90% range, and the share of the distance that crafting leaves."""
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    axes.fill_between(study["photos"], study["low"], study["high"], alpha=0.2, color="C0", linewidth=0)
    axes.plot(study["photos"], study["error"], "o-", color="C0", label="error of the marginals (10% to 90% shaded)")
    axes.plot(study["photos"], study["distance"], "s--", color="C1", label="distance left, share of the full range's")
    axes.set_xscale("log", base=2)
    axes.set_xticks(study["photos"], [str(count) for count in study["photos"]])
    axes.minorticks_off()
    axes.set_xlabel("reference photos")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
