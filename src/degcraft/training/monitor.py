"""What can be watched while a training runs: lines in the log, a picture, and TensorBoard where it is installed.

None of it is an output of the workflow: rates, for one, are different each time.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from degcraft.images import Uint8Image, write_image
from degcraft.storage import discard_partials, replacing

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

PREVIEW = "preview.png"
BAND = 24  # pixels above each row of the picture, for its name


class Monitor:
    """Shows how one training comes along.

    Args:
        folder: for ``preview.png`` and TensorBoard's files.
        start: step from which this process trains; what an earlier one showed of later steps is withdrawn.
        batch: pairs a step.
    """

    def __init__(self, folder: str | os.PathLike[str], start: int, batch: int) -> None:
        self._folder, self._batch = Path(folder), batch
        discard_partials(self._folder / PREVIEW)
        self._last = time.monotonic(), start
        self._writer: SummaryWriter | None = None
        if importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=start + 1)

    def row(self, row: dict[str, float]) -> None:
        """A row of the curve."""
        step, (then, before) = int(row["step"]), self._last
        self._last = time.monotonic(), step
        if self._writer is not None:
            rate = (step - before) * self._batch / max(self._last[0] - then, 1e-9)
            for name, value in {**row, "pairs_per_second": rate}.items():
                if name != "step" and not math.isnan(value):
                    self._writer.add_scalar(name, value, step)

    def validated(self, step: int, psnr: float, rows: Mapping[str, Uint8Image]) -> None:
        """What `degcraft.training.validation.Validation.measure` found."""
        picture = named_rows(rows)
        with replacing(self._folder / PREVIEW) as partial:
            write_image(partial, picture)
        log = logging.getLogger("degcraft")
        log.info("train: PSNR-Y %.2f dB at step %d on held-back patches (%s)", psnr, step, self._folder / PREVIEW)
        if self._writer is not None:
            self._writer.add_image("preview", picture, step, dataformats="HWC")

    def close(self) -> None:
        """Write what is still in memory."""
        if self._writer is not None:
            self._writer.close()


def named_rows(rows: Mapping[str, Uint8Image]) -> Uint8Image:
    """Rows of pictures below each other, each with its name in a white band above it.

    Args:
        rows: (h, w, 3) uint8 by name, all of one width.
    """
    parts: list[Uint8Image] = []
    for name, row in rows.items():
        band: Uint8Image = np.full((BAND, row.shape[1], 3), 255, np.uint8)
        (width, _), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
        size = 0.5 * min(1.0, (row.shape[1] - 8) / width)
        cv2.putText(band, name, (4, 17), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)
        parts += [band, row]
    return np.concatenate(parts)
