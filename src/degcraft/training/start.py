"""The network to start from: with fresh weights, with those of a file, or of another project."""

from __future__ import annotations

from collections.abc import Collection, Mapping

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
        if other := _other_scale(wrong.values(), dict(spec.arguments)["scale"]):
            remedy = f"the file is of a network of scale {other}, take another one or change scale"
        raise UserError(f"{problem} with {sizes}: {shapes}; {remedy}")
    network.load_state_dict(dict(tensors))


def _other_scale(wrong: Collection[tuple[tuple[int, ...], tuple[int, ...]]], scale: int) -> int | None:
    """The scale of a network of which only the last layer has another shape, as given and as expected; or None."""
    for other in (1, 2, 3, 4, 8):
        theirs, ours = 3 * other**2, 3 * scale**2  # values that the last layer makes of a pixel
        if all(given == (theirs, *wanted[1:]) and wanted[:1] == (ours,) for given, wanted in wrong):
            return other
    return None
