"""Weights to start from: a network of degcraft or of another project, or a training's checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from degcraft.errors import UserError
from degcraft.networks import NetworkSpec, read_tensors
from degcraft.networks.recognised import SPANDREL, Recognised
from degcraft.settings import TrainSettings
from degcraft.storage import is_file

_WRAPPINGS = ("run", "params_ema", "params", "state_dict", "average")  # averaged weights before the last ones


def first_network(settings: TrainSettings, scale: int) -> tuple[nn.Module, NetworkSpec]:
    """The network as it is before the first step, and what rebuilds it.

    Raises:
        UserError: the weights to start from cannot be read or do not fit.
    """
    if settings.network == SPANDREL:
        assert settings.start is not None
        other = Recognised(read_weights(settings.start), settings.start)
        if other.scale != scale:
            raise UserError(f"{settings.start}: a {other.architecture} for scale {other.scale}, not {scale}")
        return other, NetworkSpec.of(SPANDREL, scale=scale)
    spec = NetworkSpec.of(settings.network, channels=settings.channels, blocks=settings.blocks, scale=scale)
    network = spec.build()
    if settings.start is not None:
        _fill(network, read_weights(settings.start), f"{settings.start}: does not fit {spec.name}", spec)
    return network, spec


def read_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a file by name: safetensors, or a .pth or .pt file, of which nothing but tensors is loaded.

    Averaged weights are taken where a file holds several kinds.

    Raises:
        UserError: no such file, damaged, or with something else than tensors in it.
    """
    if not is_file(path):
        raise UserError(f"{path}: no such file")
    if Path(path).suffix == ".safetensors":
        return read_tensors(path)
    try:
        held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has many ways to refuse a file, and says too much about each
        raise UserError(
            f"{path}: not a file of weights alone ({type(error).__name__}); if you trust it, save its state_dict as "
            "safetensors and name that"
        ) from None
    for key in _WRAPPINGS:
        if isinstance(held, Mapping) and isinstance(held.get(key), Mapping):
            held = held[key]
    if not (isinstance(held, Mapping) and held and all(isinstance(value, Tensor) for value in held.values())):
        raise UserError(f"{path}: holds no table of weights; {', '.join(_WRAPPINGS[1:4])} were looked for")
    return dict(held)


def _fill(network: nn.Module, tensors: Mapping[str, Tensor], problem: str, spec: NetworkSpec) -> None:
    """Load weights, all of them or none."""
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    for name in [*expected, *given]:
        if expected.get(name) != given.get(name):
            sizes = ", ".join(f"{key} {value}" for key, value in spec.arguments)
            raise UserError(
                f"{problem} with {sizes}: {name} is {given.get(name, 'missing')} and should be "
                f"{expected.get(name, 'absent')}; change train.network, .channels and .blocks to those of the file"
            )
    network.load_state_dict(dict(tensors))
