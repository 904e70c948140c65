"""Photos in every form that people have them."""

from __future__ import annotations

import io
import os

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from degcraft.errors import UserError
from degcraft.images import (
    ImageError,
    crop_to_multiple,
    distinct_stems,
    list_images,
    log_passed_over,
    luma,
    passed_over,
    read_image,
    read_photo,
    write_image,
)

ORIENTATION = 0x0112
HEIGHT, WIDTH = 12, 20


@pytest.fixture(scope="module")
def image(make_photo):
    return make_photo(HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def deep():
    """16-bit RGB in which both bytes matter."""
    return np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH, 3)).astype(np.uint16)


def rounded(deep):
    """16 bits to the nearest of 8: 65535 means 255, so a step is 257."""
    return np.floor(deep / 257.0 + 0.5).astype(np.uint8)


def checked(path):
    result = read_image(path)
    assert result.dtype == np.uint8
    assert result.ndim == 3
    assert result.shape[2] == 3
    assert result.flags.writeable
    assert result.flags.c_contiguous
    return result


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.PNG", {"format": "PNG"}),
        ("a.tif", {}),
        ("a.tiff", {"compression": "tiff_lzw"}),
        ("a.webp", {"lossless": True}),
    ],
)
def test_lossless_formats_give_the_pixels_back(name, options, image, tmp_path):
    Image.fromarray(image).save(tmp_path / name, **options)
    np.testing.assert_array_equal(checked(tmp_path / name), image)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": "4:2:0"}])
def test_jpeg(options, image, tmp_path):
    Image.fromarray(image).save(tmp_path / "a.jpg", quality=95, **options)
    assert np.abs(checked(tmp_path / "a.jpg").astype(int) - image).mean() < 8


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_grey_has_three_equal_channels(suffix, image, tmp_path):
    options = {"quality": 100, "subsampling": 0, "lossless": True} if suffix != "tif" else {}
    Image.fromarray(image[..., 0]).save(tmp_path / f"a.{suffix}", **options)
    result = checked(tmp_path / f"a.{suffix}")
    np.testing.assert_allclose(result, np.repeat(image[..., :1], 3, axis=2), atol=2 if suffix == "jpg" else 0)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_transparency_is_composed_over_white(suffix, image, tmp_path):
    alpha = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    Image.fromarray(np.dstack([image, alpha])).save(tmp_path / f"a.{suffix}", **options)
    share = alpha[..., None] / 255
    np.testing.assert_allclose(checked(tmp_path / f"a.{suffix}"), share * image + (1 - share) * 255, atol=1.5)


