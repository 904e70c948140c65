"""Adaptive bins against grids, on a space of eight axes whose grid of four bins an axis would have 65,536.

    python benchmarks/adaptive.py --photos FOLDER --work FOLDER [--quick]

FOLDER holds sharp photos. Half of them describe the bins; from the other half references are made with hidden truths:
a range on every axis, drawn anew for each patch, so that chance in the references does not hide what the bins do. The
extractor is an encoder trained for the space. For each truth:

- grids of two and of three bins an axis, and the adaptive bins, which start from one grid and are split in rounds;
- `evaluated`, the bins that were described for it, and `seconds`, which that and crafting took;
- `in-sample`, the squared Fréchet distance to the references that crafting reached on the bins' moments;
- `distance`, the same for patches drawn afresh from the crafted distribution, with other parameters and noise;
- `error`, the mean over the axes of the 1-Wasserstein distance between the crafted marginal and the true one, each axis
  scaled to 0..1; of the angle, on a circle.

`full range` and `truth` say between what the distances lie: the latter is what content alone leaves.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from command_line import arguments
from lab import SCALE, Lab, Setup, prepare
from threads import one_thread
from wasserstein import below_in, distance

from degcraft.axes import Choices, Range, Step
from degcraft.bin_features import describe_bins, gather_bins
from degcraft.degrade import degrade_drawn
from degcraft.distribution import Distribution
from degcraft.extractor import Extractor
from degcraft.marginals import marginals
from degcraft.moments import Moments, frechet_distance
from degcraft.moments_file import read_moments, read_samples
from degcraft.provenance import code_digest
from degcraft.refine import craft_round, gather_round, round_share, split
from degcraft.seeds import stream
from degcraft.settings import BinFeatureSettings, EncoderSettings, PhotoSettings, RefineSettings
from degcraft.sharing import shard_of
from degcraft.space import Space, build

AXES = {
    "blur_sigma": (0.2, 3.0),
    "blur_across": (0.2, 3.0),
    "blur_angle": (0.0, 180.0),
    "noise_sigma": (0.0, 20.0),
    "jpeg_quality": (30.0, 95.0),
    "blur2_sigma": (0.1, 1.5),
    "noise2_sigma": (0.0, 15.0),
    "jpeg2_quality": (30.0, 95.0),
}
PROCESSES = 2
GENERALIZATION, TOLERANCE = 0.003, 1e-3


def steps(bins: int) -> tuple[Step, ...]:
    """The space, with so many bins on every axis."""
    cut = {name: Range(*ends, bins) for name, ends in AXES.items()}
    shape = [(name, cut[f"blur_{name}"]) for name in ("sigma", "across", "angle")]
    return (
        Step("blur", (("kind", Choices(("anisotropic",))), *shape)),
        Step("resize", (("kind", Choices(("bicubic",))),)),
        Step("noise", (("sigma", cut["noise_sigma"]),)),
        Step("jpeg", (("quality", cut["jpeg_quality"]),)),
        Step("blur", (("sigma", cut["blur2_sigma"]),)),
        Step("noise", (("sigma", cut["noise2_sigma"]),)),
        Step("jpeg", (("quality", cut["jpeg2_quality"]),)),
    )


def hidden_truth(space: Space, number: int) -> Distribution:
    """A box: on every axis between an eighth and half of the range."""
    generator = stream(number, "adaptive-truth")
    low, high = space.lower.min(axis=0), space.upper.max(axis=0)
    width = (high - low) * generator.uniform(0.125, 0.5, len(low))
    lower = low + (high - low - width) * generator.random(len(low))
    return Distribution.uniform(replace(space, lower=lower[None], upper=(lower + width)[None]))


@dataclass(frozen=True)
class Describer:
    """Describes bins of any table with a lab's patches and extractor, in several processes."""

    lab: Lab
    settings: BinFeatureSettings

    def __call__(self, space: Space, bins: Sequence[int], parts: Path) -> list[Path]:
        """Files of parts that hold the bins."""
        paths = [parts.with_suffix(f".{shard}.h5") for shard in range(PROCESSES)]
        made_with = self.lab.hr, self.lab.extractor_file
        tasks = []
        for shard, path in enumerate(paths):
            mine = [bins[i] for i in shard_of(len(bins), shard, PROCESSES)]
            tasks.append((replace(space), mine, *made_with, path, self.settings, self.lab.setup.seed))
        _in_processes(_describe, tasks)
        return paths

    def grid(self, bins: int) -> tuple[Space, Path, float]:
        """A grid's space, the file of its moments and samples, and the seconds that it took when it was made."""
        space = build(steps(bins))
        code = code_digest("bin_features", "extractor")
        name = f"grid{bins}-{self.settings.patches}-{self.lab.extractor_file.stem}-{code}"
        path = self.lab.setup.work / f"{name}.h5"
        clock = path.with_suffix(".seconds")
        if not path.exists():
            begun = time.monotonic()
            parts = self(space, range(len(space)), path)
            clock.write_text(str(time.monotonic() - begun))
            gather_bins(parts, path)
            for part in parts:
                part.unlink()
        return space, path, float(clock.read_text())


