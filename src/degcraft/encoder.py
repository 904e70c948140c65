"""Train the default extractor, which tells degradations apart."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import cv2
import h5py
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.optim.lr_scheduler import OneCycleLR

from degcraft.degrade import degrade
from degcraft.device import on_device, prepare
from degcraft.errors import UserError, check_finite
from degcraft.images import Uint8Image
from degcraft.learned import hardly_told, losses_of, unlearned, untold
from degcraft.networks import NetworkSpec, save_network
from degcraft.networks.encoder import Encoder
from degcraft.networks.sr import to_tensor
from degcraft.operators import to_uint8
from degcraft.parameter_loss import ParameterLoss
from degcraft.progress import announce, track
from degcraft.seeds import stream
from degcraft.settings import EncoderSettings
from degcraft.space import Space
from degcraft.storage import reading_h5, write_table
from degcraft.words import counted, some

HELD_BACK = 2048  # samples that features are standardised with, and the encoder is tried on
log = logging.getLogger("degcraft")


def train_encoder(
    patches: str | os.PathLike[str],
    space: Space,
    output: str | os.PathLike[str],
    curve: str | os.PathLike[str],
    axes: str | os.PathLike[str],
    settings: EncoderSettings,
    scale: int,
    seed: int,
) -> None:
    """Train an encoder to tell the parameters of the degradation from degraded HR patches.

    Continuous axes are regressed, scaled to 0..1 over the space or as places on a circle, categorical ones classified
    (`ParameterLoss`). Before they are degraded, patches are mixed and changed (`mixed`, `augment`), so that content is
    of little use to the network. Writes the network and a CSV ``step, loss, guess`` (a row every 50 steps, or after a
    tenth of them; the loss is the mean since the row before, the guess that of the best answer that looks at no patch);
    and a CSV ``axis, explained`` (`ParameterLoss.explained`), of samples that it was not trained on. Warns if it is
    `unlearned`, or of axes that are `hardly_told`.

    Raises:
        UserError: the loss is no longer finite, or no feature tells anything.
    """
    device = prepare(settings.threads, seed, "extractor")
    target = ParameterLoss(space)
    spec = NetworkSpec.of("encoder", channels=settings.channels, features=settings.features, outputs=target.width)
    network = on_device(spec.build(), device)
    assert isinstance(network, Encoder)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
    steps = settings.steps
    every = max(1, min(50, steps // 10))
    rising = 0.1 if steps != 10 else 0.2  # torch divides by what is left of these steps after the first
    schedule = OneCycleLR(optimizer, settings.learning_rate, total_steps=steps, pct_start=rising)
    rows: list[dict[str, float]] = []
    losses: list[float] = []
    with reading_h5(patches, "patches") as file:
        contents = file["patches"]
        first = settings.buffers * settings.buffer  # samples that are not trained on
        held_back, parameters = _draw(contents, space, range(first, first + HELD_BACK), scale, seed)
        known = torch.from_numpy(parameters)
        guess = target.guess(known)
        batches = _batches(contents, space, settings, scale, seed)
        for step, (images, parameters) in enumerate(track(batches, steps, "extractor"), 1):
            predicted = network(to_tensor(torch.from_numpy(images).to(device)))
            loss = target.loss(predicted, torch.from_numpy(parameters))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
            if step % every == 0 or step == steps:
                check_finite(losses, step, "encoder.learning_rate")
                rows.append({"step": step, "loss": float(np.mean(losses)), "guess": guess})
                losses.clear()
    embedded = embeddings(network.eval(), held_back, device)
    standardise(network, embedded)
    save_network(output, network, spec)
    with torch.no_grad():
        told = target.explained(network.head(embedded).cpu(), known)
    table = pd.DataFrame(rows)
    write_table(table, curve)
    write_table(told, axes)
    announce(f"{settings.features} features; loss {losses_of(table)} after {counted(steps, 'step')}")
    announce(f"explained: {some([f'{axis} {share:.2f}' for axis, share in told.itertuples(index=False)])}")
    if doubt := unlearned(table, told) or untold(hardly_told(told)):
        log.warning("%s", doubt)


def _batches(
    contents: h5py.Dataset, space: Space, settings: EncoderSettings, scale: int, seed: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Shuffled batches of LR patches and their parameters, from buffers of fresh samples."""
    size, batch = settings.buffer, settings.batch
    for buffer in range(settings.buffers):
        images, parameters = _draw(contents, space, range(buffer * size, (buffer + 1) * size), scale, seed)
        for turn in range(settings.passes):
            order = stream(seed, "extractor-order", buffer, turn).permutation(size)
            for first in range(0, size - batch + 1, batch):
                chosen = order[first : first + batch]
                yield images[chosen], parameters[chosen]


