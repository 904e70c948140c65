"""Reading and writing photos: RGB and upright, in 8 bits, or with all the precision and transparency they have."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile

from degcraft.errors import UserError
from degcraft.storage import is_file, is_folder
from degcraft.words import quoted, some

Uint8Image = NDArray[np.uint8]
"""(H, W, 3) uint8, RGB, 0..255."""
Photo = NDArray[np.uint8 | np.uint16]
"""(H, W, 3) RGB or (H, W, 4) RGB with straight alpha, uint8 or uint16, over its whole range."""
FloatImage = NDArray[np.float32]
"""(H, W, 3) float32, RGB, nominally 0..255."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"})
PNG_LEVEL = 4
"""Of zlib's compression: its usual 6 takes more than twice as long, for files that are 2% smaller."""
_SPECIAL = re.compile("[{}<>\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LONGEST_NAME = 200  # bytes
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")


class ImageError(UserError):
    """A photo that cannot be used; `reason` is the sentence without the file's name."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        self.reason = reason
        super().__init__(f"{path}: {reason}")


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Photos directly inside a folder, sorted by name; folders, hidden files and other suffixes are left out.

    What is no photo in spite of its suffix is among them, a link to nothing for example; reading it says why.

    Raises:
        UserError: the folder does not exist, or cannot be listed.
    """
    root = Path(folder)
    if not is_folder(root):
        what = "a file; give the folder it is in" if is_file(root) else "no such folder"
        raise UserError(f"{folder}: {what}")
    try:
        names = sorted(root.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror})") from None
    return [p for p in names if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and not is_folder(p)]


def passed_over(folder: str | os.PathLike[str]) -> list[str]:
    """Names of what `list_images` leaves out of a folder, sorted, those of folders with a slash; nothing hidden.

    Raises:
        UserError: as `list_images`.
    """
    photos = set(list_images(folder))
    others = sorted(p for p in Path(folder).iterdir() if p not in photos and not p.name.startswith("."))
    return [(p.name if p.name.isprintable() else ascii(p.name)) + "/" * p.is_dir() for p in others]


def no_photos(folder: str | os.PathLike[str]) -> str:
    """What a folder without photos holds, as the end of a sentence that begins with its name."""
    others = passed_over(folder)
    if not others:
        return "holds no PNG, JPEG, WebP or TIFF photos"
    inside = ", or name one of the folders" if any(name.endswith("/") for name in others) else ""
    convert = "convert photos of other kinds to PNG or to JPEG of high quality"
    return f"holds no PNG, JPEG, WebP or TIFF photos, only {some(others)}; {convert}{inside}"


def log_passed_over(folder: str | os.PathLike[str]) -> None:
    """Name what is `passed_over` in a line of the log, if there is anything."""
    if names := passed_over(folder):
        logging.getLogger("degcraft").warning(
            "passed over: %s (in %s; no PNG, JPEG, WebP or TIFF by name)", some(names), folder
        )


def name_problem(path: str | os.PathLike[str]) -> str | None:
    """Why a file cannot be taken because of its path, in words; None if it can.

    Snakemake fills in what stands in braces and angle brackets, and keeps paths as lines of UTF-8; results are named by
    photos, with a few characters more, and a name has 255 bytes at most on most file systems.
    """
    if _SPECIAL.search(str(path)):
        return (
            f"{quoted(path)} has a brace, an angle bracket, a control character or bytes that are no UTF-8; rename it"
        )
    if len(os.fsencode(Path(path).name)) > _LONGEST_NAME:
        return f"{quoted(path)} has a name of more than {_LONGEST_NAME} bytes; give it a shorter one"
    return None


def distinct_stems(paths: list[Path]) -> dict[str, Path]:
    """Photos by their stem, which is what results are named by.

    Raises:
        UserError: two differ in nothing but the suffix.
    """
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(path.stem, path)
        if other is not path:
            raise UserError(f"{path} and {other.name} differ only in the suffix; rename one of them")
    return seen


