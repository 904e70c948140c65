"""Super-resolve images of any size with a trained model."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from degcraft.device import on_device, out_of_memory, prepare
from degcraft.errors import UserError
from degcraft.images import (
    ImageError,
    check_file,
    count_pixels,
    distinct_stems,
    is_whole,
    list_images,
    log_passed_over,
    no_photos,
    read_photo,
    write_image,
)
from degcraft.networks import load_sr_network
from degcraft.progress import Progress, announce
from degcraft.provenance import code_digest
from degcraft.resampling import resize
from degcraft.settings import UpscaleSettings
from degcraft.storage import final_name, link_or_copy, replacing, sha256
from degcraft.tiles import restore_tiled
from degcraft.words import counted

P = TypeVar("P", bound=np.uint8 | np.uint16)
_KEPT = re.compile(r"[0-9a-f]{32}\.png")
SMALLEST = 16  # LR pixels, side of the tiles below which no memory is enough


class SelfEnsemble(nn.Module):
    """Mean of what a network makes of the eight flips and turns of an image, turned back.

    Timofte, Rothe and Van Gool, *Seven ways to improve example-based single image super resolution*, CVPR 2016.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) in 0..1 to (N, 3, scale*h, scale*w), not clipped."""
        results = []
        for turns in range(4):
            turned = torch.rot90(x, turns, (2, 3))
            results.append(torch.rot90(self.network(turned), -turns, (2, 3)))
            results.append(torch.rot90(self.network(turned.flip(3)).flip(3), -turns, (2, 3)))
        return torch.stack(results).mean(dim=0)


class Upscaler:
    """A trained SR model on its device: LR image in, HR image out.

    Args:
        path: ``model.safetensors``.
        settings: tiles, threads, self-ensemble.

    Raises:
        UserError: the file is missing, damaged or no SR model.
    """

    def __init__(self, path: str | os.PathLike[str], settings: UpscaleSettings) -> None:
        network, spec = load_sr_network(path)
        self.scale = dict(spec.arguments)["scale"]
        self._settings = settings
        self._device = prepare(settings.threads, 0, "upscale")
        self._network = on_device(SelfEnsemble(network) if settings.ensemble else network, self._device)

    def __call__(self, image: NDArray[P], advance: Callable[[int], None] = lambda _: None) -> NDArray[P]:
        """Super-resolve an image; transparency, where there is any, is interpolated.

        Args:
            image: (h, w, 3) or (h, w, 4), uint8 or uint16.
            advance: is told how many LR pixels are done, now and then.

        Returns:
            (scale*h, scale*w, 3 or 4) of the same type.

        Raises:
            UserError: there is not enough memory for the smallest of tiles.
        """
        colours = self._colours(image[..., :3], advance)
        if image.shape[2] == 3:
            return colours
        alpha = resize(image[..., 3:].astype(np.float32), *colours.shape[:2])
        alpha = np.rint(np.clip(alpha, 0, np.iinfo(image.dtype).max, out=alpha), out=alpha)
        return np.concatenate([colours, alpha.astype(image.dtype)], axis=2)

    def _colours(self, image: NDArray[P], advance: Callable[[int], None]) -> NDArray[P]:
        """Super-resolve (h, w, 3); where memory does not suffice, from now on with tiles of half the side."""
        while (result := self._attempt(image, advance)) is None:
            self._halve(max(image.shape[:2]))
        return result

    def _attempt(self, image: NDArray[P], advance: Callable[[int], None]) -> NDArray[P] | None:
        """Super-resolve (h, w, 3) with the present tiles; None if memory does not suffice."""
        done = 0

        def count(pixels: int) -> None:
            nonlocal done
            done += pixels
            advance(pixels)

        try:
            return upscale_tiled(self._network, image, self.scale, self._settings, self._device, count)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            advance(-done)
            return None

    def _halve(self, longer: int) -> None:
        """Make do with smaller tiles than those of an image whose longer side is given."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        failed = min(self._settings.tile, longer)
        tile = failed // 2
        if tile < SMALLEST:
            raise UserError(
                f"upscale: out of memory with tiles of {failed} pixels, and smaller ones would not help; free some "
                f"memory, or lower upscale.overlap ({self._settings.overlap})"
            )
        logging.getLogger("degcraft").warning("out of memory; going on with tiles of %d pixels", tile)
        self._settings = replace(self._settings, tile=tile)


