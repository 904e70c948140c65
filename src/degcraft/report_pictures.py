"""Pictures of the report: thumbnails, crops of the same place, and the side-by-side picture."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from degcraft.evaluate import bicubic
from degcraft.images import Uint8Image, crop_to_multiple, read_image
from degcraft.operators import to_uint8
from degcraft.patches import cut, textured_positions
from degcraft.resampling import resize
from degcraft.seeds import stream
from degcraft.sharing import shown, spread
from degcraft.storage import reading_h5, replacing

CROP = 128  # HR pixels
ZOOM = 2
LARGEST = 320  # HR pixels of a super-resolved photo that are shown
THUMBNAIL = 192  # pixels on the page of a reference photo's longer side, at most

INK, MUTED, ACCENT, PAPER = "#1b1f24", "#5b6570", "#0072b2", "#ffffff"


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture and what is written below it.

    Attributes:
        label: what it is: ``LR``, a distribution, ``HR``.
        note: a number or a word below the label, or nothing.
        pixels: (H, W, 3) uint8.
        crafted: whether it is the crafted model's, which is set apart.
        best: whether its note is set in bold.
    """

    label: str
    note: str
    pixels: Uint8Image
    crafted: bool = False
    best: bool = False

    @property
    def uri(self) -> str:
        """The picture as a ``data:`` address."""
        return data_uri(self.pixels)

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures of the same place of one photo."""

    name: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Place:
    """A rectangle of an HR photo; all numbers are multiples of the scale."""

    top: int
    left: int
    height: int
    width: int

    def of(self, hr: Uint8Image) -> Uint8Image:
        """That part of an image of the HR photo's size."""
        return hr[self.top : self.top + self.height, self.left : self.left + self.width]


