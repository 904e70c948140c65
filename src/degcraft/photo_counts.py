"""How many photos of a folder a stage made something of."""

from __future__ import annotations

import os
from dataclasses import dataclass

from degcraft.images import list_images, passed_over


@dataclass(frozen=True)
class PhotoCounts:
    """What became of the files in a folder of photos.

    Attributes:
        made: of how many photos something was made.
        given: how many photos are in the folder.
        passed_over: names of what else is in it.
        log: of the stage, relative to the results.
    """

    made: int
    given: int
    passed_over: tuple[str, ...]
    log: str

    @classmethod
    def of(cls, made: str | os.PathLike[str], photos: str | os.PathLike[str], log: str) -> PhotoCounts:
        """Count the photos in a stage's folder and in the one that it was given."""
        return cls(len(list_images(made)), len(list_images(photos)), tuple(passed_over(photos)), log)
