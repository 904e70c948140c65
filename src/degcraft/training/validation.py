"""How good the averaged weights are so far, on patches that are not trained on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from degcraft.images import Uint8Image, luma
from degcraft.networks.sr import to_tensor
from degcraft.training.run import Run

_SHOWN = 6  # patches in the picture
_AT_ONCE = 4


class Validation:
    """Held-back pairs.

    Args:
        lr: (n, h, w, 3) uint8.
        hr: (n, scale*h, scale*w, 3) uint8.
        device: on which the network is.
    """

    def __init__(self, lr: torch.Tensor, hr: torch.Tensor, device: torch.device) -> None:
        self._lr, self._hr, self._device = lr, hr.numpy(), device
        self._scale = hr.shape[1] // lr.shape[1]

    def measure(self, run: Run) -> tuple[float, dict[str, Uint8Image]]:
        """Mean PSNR-Y in dB, ``scale`` pixels shaved off the borders, and three rows of pictures by name.

        They have a column for each of some patches: what goes in, enlarged, what comes out, and what should.
        """
        with run.averaged() as network, torch.no_grad():
            parts = [_eight_bit(network(to_tensor(part.to(self._device)))) for part in self._lr.split(_AT_ONCE)]
        restored: NDArray[np.uint8] = torch.cat(parts).permute(0, 2, 3, 1).numpy()
        psnr = float(np.mean([_psnr_y(a, b, self._scale) for a, b in zip(restored, self._hr, strict=True)]))
        shown = np.unique(np.linspace(0, len(restored) - 1, _SHOWN).astype(int))  # neighbours are often of one photo
        large = self._lr.numpy()[shown].repeat(self._scale, axis=1).repeat(self._scale, axis=2)
        rows = {"input (LR, enlarged)": large, "output": restored[shown], "HR": self._hr[shown]}
        return psnr, {name: np.concatenate(list(images), axis=1) for name, images in rows.items()}


def _eight_bit(output: torch.Tensor) -> torch.Tensor:
    """Off the device, a few patches at a time: all of them would take the memory that the training needs."""
    return output.float().clamp(0.0, 1.0).mul(255.0).round().to(torch.uint8).cpu()


def _psnr_y(a: Uint8Image, b: Uint8Image, border: int) -> float:
    # not degcraft.metrics.psnr: an edit of what models are measured by would train all of them anew
    inside = slice(border, -border)
    error = float(np.mean((luma(a)[inside, inside] - luma(b)[inside, inside]) ** 2))
    return 10.0 * float(np.log10(255.0**2 / max(error, 1e-10)))
