"""Perceptual loss: the distance between deep features of a VGG network, whose weights the user brings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from degcraft.errors import UserError

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the photos that VGG was trained on, RGB of 0..1
_SHARES = (0.1, 0.1)  # of the first two stages, as in Real-ESRGAN; of all later ones 1


class Perceptual(nn.Module):
    """L1 distance between features before the activation of the last convolution of each stage, weighted and summed.

    Which convolutions there are, and where pooling ends a stage, is read off the names that torchvision gives them:
    ``features.<place>.weight``, with ReLU and pooling counted among the places. VGG-19 is what the literature takes.

    Args:
        tensors: weights of a VGG without batch normalisation.
        source: where they are from, for messages.

    Raises:
        UserError: these are no such weights.
    """

    def __init__(self, tensors: Mapping[str, Tensor], source: object) -> None:
        super().__init__()
        named = {name.removeprefix("features."): value for name, value in tensors.items()}
        places = sorted(int(found[1]) for name in named if (found := re.fullmatch(r"(\d+)\.weight", name)))
        gaps = [after - before for before, after in pairwise(places)]
        convolutions = all(named[f"{place}.weight"].ndim == 4 for place in places)
        if not places or not convolutions or places[0] != 0 or not set(gaps) <= {2, 3}:
            raise UserError(f"{source}: holds no VGG without batch normalisation, named as torchvision names it")
        self.convs = nn.ModuleList()
        try:
            for place in places:
                weight, bias = named[f"{place}.weight"], named[f"{place}.bias"]
                conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
                conv.load_state_dict({"weight": weight, "bias": bias})
                self.convs.append(conv)
        except (KeyError, RuntimeError, ValueError) as error:
            raise UserError(f"{source}: the convolution features.{place} is none of a VGG ({error})") from None
        self._ends_stage = [gap == 3 for gap in gaps] + [True]  # convolution, ReLU, pooling
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION)[:, None, None], persistent=False)
        self.mean: Tensor
        self.deviation: Tensor
        self.requires_grad_(False).eval()

    def features(self, x: Tensor) -> list[Tensor]:
        """(N, 3, H, W) in 0..1 to the features of each stage."""
        found, out = [], (x - self.mean) / self.deviation
        for conv, last in zip(self.convs, self._ends_stage, strict=True):
            out = conv(out)
            if last:
                found.append(out)
            if conv is self.convs[-1]:
                break  # of small images nothing is left to pool
            out = functional.relu(out)
            if last:
                out = functional.max_pool2d(out, 2)
        return found

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss; gradients go to the output alone."""
        with torch.no_grad():
            wanted = self.features(target)
        distances = [
            functional.l1_loss(a.float(), b.float()) for a, b in zip(self.features(output), wanted, strict=True)
        ]
        shares = [*_SHARES, *[1.0] * len(distances)]
        return torch.stack([share * distance for share, distance in zip(shares, distances, strict=False)]).sum()
