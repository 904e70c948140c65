"""The network to start from: with fresh weights, with those of a file, or of another project."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from degcraft.errors import UserError
from degcraft.networks import NetworkSpec
from degcraft.networks.recognised import SPANDREL, Recognised
from degcraft.networks.weights import read_weights
from degcraft.settings import TrainSettings
from degcraft.training.perceptual import Perceptual


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


def check_weights(settings: TrainSettings, scale: int) -> None:
    """Find out whether weights that a training is given can be used.

    Raises:
        UserError: they cannot; it begins with the key that names them.
    """
    try:
        key = "train.start"
        if settings.start is not None:
            first_network(settings, scale)
        key = "train.perceptual"
        if settings.perceptual is not None:
            Perceptual(read_weights(settings.perceptual), settings.perceptual)
    except UserError as error:
        raise UserError(f"{key}: {error}") from None


def _fill(network: nn.Module, tensors: Mapping[str, Tensor], problem: str, spec: NetworkSpec) -> None:
    """Load weights, all of them or none."""
    expected, given = _shapes(network.state_dict()), _shapes(tensors)
    wrong = {
        name: (given.get(name, ()), expected.get(name, ()))
        for name in dict.fromkeys([*expected, *given])
        if given.get(name) != expected.get(name)
    }
    if wrong:
        sizes = ", ".join(f"{key} {value}" for key, value in spec.arguments)
        name, (found, wanted) = next(iter(wrong.items()))
        shapes = f"{name} is {found or 'missing'} and should be {wanted or 'absent'}"
        remedy = "change train.network, .channels and .blocks to those of the file"
        if other := _other_scale(given, spec):
            remedy = f"the file is of a network of scale {other}, take another one or change scale"
        raise UserError(f"{problem} with {sizes}: {shapes}; {remedy}")
    network.load_state_dict(dict(tensors))


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def _other_scale(given: Mapping[str, tuple[int, ...]], spec: NetworkSpec) -> int | None:
    """The scale at which a network would have the given shapes, or None."""
    for scale in (2, 4, 1, 3):
        with torch.device("meta"):
            other = NetworkSpec.of(spec.name, **{**dict(spec.arguments), "scale": scale}).build()
        if _shapes(other.state_dict()) == given:
            return scale
    return None
