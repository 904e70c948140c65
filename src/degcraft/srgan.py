"""The `srgan` extractor: a generator trained on clean pairs with an adversarial loss, for fidelity to the literature.

64 channels, 16 residual blocks without batch normalisation, a global residual; features are the output of the last
block, pooled over the positions. A perceptual loss would need weights from outside and is left out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain

import h5py
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from degcraft.device import on_device, prepare
from degcraft.errors import check_finite
from degcraft.networks import NetworkSpec, save_network
from degcraft.networks.discriminator import adversarial_loss
from degcraft.networks.sr import to_tensor
from degcraft.operators import to_uint8
from degcraft.progress import announce, track
from degcraft.resampling import resize
from degcraft.seeds import stream
from degcraft.settings import SrganSettings
from degcraft.storage import reading_h5, write_table


class Discriminator(nn.Module):
    """Strided convolutions with leaky ReLU, a score per patch (Ledig et al., CVPR 2017, narrower)."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 3, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        width = channels
        for _ in range(4):
            wider = min(2 * width, 8 * channels)
            layers += [nn.Conv2d(width, wider, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
            width = wider
        self.body = nn.Sequential(*layers)
        self.score = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) in 0..1 to logits (N,)."""
        out: Tensor = self.score(self.body(x - 0.5).mean(dim=(2, 3)))[:, 0]
        return out


def train_srgan(
    patches: str | os.PathLike[str],
    output: str | os.PathLike[str],
    curve: str | os.PathLike[str],
    settings: SrganSettings,
    scale: int,
    seed: int,
) -> None:
    """Train the generator on clean (antialiased bicubic) pairs: first L1, then L1 with the adversarial loss.

    Writes the generator and a CSV ``step, l1, adversarial, discriminator`` (a row every 50 steps, means since the row
    before; the last two are 0 during the L1 steps).

    Raises:
        UserError: a loss is no longer finite.
    """
    device = prepare(settings.threads, seed, "extractor")
    spec = NetworkSpec.of("srresnet", channels=settings.channels, blocks=settings.blocks, scale=scale)
    generator = on_device(spec.build(), device)
    discriminator = on_device(Discriminator(), device)
    optimizers = [
        torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
        for network in (generator, discriminator)
    ]
    total = settings.steps + settings.adversarial_steps
    rows: list[dict[str, float]] = []
    losses: list[tuple[float, float, float]] = []
    with reading_h5(patches, "patches") as file:
        for step in track(range(1, total + 1), total, "extractor"):
            adversarial = step > settings.steps
            if step == settings.steps + 1:
                for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                    group["lr"] = settings.learning_rate / 2
            lr, hr = _clean_batch(file["patches"], step, settings.batch, scale, seed)
            x, y = (to_tensor(torch.from_numpy(images).to(device)) for images in (lr, hr))
            weight = settings.adversarial_weight if adversarial else 0.0
            losses.append(_step(generator, discriminator, optimizers, x, y, weight))
            if step % 50 == 0 or step == total:
                check_finite(chain(*losses), step, "srgan.learning_rate")
                means = np.mean(losses, axis=0).tolist()
                rows.append(dict(zip(("step", "l1", "adversarial", "discriminator"), (step, *means), strict=True)))
                losses.clear()
    save_network(output, generator, spec)
    write_table(pd.DataFrame(rows), curve)
    announce(
        f"{settings.channels} features; L1 loss {rows[0]['l1']:.3g} at first, {rows[-1]['l1']:.3g} after {total} steps"
    )


def _step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    x: Tensor,
    y: Tensor,
    weight: float,
) -> tuple[float, float, float]:
    """One step of the generator, and of the discriminator where ``weight`` is positive; the three losses."""
    fake = generator(x)
    l1 = functional.l1_loss(fake, y)
    adversarial = adversarial_loss(discriminator(fake), real=True) if weight else torch.zeros(())
    optimizers[0].zero_grad(set_to_none=True)
    (l1 + weight * adversarial.to(l1.device)).backward()
    optimizers[0].step()
    if not weight:
        return float(l1.detach()), 0.0, 0.0
    scores_real, scores_fake = discriminator(y), discriminator(fake.detach())
    judged = adversarial_loss(scores_real, real=True) + adversarial_loss(scores_fake, real=False)
    optimizers[1].zero_grad(set_to_none=True)
    judged.backward()
    optimizers[1].step()
    return float(l1.detach()), float(adversarial.detach()), float(judged.detach())


def _clean_batch(
    patches: h5py.Dataset, step: int, batch: int, scale: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Random HR patches and their bicubic LR: (n, h, w, 3) and (n, H, W, 3) uint8."""
    draw = stream(seed, "extractor", step)
    hr = np.stack([patches[i] for i in draw.integers(len(patches), size=batch)])
    side = hr.shape[1] // scale
    lr = np.stack([to_uint8(resize(image.astype(np.float32), side, side)) for image in hr])
    return lr, hr
