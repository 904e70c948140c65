"""Restore an image of any size tile by tile, without seams.

Every tile sees surroundings of `overlap` pixels. The outermost three quarters of them are there only to be seen; within
the last quarter to both sides of an edge, one tile fades into the next. So a network that sees no farther than three
quarters of the overlap gives what it gives untiled, and of one that sees farther, the small differences fade as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

P = TypeVar("P", bound=np.uint8 | np.uint16)
Restore = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""LR (h, w, 3) float32 of 0..1 to HR (scale*h, scale*w, 3) float32 of 0..1."""
_GRID = 8  # LR pixels: networks that gather 2 x 2 pixels, or attend in windows, do so at the same places in every tile


@dataclass(frozen=True, eq=False)
class Span:
    """A tile along one side of the image.

    Attributes:
        seen: LR pixels that it sees.
        pixels: how many of them are its own.
        first, end: HR pixels to which it contributes.
        skipped: HR pixels that it sees before them.
        weights: (end - first,) float32, its share in each; the shares of all tiles sum to 1.
    """

    seen: slice
    pixels: int
    first: int
    end: int
    skipped: int
    weights: NDArray[np.float32]


def spans(length: int, scale: int, tile: int, overlap: int) -> list[Span]:
    """Cut one side of an image into tiles of nearly equal length.

    Args:
        length: of the side, LR pixels.
        scale: SR scale.
        tile: largest length of a tile, LR pixels.
        overlap: surroundings that a tile sees at least, LR pixels.
    """
    count = -(-length // tile)
    edges = [length * index // count for index in range(count + 1)]
    fade = overlap // 4 * scale
    found = []
    for start, stop in pairwise(edges):
        seen = slice(max(start - overlap, 0) // _GRID * _GRID, min(stop + overlap, length))
        first, end = max(start * scale - fade, 0), min(stop * scale + fade, length * scale)
        share = np.ones(end - first, np.float32)
        if start > 0:
            share *= _rise(first, end, start * scale, fade)
        if stop < length:
            share -= _rise(first, end, stop * scale, fade)
        found.append(Span(seen, stop - start, first, end, first - seen.start * scale, share))
    return found


def _rise(first: int, end: int, edge: int, fade: int) -> NDArray[np.float32]:
    """From 0 to 1 over ``fade`` pixels to both sides of an edge, at the centres of the pixels first to end."""
    distance = np.arange(first, end) + 0.5 - edge
    return np.clip(distance / max(2 * fade, 1) + 0.5, 0.0, 1.0).astype(np.float32)


def restore_tiled(
    restore: Restore,
    image: NDArray[P],
    scale: int,
    tile: int,
    overlap: int,
    advance: Callable[[int], None] = lambda _: None,
) -> NDArray[P]:
    """Restore an image tile by tile.

    Memory holds, beside the two images, one row of tiles in floating point.

    Args:
        restore: works on one tile with what it sees.
        image: (h, w, 3), over the whole range of its type.
        scale: SR scale.
        tile: largest side of a tile, LR pixels.
        overlap: surroundings that a tile sees on every side at least, LR pixels.
        advance: is told after every tile how many LR pixels it had of its own.

    Returns:
        (scale*h, scale*w, 3) of the same type, rounded.
    """
    height, width = image.shape[:2]
    peak = np.float32(np.iinfo(image.dtype).max)
    result = np.empty((height * scale, width * scale, 3), image.dtype)
    rows, columns = (spans(length, scale, tile, overlap) for length in (height, width))
    room = np.empty((max(row.end - row.first for row in rows), width * scale, 3), np.float32)
    faded = room[:0].copy()  # what the row before gives to this one
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        band = room[: row.end - row.first]
        band[: len(faded)] = faded
        band[len(faded) :] = 0
        for column in columns:
            output = restore(image[row.seen, column.seen].astype(np.float32) / peak)
            part = output[row.skipped :, column.skipped :][: row.end - row.first, : column.end - column.first]
            band[:, column.first : column.end] += part * (row.weights[:, None] * column.weights)[..., None]
            advance(row.pixels * column.pixels)
        end = height * scale if following is None else following.first
        done, faded = band[: end - row.first], band[end - row.first :].copy()
        done *= peak
        result[row.first : end] = np.rint(done, out=done)
    return result