@torch.no_grad()
def upscale_tiled(
    network: nn.Module,
    image: NDArray[P],
    scale: int,
    settings: UpscaleSettings,
    device: torch.device,
    advance: Callable[[int], None] = lambda _: None,
) -> NDArray[P]:
    """Run a network over an image in overlapping tiles; see `degcraft.tiles.restore_tiled`."""

    def restore(part: NDArray[np.float32]) -> NDArray[np.float32]:
        output = network(torch.from_numpy(part[None]).to(device).permute(0, 3, 1, 2))[0].clamp(0.0, 1.0)
        return np.asarray(output.permute(1, 2, 0).cpu().numpy(), np.float32)

    return restore_tiled(restore, image, scale, settings.tile, settings.overlap, advance)


def upscale_folder(
    photos: str | os.PathLike[str],
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    kept: str | os.PathLike[str],
    settings: UpscaleSettings,
) -> None:
    """Super-resolve every photo of a folder into PNG files of the same stems; unreadable ones are skipped with a line.

    Every finished photo is kept under the digest of all that it was made from, and linked into the output at the end.
    So a killed run goes on where it was, and another run works on new or changed photos alone.

    Args:
        photos: folder of photos.
        model: ``model.safetensors``.
        output: folder to write into.
        kept: another folder, for finished photos, on the same file system; those of none of the photos are removed.
        settings: tiles, threads, self-ensemble.

    Raises:
        UserError: no photo can be read, two would be written to one name, the model cannot be read, or a folder serves
            two purposes.
    """
    if len({Path(folder).resolve() for folder in (photos, output, kept)}) < 3:
        raise UserError(f"upscale: photos ({photos}), output ({output}) and kept ({kept}) must be three folders")
    paths = list_images(photos)
    distinct_stems(paths)
    log_passed_over(photos)
    if not paths:
        raise UserError(f"{photos}: {no_photos(photos)}")
    apply = Upscaler(model, settings)
    made_with = [asdict(settings), sha256(model), code_digest("upscale")]
    made = {path: Path(kept) / f"{_digest([*made_with, sha256(path)])}.png" for path in _readable(paths)}
    missing = [path for path, file in made.items() if not is_whole(file)]
    if len(missing) < len(made):
        logging.getLogger("degcraft").info("%d photos are done", len(made) - len(missing))
    total = sum(map(count_pixels, missing))
    with Progress(total, "upscale", unit="megapixels", per=1_000_000) as progress:
        for path in missing:
            try:
                photo = read_photo(path)
            except ImageError as error:
                logging.getLogger("degcraft").warning("skipped %s", error)
                progress.advance(count_pixels(path))
                continue
            with replacing(made[path]) as partial:
                write_image(partial, apply(photo, progress.advance))
    whole = {path: file for path, file in made.items() if file.is_file()}
    if not whole:
        raise UserError(f"{photos}: holds no photo that can be read; see the log for the reasons")
    for path, file in whole.items():
        link_or_copy(file, Path(output) / f"{path.stem}.png")
    for file in set(Path(kept).iterdir()) - set(whole.values()):
        if _KEPT.fullmatch(final_name(file.name)):
            file.unlink()
    if unread := len(paths) - len(whole):
        announce(f"{len(whole)} of {len(paths)} photos in {output}; {unread} cannot be read")
    else:
        announce(f"{counted(len(whole), 'photo')} in {output}")


def _readable(paths: list[Path]) -> Iterator[Path]:
    """The photos that can be opened; of each of the others a line says why."""
    for path in paths:
        try:
            check_file(path)
        except ImageError as error:
            logging.getLogger("degcraft").warning("skipped %s", error)
        else:
            yield path


def _digest(parts: list[object]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
