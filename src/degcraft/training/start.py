"""The network to start from: with fresh weights, with those of a file, or of another project."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from degcraft.errors import UserError
from degcraft.networks import NetworkSpec
from degcraft.networks.recognised import SPANDREL, Recognised
from degcraft.networks.weights import read_weights
from degcraft.settings import TrainSettings


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
