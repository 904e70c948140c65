"""What each stage needs as the input grows: time, peak memory and bytes written for 1, 3 and 10 times as much.

    python benchmarks/size.py --photos FOLDER --work FOLDER [--cores 2]

Runs the workflow in folders of its own, with 8, 24 and 80 HR photos, reference photos and test photos (crops of 384
pixels of the given ones), a hidden truth, and 2,000, 6,000 and 20,000 pairs. Networks and training are the same at
every size. Memory is the largest resident set of a stage's jobs as Snakemake samples it (`results/benchmarks`); a stage
that is over before the first sample has none. ``--pairs 100000`` makes a pairs file of so many patches in the last run.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import yaml
from command_line import arguments, workflow

from degcraft.images import list_images, read_image, write_image

FACTORS = (1, 3, 10)
PHOTOS = 8
SIDE = 384
PAIRS = 2000
WRITTEN = {  # patterns of what a stage writes under results/, where that is not the folder of its name
    "photos": "hr",
    "target": "targets/*/made",
    "reference": "targets/*/reference.*",
    "craft": "targets/*/*.csv",
    "certify": "targets/*/fit.*",
    "train": "models",
    "evaluate": "evaluation",
    "testset": "testsets",
    "upscale": "upscaled",
    "degrade": "degraded",
    "export": "exported",
    "summary": "*.csv",
    "report": "report.html",
}


def main() -> None:
    parser = arguments(__doc__, "photos", "work")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--pairs", type=int, help="also make a pairs file of so many patches, in the largest run")
    options = parser.parse_args()
    tables = {}
    for factor in FACTORS:
        folder = options.work / f"times{factor}"
        prepare(options.photos, folder / "photos", PHOTOS * factor)
        run(folder, configuration(PAIRS * factor), options.cores)
        tables[factor] = measured(folder / "results")
    show(pd.concat(tables, axis=1))
    if options.pairs:
        folder = options.work / f"times{FACTORS[-1]}"
        run(folder, configuration(options.pairs), options.cores, "results/pairs/full.h5")
        seconds, peak, size = measured(folder / "results").loc["pairs"]
        print(f"\n{options.pairs:,} pairs: {seconds:.0f} s, {peak:.0f} MB, {size:.0f} MB written")


def configuration(pairs: int) -> dict[str, object]:
    """Every stage, with settings that do not grow."""
    return {
        "hr": "photos/hr",
        "scale": 4,
        "photos": {"size": 96, "per_photo": 64},
        "degradation": [
            {"blur": {"sigma": {"range": [0.2, 3.0], "bins": 3}}},
            {"resize": {"kind": ["bicubic"]}},
            {"noise": {"sigma": {"range": [0, 25], "bins": 3}}},
            {"jpeg": {"quality": {"range": [30, 95], "bins": 3}}},
        ],
        "targets": {
            "made": {"truth": {"noise_sigma": [2, 8], "blur_sigma": [0.5, 1.5]}, "photos": "photos/targets"},
        },
        "encoder": {"samples": 4000, "buffer": 2000},
        "certify": {"simulations": 20},
        "pairs": {"count": pairs},
        "train": {"distributions": ["full", "crafted"], "channels": 16, "blocks": 2, "steps": 300, "batch": 8},
        "degrade": {"photos": "photos/hr", "distributions": ["crafted"]},
    }


def prepare(photos: Path, folder: Path, count: int) -> None:
    """``count`` HR photos, and twice as many for the target, of which half are references and half are tested on."""
    for name, share in (("hr", 1), ("targets", 2)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index, crop in zip(range(share * count), crops(photos, share), strict=False):
            path = folder / name / f"{index:04d}.png"
            if not path.exists():
                write_image(path, crop)


def crops(photos: Path, offset: int) -> Iterator[object]:
    """Squares of the photos, one of each in turn, without end."""
    place = offset * 16
    while True:
        for path in list_images(photos):
            image = read_image(path)
            top, left = (place % max(1, side - SIDE) for side in image.shape[:2])
            yield image[top : top + SIDE, left : left + SIDE].copy()
        place += 48


def run(folder: Path, config: dict[str, object], cores: int, *wanted: str) -> None:
    """Let the workflow make files in a folder of its own."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    options = ["--quiet", "all", "--cores", cores, "--configfile", folder / "config.yaml", "--", *wanted]
    subprocess.run(workflow(folder, *options), check=True)


def measured(results: Path) -> pd.DataFrame:
    """By stage: seconds of all its jobs, largest resident set of any of them in MB, MB written."""
    rows = {}
    for folder in sorted((results / "benchmarks").iterdir()):
        files = [folder] if folder.is_file() else list(folder.rglob("*.tsv"))
        jobs = pd.concat([pd.read_csv(file, sep="\t", na_values="-") for file in files])
        stage = folder.stem
        written = sum(map(_bytes, results.glob(WRITTEN.get(stage, stage))))
        rows[stage] = (jobs["s"].sum(), jobs["max_rss"].max(), written / 1e6)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["s", "MB", "MB written"])


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def show(table: pd.DataFrame) -> None:
    """Markdown."""
    heads = [f"x{factor} {column}" for factor, column in table.columns]
    print(f"\n| stage | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 1)}")
    for stage, row in table.iterrows():
        print(f"| {stage} | {' | '.join('-' if pd.isna(value) else f'{value:.3g}' for value in row)} |")


if __name__ == "__main__":
    main()
