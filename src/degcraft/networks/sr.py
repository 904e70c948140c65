"""Super-resolution networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

FEW = 8  # convolutions between the first and the last of `Compact` that start from PyTorch's own weights


class Compact(nn.Module):
    """SRVGGNetCompact (Real-ESRGAN): PReLU convolutions on the LR grid, pixel shuffle, added to nearest upsampling.

    Args:
        channels: width.
        blocks: convolutions between the first and the last.
        scale: upscaling factor.
    """

    def __init__(self, channels: int, blocks: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.body = nn.ModuleList([nn.Conv2d(3, channels, 3, padding=1), nn.PReLU(channels)])
        for _ in range(blocks):
            self.body += [nn.Conv2d(channels, channels, 3, padding=1), nn.PReLU(channels)]
        self.body.append(nn.Conv2d(channels, 3 * scale**2, 3, padding=1))
        if blocks > FEW:
            self._start_deep()

    def _start_deep(self) -> None:
        """Weights that keep the signal's variance (He et al., ICCV 2015), and small residuals at first.

        With PyTorch's own it fades to 0.4 at every convolution. A few of them learn better from there, but behind many
        nothing is left, and the training stays at nearest upsampling (`docs/training.md`).
        """
        convolutions = [layer for layer in self.body if isinstance(layer, nn.Conv2d)]
        for conv in convolutions:
            nn.init.kaiming_normal_(conv.weight, a=0.25)  # PReLU's slope at first
            nn.init.zeros_(_bias(conv))
        convolutions[-1].weight.data *= 0.1

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) in 0..1 to (N, 3, scale*h, scale*w), not clipped."""
        out = x
        for layer in self.body:
            out = layer(out)
        # nearest upsampling, added before the shuffle and without repeating x: the same sums, quicker on a CPU
        out = out.unflatten(1, (3, self.scale**2)) + x.unsqueeze(2)
        return functional.pixel_shuffle(out.flatten(1, 2), self.scale)


class ResidualBlock(nn.Module):
    """Residual block without batch normalisation (Lim et al., EDSR, CVPRW 2017)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        for conv in (self.conv1, self.conv2):  # small residuals at first
            nn.init.kaiming_normal_(conv.weight)
            conv.weight.data *= 0.1
            nn.init.zeros_(_bias(conv))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same."""
        out: Tensor = x + self.conv2(functional.relu(self.conv1(x)))
        return out


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


class SRResNet(nn.Module):
    """SRResNet (Ledig et al., SRGAN, CVPR 2017) without batch normalisation, with a global residual over the blocks.

    Args:
        channels: width.
        blocks: residual blocks.
        scale: 1, 2, 3 or 4.
    """

    def __init__(self, channels: int, blocks: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.conv_first = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(channels, channels, 3, padding=1)
        steps = [2, 2] if scale == 4 else [scale]
        self.upconvs = nn.ModuleList(nn.Conv2d(channels, channels * step**2, 3, padding=1) for step in steps)
        self.shuffles = steps
        self.conv_hr = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_last = nn.Conv2d(channels, 3, 3, padding=1)

    def features(self, x: Tensor) -> Tensor:
        """Output of the last residual block, averaged over the positions: (N, 3, h, w) in 0..1 to (N, channels)."""
        out: Tensor = self.body(functional.leaky_relu(self.conv_first(x), 0.1)).mean(dim=(2, 3))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) in 0..1 to (N, 3, scale*h, scale*w), not clipped."""
        first = functional.leaky_relu(self.conv_first(x), 0.1)
        out = self.conv_body(self.body(first)) + first
        for conv, step in zip(self.upconvs, self.shuffles, strict=True):
            out = functional.leaky_relu(functional.pixel_shuffle(conv(out), step), 0.1)
        out = self.conv_last(functional.leaky_relu(self.conv_hr(out), 0.1))
        base = functional.interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)
        result: Tensor = out + base
        return result


def count_weights(network: nn.Module) -> int:
    """Number of trainable values."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def to_tensor(images: Tensor) -> Tensor:
    """(N, h, w, 3) uint8 to (N, 3, h, w) float32 in 0..1, channels last in memory."""
    return images.permute(0, 3, 1, 2).to(torch.float32).div_(255.0)
