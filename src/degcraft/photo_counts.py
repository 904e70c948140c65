"""How many photos of a folder a stage made something of."""

from __future__ import annotations

import os
from dataclasses import dataclass

from degcraft.images import list_images, passed_over


@dataclass(frozen=True)
class PhotoCounts:
    """What became of the files in a folder of photos.

    Attributes:
        given: how many photos are in the folder.
        missing: names of those of which nothing was made.
        passed_over: names of what else is in it.
        log: of the stage, relative to the results.
    """

    given: int
    missing: tuple[str, ...]
    passed_over: tuple[str, ...]
    log: str

    @classmethod
    def of(cls, made: str | os.PathLike[str], photos: str | os.PathLike[str], log: str) -> PhotoCounts:
        """Compare the photos in a stage's folder with those in the one that it was given; stems are the same."""
        given, stems = list_images(photos), {path.stem for path in list_images(made)}
        missing = [path.name for path in given if path.stem not in stems]
        names = tuple(name if name.isprintable() else ascii(name) for name in missing)
        return cls(len(given), names, tuple(passed_over(photos)), log)

    @property
    def made(self) -> int:
        """Of how many photos something was made."""
        return self.given - len(self.missing)
