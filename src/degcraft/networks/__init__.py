"""Networks by name, and files that hold a network with what is needed to rebuild it."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn

from degcraft.errors import UserError
from degcraft.networks.encoder import Encoder
from degcraft.networks.recognised import SPANDREL, Recognised
from degcraft.networks.rrdbnet import RRDBNet
from degcraft.networks.sr import Compact, SRResNet
from degcraft.storage import replacing

NETWORKS: dict[str, type[nn.Module]] = {
    "compact": Compact,
    "srresnet": SRResNet,
    "rrdbnet": RRDBNet,
    "encoder": Encoder,
}


@dataclass(frozen=True)
class NetworkSpec:
    """What rebuilds a network: its name in `NETWORKS` and its constructor's arguments, all integers.

    The name ``spandrel`` with the argument ``scale`` stands for a `Recognised` network, which its weights rebuild.
    """

    name: str
    arguments: tuple[tuple[str, int], ...]

    @staticmethod
    def of(name: str, **arguments: int) -> NetworkSpec:
        """``NetworkSpec.of("compact", channels=32, blocks=6, scale=4)``."""
        return NetworkSpec(name, tuple(sorted(arguments.items())))

    def build(self) -> nn.Module:
        """A network with fresh weights from torch's global generator."""
        return NETWORKS[self.name](**dict(self.arguments))


def save_network(
    path: str | os.PathLike[str], network: nn.Module, spec: NetworkSpec, notes: Mapping[str, str] | None = None
) -> None:
    """Write weights as safetensors, with the spec and some notes as metadata."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    # one JSON text, since safetensors keeps several entries in no fixed order and the same model must be the same bytes
    description = {"network": spec.name, "arguments": dict(spec.arguments), "notes": dict(notes or {})}
    with replacing(path) as partial:
        partial.write_bytes(save(tensors, metadata={"degcraft": json.dumps(description, sort_keys=True)}))


def read_spec(path: str | os.PathLike[str]) -> NetworkSpec:
    """The spec of a network file.

    Raises:
        UserError: no such file, not safetensors, or not written by degcraft.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise UserError(f"{path}: not a whole safetensors file ({error}); delete it and run again") from None
    try:
        description = json.loads(metadata["degcraft"])
        spec = NetworkSpec.of(description["network"], **description["arguments"])
    except (KeyError, ValueError, TypeError):
        raise UserError(f"{path}: was not written by degcraft, its metadata names no network") from None
    if spec.name == SPANDREL and set(dict(spec.arguments)) == {"scale"}:
        return spec
    if spec.name not in NETWORKS:
        raise UserError(f"{path}: unknown network {spec.name!r}; there are {', '.join(NETWORKS)}")
    try:
        inspect.signature(NETWORKS[spec.name]).bind(**dict(spec.arguments))
    except TypeError as error:
        raise UserError(f"{path}: its metadata does not describe a {spec.name} ({error})") from None
    if not all(type(value) is int for _, value in spec.arguments):
        raise UserError(f"{path}: its metadata does not describe a {spec.name}; its sizes must be integers")
    return spec


def load_network(path: str | os.PathLike[str]) -> tuple[nn.Module, NetworkSpec]:
    """Rebuild a network from its file, in evaluation mode, on the CPU.

    Raises:
        UserError: see `read_spec`; or tensors that do not fit the network; see `Recognised`.
    """
    spec = read_spec(path)
    tensors = load_file(path)
    if spec.name == SPANDREL:
        return Recognised(tensors, path).eval(), spec
    network = spec.build()
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"{path}: weights do not fit {spec.name} {dict(spec.arguments)} ({error})") from None
    return network.eval(), spec