def _in_processes(function: Callable[..., object], tasks: Sequence[tuple[object, ...]]) -> list[object]:
    with ProcessPoolExecutor(PROCESSES, get_context("spawn"), one_thread) as pool:
        return list(pool.map(function, *zip(*tasks, strict=True)))


def _describe(
    space: Space, bins: list[int], hr: Path, extractor: Path, part: Path, settings: BinFeatureSettings, seed: int
) -> None:
    describe_bins(Extractor(extractor), space, bins, hr, part, settings, SCALE, seed, samples=True, by_cell=True)


def _draw_afresh(distribution: Distribution, hr: Path, extractor: Path, count: int, seed: int) -> Moments:
    """Moments of patches drawn from a distribution, from streams of their own."""
    with h5py.File(hr, "r") as file:
        patches = file["patches"][:]
    apply = Extractor(extractor)
    lr = []
    for index in range(count):
        generator = stream(seed, "adaptive-afresh", index)
        lr.append(degrade_drawn(patches[index % len(patches)], distribution, SCALE, generator)[0])
    return Moments.of(apply(np.stack(lr)))


Outcome = tuple[Distribution, float, int, float]
"""A crafted distribution, its distance in-sample, the bins described, and the seconds."""


def on_grid(describe: Describer, bins: int, reference: Moments) -> Outcome:
    """Craft with a grid."""
    space, file, seconds = describe.grid(bins)
    begun = time.monotonic()
    uniform = Distribution.uniform(space)
    solution = craft_round(uniform, read_moments(file), reference, GENERALIZATION, TOLERANCE)
    crafted = replace(uniform, weight=solution.weights)
    return crafted, solution.final.distance, len(space), seconds + time.monotonic() - begun


def adapt(describe: Describer, start: int, reference: Moments, settings: RefineSettings, folder: Path) -> Outcome:
    """Split the bins of a grid in rounds."""
    space, file, seconds = describe.grid(start)
    bins, described = Distribution.uniform(space), len(space)
    begun = time.monotonic()
    for left in range(settings.rounds, -1, -1):
        moments = read_moments(file)
        solution = craft_round(bins, moments, reference, GENERALIZATION, TOLERANCE)
        crafted = replace(bins, weight=solution.weights)
        print(f"  {len(moments)} bins, {described} described, in-sample {solution.final.distance:.3f}", flush=True)
        if not left:
            break
        refined = split(
            crafted, moments, *read_samples(file), reference, GENERALIZATION, round_share(settings, described, left)
        )
        new = np.flatnonzero(refined.new)
        parts = describe(refined.space, new.tolist(), folder / f"round{left}")
        gather_round(refined, file, parts, folder / f"round{left}.h5")
        file, described = folder / f"round{left}.h5", described + len(new)
        bins = Distribution(refined.space, refined.prior, refined.prior)
    return crafted, solution.final.distance, described, seconds + time.monotonic() - begun


