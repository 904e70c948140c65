"""Checkpoints: written whole, taken up only by the training that they are of."""

from __future__ import annotations

import logging
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from degcraft.errors import UserError
from degcraft.settings import WITHOUT_EFFECT, TrainSettings
from degcraft.storage import discard_partials, replacing


class Checkpoint:
    """The checkpoint of one training.

    A training whose data are no longer the same starts again. One whose settings or code have been changed does
    neither: going on would make the model depend on when it was interrupted, and starting again would throw away what
    was done.

    Args:
        path: outside of what Snakemake deletes when a job is killed.
        settings: of the training.
        data: what else the weights depend on, as plain values: digests of files, scale, seed.
        code: digest of the code that trains.
    """

    def __init__(
        self, path: str | os.PathLike[str], settings: TrainSettings, data: Mapping[str, str | int], code: str
    ) -> None:
        self._path = Path(path)
        self._settings = {key: _plain(value) for key, value in asdict(settings).items() if key not in WITHOUT_EFFECT}
        self._data, self._code = dict(data), code

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint, whole or not at all."""
        # a file of Python's, since torch's own does not say why it could not be written
        with replacing(self._path) as partial, partial.open("wb") as file:
            facts = {"settings": self._settings, "data": self._data, "code": self._code}
            torch.save({**facts, "run": dict(state)}, file)

    def read(self, device: torch.device) -> dict[str, Any] | None:
        """What was saved last; None where there is nothing to go on from.

        Raises:
            UserError: the file is damaged, or its settings or code are not those of this training.
        """
        discard_partials(self._path)
        if not self._path.is_file():
            return None
        try:
            _check_sums(self._path)
            saved: dict[str, Any] = torch.load(self._path, map_location=device, weights_only=True)
        except Exception as error:  # torch has many ways to refuse a file, and says too much about each
            raise UserError(
                f"{self._path}: not a whole checkpoint ({type(error).__name__}); delete it and run again"
            ) from None
        if not isinstance(saved, dict) or saved.get("data") != self._data:
            log = logging.getLogger("degcraft")
            log.warning("%s: is of other pairs, weights (start, perceptual), scale or seed; starting again", self._path)
            return None
        if saved.get("code") != self._code:
            raise UserError(
                f"{self._path}: an interrupted training by another version of degcraft. To finish it, go back to that "
                "version; to start again with this one, delete the file"
            )
        changes = [
            f"train.{key} was {saved['settings'].get(key)!r} and is {value!r}"
            for key, value in self._settings.items()
            if saved["settings"].get(key) != value
        ]
        if changes:
            raise UserError(
                f"{self._path}: an interrupted training with other settings ({'; '.join(changes)}). To finish it, set "
                "them back; to start again with the new ones, delete the file"
            )
        run: dict[str, Any] = saved["run"]
        return run

    @property
    def again(self) -> str:
        """How to start again with other settings, for the end of a sentence."""
        return f"delete {self._path} and run again" if self._path.exists() else "run again"


def _check_sums(path: Path) -> None:
    """Compare the contents with their checksums, as torch does not.

    Raises:
        zipfile.BadZipFile: they differ.
    """
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise zipfile.BadZipFile(damaged)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