def _draw(
    contents: h5py.Dataset, space: Space, samples: range, scale: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Degrade augmented patches: (n, h, w, 3) uint8 and (n, axes) float32, bins drawn uniformly."""
    side = contents.shape[1] // scale
    images = np.empty((len(samples), side, side, 3), np.uint8)
    parameters = np.empty((len(samples), len(space.axes)), np.float32)
    for i, sample in enumerate(samples):
        generator = stream(seed, "extractor", sample)
        patch = mixed(contents, generator)
        parameters[i] = space.draw(int(generator.integers(len(space))), generator)
        images[i] = degrade(patch, space, parameters[i], scale, generator)
    return images, parameters


def mixed(contents: NDArray[np.uint8], generator: np.random.Generator) -> Uint8Image:
    """A patch, a double exposure of two, or four at half their size side by side: more contents than there are photos.

    Args:
        contents: (n, s, s, 3) uint8, or an HDF5 dataset of that kind.
        generator: draws which of the three, nearly alike often, the patches, and how each is augmented.

    Returns:
        (s, s, 3) uint8.
    """
    count = (1, 2, 4)[int(generator.integers(3))]
    patches: list[Uint8Image] = [contents[int(generator.integers(len(contents)))] for _ in range(count)]
    size = contents.shape[1]
    if count == 4:
        half = -(-size // 2)
        patches = [np.asarray(cv2.resize(p, (half, half), interpolation=cv2.INTER_AREA), np.uint8) for p in patches]
    patches = [augment(patch, generator) for patch in patches]
    if count == 1:
        return patches[0]
    if count == 2:
        share = float(generator.uniform(0.25, 0.75))
        return np.asarray(cv2.addWeighted(patches[0], share, patches[1], 1.0 - share, 0.0), np.uint8)
    rows = [np.concatenate(pair, axis=1) for pair in (patches[:2], patches[2:])]
    return np.ascontiguousarray(np.concatenate(rows)[:size, :size])


def augment(patch: Uint8Image, generator: np.random.Generator) -> Uint8Image:
    """Change what a patch shows without touching its sharpness: flips, turns, channels mixed, inverted, dimmed.

    Args:
        patch: (s, s, 3) uint8, square.
        generator: draws.

    Returns:
        (s, s, 3) uint8.
    """
    patch = np.rot90(patch[:, :: generator.choice((1, -1))], int(generator.integers(4)))[..., generator.permutation(3)]
    values = patch.astype(np.float32)
    if generator.random() < 0.5:
        values = 255.0 - values
    gain = generator.uniform(0.6, 1.0, 3).astype(np.float32)
    lift = np.float32(generator.random() * 255.0) * (1.0 - gain)
    return to_uint8(values * gain + lift)


@torch.no_grad()
def embeddings(network: Encoder, images: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """(n, features) of images (n, h, w, 3), in sixteen parts."""
    parts = [network.embedding(to_tensor(torch.from_numpy(part).to(device))) for part in np.array_split(images, 16)]
    return torch.cat(parts)


@torch.no_grad()
def standardise(network: Encoder, embedded: torch.Tensor) -> None:
    """Set the network's mean and deviation from some `embeddings`.

    Raises:
        UserError: they are all alike.
    """
    network.mean.copy_(embedded.mean(dim=0))
    deviation = embedded.std(dim=0)
    if not deviation.max() > 0:
        raise UserError(
            "extractor: the encoder's features are the same for every patch, so its training failed; lower "
            "encoder.learning_rate, or raise encoder.features, and run again"
        )
    # a unit that hardly ever fires must not be blown up into the loudest feature
    network.deviation.copy_(deviation.clamp(min=0.1 * float(deviation.max())))
