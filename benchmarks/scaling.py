"""What many photos cost: jobs, bytes on the shared file system and core-hours, from unit costs measured on the demo.

    python benchmarks/scaling.py                 (a minute)
    python benchmarks/scaling.py --plan mine photos=5000 per_photo=16 pairs=80000 steps=200000

Each stage runs on the demo's photos, with the space, the patch size and the encoder of config/config.yaml, and with the
larger network that the README suggests for real use. Seconds are those of one CPU thread, not of the clock, so that
other programs hardly count. Costs are taken to grow in proportion: with the photos' megapixels for *photos*, with bins
times patches for *bin_features*, with pairs, with steps, and with the megapixels that are evaluated. What does not grow
with the input is measured as a whole (*extractor*) or left out (*reference*, *craft*, *certify*, *export*,
*report*).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path

import cv2
import pandas as pd
import yaml
from command_line import ROOT, arguments
from threads import one_thread

from degcraft.bin_features import describe_bins
from degcraft.config import Config, parse_config
from degcraft.device import prepare
from degcraft.distribution import Distribution
from degcraft.encoder import train_encoder
from degcraft.evaluate import evaluate
from degcraft.evaluation_pairs import own_pairs
from degcraft.extractor import Extractor
from degcraft.networks import NetworkSpec, save_network
from degcraft.pairs import gather_pairs, make_pairs
from degcraft.pairs_dataset import PairBatches
from degcraft.photos import cut_hr_patches
from degcraft.space import build
from degcraft.training.checkpoints import Checkpoint
from degcraft.training.run import Run
from degcraft.upscale import Upscaler

SCHEMA = "workflow/schemas/config.schema.yaml"
GB, HOUR = 1e9, 3600


@dataclass(frozen=True)
class Plan:
    """The size of an undertaking: one target, `full`, `clean` and `crafted` unless said otherwise."""

    photos: int = 800
    megapixels: float = 2.8  # of a photo; 2,040 x 1,372 pixels
    per_photo: int = 64
    pairs: int = 51_200
    bins: int = 216
    models: int = 3
    steps: int = 100_000
    tests: int = 100  # test photos, as large as the others


PLANS = {
    "DIV2K-sized": Plan(),
    "LSDIR-sized": Plan(photos=85_000, per_photo=8, pairs=680_000, steps=300_000),
}


@dataclass(frozen=True)
class Units:
    """Measured: seconds of one core and bytes for one of each."""

    megapixel_cut: float
    patch_bytes: float
    encoder: float  # as a whole
    patch_described: float
    bin_bytes: float
    pair: float
    pair_bytes: float
    step: float
    model_bytes: float  # with its checkpoint
    megapixel_evaluated: float


def seconds(work: Callable[[], object]) -> float:
    """CPU time that something takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def encoder_seconds(config: Config, space: Distribution, folder: Path) -> float:
    """CPU time of training the encoder, from two short trainings."""

    def short(samples: int) -> float:
        settings = replace(config.encoder, samples=samples, buffer=samples)
        files = [folder / name for name in ("encoder.safetensors", "encoder.csv", "encoder_axes.csv")]
        return seconds(lambda: train_encoder(folder / "patches.h5", space.space, *files, settings, config.scale, 0))

    few, more = 512, 2048
    short(few)  # the first takes longer
    start, end = short(few), short(more)
    return start + (end - start) * (config.encoder.samples - few) / (more - few)


