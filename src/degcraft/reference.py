"""Feature moments of a target's reference photos, photo by photo."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd

from degcraft.bin_features import write_moments
from degcraft.errors import UserError
from degcraft.extractor import Extractor
from degcraft.images import ImageError, list_images, read_image
from degcraft.moments import Moments
from degcraft.patches import cut, textured_positions
from degcraft.progress import track
from degcraft.seeds import stream
from degcraft.settings import ReferenceSettings
from degcraft.storage import creating_h5, replacing


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
    ``second`` as for bins; and a CSV ``file, width, height, used, reason, patches``.

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
    rows: list[dict[str, object]] = []
    moments: list[Moments] = []
    used: list[int] = []
    for index, path in enumerate(track(paths, len(paths), "reference")):
        row: dict[str, object] = {"file": path.name, "width": 0, "height": 0, "used": False, "reason": "", "patches": 0}
        rows.append(row)
        try:
            image = read_image(path)
        except ImageError as error:
            row["reason"] = error.reason
            continue
        row["height"], row["width"] = image.shape[:2]
        generator = stream(seed, "reference", index)
        places = textured_positions(image, size, settings.per_photo, settings.align, textured, generator)
        if not len(places):
            row["reason"] = f"smaller than a patch of {size} pixels"
            continue
        moments.append(Moments.of(apply(cut(image, places, size))))
        used.append(index)
        row["used"], row["patches"] = True, len(places)
    if not moments:
        reasons = "; ".join(f"{row['file']}: {row['reason']}" for row in rows[:5]) or "no PNG, JPEG, WebP or TIFF files"
        raise UserError(f"{folder}: none of the {len(rows)} reference photos can be used ({reasons})")
    with creating_h5(output) as file:
        file["photo"] = np.array(used, np.int32)
        write_moments(file, moments, apply.length)
    with replacing(table) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)
