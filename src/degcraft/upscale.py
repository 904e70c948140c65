"""Super-resolve images of any size with a trained model."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

from degcraft.device import on_device, prepare
from degcraft.errors import UserError
from degcraft.images import ImageError, Uint8Image, distinct_stems, list_images, read_image, write_image
from degcraft.networks import load_network
from degcraft.networks.sr import to_tensor
from degcraft.progress import track
from degcraft.settings import UpscaleSettings
from degcraft.storage import replacing


class Upscaler:
    """A trained SR model on its device: LR image in, HR image out.

    Args:
        path: ``model.safetensors``.
        settings: tiles and threads.

    Raises:
        UserError: the file is missing, damaged or no SR model.
    """

    def __init__(self, path: str | os.PathLike[str], settings: UpscaleSettings) -> None:
        network, spec = load_network(path)
        arguments = dict(spec.arguments)
        if "scale" not in arguments:
            raise UserError(f"{path}: holds a {spec.name}, which does not upscale")
        self.scale = arguments["scale"]
        self._settings = settings
        self._device = prepare(settings.threads, 0, "upscale")
        self._network = on_device(network, self._device)

    def __call__(self, image: Uint8Image) -> Uint8Image:
        """(h, w, 3) uint8 to (scale*h, scale*w, 3) uint8."""
        return upscale_tiled(self._network, image, self.scale, self._settings, self._device)


@torch.no_grad()
def upscale_tiled(
    network: nn.Module, image: Uint8Image, scale: int, settings: UpscaleSettings, device: torch.device
) -> Uint8Image:
    """Run a network over an image in overlapping tiles; (h, w, 3) uint8 to (scale*h, scale*w, 3) uint8."""
    height, width = image.shape[:2]
    result = np.empty((height * scale, width * scale, 3), np.uint8)
    tile, overlap = settings.tile, settings.overlap
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            first_row, first_column = max(top - overlap, 0), max(left - overlap, 0)
            part = image[first_row : bottom + overlap, first_column : right + overlap]
            output = network(to_tensor(torch.from_numpy(part[None]).to(device)))[0].clamp(0.0, 1.0)
            pixels = (output * 255.0).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
            row, column = (top - first_row) * scale, (left - first_column) * scale
            inside = pixels[row : row + (bottom - top) * scale, column : column + (right - left) * scale]
            result[top * scale : bottom * scale, left * scale : right * scale] = inside
    return result


def upscale_folder(
    photos: str | os.PathLike[str],
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    settings: UpscaleSettings,
) -> None:
    """Super-resolve every photo of a folder into PNG files of the same stems; unreadable ones are skipped with a line.

    Raises:
        UserError: no photo can be read, or two would be written to one name.
    """
    apply = Upscaler(model, settings)
    paths = list_images(photos)
    distinct_stems(paths)
    written = 0
    for path in track(paths, len(paths), "upscale"):
        try:
            image = read_image(path)
        except ImageError as error:
            logging.getLogger("degcraft").warning("skipped %s", error)
            continue
        with replacing(Path(output) / f"{path.stem}.png") as partial:
            write_image(partial, apply(image))
        written += 1
    if not written:
        raise UserError(f"{photos}: holds no photo that can be read; see the log for the reasons")
