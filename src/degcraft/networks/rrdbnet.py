"""RRDBNet, the network of ESRGAN and Real-ESRGAN, under the names that its published weights have."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_GROWTH = 32  # channels that each convolution of a dense block adds
_RESIDUAL = 0.2  # scaling of residuals


class DenseBlock(nn.Module):
    """Five convolutions, each of which sees the outputs of all before it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for i in range(1, 6):
            conv = nn.Conv2d(channels + (i - 1) * _GROWTH, _GROWTH if i < 5 else channels, 3, padding=1)
            nn.init.kaiming_normal_(conv.weight)
            conv.weight.data *= 0.1  # small residuals at first
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
            self.add_module(f"conv{i}", conv)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same."""
        seen = [x]
        for i in range(1, 5):
            seen.append(functional.leaky_relu(self.get_submodule(f"conv{i}")(torch.cat(seen, 1)), 0.2))
        out: Tensor = x + _RESIDUAL * self.get_submodule("conv5")(torch.cat(seen, 1))
        return out


class ResidualInResidual(nn.Module):
    """Three dense blocks with a residual around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(channels) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same."""
        out: Tensor = x + _RESIDUAL * self.rdb3(self.rdb2(self.rdb1(x)))
        return out


class RRDBNet(nn.Module):
    """Residual in residual dense blocks (Wang et al., ESRGAN, ECCV 2018 workshops).

    At ×2, as in Real-ESRGAN, 2x2 pixels of the input are first put into one with four times the channels.

    Args:
        channels: width.
        blocks: of three dense blocks each.
        scale: 2 or 4.
    """

    def __init__(self, channels: int, blocks: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.unshuffle = 4 // scale
        self.conv_first = nn.Conv2d(3 * self.unshuffle**2, channels, 3, padding=1)
        self.body = nn.Sequential(*(ResidualInResidual(channels) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_up1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_up2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_hr = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) in 0..1 to (N, 3, scale*h, scale*w), not clipped."""
        height, width = x.shape[-2:]
        if self.unshuffle > 1:
            odd = (0, -width % self.unshuffle, 0, -height % self.unshuffle)
            x = functional.pixel_unshuffle(functional.pad(x, odd, mode="replicate"), self.unshuffle)
        first = self.conv_first(x)
        out = first + self.conv_body(self.body(first))
        for conv in (self.conv_up1, self.conv_up2):
            out = functional.leaky_relu(conv(functional.interpolate(out, scale_factor=2)), 0.2)
        out = self.conv_last(functional.leaky_relu(self.conv_hr(out), 0.2))
        result: Tensor = out[..., : height * self.scale, : width * self.scale]
        return result
