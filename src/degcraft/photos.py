"""HR photos in, HR patches out."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd

from degcraft.errors import UserError
from degcraft.images import list_images, log_passed_over, no_photos
from degcraft.patches import Row, cut_photos, reasons, remedy, used_of
from degcraft.progress import announce
from degcraft.settings import PhotoSettings
from degcraft.storage import creating_h5, write_table


def cut_hr_patches(
    folder: str | os.PathLike[str],
    patches: str | os.PathLike[str],
    table: str | os.PathLike[str],
    settings: PhotoSettings,
    scale: int,
    seed: int,
) -> None:
    """Cut HR patches from a folder of photos.

    Writes ``patches`` (HDF5: ``patches`` uint8 (N, size, size, 3), ``photo`` int32 (N,) the row of the photo in the
    table, ``position`` int32 (N, 2) row and column) and ``table`` (CSV: ``file, width, height, used, reason, patches``,
    a row a photo). One photo is in memory at a time.

    Raises:
        UserError: no photo can be used.
    """
    paths = list_images(folder)
    log_passed_over(folder)
    size = settings.size
    rows: list[Row] = []
    with creating_h5(patches) as file:
        chunk = (1, size, size, 3)
        images = file.create_dataset(
            "patches", (0, size, size, 3), np.uint8, maxshape=(None, size, size, 3), chunks=chunk
        )
        photo = file.create_dataset("photo", (0,), np.int32, maxshape=(None,), chunks=(4096,))
        position = file.create_dataset("position", (0, 2), np.int32, maxshape=(None, 2), chunks=(4096, 2))
        file.attrs.update({"scale": scale, "seed": seed})
        per_photo, textured = settings.per_photo, settings.textured
        cuts = cut_photos(paths, rows, "photos", seed, size=size, count=per_photo, align=scale, share=textured)
        for index, places, pixels in cuts:
            first, end = len(images), len(images) + len(places)
            for dataset in (images, photo, position):
                dataset.resize(end, axis=0)
            images[first:end] = pixels
            photo[first:end] = index
            position[first:end] = places
        if not len(images):
            raise UserError(_nothing_usable(folder, rows))
        cut = len(images)
    write_table(pd.DataFrame(rows), table)
    announce(f"{used_of(rows)}, {cut} patches of {size} pixels")


def _nothing_usable(folder: str | os.PathLike[str], rows: list[Row]) -> str:
    """The sentence that says why no photo was left."""
    if not rows:
        return f"{folder}: {no_photos(folder)}; put sharp photos there or change 'hr'"
    return f"{folder}: none of the {len(rows)} photos can be used ({reasons(rows)}); {remedy(rows)}"