def error(distribution: Distribution, truth: Distribution) -> float:
    """Mean over the axes of the 1-Wasserstein distance between marginals; each axis scaled to 0..1."""
    distances = []
    found, true = (marginals(d.space, d.weight, d.weight) for d in (distribution, truth))
    for axis, ends in AXES.items():
        grid = np.linspace(*ends, 2001)
        pair = (below_in(table[table["axis"] == axis], grid) for table in (found, true))
        distances.append(distance(*pair, circle=axis == "blur_angle"))
    return float(np.mean(distances))


def compare(lab: Lab, number: int, args: argparse.Namespace, folder: Path) -> pd.DataFrame:
    """The table of one truth."""
    truth = hidden_truth(lab.space, number)
    references = lab.references(
        lambda generator: truth.space.draw(0, generator), range(lab.photos), seed=number, each="patch"
    )
    reference = Moments.pooled(references)
    describe = Describer(lab, BinFeatureSettings(patches=args.patches))
    rows: dict[str, Outcome] = {}
    for bins in args.grids:
        rows[f"grid of {bins}"] = on_grid(describe, bins, reference)
    settings = RefineSettings(args.rounds, args.bins)
    rows["adaptive"] = adapt(describe, args.start, reference, settings, folder / f"truth{number}")
    rows["full range"] = Distribution.uniform(lab.space), np.nan, 0, np.nan
    rows["truth"] = truth, np.nan, 0, np.nan
    tasks = [
        (replace(row[0], space=replace(row[0].space)), lab.hr, lab.extractor_file, args.fresh, args.seed)  # no caches
        for row in rows.values()
    ]
    afresh = [frechet_distance(moments, reference) for moments in _in_processes(_draw_afresh, tasks)]
    return pd.DataFrame(
        {
            "truth": number,
            "bins": list(rows),
            "evaluated": [row[2] for row in rows.values()],
            "in-sample": [row[1] for row in rows.values()],
            "distance": afresh,
            "error": [error(row[0], truth) for row in rows.values()],
            "seconds": [row[3] for row in rows.values()],
        }
    )


def main() -> None:
    """Print the tables and their means."""
    parser = arguments(__doc__, "photos", "work")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--truths", type=int, default=3, help="hidden truths")
    parser.add_argument("--grids", type=int, nargs="*", default=[2, 3], help="bins an axis of each grid")
    parser.add_argument("--start", type=int, default=2, help="bins an axis before the first split")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--bins", type=int, default=2000, help="bins described for a truth, at most")
    parser.add_argument("--patches", type=int, default=64, help="patches in each bin")
    parser.add_argument("--fresh", type=int, default=4096, help="patches drawn afresh from each distribution")
    parser.add_argument(
        "--quick", action="store_true", help="one truth, few bins, a hasty encoder: to see that it runs"
    )
    args = parser.parse_args()
    encoder = EncoderSettings()
    if args.quick:
        args.truths, args.grids, args.rounds, args.bins, args.fresh = 1, [2], 4, 500, 1024
        encoder = EncoderSettings(samples=8000, buffer=8000, passes=2)
    setup = Setup(
        args.photos,
        args.work,
        steps(2),
        encoder=encoder,
        patches=PhotoSettings(per_photo=32),
        bins=BinFeatureSettings(patches=2),
        seed=args.seed,
    )
    one_thread()
    lab = prepare(setup, PROCESSES)
    tables = []
    for number in range(args.truths):
        tables.append(compare(lab, number, args, args.work))
        print(tables[-1].round(3).to_string(index=False), flush=True)
    mean = pd.concat(tables).drop(columns="truth").groupby("bins", sort=False).mean()
    print(f"\nmeans over {args.truths} truths\n{mean.round(3).to_string()}")


if __name__ == "__main__":
    main()
