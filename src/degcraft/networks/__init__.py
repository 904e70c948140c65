"""Networks by name, and files that hold a network with what is needed to rebuild it."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn, uint8

from degcraft.errors import UserError
from degcraft.networks.encoder import Encoder
from degcraft.networks.recognised import SPANDREL, Recognised
from degcraft.networks.rrdbnet import RRDBNet
from degcraft.networks.sr import Compact, SRResNet
from degcraft.storage import REMEDY, is_file, replacing

_LARGEST = 4096  # of the integers that a spec may hold
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
    """Write weights as safetensors, with the spec, some notes and a digest of it all as metadata."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    # one JSON text, since safetensors keeps several entries in no fixed order and the same model must be the same bytes
    description: dict[str, Any] = {"network": spec.name, "arguments": dict(spec.arguments), "notes": dict(notes or {})}
    description["sha256"] = _digest(tensors, description)
    with replacing(path) as partial:
        partial.write_bytes(save(tensors, metadata={"degcraft": json.dumps(description, sort_keys=True)}))


def read_spec(path: str | os.PathLike[str]) -> NetworkSpec:
    """The spec of a network file.

    Raises:
        UserError: no such file, not safetensors, or not written by degcraft.
    """
    try:
        description = json.loads(_metadata(path)["degcraft"])
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
    if not all(type(value) is int and 0 <= value <= _LARGEST for _, value in spec.arguments):
        raise UserError(
            f"{path}: its metadata does not describe a {spec.name}; its sizes must be whole numbers up to {_LARGEST}"
        )
    return spec


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, of degcraft or of another project.

    Raises:
        UserError: no such file, not safetensors, or written by degcraft and no longer what was written.
    """
    description = _metadata(path).get("degcraft", "{}")
    try:
        tensors: dict[str, Tensor] = load_file(path)
        said = json.loads(description)
        damaged = "sha256" in said and said.pop("sha256") != _digest(tensors, said)
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError):
        damaged = True
    if damaged:
        raise UserError(f"{path}: damaged, its contents differ from their digest; {REMEDY}")
    return tensors


def _metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """What a safetensors file says of itself."""
    if not is_file(path):
        raise UserError(f"{path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a whole safetensors file ({error}); {REMEDY}") from None


def _digest(tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> str:
    """SHA-256 of names, types, shapes and values of tensors, and of their description."""
    digest = hashlib.sha256(json.dumps(dict(description), sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().reshape(-1).view(uint8).numpy().tobytes())
    return digest.hexdigest()


def load_network(path: str | os.PathLike[str]) -> tuple[nn.Module, NetworkSpec]:
    """Rebuild a network from its file, in evaluation mode, on the CPU.

    Raises:
        UserError: see `read_spec` and `read_tensors`; or tensors that do not fit the network; see `Recognised`.
    """
    spec, tensors = read_spec(path), read_tensors(path)
    if spec.name == SPANDREL:
        return Recognised(tensors, path).eval(), spec
    try:
        with torch.device("meta"):  # takes no memory: sizes that the tensors do not have must not be allocated
            expected = {name: value.shape for name, value in spec.build().state_dict().items()}
        if expected != {name: value.shape for name, value in tensors.items()}:
            raise ValueError("names or shapes differ")
        network = spec.build()
        network.load_state_dict(tensors)
    except (ArithmeticError, RuntimeError, ValueError) as error:
        raise UserError(f"{path}: weights do not fit {spec.name} {dict(spec.arguments)} ({error})") from None
    return network.eval(), spec


def load_sr_network(path: str | os.PathLike[str]) -> tuple[nn.Module, NetworkSpec]:
    """`load_network` of a network that upscales, by the argument ``scale`` of its spec.

    Raises:
        UserError: see `load_network`; or the network does not upscale.
    """
    network, spec = load_network(path)
    if "scale" not in dict(spec.arguments):
        raise UserError(f"{path}: holds the network {spec.name!r}, which does not upscale")
    return network, spec