def test_grey_with_transparency(image, tmp_path):
    alpha = np.full((HEIGHT, WIDTH), 51, np.uint8)  # a fifth
    Image.fromarray(np.dstack([image[..., 0], alpha])).save(tmp_path / "a.png")
    expected = 0.2 * image[..., :1] + 0.8 * 255
    np.testing.assert_allclose(checked(tmp_path / "a.png"), np.repeat(expected, 3, axis=2), atol=1.5)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_rounded_not_cut(name, deep, tmp_path):
    write = {"a.png": lambda p: cv2.imwrite(str(p), deep[..., ::-1]), "a.tif": lambda p: tifffile.imwrite(p, deep)}
    write[name](tmp_path / name)
    np.testing.assert_array_equal(checked(tmp_path / name), rounded(deep))
    assert (rounded(deep) != deep >> 8).any()


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bit_grey(name, deep, tmp_path):
    if name == "a.png":
        Image.fromarray(deep[..., 0]).save(tmp_path / name)
    else:
        tifffile.imwrite(tmp_path / name, deep[..., 0], photometric="minisblack")
    np.testing.assert_array_equal(checked(tmp_path / name), np.repeat(rounded(deep)[..., :1], 3, axis=2))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_with_transparency(name, deep, tmp_path):
    alpha = np.full((HEIGHT, WIDTH, 1), 65535 // 5, np.uint16)
    if name == "a.png":
        cv2.imwrite(str(tmp_path / name), np.dstack([deep[..., ::-1], alpha]))
    else:
        tifffile.imwrite(tmp_path / name, np.dstack([deep, alpha]), photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_allclose(checked(tmp_path / name), 0.2 * deep / 257 + 0.8 * 255, atol=1.5)


def test_a_fourth_channel_that_is_no_transparency(image, deep, tmp_path):
    """Of a film scanner's infrared, for instance."""
    for photo in (image, deep):
        infrared = np.full((HEIGHT, WIDTH, 1), 7, photo.dtype)
        kinds = {"photometric": "rgb", "extrasamples": ["unspecified"]}
        tifffile.imwrite(tmp_path / "a.tif", np.dstack([photo, infrared]), **kinds)
        np.testing.assert_array_equal(read_photo(tmp_path / "a.tif"), photo)


def test_colours_that_are_multiplied_by_the_transparency(image, deep, tmp_path):
    for name, photo in (("a.tif", image), ("b.tif", deep)):
        alpha = np.full((HEIGHT, WIDTH, 1), np.iinfo(photo.dtype).max // 5, photo.dtype)
        kinds = {"photometric": "rgb", "extrasamples": ["assocalpha"]}
        tifffile.imwrite(tmp_path / name, np.dstack([photo // 5, alpha]), **kinds)
    np.testing.assert_allclose(checked(tmp_path / "a.tif"), 0.2 * image + 0.8 * 255, atol=3)
    with pytest.raises(ImageError, match=r"b\.tif: stores 16-bit colours that are multiplied by the transparency"):
        read_image(tmp_path / "b.tif")


def test_tiff_in_planes(deep, tmp_path):
    for name, image in (("a.tif", rounded(deep)), ("b.tif", deep)):
        planes = np.ascontiguousarray(image.transpose(2, 0, 1))
        tifffile.imwrite(tmp_path / name, planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(checked(tmp_path / "a.tif"), rounded(deep))
    with pytest.raises(ImageError, match=r"b\.tif: stores its 16-bit colours in separate planes"):
        read_image(tmp_path / "b.tif")


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_in_which_zero_is_white(bits, deep, tmp_path):
    grey = deep[..., 0] if bits == 16 else rounded(deep)[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="miniswhite")
    np.testing.assert_array_equal(checked(tmp_path / "a.tif")[..., 0], 255 - rounded(deep)[..., 0])


def test_palette_and_bilevel(image, tmp_path):
    palette = Image.fromarray(image).quantize(16)
    palette.save(tmp_path / "a.png")
    np.testing.assert_array_equal(checked(tmp_path / "a.png"), np.asarray(palette.convert("RGB")))
    index = int(np.asarray(palette)[0, 0])
    palette.save(tmp_path / "b.png", transparency=index)
    assert (checked(tmp_path / "b.png")[np.asarray(palette) == index] == 255).all()
    Image.fromarray(image[..., 0] > 100).save(tmp_path / "c.png")
    np.testing.assert_array_equal(checked(tmp_path / "c.png")[..., 1], np.where(image[..., 0] > 100, 255, 0))


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk(name, image, tmp_path):
    ink = np.dstack([255 - image, np.zeros((HEIGHT, WIDTH), np.uint8)])  # no black: RGB is what the inks leave
    Image.fromarray(ink, mode="CMYK").save(tmp_path / name, **({"quality": 100} if name == "a.jpg" else {}))
    np.testing.assert_allclose(checked(tmp_path / name), image, atol=6 if name == "a.jpg" else 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_orientation(name, orientation, image, tmp_path):
    # what a camera stores is the inverse of the turn that the tag asks for
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"quality": 100, "subsampling": 0} if name == "a.jpg" else {}
    options |= {"lossless": True} if name == "a.webp" else {}
    Image.fromarray(image).save(tmp_path / name, exif=exif, **options)
    with Image.open(tmp_path / name) as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored).convert("RGB"))
    result = checked(tmp_path / name)
    np.testing.assert_array_equal(result, expected)
    assert result.shape[:2] == ((WIDTH, HEIGHT) if orientation > 4 else (HEIGHT, WIDTH))
    if orientation in (3, 6, 8):  # 180 degrees, 90 clockwise, 90 counterclockwise
        np.testing.assert_allclose(result, np.rot90(image, {3: 2, 6: -1, 8: 1}[orientation]), atol=12)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_orientation_of_sixteen_bits(orientation, deep, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", deep, extratags=[(ORIENTATION, "H", 1, orientation, True)])
    turns = {1: 0, 3: 2, 6: -1}[orientation]
    np.testing.assert_array_equal(checked(tmp_path / "a.tif"), np.rot90(rounded(deep), turns))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_keeps_its_precision_and_its_transparency(orientation, deep, tmp_path):
    alpha = np.random.default_rng(1).integers(0, 65536, (HEIGHT, WIDTH, 1)).astype(np.uint16)
    photo = np.dstack([deep, alpha])
    tags = [(ORIENTATION, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "a.tif", photo, photometric="rgb", extrasamples=["unassalpha"], extratags=tags)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(rounded(photo)).save(tmp_path / "b.png", exif=exif)
    with Image.open(tmp_path / "b.png") as stored:
        upright = np.asarray(ImageOps.exif_transpose(stored))
    np.testing.assert_array_equal(read_photo(tmp_path / "b.png"), upright)
    np.testing.assert_array_equal(rounded(read_photo(tmp_path / "a.tif")), upright)
    assert read_photo(tmp_path / "a.tif").dtype == np.uint16
    assert np.sort(read_photo(tmp_path / "a.tif"), axis=None).tolist() == np.sort(photo, axis=None).tolist()


def test_a_photo_without_transparency_has_three_channels(image, deep, tmp_path):
    Image.fromarray(image[..., 0]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png"), np.repeat(image[..., :1], 3, axis=2))
    Image.fromarray(deep[..., 0]).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "b.png"), np.repeat(deep[..., :1], 3, axis=2))


def refusal(path):
    with pytest.raises(ImageError) as error:
        read_image(path)
    assert str(error.value) == f"{path}: {error.value.reason}"
    assert isinstance(error.value, UserError)
    return error.value.reason


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_truncated_files_are_refused(suffix, make_photo, tmp_path):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(make_photo(64, 64)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert "cannot be read" in refusal(path)


def test_what_is_no_photo_is_refused(image, tmp_path):
    path = tmp_path / "a.png"
    assert "cannot be read" in refusal(path)  # no such file
    path.write_bytes(b"")
    assert "is not a PNG, JPEG, WebP or TIFF image" in refusal(path)
    path.write_text("GIF89a? no")
    assert "is not a PNG, JPEG, WebP or TIFF image" in refusal(path)
    Image.fromarray(image).save(path, format="GIF")
    assert "is not a PNG, JPEG, WebP or TIFF image" in refusal(path)


def test_the_content_counts_not_the_suffix(image, tmp_path):
    Image.fromarray(image).save(tmp_path / "a.jpg", format="PNG")
    np.testing.assert_array_equal(checked(tmp_path / "a.jpg"), image)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_several_frames_are_refused(suffix, image, tmp_path):
    frames = [Image.fromarray(image), Image.fromarray(255 - image)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    assert "several frames or pages" in refusal(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("limit", [HEIGHT * WIDTH - 1, HEIGHT * WIDTH // 3])  # Pillow warns above 1x, stops above 2x
def test_bombs_are_refused(limit, image, tmp_path, monkeypatch):
    Image.fromarray(image).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert f"more than {limit} pixels" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_other_pixel_types_are_refused(dtype, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((HEIGHT, WIDTH), dtype))
    assert "8 or 16 bits" in refusal(tmp_path / "a.tif")


def test_tiff_whose_second_page_is_damaged_is_refused(image, tmp_path):
    Image.fromarray(image).save(tmp_path / "a.tif")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    directory = int.from_bytes(data[4:8], "little")
    following = directory + 2 + 12 * int.from_bytes(data[directory : directory + 2], "little")
    data[following : following + 4] = len(data).to_bytes(4, "little")  # a next page, which has no entries
    (tmp_path / "a.tif").write_bytes(data + bytes(6))
    assert refusal(tmp_path / "a.tif")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "TIFF"])
@given(data=st.data())
def test_damaged_files_are_read_or_refused(format_, data, make_photo, tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(make_photo(8, 8)).save(buffer, format_)
    damaged = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    try:
        result = read_image(path)
    except ImageError:
        return
    assert result.dtype == np.uint8
    assert result.shape[2] == 3


def test_listing(image, tmp_path):
    for name in ("b.png", "a.JPG", "c.tiff", "d.webp", ".hidden.png", "._a.png", "notes.txt", "e.gif", "png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "deeper").mkdir()
    Image.fromarray(image).save(tmp_path / "deeper" / "f.png")
    assert [path.name for path in list_images(tmp_path)] == ["a.JPG", "b.png", "c.tiff", "d.webp"]
    with pytest.raises(UserError, match=r"b\.png: a file; give the folder it is in"):
        list_images(tmp_path / "b.png")
    with pytest.raises(UserError, match="nowhere: no such folder"):
        list_images(tmp_path / "nowhere")


def test_what_is_passed_over(image, tmp_path, caplog):
    for name in ("b.png", "IMG_3.HEIC", "notes", ".hidden", "a\nb.heic", os.fsdecode(b"\xff.raw")):
        (tmp_path / name).touch()
    (tmp_path / "photos.png").mkdir()
    Image.fromarray(image).save(tmp_path / "photos.png" / "a.png")
    log_passed_over(tmp_path / "photos.png")
    assert not caplog.messages
    assert passed_over(tmp_path) == ["IMG_3.HEIC", r"'a\nb.heic'", "notes", "photos.png/", r"'\udcff.raw'"]
    log_passed_over(tmp_path)
    names = r"IMG_3.HEIC, 'a\nb.heic', notes, photos.png/, '\udcff.raw'"
    assert caplog.messages == [f"passed over: {names} (in {tmp_path}; no PNG, JPEG, WebP or TIFF by name)"]
    with pytest.raises(UserError, match="no such folder"):
        passed_over(tmp_path / "nowhere")


def test_stems_must_differ(tmp_path):
    distinct_stems([tmp_path / "a.png", tmp_path / "b.png"])
    with pytest.raises(UserError, match=r"a\.png and a\.jpg differ only in the suffix"):
        distinct_stems([tmp_path / "a.jpg", tmp_path / "b.png", tmp_path / "a.png"])


def test_written_images_are_read_back(image, deep, tmp_path):
    for photo in (image, deep, np.dstack([image, image[..., :1]]), np.dstack([deep, deep[..., :1]])):
        write_image(tmp_path / "a.png", photo)
        result = read_photo(tmp_path / "a.png")
        assert result.dtype == photo.dtype
        np.testing.assert_array_equal(result, photo)


def test_cropping_to_a_multiple(image):
    np.testing.assert_array_equal(crop_to_multiple(image, 8), image[:8, :16])
    np.testing.assert_array_equal(crop_to_multiple(image, 4), image)
    assert crop_to_multiple(image[:3], 4).size == 0


def test_luma_by_hand():
    # BT.601: Y = 16 + 65.481 R + 128.553 G + 24.966 B with R, G, B of 0..1; the weights sum to 219 = 235 - 16
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [51, 51, 51]], np.uint8)
    expected = [235.0, 16.0, 81.481, 144.553, 40.966, 16 + 219 / 5]
    np.testing.assert_allclose(luma(colours), expected, atol=1e-9)


def test_luma_is_that_of_skimage(image):
    from skimage.color import rgb2ycbcr

    np.testing.assert_allclose(luma(image), rgb2ycbcr(image)[..., 0], atol=1e-6)
    assert luma(image).dtype == np.float64
