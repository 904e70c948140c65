"""Files of weights that the user brings: of degcraft or of another project, or a training's checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from degcraft.errors import UserError
from degcraft.networks import read_tensors
from degcraft.storage import is_file

_WRAPPINGS = ("run", "params_ema", "params", "state_dict", "average")  # averaged weights before the last ones
_ALONE = "; if you trust it, save its state_dict as safetensors and name that"


def read_weights(
    path: str | os.PathLike[str],
    missing: str = "no such file",
    refused: str = "not a file of weights alone",
    remedy: str = _ALONE,
) -> dict[str, Tensor]:
    """The tensors of a file by name: safetensors, or a .pth or .pt file, of which nothing but tensors is loaded.

    Averaged weights are taken where a file holds several kinds.

    Args:
        path: of the file.
        missing: what is said where there is none.
        refused: what is said where torch refuses it.
        remedy: and what to do about that.

    Raises:
        UserError: no such file, damaged, or with something else than tensors in it.
    """
    if not is_file(path):
        raise UserError(f"{path}: {missing}")
    if Path(path).suffix == ".safetensors":
        return read_tensors(path)
    try:
        held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has many ways to refuse a file, and says too much about each
        raise UserError(f"{path}: {refused} ({type(error).__name__}){remedy}") from None
    for key in _WRAPPINGS:
        if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
            held = held[key]
    if not (isinstance(held, Mapping) and held and all(isinstance(value, Tensor) for value in held.values())):
        raise UserError(f"{path}: holds no table of weights; {', '.join(_WRAPPINGS[1:4])} were looked for")
    return dict(held)
