"""How often `snakemake check` suspects sharp photos, and degraded copies of them.

    python benchmarks/quality.py --photos FOLDER          (two seconds a photo)

Prints, for the photos as they are and for each kind of copy, how many are called soft (upscaled or blurred) and how
many compressed, and the range of what is measured; and how many bits of fingerprints differ, between copies of a photo
and between photos. Then, for photos degraded as the presets do, and at their strongest, and enlarged after that: the
share of photos that look enlarged, and of folders of eight that `check` remarks on.
``docs/check.md`` shows the figures for 41 photos.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, product

import cv2
import numpy as np
import yaml
from command_line import ROOT, arguments
from numpy.typing import NDArray
from PIL import Image

from degcraft.degrade import degrade_drawn
from degcraft.distribution import Distribution
from degcraft.enlarging import traces
from degcraft.images import Uint8Image, crop_to_multiple, list_images, read_image
from degcraft.photo_quality import BLOCKY, Detail, blockiness, detail, different, fingerprint
from degcraft.space import build
from degcraft.steps import parse_steps

SIDE = 768  # pixels of a photo that are degraded, at most, in its middle
SOFT = [{"blur": {"sigma": [2.5, 3]}}, {"resize": {"kind": "bicubic"}}]
STRONGEST = {
    "sigma 2.5 to 3, JPEG 95": [*SOFT, {"jpeg": {"quality": 95}}],
    "sigma 2.5 to 3, JPEG 60": [*SOFT, {"jpeg": {"quality": 60}}],
    "sigma 2.5 to 3, noise 20 to 25": [*SOFT, {"noise": {"sigma": [20, 25]}}, {"jpeg": {"quality": 80}}],
}


def copies(photo: Uint8Image) -> Iterator[tuple[str, Uint8Image]]:
    """The photo, and what may have been done to it before it came here."""
    yield "as it is", photo
    height, width = photo.shape[:2]
    image = Image.fromarray(photo)
    for factor in (1.5, 2):
        small = image.resize((int(width / factor), int(height / factor)), Image.Resampling.BICUBIC)
        yield f"upscaled x{factor:g}", np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    for sigma in (0.7, 1.0, 1.5, 2.0):
        yield f"blurred, sigma {sigma:g}", np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma), np.uint8)
    for quality in (90, 70, 50, 30):
        yield f"JPEG {quality}", compressed(image, quality)


def compressed(image: Image.Image, quality: int) -> Uint8Image:
    """An image as JPEG hands it back."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def sources() -> dict[str, Distribution]:
    """What references may have been through: the presets, and their strongest blur with little or much beside it."""
    presets = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((ROOT / "config/presets").glob("*.yaml"))}
    steps = {name: preset["degradation"] for name, preset in presets.items()} | STRONGEST
    return {name: Distribution.uniform(build(parse_steps(each))) for name, each in steps.items()}


def print_enlarged(photos: list[Uint8Image]) -> None:
    """Print how often LR photos look enlarged, before and after they are, and folders of eight of them."""
    generator = np.random.default_rng(0)
    print(f"\n{'LR photos':34} {'as they are':>20} {'enlarged x2':>20} {'enlarged x4':>20}   photos, folders of 8")
    for (name, distribution), scale in product(sources().items(), (4, 2)):
        found = defaultdict(list)
        for photo in photos:
            top, left = (max(0, side - SIDE) // 2 for side in photo.shape[:2])
            middle = crop_to_multiple(photo[top : top + SIDE, left : left + SIDE], scale)
            lr = degrade_drawn(middle, distribution, scale, generator)[0]
            for factor in (1, 2, 4):
                size = lr.shape[1] * factor, lr.shape[0] * factor
                measured = traces(np.asarray(Image.fromarray(lr).resize(size, Image.Resampling.BICUBIC)))
                found[factor].append(measured is not None and measured.enlarged)
        cells = []
        for enlarged in found.values():
            folders = [2 * sum(generator.permutation(enlarged)[:8]) > 8 for _ in range(1000)]
            cells.append(f"{np.mean(enlarged):9.0%}, {np.mean(folders):9.1%}")
        print(f"{f'{name}, /{scale}':34} {' '.join(cells)}")


def main() -> None:
    """Print both tables."""
    parser = arguments(__doc__, "photos")
    cv2.setNumThreads(1)
    found: dict[str, list[tuple[Detail, float]]] = defaultdict(list)
    prints: list[NDArray[np.bool_]] = []
    farthest = 0
    paths = list_images(parser.parse_args().photos)
    for path in paths:
        photo = read_image(path)
        prints.append(fingerprint(photo))
        small = Image.fromarray(photo).resize((photo.shape[1] // 4, photo.shape[0] // 4), Image.Resampling.BICUBIC)
        farthest = max(farthest, different(prints[-1], fingerprint(compressed(small, 50))))
        for name, image in copies(photo):
            measured = detail(image)
            assert measured is not None, f"{path} is too small"
            found[name].append((measured, blockiness(image)))
            farthest = max(farthest, different(prints[-1], fingerprint(image)))
    print(f"{'photos':20} {'soft':>9} {'compressed':>11}   {'fine, dB':15} {'drop, dB':15} blockiness")
    for name, rows in found.items():
        soft, blocky = sum(d.soft for d, _ in rows), sum(b > BLOCKY for _, b in rows)
        columns = ([d.fine for d, _ in rows], [d.drop for d, _ in rows], [b for _, b in rows])
        ranges = "  ".join(f"{min(values):6.2f} {max(values):6.2f}" for values in columns)
        print(f"{name:20} {soft:3d} of {len(rows):2d} {blocky:5d} of {len(rows):2d}   {ranges}")
    closest = min(different(a, b) for a, b in combinations(prints, 2))
    print(f"bits that differ: {farthest} at most between copies of a photo, {closest} at least between photos")
    print_enlarged([read_image(path) for path in paths])


if __name__ == "__main__":
    main()
