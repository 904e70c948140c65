"""What crafting buys: eight hidden targets, models for each, and how much of the gap to the truth they close.

    python benchmarks/headline/headline.py --photos FOLDER --work FOLDER [--form cpu|gpu] [--quick] [--cores 2]

FOLDER of photos: sharp ones. Every second one is HR material for training; the others belong to the targets: half of
them, whole, become reference photos, of the other half the middle becomes test photos. The program runs the workflow
with `classic.yaml` (six targets) and `second.yaml` (two targets, two passes) in the working folder, where
it goes on from what is there, and then prints the tables:

- PSNR-Y on each target and over the full range, mean over test photos and seeds;
- *closed*, the share of the gap from ``full`` to ``oracle`` that ``crafted`` closes, (crafted - full) / (oracle - full)
  with a 95% interval from resampling the test photos, and its mean over the targets with one from resampling targets;
- *given up*: how far ``crafted`` and ``oracle`` fall below ``full`` over the full range;
- the same at other values of the dial, and a picture of the trade-off (``trade_off.png`` in the working folder).

The form ``cpu`` trains 70,000 weights for 2,500 steps, ``gpu`` 620,000 for 20,000 (`gpu.yaml`). On a CPU, models at
other values of the dial are trained with the first seed only; ``--quick`` is the first seed alone, without them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import cv2
import yaml
from table import Headline, plot_trade_off, print_dial, print_tables

from degcraft.images import list_images, read_image, write_image
from degcraft.storage import replacing

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SPACES = ("classic", "second")
SIDE = 512  # of test photos, so that measuring does not take longer than training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of sharp photos")
    parser.add_argument("--work", type=Path, required=True, help="folder for all that is made; a second run goes on")
    parser.add_argument("--form", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--quick", action="store_true", help="one seed, the dial where it is by default: a quarter")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--tables-only", action="store_true", help="print what there is, run nothing")
    options = parser.parse_args()
    began = time.monotonic()
    runs = []
    for space in SPACES:
        folder = options.work / options.form / space
        files = [HERE / f"{space}.yaml", *([HERE / "gpu.yaml"] if options.form == "gpu" else [])]
        headline = Headline.of(folder, yaml.safe_load(files[0].read_text()), every_seed=options.form == "gpu")
        headline = headline.quick() if options.quick else headline
        if not options.tables_only:
            prepare(options.photos, folder / "photos")
            run(folder, files, [str(path.relative_to(folder)) for path in headline.tables()], options.cores)
        runs.append(headline)
    print_tables(runs)
    if not options.quick:
        print_dial(runs)
        plot_trade_off(runs, options.work / options.form / "trade_off.png")
    print(f"\n{(time.monotonic() - began) / 60:.0f} minutes")


def prepare(photos: Path, folder: Path) -> None:
    """Folders ``hr`` and ``targets``; in this, references and test photos take turns, as `make_target` wants."""
    paths = list_images(photos)
    ours = [(folder / "targets" / f"{index:03d}-{path.name}", path) for index, path in enumerate(paths[1::2])]
    whole = {folder / "hr" / path.name: path for path in paths[::2]} | dict(ours[::2])
    cut = {target.with_suffix(".png"): path for target, path in ours[1::2]}
    if others := {*folder.glob("*/[!.]*")} - whole.keys() - cut.keys():
        sys.exit(f"{min(others)} is there of other photos than those of {photos}: name another folder with --work")
    for target, path in whole.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_symlink():
            target.symlink_to(path.resolve())
    for target, path in cut.items():
        if not target.exists():
            with replacing(target) as partial:
                write_image(partial, middle(path))


def middle(path: Path) -> cv2.typing.MatLike:
    """The middle of a photo, `SIDE` pixels at most."""
    image = read_image(path)
    top, left = (max(0, (side - SIDE) // 2) for side in image.shape[:2])
    return image[top : top + SIDE, left : left + SIDE].copy()


def run(folder: Path, files: list[Path], wanted: list[str], cores: int) -> None:
    """Let the workflow make files in a folder of its own."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--cores", str(cores), "--configfile", *files, "--", *wanted]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
