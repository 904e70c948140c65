"""A picture of reference photos beside patches degraded with what was crafted for them: do they look alike?

    python benchmarks/beside.py REFERENCE_FOLDER WEIGHTS_CSV HR_FOLDER PICTURE

Crops of the finest detail in each photo, four times enlarged without interpolation. Above the reference photos, below
HR photos degraded with the distribution.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from command_line import arguments
from numpy.typing import NDArray

from degcraft.degrade import degrade_drawn
from degcraft.distribution import Distribution
from degcraft.images import Uint8Image, list_images, read_image, write_image
from degcraft.patches import cut, textured_positions
from degcraft.seeds import stream

SCALE, SIDE, COUNT, ENLARGED = 4, 56, 7, 4


def main() -> None:
    """Write the picture."""
    parser = arguments(__doc__)
    for name in ("reference", "weights", "hr", "picture"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    crafted = Distribution.read(options.weights)
    above = [crop(read_image(path), SIDE, index) for index, path in enumerate(list_images(options.reference)[:COUNT])]
    below = []
    for index, path in enumerate(list_images(options.hr)[:COUNT]):
        patch = crop(read_image(path), SIDE * SCALE, index)
        below.append(degrade_drawn(patch, crafted, SCALE, stream(0, "beside", index))[0])
    write_image(options.picture, np.concatenate([row(above), row(below)]))


def crop(image: Uint8Image, side: int, index: int) -> Uint8Image:
    """One of the places of the finest detail, JPEG's grid kept."""
    places = textured_positions(image, side, 1, 8, 0.05, stream(0, "beside-crop", index))
    return cut(image, places, side)[0]


def row(crops: list[Uint8Image]) -> NDArray[np.uint8]:
    """Crops side by side, enlarged, with white between them."""
    size = (SIDE * ENLARGED,) * 2
    large = [cv2.resize(image, size, interpolation=cv2.INTER_NEAREST) for image in crops]
    return np.concatenate([np.pad(image, ((3, 3), (3, 3), (0, 0)), constant_values=255) for image in large], axis=1)


if __name__ == "__main__":
    main()
