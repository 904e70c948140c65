"""Make the demo's photos from their originals: HR photos to train on, and a target with a known truth.

    python resources/demo/make_demo.py ORIGINALS

ORIGINALS is a folder with the files that photos.csv names. HR photos are shrunk to at most 960 pixels and target
photos to 720, which makes them sharp pixel by pixel. Target photos are cut into tiles that do not overlap; of each
photo the most textured tiles are kept and become reference photos and test pairs in turn, degraded as truth.yaml says.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from degcraft.axes import Choices, Range, Step
from degcraft.degrade import degrade
from degcraft.distribution import Distribution
from degcraft.images import luma, read_image
from degcraft.seeds import stream
from degcraft.space import build

HERE = Path(__file__).parent
SCALE, SEED = 4, 2023
LARGEST = {"hr": 960, "target": 720}
TILE, TILES = 320, 4


def main(originals: Path) -> None:
    """Write hr/, reference/ and test/ beside this file."""
    photos = pd.read_csv(HERE / "photos.csv")
    for folder in ("hr", "reference", "test"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    for folder in ("hr", "reference", "test/lr", "test/hr"):
        (HERE / folder).mkdir(parents=True)
    for file in photos.loc[photos["role"] == "hr", "file"]:
        image = Image.fromarray(read_image(originals / file))
        if max(image.size) > LARGEST["hr"]:
            save(shrink(image, "hr"), HERE / "hr" / file)
        else:
            shutil.copy(originals / file, HERE / "hr" / file)
    truth = yaml.safe_load((HERE / "truth.yaml").read_text())
    distribution = Distribution.uniform(build([step(name, value) for name, value in truth.items()]))
    tiles = []
    for file in photos.loc[photos["role"] == "target", "file"]:
        image = shrink(Image.fromarray(read_image(originals / file)), "target")
        names = (f"{Path(file).stem.split('_')[0]}-{i}" for i in range(TILES))
        tiles += zip(names, textured_tiles(np.asarray(image)), strict=False)
    for index, (name, tile) in enumerate(tiles):
        if index % 2:
            save(Image.fromarray(tile), HERE / "test/hr" / f"{name}.jpg")
            tile = read_image(HERE / "test/hr" / f"{name}.jpg")
        generator = stream(SEED, "demo", index)
        lr = degrade(tile, distribution.space, distribution.space.draw(0, generator), SCALE, generator)
        Image.fromarray(lr).save(HERE / ("test/lr" if index % 2 else "reference") / f"{name}.png", optimize=True)


def step(name: str, value: str | list[float]) -> Step:
    """One line of truth.yaml."""
    operator, _, parameter = name.partition("_")
    return Step(operator, ((parameter, Choices((value,)) if isinstance(value, str) else Range(*value)),))


def shrink(image: Image.Image, role: str) -> Image.Image:
    """At most as wide and high as photos of that role."""
    factor = min(1.0, LARGEST[role] / max(image.size))
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)


def save(image: Image.Image, path: Path) -> None:
    """JPEG with full chroma resolution."""
    image.save(path, quality=93, subsampling=0, optimize=True)


def textured_tiles(image: np.ndarray) -> list[np.ndarray]:
    """The tiles of an image with the largest mean gradient, in reading order; out-of-focus ones drop out."""
    rows, columns = (range((side % TILE) // 2, side - TILE + 1, TILE) for side in image.shape[:2])
    tiles = [image[r : r + TILE, c : c + TILE] for r in rows for c in columns]
    texture = [sum(np.abs(g).mean() for g in np.gradient(luma(tile))) for tile in tiles]
    best = sorted(np.argsort(texture)[::-1][:TILES])
    return [tiles[i] for i in best if texture[i] > 0.5 * max(texture)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
