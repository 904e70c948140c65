"""The second stage: a discriminator is trained beside the network, which is judged by it and by deep features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from degcraft.device import autocast, on_device
from degcraft.networks.discriminator import UNetDiscriminator, adversarial_loss
from degcraft.networks.weights import read_weights
from degcraft.settings import TrainSettings
from degcraft.training.group import Group
from degcraft.training.perceptual import Perceptual


class Adversary:
    """The discriminator with its optimiser, and the perceptual loss where there are weights for it.

    Args:
        settings: of the training.
        device: on which the network is.
        group: the processes that train.
    """

    def __init__(self, settings: TrainSettings, device: torch.device, group: Group) -> None:
        self._settings, self._device = settings, device
        self._amp = settings.amp_on(device.type)
        self._network = on_device(UNetDiscriminator(settings.discriminator_channels), device)
        self._forward = group.wrap(self._network)
        rate = settings.adversarial_learning_rate
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=rate, fused=True)
        self._perceptual = None
        if settings.perceptual is not None:
            self._perceptual = on_device(Perceptual(read_weights(settings.perceptual), settings.perceptual), device)

    def judge(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """What is added to the network's pixel loss, and the adversarial part of it before its weight."""
        self._network.requires_grad_(False)
        with autocast(self._device, self._amp):
            logits = self._network(output)
        adversarial = adversarial_loss(logits, real=True)
        added = self._settings.adversarial_weight * adversarial
        if self._perceptual is not None:
            with autocast(self._device, self._amp):
                added = added + self._settings.perceptual_weight * self._perceptual(output, target)
        return added, adversarial.detach()

    def advance(self, output: Tensor, target: Tensor) -> Tensor:
        """One step of the discriminator; its loss.

        Args:
            output: (N, 3, H, W) in 0..1, without a gradient.
            target: the HR patches.
        """
        self._network.requires_grad_(True)
        with autocast(self._device, self._amp):
            logits = self._forward(torch.cat([target, output]))
        real, fake = logits.chunk(2)
        loss = adversarial_loss(real, real=True) + adversarial_loss(fake, real=False)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self._settings.gradient_clip:
            clip_grad_norm_(self._network.parameters(), self._settings.gradient_clip)
        self._optimizer.step()
        return loss.detach()

    def state(self) -> dict[str, Any]:
        """What `load` takes."""
        return {"network": self._network.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