def textured_place(hr: Uint8Image, side: int, scale: int) -> Place:
    """The square of a photo with the most texture that an LR photo can hold; the whole photo if it is no larger.

    Texture is the mean luma gradient of the photo shrunk by the scale, so that it is structure that models can restore
    rather than grain that no LR photo shows.

    Args:
        hr: (H, W, 3) uint8, at least ``scale`` pixels on both sides.
        side: of the square, pixels; as far as the photo allows it.
        scale: SR scale.
    """
    hr = crop_to_multiple(hr, scale)
    height, width = (length // scale for length in hr.shape[:2])
    if max(height, width) * scale <= side:
        return Place(0, 0, height * scale, width * scale)
    square = min(side // scale, height, width)
    small = to_uint8(resize(hr.astype(np.float32), height, width))
    (top, left), *_ = textured_positions(small, square, 1, 1, 1e-9, np.random.default_rng(0)).tolist()
    return Place(top * scale, left * scale, square * scale, square * scale)


def nearest(lr: Uint8Image, scale: int) -> Uint8Image:
    """Every pixel as a square of ``scale`` pixels: (h, w, 3) to (scale*h, scale*w, 3) uint8."""
    return np.ascontiguousarray(lr.repeat(scale, axis=0).repeat(scale, axis=1))


def before_and_after(lr: Uint8Image, restored: Uint8Image) -> tuple[Uint8Image, Uint8Image]:
    """An LR photo, interpolated, and the same place super-resolved; cut where it is large.

    Args:
        lr: (h, w, 3) uint8.
        restored: (scale*h, scale*w, 3) uint8.
    """
    scale = restored.shape[0] // lr.shape[0]
    place = textured_place(restored, LARGEST, scale)
    return place.of(bicubic(scale)(lr)), place.of(restored)


def thumbnail(path: Path) -> Uint8Image:
    """A reference photo, shrunk if it is large, twice as large if it is small; both sides at most `THUMBNAIL`."""
    image = read_image(path)
    height, width = image.shape[:2]
    ratio = THUMBNAIL / max(height, width)
    if ratio >= 1:
        return nearest(image, min(ZOOM, int(ratio)))
    size = (max(1, round(height * ratio)), max(1, round(width * ratio)))
    return to_uint8(resize(image.astype(np.float32), *size))


def reference_crops(paths: Sequence[Path], size: int, count: int, textured: float, seed: int) -> list[Uint8Image]:
    """Textured patches of LR photos, as many from one photo as from another.

    Args:
        paths: photos that hold a patch.
        size: side of the patches, pixels.
        count: how many in all, at most.
        textured: share of a photo's places from which they are drawn.
        seed: of the draws.
    """
    chosen = [paths[index] for index in spread(len(paths), count)]
    crops: list[Uint8Image] = []
    for index, path in enumerate(chosen):
        image, wanted = read_image(path), (index + 1) * count // len(chosen) - index * count // len(chosen)
        places = textured_positions(image, size, wanted, 1, textured, stream(seed, "report", index))
        crops.extend(cut(image, places, size))
    return crops


def drawn_patches(pairs: str | os.PathLike[str], patches: int, count: int) -> list[Uint8Image]:
    """LR patches of a pairs file, of HR patches that are spread evenly over all photos.

    Args:
        pairs: file of pairs.
        patches: how many HR patches there are.
        count: how many LR patches are wanted.

    Raises:
        UserError: the file is missing or damaged.
    """
    with reading_h5(pairs, "lr") as file:
        by_photo = np.argsort(shown(len(file["lr"]), patches), kind="stable")
        return [file["lr"][pair] for pair in by_photo[spread(len(by_photo), count)]]


def sheet(patches: Sequence[Uint8Image], columns: int) -> Uint8Image:
    """Patches of one size side by side in rows, thin white lines between them; the last row is filled up with white."""
    height, width = patches[0].shape[:2]
    rows = -(-len(patches) // columns)
    page = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, 3), 255, np.uint8)
    for index, patch in enumerate(patches):
        top, left = index // columns * (height + 1), index % columns * (width + 1)
        page[top : top + height, left : left + width] = patch
    return page


def data_uri(image: Uint8Image) -> str:
    """An image, without loss, as a ``data:`` address; the same pixels give the same text."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", lossless=True, quality=20, method=2)
    return _address("webp", buffer.getvalue())


@dataclass(frozen=True)
class Drawing:
    """A figure of vectors.

    Attributes:
        uri: as a ``data:`` address.
        width: in pixels of 1/96 inch, at which its letters are as large as they were drawn.
        height: likewise.
    """

    uri: str
    width: int
    height: int


def drawing(path: str | os.PathLike[str]) -> Drawing:
    """An SVG file of `degcraft.plots`."""
    content = Path(path).read_bytes()
    points = (float(number) for number in re.findall(rb'(?:width|height)="([\d.]+)pt"', content)[:2])
    width, height = (round(number * 96 / 72) for number in points)
    return Drawing(_address("svg+xml", content), width, height)


def _address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def read_cropped(path: Path, scale: int) -> Uint8Image:
    """An HR photo as models are compared with it: sides cut to multiples of the scale."""
    return crop_to_multiple(read_image(path), scale)


def write_side_by_side(rows: Sequence[Row], path: str | os.PathLike[str]) -> None:
    """Write rows of pictures, enlarged and labelled, as one PNG on white.

    Args:
        rows: of equally many pictures each.
        path: PNG to write.
    """
    cell = max(picture.width for row in rows for picture in row.pictures) * ZOOM
    margin, gap, caption = 24, 10, 30
    columns = len(rows[0].pictures)
    heights = [max(picture.height for picture in row.pictures) * ZOOM + caption + gap for row in rows]
    size = (2 * margin + columns * (cell + gap) - gap, 2 * margin + caption + sum(heights) - gap)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, picture in enumerate(rows[0].pictures):
        _centred(draw, margin + column * (cell + gap) + cell // 2, margin, picture.label, 20, picture.crafted, True)
    top = margin + caption
    for row, height in zip(rows, heights, strict=True):
        for column, picture in enumerate(row.pictures):
            left = margin + column * (cell + gap)
            wide = Image.fromarray(nearest(picture.pixels, ZOOM))
            sheet.paste(wide, (left + (cell - wide.width) // 2, top))
            _centred(draw, left + cell // 2, top + wide.height + 4, picture.note, 17, False, picture.best)
        top += height
    with replacing(path) as partial:
        sheet.save(partial)


def _centred(draw: ImageDraw.ImageDraw, x: int, y: int, text: str, size: int, accent: bool, bold: bool) -> None:
    """Write a line of text whose upper middle is (x, y)."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)
    draw.text((x, y), text, ACCENT if accent else INK if bold else MUTED, font, anchor="ma")
