"""Losses between a network's output and the HR patches."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

PixelLoss = Callable[[Tensor, Tensor], Tensor]
"""Output and HR patches, (N, 3, H, W) float32 in 0..1, to a scalar."""

_ROUNDING = 1e-3  # of the tip of the Charbonnier loss, as in LapSRN


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """Mean of sqrt(d² + 0.001²) over all differences d: L1 with a rounded tip (Lai et al., LapSRN, CVPR 2017)."""
    return torch.sqrt((output - target).square() + _ROUNDING**2).mean()


PIXEL_LOSSES: dict[str, PixelLoss] = {"l1": functional.l1_loss, "charbonnier": charbonnier}
