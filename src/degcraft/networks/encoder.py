"""A small network whose features tell how a patch was degraded and little of what it shows."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """Convolutions at full resolution first, where noise and compression live, then three halvings and pooling.

    Mean and standard deviation over the positions are pooled: how strong a trace is, and how unevenly content shows it.
    Batch normalisation matters: without it the same network is still near chance when this one has learnt the task.

    Args:
        channels: width at full resolution; doubled at the first halving, then by half again.
        features: length of the feature vector.
        outputs: what the training head predicts from the features.
    """

    def __init__(self, channels: int, features: int, outputs: int) -> None:
        super().__init__()
        widths = [channels, 2 * channels, 3 * channels, 4 * channels]
        layers = _block(3, widths[0], stride=1)
        for before, after in pairwise(widths):
            layers += _block(before, after, stride=2) + _block(after, after, stride=1)
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


def _block(before: int, after: int, stride: int) -> list[nn.Module]:
    """3x3 convolution, batch normalisation, ReLU."""
    conv = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