def measure(config: Config) -> Units:
    """Run every stage on a little."""
    space = Distribution.uniform(build(config.degradation))
    train, scale = config.train, config.scale
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        patches, pairs, model = folder / "patches.h5", folder / "pairs.h5", folder / "model.safetensors"

        cutting = seconds(lambda: cut_hr_patches(config.hr, patches, folder / "photos.csv", config.photos, scale, 0))
        table = pd.read_csv(folder / "photos.csv")

        encoder = encoder_seconds(config, space, folder)
        few, count = replace(config.bin_features, patches=64), 12
        bins = range(0, len(space.space), len(space.space) // count)[:count]
        inputs = space.space, bins, patches
        extractor = Extractor(folder / "encoder.safetensors", few.threads)
        describe_bins(extractor, *inputs, folder / "warm.h5", few, scale, 0)
        describing = seconds(lambda: describe_bins(extractor, *inputs, folder / "bins.h5", few, scale, 0))

        some = replace(config.pairs, count=1024, shards=1)
        degrading = seconds(lambda: make_pairs(space, patches, folder / "part.h5", some, 0, scale, 0))
        degrading += seconds(lambda: gather_pairs([folder / "part.h5"], space, patches, pairs, scale, 0))

        device = prepare(1, 0, "train")
        spec = NetworkSpec.of(train.network, channels=train.channels, blocks=train.blocks, scale=scale)
        run = Run(spec.build(), train, 0, device)
        batches = iter(PairBatches(pairs, train.batch, train.crop, scale, 0, range(8)))
        for batch in islice(batches, 2):
            run.advance(*batch)
        steps = list(islice(batches, 6))
        stepping = seconds(lambda: [run.advance(*batch) for batch in steps]) / len(steps)
        save_network(model, run.network, spec)
        Checkpoint(folder / "run.pt", train, {}, "").save(run.state())

        (target,) = config.targets.values()
        tests = own_pairs("demo", *target.test)
        hr = sum(cv2.imread(str(pair.hr)).size / 3e6 for pair in tests)
        restore = Upscaler(model, config.upscale)
        restore(cv2.imread(str(tests[0].lr)))
        evaluating = seconds(lambda: evaluate(restore, tests, scale, folder / "examples", 0))

        size = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    megapixels = (table["width"] * table["height"]).sum() / 1e6
    return Units(
        megapixel_cut=cutting / megapixels,
        patch_bytes=size["patches.h5"] / table["patches"].sum(),
        encoder=encoder,
        patch_described=describing / (count * 64),
        bin_bytes=size["bins.h5"] / count,
        pair=degrading / some.count,
        pair_bytes=size["pairs.h5"] / some.count,
        step=stepping,
        model_bytes=size["model.safetensors"] + size["run.pt"],
        megapixel_evaluated=evaluating / hr,
    )


def costs(units: Units, plan: Plan, config: Config) -> list[tuple[str, int, float, float]]:
    """Stage, jobs with the groups of the profile `slurm`, core-hours, GB; of one target with test photos."""
    patches = plan.photos * plan.per_photo
    described = plan.bins * config.bin_features.patches
    shards = config.bin_features.shards
    # its own pairs, `draws` over the whole range, and clean ones
    evaluated = plan.tests * plan.megapixels * (2 + config.evaluate.draws)
    return [
        (
            "photos, space",
            1,
            plan.photos * plan.megapixels * units.megapixel_cut / HOUR,
            patches * units.patch_bytes / GB,
        ),
        ("extractor", 1, units.encoder / HOUR, 0.0),
        ("bin_features", shards + 1, described * units.patch_described / HOUR, plan.bins * units.bin_bytes / GB),
        ("reference, craft, export", 3, 0.0, 0.0),
        (
            "pairs",
            plan.models,
            plan.models * plan.pairs * units.pair / HOUR,
            plan.models * plan.pairs * units.pair_bytes / GB,
        ),
        ("train", plan.models, plan.models * plan.steps * units.step / HOUR, plan.models * units.model_bytes / GB),
        ("testset, evaluate", plan.models + 1, plan.models * evaluated * units.megapixel_evaluated / HOUR, 0.0),
        ("upscale, report", 2, 0.0, 0.0),
    ]


def table(units: Units, plans: dict[str, Plan], config: Config) -> list[str]:
    """Lines of a Markdown table."""
    columns = [costs(units, plan, config) for plan in plans.values()]
    heads = [f"{name}: {unit}" for name in plans for unit in ("jobs", "core-hours", "GB")]
    lines = ["| stage | " + " | ".join(heads) + " |", "|---" * (1 + len(heads)) + "|"]
    for rows in zip(*columns, strict=True):
        cells = [f"{jobs} | {hours:.2f} | {size:.2f}" for _, jobs, hours, size in rows]
        lines.append(f"| {rows[0][0]} | " + " | ".join(cells) + " |")
    sums = [[sum(row[k] for row in rows) for k in (1, 2, 3)] for rows in columns]
    lines.append(
        "| together | " + " | ".join(f"{jobs} | {hours:.1f} | {size:.1f}" for jobs, hours, size in sums) + " |"
    )
    return lines


def parse_plan(words: Sequence[str]) -> tuple[str, Plan]:
    """``name key=value ...``."""
    kinds = {field.name: type(field.default) for field in fields(Plan)}
    values = dict(word.split("=") for word in words[1:])
    return words[0], Plan(**{key: kinds[key](value) for key, value in values.items()})


def main() -> None:
    """Print units and table."""
    parser = arguments(__doc__)
    parser.add_argument("--plan", nargs="+", help=f"NAME, and {', '.join(f.name for f in fields(Plan))} as KEY=VALUE")
    options = parser.parse_args()
    one_thread()
    os.chdir(ROOT)
    raw, schema = (yaml.safe_load(Path(path).read_text()) for path in ("config/config.yaml", SCHEMA))
    config = parse_config(raw, schema)
    config = replace(config, train=replace(config.train, channels=64, blocks=16, batch=16, crop=48, threads=1))
    units = measure(config)
    for field in fields(Units):
        print(f"{field.name:20} {getattr(units, field.name):12.6g}")
    print(*table(units, dict([parse_plan(options.plan)]) if options.plan else PLANS, config), sep="\n")


if __name__ == "__main__":
    main()
