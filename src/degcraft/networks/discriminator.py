"""A discriminator that judges every pixel."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm


class UNetDiscriminator(nn.Module):
    """U-Net with spectral normalisation (Wang et al., Real-ESRGAN, ICCV 2021 workshops): a logit for each pixel.

    Three halvings with doubled width, three doublings back, at which what was halved is added, and three convolutions
    at full size. All convolutions but the first and the last are normalised (Miyato et al., ICLR 2018).

    Args:
        channels: width at full size; 64 in the paper.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [channels * 2**level for level in range(4)]
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(widths[i], widths[i + 1], 4, stride=2, padding=1, bias=False)) for i in range(3)
        )
        self.up = nn.ModuleList(
            spectral_norm(nn.Conv2d(widths[i + 1], widths[i], 3, padding=1, bias=False)) for i in (2, 1, 0)
        )
        self.end = nn.ModuleList(
            spectral_norm(nn.Conv2d(channels, channels, 3, padding=1, bias=False)) for _ in range(2)
        )
        self.score = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) in 0..1 to logits (N, 1, H, W), positive for what is taken for a photo; sides of 8 or more."""
        levels = [functional.leaky_relu(self.first(x), 0.2)]
        for down in self.down:
            levels.append(functional.leaky_relu(down(levels[-1]), 0.2))
        out = levels.pop()
        for up in self.up:
            skipped = levels.pop()
            out = functional.interpolate(out, size=skipped.shape[-2:], mode="bilinear", align_corners=False)
            out = functional.leaky_relu(up(out), 0.2) + skipped
        for conv in self.end:
            out = functional.leaky_relu(conv(out), 0.2)
        logits: Tensor = self.score(out)
        return logits


def adversarial_loss(logits: Tensor, real: bool) -> Tensor:
    """Mean cross-entropy of logits that should say ``real``: the non-saturating loss of Goodfellow et al., 2014."""
    return functional.softplus(-logits if real else logits).float().mean()
