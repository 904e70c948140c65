"""Where to cut patches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from degcraft.images import ImageError, Uint8Image, luma, read_image
from degcraft.progress import track
from degcraft.seeds import stream
from degcraft.words import NAMED, counted, some

Row = dict[str, object]
"""What became of one photo: ``file, width, height, used, reason, patches``."""

TOO_SMALL = "smaller than a patch"
_BAND = 1024  # rows of a photo whose texture is measured at a time


def cut_photos(
    paths: Sequence[Path],
    rows: list[Row],
    stage: str,
    seed: int,
    *,
    size: int,
    count: int,
    align: int,
    share: float,
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.uint8]]]:
    """Cut patches from photos, one photo in memory at a time.

    Args:
        paths: the photos.
        rows: gets a row for every photo, used or not.
        stage: names the random stream and the work.
        seed: of the draws.
        size: as for `textured_positions`.
        count: likewise.
        align: likewise.
        share: likewise.

    Yields:
        for every photo that can be used its index among ``paths``, and the positions and pixels of its patches.
    """
    for index, path in enumerate(track(paths, len(paths), stage)):
        row: Row = {"file": path.name, "width": 0, "height": 0, "used": False, "reason": "", "patches": 0}
        rows.append(row)
        try:
            image = read_image(path)
        except ImageError as error:
            row["reason"] = error.reason
            continue
        row["height"], row["width"] = image.shape[:2]
        places = textured_positions(image, size, count, align, share, stream(seed, stage, index))
        if len(places):
            row["used"], row["patches"] = True, len(places)
            yield index, places, cut(image, places, size)
        else:
            row["reason"] = f"{TOO_SMALL} of {size} pixels"


def used_of(rows: Sequence[Row]) -> str:
    """``11 of 12 photos used``."""
    return f"{sum(bool(row['used']) for row in rows)} of {len(rows)} photos used"


def reasons(rows: Sequence[Row]) -> str:
    """Why photos were not used, for a message: each reason with the first photos that have it."""
    found: dict[object, list[str]] = {}
    for row in rows:
        found.setdefault(row["reason"], []).append(str(row["file"]))
    more = f"; and {counted(len(found) - NAMED, 'more reason')}" if len(found) > NAMED else ""
    return "; ".join(f"{some(files)}: {reason}" for reason, files in list(found.items())[:NAMED]) + more


def remedy(rows: Sequence[Row]) -> str:
    """What to do where no photo can be used."""
    return f"add larger or readable ones{or_lower_size(row['reason'] for row in rows)}"


def or_lower_size(reasons: Iterable[object]) -> str:
    """The other remedy, where the reason why some photo cannot be used is the size of patches."""
    return ", or lower photos.size" if any(str(reason).startswith(TOO_SMALL) for reason in reasons) else ""


def textured_positions(
    image: Uint8Image, size: int, count: int, align: int, share: float, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw patches among the most textured places of an image.

    Candidates lie on a grid of an eighth of the patch size (rounded to ``align``); the ``share`` of them with the
    largest mean luma gradient stays, so skies and walls drop out; ``count`` of those are drawn without replacement.

    Args:
        image: (H, W, 3) uint8.
        size: side of the square patches, pixels.
        count: how many at most.
        align: every position is a multiple of it (the SR scale, or the JPEG grid).
        share: of the candidates that counts as textured, in (0, 1].
        generator: draws.

    Returns:
        (n, 2) int64 rows and columns of the upper left corners, n <= count; empty if the image is smaller than a patch.
    """
    height, width = image.shape[:2]
    if min(height, width) < size:
        return np.empty((0, 2), np.int64)
    rows, columns = _grid(height, width, size, align)
    r, c = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    band = max(1, _BAND // _stride(size, align))
    texture = np.concatenate([_texture(image, rows[i : i + band], columns, size) for i in range(0, len(rows), band)])
    kept = np.argsort(-texture, kind="stable")[: _shared(len(texture), share)]
    drawn = np.sort(generator.choice(kept, size=min(count, len(kept)), replace=False))
    return np.stack([r[drawn], c[drawn]], axis=1)


def _texture(image: Uint8Image, rows: NDArray[np.int64], columns: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """Sum of the luma gradients in the patches at all of some neighbouring rows and columns: (rows * columns,).

    From those rows alone, so that a large photo is not held in floating point.
    """
    first, above = int(rows[0]), min(int(rows[0]), 1)  # the gradient of a row takes its neighbours
    grey = luma(image[first - above : int(rows[-1]) + size + 1]).astype(np.float32)
    gradient = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    total = cv2.integral(gradient[above:], sdepth=cv2.CV_64F)
    top, left = (rows - first)[:, None], columns[None, :]
    sums = total[top + size, left + size] - total[top, left + size] - total[top + size, left] + total[top, left]
    return np.asarray(sums, np.float64).ravel()


def count_positions(height: int, width: int, size: int, count: int, align: int, share: float) -> int:
    """How many positions `textured_positions` draws from an image of some size, without looking at one."""
    if min(height, width) < size:
        return 0
    rows, columns = _grid(height, width, size, align)
    return min(count, _shared(len(rows) * len(columns), share))


def _grid(height: int, width: int, size: int, align: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the candidates."""
    rows, columns = (np.arange(0, side - size + 1, _stride(size, align)) for side in (height, width))
    return rows, columns


def _stride(size: int, align: int) -> int:
    """Pixels from one candidate to the next."""
    return max(align, size // 8 // align * align)


def _shared(candidates: int, share: float) -> int:
    """How many of them count as textured."""
    return max(1, int(np.ceil(share * candidates)))


def cut(image: Uint8Image, positions: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    """The patches at some positions: (n, size, size, 3) uint8."""
    patches = [image[r : r + size, c : c + size] for r, c in positions]
    return np.stack(patches) if patches else np.empty((0, size, size, 3), np.uint8)


def disjoint(positions: NDArray[np.int64], size: int) -> int:
    """How many patches, laid side by side, would cover the area that some patches of one photo cover; at least 1.

    Args:
        positions: (n, 2) rows and columns of their upper left corners, n > 0.
        size: their side, pixels.
    """
    step = int(np.gcd.reduce(np.append(positions, size)))
    side = size // step
    corners = (positions - positions.min(axis=0)) // step
    covered = np.zeros(corners.max(axis=0) + side, np.bool_)
    for row, column in corners:
        covered[row : row + side, column : column + side] = True
    return max(1, round(np.count_nonzero(covered) / side**2))
