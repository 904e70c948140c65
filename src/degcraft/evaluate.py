"""Measure a model, or plain interpolation, on test sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from degcraft.errors import UserError
from degcraft.evaluation_pairs import EvaluationPair, size_problem
from degcraft.images import Uint8Image, crop_to_multiple, read_image, write_image
from degcraft.metrics import WINDOW, measure, shave
from degcraft.operators import to_uint8
from degcraft.progress import announce, track
from degcraft.resampling import resize
from degcraft.storage import replacing

if TYPE_CHECKING:
    from degcraft.lpips import Lpips  # torch, which interpolation alone does not need

Restore = Callable[[Uint8Image], Uint8Image]
"""LR (h, w, 3) uint8 to HR (scale*h, scale*w, 3) uint8."""


def bicubic(scale: int) -> Restore:
    """Interpolation without a network: bicubic, as everywhere here."""

    def restore(image: Uint8Image) -> Uint8Image:
        height, width = image.shape[0] * scale, image.shape[1] * scale
        return to_uint8(resize(image.astype(np.float32), height, width))

    return restore


def evaluate(
    restore: Restore,
    pairs: Sequence[EvaluationPair],
    scale: int,
    examples: Path,
    count: int,
    perceptual: Lpips | None = None,
) -> pd.DataFrame:
    """Restore every test image and compare it with its HR photo, ``scale`` pixels shaved off the borders.

    Args:
        restore: model or interpolation.
        pairs: of one target: its own test set and the made ones.
        scale: SR scale.
        examples: folder for the first ``count`` restored images of the first test set.
        count: how many.
        perceptual: measured as well, on RGB, where it is given.

    Returns:
        ``testset, file, photo, psnr_y, ssim_y, psnr_rgb, ssim_rgb`` and perhaps ``lpips``, a row a test image.

    Raises:
        UserError: an LR image whose size is not the HR photo's over the scale.
    """
    rows: list[dict[str, object]] = []
    smallest = max(WINDOW, perceptual.smallest if perceptual else 0) + 2 * scale
    for pair in track(pairs, len(pairs), "evaluate"):
        lr, whole = read_image(pair.lr), read_image(pair.hr)
        if problem := size_problem(pair, lr.shape[1::-1], whole.shape[1::-1], scale, smallest):
            raise UserError(problem)
        hr = crop_to_multiple(whole, scale)
        restored = restore(lr)
        if len(rows) < count and pair.testset == pairs[0].testset:
            with replacing(examples / f"{pair.lr.stem}.png") as partial:
                write_image(partial, restored)
        values = measure(restored, hr, scale)
        if perceptual:
            values["lpips"] = perceptual(shave(restored, scale), shave(hr, scale))
        rows.append({"testset": pair.testset, "file": pair.lr.name, "photo": pair.hr.name, **values})
    table = pd.DataFrame(rows)
    means = table.groupby("testset", sort=False)["psnr_y"].mean()
    announce("PSNR-Y " + ", ".join(f"{mean:.2f} dB on {name}" for name, mean in means.items()))
    return table
