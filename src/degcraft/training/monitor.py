"""What can be watched while a training runs: lines in the log, a picture, and TensorBoard where it is installed.

None of it is an output of the workflow: rates, for one, are different each time.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.images import Uint8Image, write_image
from degcraft.storage import discard_partials, replacing

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

PREVIEW = "preview.png"


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

    def validated(self, step: int, psnr: float, picture: Uint8Image) -> None:
        """What `degcraft.training.validation.Validation.measure` found."""
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
