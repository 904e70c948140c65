"""Degrade an image with drawn parameters, or a folder of photos with a distribution."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from itertools import product, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.images import (
    FloatImage,
    ImageError,
    Uint8Image,
    crop_to_multiple,
    distinct_stems,
    list_images,
    log_passed_over,
    read_image,
    write_image,
)
from degcraft.operators import to_uint8
from degcraft.operators.chain import run
from degcraft.progress import announce, track
from degcraft.seeds import stream
from degcraft.space import AppliedStep, Space
from degcraft.storage import replacing, write_table

PARAMETERS = "parameters.csv"

# glibc hands large blocks back to the system when they are freed, and fetching them again page by page would be a tenth
# of the time of degrading; it keeps blocks up to the size of the largest that was freed before, which this one is
np.empty(1 << 24, np.uint8)


def degrade(
    image: Uint8Image,
    space: Space,
    parameters: NDArray[np.float32],
    scale: int,
    generator: np.random.Generator,
    tile: int = 2048,
) -> Uint8Image:
    """Run an image through the operators of a space.

    An image larger than a tile is shrunk tile by tile, as far as the first operators are local, so that memory holds
    one tile in floating point and not the whole photo. There is no seam: a tile brings the surroundings that its
    operators reach.

    Args:
        image: (H, W, 3) uint8, both sides multiples of ``scale``.
        space: the operators and axes.
        parameters: (axes,) float32, from `Space.draw`.
        scale: SR scale.
        generator: draws the noise.
        tile: side of the tiles, pixels; taken down to a multiple of ``scale``.

    Returns:
        (H/scale, W/scale, 3) uint8.

    Raises:
        UserError: the image is of another shape or type, or a side is no multiple of ``scale``, or zero; or the space
            holds no ``resize``.
    """
    _check(image, scale)
    steps = space.steps(parameters)
    lr, tile = (image.shape[0] // scale, image.shape[1] // scale), tile - tile % scale
    shrink = list(takewhile(lambda step: step[0].reach is not None, steps))
    if max(image.shape) > tile and any(operator.name == "resize" for operator, _ in shrink):
        result, steps = _shrink_tiled(image, shrink, scale, generator, tile), steps[len(shrink) :]
    else:
        result = image.astype(np.float32)
    found = run(steps, result, lr, generator)
    if found.shape[:2] != lr:
        raise UserError(
            f"the space makes {found.shape[0]} x {found.shape[1]} pixels of {image.shape[0]} x {image.shape[1]}, at "
            f"scale {scale}: it needs one step that resizes, and none that does so after it"
        )
    return to_uint8(found)


def degrade_drawn(
    image: Uint8Image, distribution: Distribution, scale: int, generator: np.random.Generator
) -> tuple[Uint8Image, int, NDArray[np.float32]]:
    """Degrade an image with parameters drawn from a distribution: the LR image, the bin, and the parameters.

    Raises:
        UserError: as `degrade`.
    """
    chosen = distribution.sample_bin(generator)
    parameters = distribution.space.draw(chosen, generator)
    return degrade(image, distribution.space, parameters, scale, generator), chosen, parameters


def _check(image: NDArray[np.generic], scale: int) -> None:
    """Refuse what looks like an image and would be degraded into something else, such as floats from 0 to 1."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise UserError(
            f"an array of shape {image.shape} and type {image.dtype} is no image here: it has to be (height, width, "
            "3), RGB, and uint8, from 0 to 255"
        )
    if not image.size or image.shape[0] % scale or image.shape[1] % scale:
        raise UserError(
            f"an image of {image.shape[0]} x {image.shape[1]} pixels: its sides have to be multiples of the scale "
            f"{scale}; cut off what is left over"
        )


def _shrink_tiled(
    image: Uint8Image, steps: Sequence[AppliedStep], scale: int, generator: np.random.Generator, tile: int
) -> FloatImage:
    """Apply local operators, ``resize`` among them, tile by tile: (H/scale, W/scale, 3) float32."""
    height, width = image.shape[:2]
    reach = sum(operator.reach(values, scale) * scale for operator, values in steps if operator.reach is not None)
    margin = -(-reach // scale) * scale
    result = np.empty((height // scale, width // scale, 3), np.float32)
    for top, left in product(range(0, height, tile), range(0, width, tile)):
        first_row, first_column = max(top - margin, 0), max(left - margin, 0)
        bottom, right = min(top + tile, height), min(left + tile, width)
        part = image[first_row : bottom + margin, first_column : right + margin].astype(np.float32)
        part = run(steps, part, (part.shape[0] // scale, part.shape[1] // scale), generator)
        row, column = (top - first_row) // scale, (left - first_column) // scale
        inside = part[row : row + (bottom - top) // scale, column : column + (right - left) // scale]
        result[top // scale : bottom // scale, left // scale : right // scale] = inside
    return result


def degrade_folder(
    photos: str | os.PathLike[str],
    distribution: Distribution,
    output: str | os.PathLike[str],
    scale: int,
    seed: int,
    stage: str = "degrade",
    draws: int = 1,
) -> None:
    """Degrade every photo of a folder with parameters drawn from a distribution.

    Writes PNG files with the photos' stems (``<stem>-<draw>.png`` where each photo is degraded several times) and
    ``parameters.csv``: ``file, photo, bin`` and a column for each axis. Sides that are no multiple of the scale lose
    their last rows and columns first.

    Args:
        photos: HR photos; unreadable ones are skipped with a line in the log.
        distribution: from which each photo's parameters are drawn.
        output: folder to write into.
        scale: SR scale.
        seed: of the draws.
        stage: names the random stream, so that test sets and training data differ.
        draws: how often each photo is degraded.

    Raises:
        UserError: no photo can be used, or two would be written to one name.
    """
    import pandas as pd  # see degcraft.space

    paths = list_images(photos)
    distinct_stems(paths)
    log_passed_over(photos)
    rows = []
    folder = Path(output)
    for index, path in enumerate(track(paths, len(paths), stage)):
        try:
            image = crop_to_multiple(read_image(path), scale)
        except ImageError as error:
            logging.getLogger("degcraft").warning("skipped %s", error)
            continue
        if not image.size:
            logging.getLogger("degcraft").warning("skipped %s: smaller than the scale", path)
            continue
        for draw in range(draws):
            generator = stream(seed, stage, index, draw)
            lr, chosen, parameters = degrade_drawn(image, distribution, scale, generator)
            name = f"{path.stem}-{draw}.png" if draws > 1 else f"{path.stem}.png"
            with replacing(folder / name) as partial:
                write_image(partial, lr)
            rows.append({"file": name, "photo": path.name, "bin": chosen, **distribution.space.readable(parameters)})
    if not rows:
        raise UserError(f"{photos}: holds no photo that can be degraded; see the log for the reasons")
    write_table(pd.DataFrame(rows), folder / PARAMETERS)
    announce(f"{len(rows)} degraded images in {folder}")
