"""Whether a target's reference photos are large enough, as far as their files' heads tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.errors import UserError
from degcraft.images import image_size, list_images
from degcraft.patches import TOO_SMALL, Row, reasons, remedy

if TYPE_CHECKING:
    from degcraft.config import Config


def size_problems(config: Config) -> Iterator[str]:
    """Folders of which no photo holds a patch, where a run would stop once the extractor is trained."""
    size = config.photos.size // config.scale
    for name, target in config.targets.items():
        try:
            paths = list_images(target.reference) if target.reference is not None else []
        except UserError:  # said of the folder
            continue
        rows = list(_until_one_fits(paths, size))
        if paths and len(rows) == len(paths):
            yield (
                f"targets.{name}.reference: none of the {len(rows)} reference photos can be used ({reasons(rows)}); "
                f"{remedy(rows)}"
            )


def _until_one_fits(paths: list[Path], size: int) -> Iterator[Row]:
    """Photos before the first that holds a patch, and why they do not."""
    for path in paths:
        side = min(image_size(path))
        if side >= size:
            return
        reason = f"{TOO_SMALL} of {size} pixels" if side else "cannot be read"
        yield {"file": path.name, "reason": reason}
