"""Whether enough of a target's reference photos are large enough, as far as their files' heads tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.errors import UserError
from degcraft.images import image_size, list_images
from degcraft.patches import TOO_SMALL, Row, reasons, remedy
from degcraft.sharing import LEAST_TO_HOLD_OUT

if TYPE_CHECKING:
    from degcraft.config import Config


def size_problems(config: Config) -> Iterator[str]:
    """Folders of which too few photos hold a patch, where a run would stop once the extractor is trained.

    Reference photos of made targets do not exist yet; they are judged by the HR photos from which they will be made.
    """
    held_out = config.craft.generalization is None
    for name, target in config.targets.items():
        try:
            if target.reference is not None:
                paths, size = list_images(target.reference), config.photos.size // config.scale
                key, which = f"targets.{name}.reference", "reference photos"
            elif target.photos is not None:
                paths, size = list_images(target.photos)[::2], config.photos.size  # the others become test pairs
                key, which = f"targets.{name}.photos", "photos that reference photos are made from"
        except UserError:  # said of the folder
            continue
        rows = _too_small(paths, size, LEAST_TO_HOLD_OUT if held_out else 1)
        if paths and len(rows) == len(paths):
            yield f"{key}: none of the {len(rows)} {which} can be used ({reasons(rows)}); {remedy(rows)}"
        elif held_out and len(paths) - len(rows) < LEAST_TO_HOLD_OUT:
            yield (
                f"craft.generalization: 'auto' holds out reference photos and needs at least {LEAST_TO_HOLD_OUT}, "
                f"{key} has {len(paths) - len(rows)} that can be used; give a number (0.003 is a good start) or more "
                "photos"
            )


def _too_small(paths: list[Path], size: int, enough: int) -> list[Row]:
    """Photos that hold no patch, and why; looked for until enough others are found."""
    rows: list[Row] = []
    for looked_at, path in enumerate(paths):
        if looked_at - len(rows) == enough:
            break
        side = min(image_size(path))
        if side < size:
            reason = f"{TOO_SMALL} of {size} pixels" if side else "cannot be read"
            rows.append({"file": path.name, "reason": reason})
    return rows