def read_image(path: str | os.PathLike[str]) -> Uint8Image:
    """Read a PNG, JPEG, WebP or TIFF photo as upright 8-bit RGB.

    Grey becomes three equal channels; 16 bits are rounded to 8; transparency is composed over white, as a viewer shows
    it; the EXIF orientation is applied.

    Raises:
        ImageError: not such a file, truncated, animated, or too large to be a photo.
    """
    photo = read_photo(path)
    if photo.dtype == np.uint8 and photo.shape[2] == 3:
        return np.asarray(photo, np.uint8)
    result = np.empty((*photo.shape[:2], 3), np.uint8)
    for rows in _bands(len(photo)):
        band = photo[rows]
        if band.dtype == np.uint16:
            band = ((band.astype(np.uint32) + 128) // 257).astype(np.uint8)
        if band.shape[2] == 4:
            image = Image.fromarray(band.astype(np.uint8))
            band = np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB"))
        result[rows] = band
    return result


def read_photo(path: str | os.PathLike[str]) -> Photo:
    """Read a photo, upright, with the precision and the transparency that it has.

    A link is followed, wherever it leads. Beside the result, memory holds at most as much again.

    Raises:
        ImageError: as `read_image`.
    """
    check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                # a camera's MPO is its photo, followed by a preview, a gain map or another eye's view
                if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                    raise ImageError(path, "has several frames or pages; save one of them as a photo")
                image.load()
                turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1), _upright)
                tags = dict(getattr(image, "tag_v2", {}))
                deep = _is_deep(path, image.format, tags)
                if not deep and image.mode not in _PLAIN_MODES:
                    raise ImageError(path, f"pixel type {image.mode!r} is not supported; save it with 8 or 16 bits")
                pixels: Photo | None = None if deep else _eight_bit(image)
            del image  # its pixels are as many bytes again
            return np.ascontiguousarray(turn(_sixteen_bit(path, tags) if pixels is None else pixels))
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(path, f"more than {Image.MAX_IMAGE_PIXELS} pixels; cut it into smaller photos") from None
    except UnidentifiedImageError:
        raise ImageError(path, "is not a PNG, JPEG, WebP or TIFF image") from None
    except Exception as error:  # what Pillow raises on a damaged file is whatever its decoder stumbled over
        raise ImageError(path, f"cannot be read ({str(error) or type(error).__name__})") from None


def check_file(path: str | os.PathLike[str]) -> None:
    """Refuse what need not be opened: a pipe keeps its reader waiting, and a file without an end fills the memory.

    Raises:
        ImageError: no regular file or link to one, one that may not be read, or a very large one.
    """
    if not is_file(path):
        raise ImageError(path, "cannot be read (no file, or a link to none)")
    if not os.access(path, os.R_OK):
        raise ImageError(path, "cannot be read (not allowed)")
    if Path(path).stat().st_size > _MOST_BYTES:
        raise ImageError(path, f"a file of more than {_MOST_BYTES >> 20} MiB; save the photo anew")


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Width and height as stored, from the file's head alone; (0, 0) if it cannot be read."""
    if not is_file(path):
        return 0, 0
    try:
        with Image.open(path, formats=_FORMATS) as image:
            return image.width, image.height
    except Exception:  # see above; who wants the reason reads the photo
        return 0, 0


def count_pixels(path: str | os.PathLike[str]) -> int:
    """Width times height, from the file's head alone; 0 if it cannot be read."""
    width, height = image_size(path)
    return width * height


def is_whole(path: str | os.PathLike[str]) -> bool:
    """Whether a PNG file is there and agrees with the checksums in it."""
    try:
        with PngImageFile(path) as image:  # Image.open refuses large ones, which verifying does not decode
            image.verify()
    except Exception:  # see above
        return False
    return True


def _upright(pixels: Photo) -> Photo:
    return pixels


