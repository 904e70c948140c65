"""What tiles change in the demo's photos, and what self-ensemble gains on its test sets.

    python benchmarks/upscaling.py [--results results] [--tile 32]        (after `make demo`)

The first table compares the crafted model's results for the twelve LR photos, in tiles with several overlaps and in one
piece: the largest difference in any channel, and the share of pixels that differ at all. The second gives the mean gain
in PSNR-Y of every model, border shaved as in the workflow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from command_line import ROOT, arguments

from degcraft.evaluation_pairs import EvaluationPair, made_pairs, own_pairs
from degcraft.images import Uint8Image, list_images, luma, read_image
from degcraft.metrics import psnr, shave
from degcraft.settings import UpscaleSettings
from degcraft.upscale import Upscaler

DEMO = ROOT / "resources/demo"
OVERLAPS = (0, 4, 8, 16, 32)
TESTED = DEMO / "test/lr", DEMO / "test/hr"
PLAIN = UpscaleSettings()


def tiles(model: Path, side: int) -> pd.DataFrame:
    """By overlap, how far results in tiles are from results in one piece."""
    photos = [read_image(path) for folder in (DEMO / "reference", TESTED[0]) for path in list_images(folder)]
    whole = restored(model, replace(PLAIN, tile=max(max(photo.shape[:2]) for photo in photos)), photos)
    rows = {}
    for overlap in OVERLAPS:
        tiled = restored(model, replace(PLAIN, tile=side, overlap=overlap), photos)
        apart = [np.abs(a.astype(int) - b).max(axis=2).ravel() for a, b in zip(tiled, whole, strict=True)]
        differences = np.concatenate(apart)
        rows[overlap] = (differences.max(), 100 * np.mean(differences > 0))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["largest difference", "% of pixels"])


def restored(model: Path, settings: UpscaleSettings, photos: Sequence[Uint8Image]) -> list[Uint8Image]:
    """Photos, super-resolved."""
    return list(map(Upscaler(model, settings), photos))


def ensemble(results: Path) -> pd.DataFrame:
    """PSNR-Y that self-ensemble adds, by model and test set, dB."""
    sets = {"demo": own_pairs("demo", *TESTED)}
    sets |= {kind: made_pairs(kind, results / "testsets/demo" / kind, TESTED[1]) for kind in ("full", "clean")}
    rows = {}
    for model in sorted((results / "models").glob("*/seed0/model.safetensors")):
        once, eight = (Upscaler(model, replace(PLAIN, ensemble=wanted)) for wanted in (False, True))
        rows[model.parts[-3]] = {name: gain(once, eight, pairs) for name, pairs in sets.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def gain(once: Upscaler, eight: Upscaler, pairs: Sequence[EvaluationPair]) -> float:
    """How much higher the mean PSNR-Y of one is than that of the other."""
    return float(np.mean([quality(eight, pair) - quality(once, pair) for pair in pairs]))


def quality(restore: Callable[[Uint8Image], Uint8Image], pair: EvaluationPair) -> float:
    """PSNR-Y of one restored image."""
    lr, hr = read_image(pair.lr), read_image(pair.hr)
    scale = len(hr) // len(lr)
    return psnr(*(luma(shave(image, scale)) for image in (restore(lr), hr)))


def main() -> None:
    """Print both tables."""
    parser = arguments(__doc__)
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="of the demo")
    parser.add_argument("--tile", type=int, default=32, help="side of the tiles, LR pixels")
    options = parser.parse_args()
    crafted = options.results / "models/crafted-demo/seed0/model.safetensors"
    print(tiles(crafted, options.tile).rename_axis("overlap").round(4).to_string())
    print("\nPSNR-Y gained with self-ensemble, dB")
    print(ensemble(options.results).rename_axis("model").round(3).to_string())


if __name__ == "__main__":
    main()
