"""A small network whose features tell how a patch was degraded and little of what it shows."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """A wide first convolution, where noise and compression live, then halvings and pooling.

    The first layer halves at once, with kernels of 6x6 that lose nothing of 3x3 ones: a network of the same cost that
    keeps the full resolution is narrower and learns less. Mean and standard deviation over the positions are pooled:
    how strong a trace is, and how unevenly content shows it. Batch normalisation matters: without it the same network
    is still near chance when this one has learnt the task.

    Args:
        channels: width after the first halving; by half again after the second, and twice that width after the third.
        features: length of the feature vector.
        outputs: what the training head predicts from the features.
    """

    def __init__(self, channels: int, features: int, outputs: int) -> None:
        super().__init__()
        widths = [channels, channels + channels // 2, 2 * channels]
        layers = _block(3, widths[0], side=6, stride=2)
        for before, after in pairwise(widths):
            layers += _block(before, after, stride=2) + _block(after, after)
        self.body = nn.Sequential(*layers)
        self.embed = nn.Linear(2 * widths[-1], features)
        self.head = nn.Linear(features, outputs)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.mean: Tensor
        self.deviation: Tensor

    def embedding(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) in 0..1 to (N, features), as the head sees them."""
        maps = self.body(x - 0.5)
        pooled = [maps.mean(dim=(2, 3)), maps.var(dim=(2, 3), unbiased=False).add(1e-4).sqrt()]
        out: Tensor = torch.relu(self.embed(torch.cat(pooled, dim=1)))
        return out

    def features(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) in 0..1 to (N, features), each of mean 0 and deviation 1 over the training degradations."""
        return (self.embedding(x) - self.mean) / self.deviation

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) in 0..1 to the head's predictions (N, outputs)."""
        out: Tensor = self.head(self.embedding(x))
        return out


def _block(before: int, after: int, side: int = 3, stride: int = 1) -> list[nn.Module]:
    """Convolution, batch normalisation, ReLU."""
    conv = nn.Conv2d(before, after, side, stride=stride, padding=(side - 1) // 2, bias=False)
    return [conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
