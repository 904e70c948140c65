"""Feature moments of a target's reference photos, photo by photo."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degcraft.directions import directions
from degcraft.errors import UserError
from degcraft.extractor import Extractor
from degcraft.images import list_images, log_passed_over
from degcraft.moments import Array, Moments
from degcraft.moments_file import write_moments
from degcraft.patches import Row, cut_photos, disjoint, reasons, remedy, used_of
from degcraft.progress import announce
from degcraft.settings import ReferenceSettings
from degcraft.storage import creating_h5, reading_h5, write_table


def describe_reference(
    folder: str | os.PathLike[str],
    extractor: str | os.PathLike[str],
    output: str | os.PathLike[str],
    table: str | os.PathLike[str],
    settings: ReferenceSettings,
    size: int,
    textured: float,
    seed: int,
) -> None:
    """Describe a folder of LR photos by the features of their textured patches.

    Writes HDF5 with a row for each usable photo, ``photo`` int32 (n,) its row in the table, ``count``, ``mean`` and
    ``second`` as for bins, ``direction`` float64 (n, k) the mean of its patches' `degcraft.directions.directions`,
    ``disjoint`` int64 (n,) how many patches would cover the same area side by side; and a CSV ``file, width, height,
    used, reason, patches``.

    Args:
        folder: LR reference photos.
        extractor: the extractor's file.
        output: HDF5 file to write.
        table: CSV file to write.
        settings: how to cut.
        size: side of the LR patches, pixels, as the extractor was trained on.
        textured: share of a photo's places from which patches are drawn, as for the HR photos.
        seed: of the draws.

    Raises:
        UserError: no photo can be used.
    """
    apply = Extractor(extractor, settings.threads)
    paths = list_images(folder)
    log_passed_over(folder)
    rows: list[Row] = []
    moments: list[Moments] = []
    direction: list[Array] = []
    apart: list[int] = []
    used: list[int] = []
    per_photo, align = settings.per_photo, settings.align
    cuts = cut_photos(paths, rows, "reference", seed, size=size, count=per_photo, align=align, share=textured)
    for index, places, pixels in cuts:
        moments.append(Moments.of(apply(pixels)))
        direction.append(directions(pixels).mean(axis=0))
        apart.append(disjoint(places, size))
        used.append(index)
    if not moments:
        why = reasons(rows) or "no PNG, JPEG, WebP or TIFF files"
        raise UserError(f"{folder}: none of the {len(rows)} reference photos can be used ({why}); {remedy(rows)}")
    with creating_h5(output) as file:
        file["photo"] = np.array(used, np.int32)
        file["direction"] = np.stack(direction)
        file["disjoint"] = np.array(apart, np.int64)
        write_moments(file, moments, apply.length)
    write_table(pd.DataFrame(rows), table)
    announce(f"{used_of(rows)}, {sum(part.count for part in moments)} patches of {size} pixels")


def read_directions(path: str | os.PathLike[str]) -> tuple[Array, NDArray[np.int64]]:
    """Of each reference photo, as `describe_reference` wrote them: its directional contrasts, (n, k) float64, and how
    many disjoint patches they are worth, (n,) int64.
    """
    with reading_h5(path, "direction", "disjoint") as file:
        return np.asarray(file["direction"][:], np.float64), np.asarray(file["disjoint"][:], np.int64)
