"""How often `snakemake check` suspects sharp photos, and degraded copies of them.

    python benchmarks/quality.py --photos FOLDER          (a second a photo)

Prints, for the photos as they are and for each kind of copy, how many are called soft (upscaled or blurred) and how
many compressed, and the range of what is measured; and how many bits of fingerprints differ, between copies of a photo
and between photos. ``docs/check.md`` shows the figures for 41 photos.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

import cv2
import numpy as np
from command_line import arguments
from numpy.typing import NDArray
from PIL import Image

from degcraft.images import Uint8Image, list_images, read_image
from degcraft.photo_quality import BLOCKY, Detail, blockiness, detail, different, fingerprint


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


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__, "photos")
    cv2.setNumThreads(1)
    found: dict[str, list[tuple[Detail, float]]] = defaultdict(list)
    prints: list[NDArray[np.bool_]] = []
    farthest = 0
    for path in list_images(parser.parse_args().photos):
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


if __name__ == "__main__":
    main()