_PLAIN_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "La", "CMYK", "YCbCr", "LAB", "HSV"})
_MOST_BYTES = 1 << 30  # as many pixels as are read, with 16 bits and transparency, are fewer
_BAND = 256  # rows
_ORIENTATION, _BITS, _PHOTOMETRIC, _PLANAR, _EXTRA = 0x0112, 0x0102, 0x0106, 0x011C, 0x0152
_TURNS: dict[int, Callable[[Photo], Photo]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}


def _bands(height: int) -> list[slice]:
    """Rows, some at a time, so that a large photo is not held several times."""
    return [slice(top, min(top + _BAND, height)) for top in range(0, height, _BAND)]


def _eight_bit(image: Image.Image) -> NDArray[np.uint8]:
    """Pixels of a loaded 8-bit image as `Photo`, but for its orientation."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    pixels = np.empty((image.height, image.width, len(mode)), np.uint8)
    for rows in _bands(image.height):
        pixels[rows] = np.asarray(image.crop((0, rows.start, image.width, rows.stop)).convert(mode))
    return pixels


def _is_deep(path: str | os.PathLike[str], kind: str | None, tags: dict[int, Any]) -> bool:
    """Whether a PNG or a TIFF, of which ``tags`` are, has more than 8 bits and at most 16."""
    if kind == "PNG":
        with Path(path).open("rb") as file:
            return file.read(25)[-1] == 16
    return kind == "TIFF" and 8 < max(tags.get(_BITS, (1,))) <= 16


def _sixteen_bit(path: str | os.PathLike[str], tags: dict[int, Any]) -> NDArray[np.uint16]:
    """Pixels of a 16-bit file as `Photo`, but for its orientation; ``tags`` are a TIFF's.

    Pillow cuts the lower byte off 16-bit colour; OpenCV keeps both bytes.
    """
    raw = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.dtype != np.uint16:
        raise ImageError(path, "stores its 16 bits in an unusual way; save it as PNG")
    if tags.get(_PLANAR) == 2 and raw.ndim == 3:  # OpenCV mixes such planes up
        raise ImageError(path, "stores its 16-bit colours in separate planes; save it as PNG")
    if raw.ndim == 3 and raw.shape[2] == 4 and _EXTRA in tags:
        if tags[_EXTRA][0] == 1:
            raise ImageError(path, "stores 16-bit colours that are multiplied by the transparency; save it as PNG")
        if tags[_EXTRA][0] == 0:  # infrared, for instance
            raw = raw[..., :3]
    pixels = 65535 - raw if tags.get(_PHOTOMETRIC) == 0 else raw  # white is zero, which OpenCV ignores
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2).astype(np.uint16, copy=False)
    colours = cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(pixels, colours), np.uint16)


def write_image(path: str | os.PathLike[str], image: Photo) -> None:
    """Write an image; what the suffix names if it has 8 bits, PNG if it has 16."""
    if image.dtype == np.uint8:
        Image.fromarray(image).save(path, compress_level=PNG_LEVEL)
        return
    colours = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
    written, content = cv2.imencode(".png", cv2.cvtColor(image, colours))  # Pillow knows no 16-bit colour
    assert written
    Path(path).write_bytes(content.tobytes())


def luma(image: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float64]:
    """Y of ITU-R BT.601 in studio range, 16..235, as the SR literature measures it (MATLAB's ``rgb2ycbcr``).

    Args:
        image: (..., 3) RGB, 0..255.

    Returns:
        (...) float64.
    """
    weights = np.array([65.481, 128.553, 24.966]) / 255.0
    return 16.0 + np.asarray(image, np.float64) @ weights


def crop_to_multiple(image: Uint8Image, scale: int) -> Uint8Image:
    """Cut rows and columns off the lower right so that both sides are multiples of ``scale``."""
    height, width = (side - side % scale for side in image.shape[:2])
    return image[:height, :width]
