"""Applying a feature extractor, of whichever kind, to LR patches."""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray

from degcraft.device import on_device, prepare
from degcraft.errors import UserError
from degcraft.networks import NetworkSpec, load_network
from degcraft.networks.encoder import Encoder
from degcraft.networks.sr import SRResNet, to_tensor


def load_extractor(path: str | os.PathLike[str]) -> tuple[Encoder | SRResNet, NetworkSpec]:
    """The network of an extractor's file, on the CPU, and what it is.

    Raises:
        UserError: the file is missing, damaged or no extractor.
    """
    network, spec = load_network(path)
    if not isinstance(network, Encoder | SRResNet):
        raise UserError(f"{path}: holds the network {spec.name!r}, which is no feature extractor")
    return network, spec


def feature_length(spec: NetworkSpec) -> int:
    """Length of the feature vectors of an extractor."""
    return dict(spec.arguments)["features" if spec.name == "encoder" else "channels"]


class Extractor:
    """A trained extractor on its device: LR patches in, features out.

    Args:
        path: file written by `train_encoder` or `degcraft.srgan.train_srgan`.
        threads: CPU threads.

    Attributes:
        length: of the feature vectors, d.

    Raises:
        UserError: the file is missing, damaged or no extractor.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 1) -> None:
        network, spec = load_extractor(path)
        self.length = feature_length(spec)
        self._device = prepare(threads, 0, "features")
        self._network = on_device(network, self._device)

    @torch.no_grad()
    def __call__(self, patches: NDArray[np.uint8], batch: int = 64) -> NDArray[np.float32]:
        """Features of patches (n, h, w, 3) uint8: (n, d) float32."""
        parts = []
        for first in range(0, len(patches), batch):
            images = torch.from_numpy(patches[first : first + batch]).to(self._device)
            parts.append(self._network.features(to_tensor(images)).cpu().numpy())
        return np.concatenate(parts)
