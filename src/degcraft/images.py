"""Reading and writing photos: RGB and upright, in 8 bits, or with all the precision and transparency they have."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from degcraft.errors import UserError

Uint8Image = NDArray[np.uint8]
"""(H, W, 3) uint8, RGB, 0..255."""
Photo = NDArray[np.uint8 | np.uint16]
"""(H, W, 3) RGB or (H, W, 4) RGB with straight alpha, uint8 or uint16, over its whole range."""
FloatImage = NDArray[np.float32]
"""(H, W, 3) float32, RGB, nominally 0..255."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"})
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")


class ImageError(UserError):
    """A photo that cannot be used; `reason` is the sentence without the file's name."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        self.reason = reason
        super().__init__(f"{path}: {reason}")


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """Photos directly inside a folder, sorted by name; hidden files and other suffixes are left out.

    Raises:
        UserError: the folder does not exist.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"{folder}: no such folder")
    return sorted(p for p in root.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))


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
    pixels = read_photo(path)
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if pixels.shape[2] == 4:
        photo = Image.fromarray(pixels.astype(np.uint8))
        pixels = np.array(Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo).convert("RGB"))
    return np.ascontiguousarray(pixels, np.uint8)


def read_photo(path: str | os.PathLike[str]) -> Photo:
    """Read a photo, upright, with the precision and the transparency that it has.

    Raises:
        ImageError: as `read_image`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                if getattr(image, "n_frames", 1) > 1:
                    raise ImageError(path, "has several frames or pages; save one of them as a photo")
                image.load()
                turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1), _upright)
                tags = dict(getattr(image, "tag_v2", {}))
                deep = _sixteen_bit(path, tags) if image.format in ("PNG", "TIFF") else None
                if deep is None and image.mode not in _PLAIN_MODES:
                    raise ImageError(path, f"pixel type {image.mode!r} is not supported; save it with 8 or 16 bits")
                mode = "RGBA" if image.has_transparency_data else "RGB"
                pixels = np.array(image.convert(mode)) if deep is None else deep
                return np.ascontiguousarray(turn(pixels))
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(path, f"more than {Image.MAX_IMAGE_PIXELS} pixels; cut it into smaller photos") from None
    except UnidentifiedImageError:
        raise ImageError(path, "is not a PNG, JPEG, WebP or TIFF image") from None
    except Exception as error:  # what Pillow raises on a damaged file is whatever its decoder stumbled over
        raise ImageError(path, f"cannot be read ({str(error) or type(error).__name__})") from None


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Width and height as stored, from the file's head alone; (0, 0) if it cannot be read."""
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
        with Image.open(path, formats=("PNG",)) as image:
            image.verify()
    except Exception:  # see above
        return False
    return True


def _upright(pixels: Photo) -> Photo:
    return pixels


_PLAIN_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "La", "CMYK", "YCbCr", "LAB", "HSV"})
_ORIENTATION, _PHOTOMETRIC, _PLANAR = 0x0112, 0x0106, 0x011C
_TURNS: dict[int, Callable[[Photo], Photo]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}


def _sixteen_bit(path: str | os.PathLike[str], tags: dict[int, object]) -> NDArray[np.uint16] | None:
    """Pixels of a 16-bit file as `Photo`, but for its orientation; None if it has 8 bits. ``tags`` are a TIFF's.

    Pillow cuts the lower byte off 16-bit colour; OpenCV keeps both bytes.
    """
    raw = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.dtype != np.uint16:
        return None
    if tags.get(_PLANAR) == 2 and raw.ndim == 3:  # OpenCV mixes such planes up
        raise ImageError(path, "stores its 16-bit colours in separate planes; save it as PNG")
    pixels = 65535 - raw if tags.get(_PHOTOMETRIC) == 0 else raw  # white is zero, which OpenCV ignores
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2).astype(np.uint16)
    colours = cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(pixels, colours), np.uint16)


def write_image(path: str | os.PathLike[str], image: Photo) -> None:
    """Write an image; what the suffix names if it has 8 bits, PNG if it has 16."""
    if image.dtype == np.uint8:
        Image.fromarray(image).save(path)
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
