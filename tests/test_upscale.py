"""Super-resolving photos."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from degcraft import upscale as subject
from degcraft.errors import UserError
from degcraft.images import is_whole, read_image, read_photo, write_image
from degcraft.networks import NetworkSpec, save_network
from degcraft.networks.sr import to_tensor
from degcraft.settings import UpscaleSettings
from degcraft.upscale import Upscaler, upscale_folder, upscale_tiled

WHOLE = UpscaleSettings(tile=512, overlap=0)
CPU = torch.device("cpu")


def network(name="compact", scale=2, blocks=2, channels=6):
    """With random weights large enough that what a pixel sees shows in its 8 bits."""
    torch.manual_seed(0)
    spec = NetworkSpec.of(name, channels=channels, blocks=blocks, scale=scale)
    return spec.build().eval(), spec


def difference(a, b):
    """Of two images of unsigned numbers."""
    return np.abs(a.astype(int) - b.astype(int))


@pytest.fixture
def model(tmp_path):
    net, spec = network()
    save_network(tmp_path / "model.safetensors", net, spec)
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize(("height", "width"), [(48, 64), (37, 51), (16, 100), (5, 7)])
@pytest.mark.parametrize("overlap", [6, 9])
def test_tiled_equals_untiled_from_four_thirds_of_the_receptive_field_on(height, width, overlap, make_photo):
    # two convolutions between the first and the last, 3 x 3 each: a pixel sees 2 + 2 = 4 pixels to every side
    net, _ = network()
    image = make_photo(height, width)
    whole = upscale_tiled(net, image, 2, WHOLE, CPU)
    tiled = upscale_tiled(net, image, 2, UpscaleSettings(tile=16, overlap=overlap), CPU)
    assert whole.shape == (2 * height, 2 * width, 3)
    assert difference(tiled, whole).max() <= 1


def test_less_overlap_shows_at_the_seams_alone(make_photo):
    net, _ = network()
    image = make_photo(48, 64)
    whole = upscale_tiled(net, image, 2, WHOLE, CPU)
    seams = difference(upscale_tiled(net, image, 2, UpscaleSettings(tile=16, overlap=0), CPU), whole) > 0
    rows = np.flatnonzero(seams.any(axis=(1, 2)))
    assert {31, 32} & set(rows)
    assert not seams[8:24, 8:24].any()  # far from any seam nothing differs
    faded = difference(upscale_tiled(net, image, 2, UpscaleSettings(tile=16, overlap=4), CPU), whole)
    assert faded.max() < difference(upscale_tiled(net, image, 2, UpscaleSettings(tile=16, overlap=0), CPU), whole).max()


@pytest.mark.parametrize("scale", [2, 4])
def test_tiled_srresnet(scale, make_photo):
    # 1 + 2 per block + 1 + at most 3 for the rest, in LR pixels
    net, _ = network("srresnet", scale, blocks=1)
    image = make_photo(40, 33)
    whole = upscale_tiled(net, image, scale, WHOLE, CPU)
    tiled = upscale_tiled(net, image, scale, UpscaleSettings(tile=16, overlap=10), CPU)
    assert difference(tiled, whole).max() <= 1


def test_tiles_of_a_network_that_gathers_pixels_begin_where_it_gathers_them(make_photo):
    # at ×2 rrdbnet puts 2 x 2 pixels into one, of which 18 are seen to every side
    net, _ = network("rrdbnet", blocks=1)
    image = make_photo(91, 40)
    whole = upscale_tiled(net, image, 2, WHOLE, CPU)
    tiled = upscale_tiled(net, image, 2, UpscaleSettings(tile=30, overlap=51), CPU)
    assert difference(tiled, whole).max() <= 1


def test_result_is_the_networks_output_clipped_and_rounded(make_photo):
    net, _ = network()
    image = make_photo(12, 14)
    with torch.no_grad():
        output = net(to_tensor(torch.from_numpy(image[None])))[0].permute(1, 2, 0).numpy()
    expected = np.rint(np.clip(output, 0, 1) * 255)
    np.testing.assert_allclose(upscale_tiled(net, image, 2, WHOLE, CPU), expected, atol=0.51)
    assert (output < 0).any() or (output > 1).any()


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_in_and_out(channels, model, make_photo):
    apply = Upscaler(model, WHOLE)
    shallow = make_photo(20, 30)
    shallow = np.dstack([shallow, shallow[..., :1]])[..., :channels]
    result = apply(shallow.astype(np.uint16) * 257)
    assert result.dtype == np.uint16 and result.shape == (40, 60, channels)
    assert difference(np.rint(result / 257), apply(shallow)).max() <= 1  # a rounding of the middle of two levels
    assert (result % 257 != 0).mean() > 0.5  # the lower byte holds something
    finer = shallow.astype(np.uint16) * 257
    finer[10, 15] += 40  # less than a step of 8 bits
    assert (apply(finer) != result).any()


def test_transparency_is_interpolated_and_leaves_the_colours_alone(model, make_photo):
    photo = make_photo(20, 30)
    alpha = np.zeros((20, 30), np.uint8)
    alpha[:, 15:] = 255
    result = Upscaler(model, WHOLE)(np.dstack([photo, alpha]))
    np.testing.assert_array_equal(result[..., :3], Upscaler(model, WHOLE)(photo))
    expected = Image.fromarray(alpha).resize((60, 40), Image.Resampling.BICUBIC)
    assert difference(result[..., 3], np.asarray(expected)).max() <= 1


def test_self_ensemble_is_the_mean_over_flips_and_turns(model, make_photo):
    image = make_photo(12, 15)
    plain, ensemble = (Upscaler(model, replace(WHOLE, ensemble=choice)) for choice in (False, True))
    turned = [np.rot90(flip, turns) for flip in (image, image[:, ::-1]) for turns in range(4)]
    results = [plain(np.ascontiguousarray(view)).astype(float) for view in turned]
    back = [np.rot90(result, -(index % 4)) for index, result in enumerate(results)]
    back[4:] = [view[:, ::-1] for view in back[4:]]
    inside = (np.min(back, axis=0) > 0) & (np.max(back, axis=0) < 255)  # what is clipped is clipped after the mean
    assert inside.mean() > 0.8
    # rounding of the eight, and of the mean
    np.testing.assert_allclose(ensemble(image)[inside], np.mean(back, axis=0)[inside], atol=1.0)
    assert difference(ensemble(image), plain(image)).max() > 4
    mirrored = ensemble(np.ascontiguousarray(image[::-1]))
    assert difference(mirrored[::-1], ensemble(image)).max() <= 1  # flips no longer matter


class Hungry(nn.Module):
    """A network that has memory for images of so many pixels."""

    def __init__(self, network, pixels, fail):
        super().__init__()
        self.network, self.pixels, self.fail = network, pixels, fail

    def forward(self, x):
        if x.shape[2] * x.shape[3] > self.pixels:
            self.fail()
        return self.network(x)


def too_much_for_cuda():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def too_much_for_the_driver():
    raise RuntimeError("CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA`")


def too_much_for_the_cpu():
    torch.empty(2**50)


def too_much_for_numpy():
    np.empty(2**62, np.uint8)


@pytest.mark.parametrize("fail", [too_much_for_cuda, too_much_for_the_driver, too_much_for_the_cpu, too_much_for_numpy])
def test_out_of_memory_halves_the_tile_and_goes_on(fail, model, make_photo, caplog):
    image = make_photo(100, 70)
    whole = Upscaler(model, WHOLE)(image)
    apply = Upscaler(model, UpscaleSettings(tile=512, overlap=8))
    apply._network = Hungry(apply._network, 45 * 45, fail)
    reported: list[int] = []
    with caplog.at_level(logging.WARNING, "degcraft"):
        result = apply(image, reported.append)
    assert difference(result, whole).max() <= 1
    assert caplog.messages == [f"out of memory; going on with tiles of {tile} pixels" for tile in (50, 25)]
    assert sum(reported) == 100 * 70
    caplog.clear()
    apply(make_photo(90, 90))
    assert not caplog.messages  # what was learnt is remembered


def test_when_smaller_tiles_do_not_help_the_user_is_told(model, make_photo):
    apply = Upscaler(model, UpscaleSettings(tile=64, overlap=8))
    apply._network = Hungry(apply._network, 100, too_much_for_cuda)
    with pytest.raises(UserError, match=r"out of memory with tiles of 16 pixels.*lower upscale\.overlap \(8\)"):
        apply(make_photo(100, 70))


def test_other_errors_of_a_network_are_not_taken_for_a_lack_of_memory(model, make_photo):
    apply = Upscaler(model, WHOLE)
    apply._network = nn.Conv2d(4, 3, 1)
    with pytest.raises(RuntimeError, match="channels"):
        apply(make_photo(9, 9))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_keeps_its_names(model, folder_of, make_photo, tmp_path):
    folder = folder_of("photos", b=make_photo(20, 30), a=make_photo(9, 8, 1))
    (folder / "b.png").rename(folder / "b.holiday.PNG")
    upscale_folder(folder, model, tmp_path / "out", tmp_path / "kept", UpscaleSettings(tile=16, overlap=8))
    assert names(tmp_path / "out") == ["a.png", "b.holiday.png"]
    result = read_image(tmp_path / "out" / "b.holiday.png")
    assert difference(result, Upscaler(model, WHOLE)(make_photo(20, 30))).max() <= 1


def test_a_folder_keeps_depth_transparency_and_orientation(model, make_photo, tmp_path):
    photo = make_photo(10, 14)
    (tmp_path / "photos").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(photo).save(tmp_path / "photos" / "turned.png", exif=exif)
    write_image(tmp_path / "photos" / "deep.png", np.dstack([photo, photo[..., :1]]).astype(np.uint16) * 257)
    upscale_folder(tmp_path / "photos", model, tmp_path / "out", tmp_path / "kept", WHOLE)
    turned = Upscaler(model, WHOLE)(np.ascontiguousarray(np.rot90(photo, -1)))
    np.testing.assert_array_equal(read_photo(tmp_path / "out" / "turned.png"), turned)
    with Image.open(tmp_path / "out" / "turned.png") as written:
        assert 0x0112 not in written.getexif()
    deep = read_photo(tmp_path / "out" / "deep.png")
    assert deep.dtype == np.uint16 and deep.shape == (20, 28, 4)


def test_what_is_done_is_not_done_again(model, folder_of, make_photo, tmp_path, monkeypatch):
    folder = folder_of("photos", a=make_photo(9, 8), b=make_photo(9, 8, 1), c=make_photo(9, 8, 2))
    sizes = []
    whole = subject.upscale_tiled
    monkeypatch.setattr(subject, "upscale_tiled", lambda *given: sizes.append(given[1].shape) or whole(*given))

    def run(settings=WHOLE):
        sizes.clear()
        shutil.rmtree(tmp_path / "out", ignore_errors=True)  # as Snakemake does before a job
        upscale_folder(folder, model, tmp_path / "out", tmp_path / "kept", settings)
        return len(sizes)

    def killed(path, image):
        if sizes[1:]:
            raise KeyboardInterrupt
        write_image(path, image)

    with monkeypatch.context() as patched:
        patched.setattr(subject, "write_image", killed)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert not (tmp_path / "out").exists()
    assert run() == 2
    assert names(tmp_path / "out") == ["a.png", "b.png", "c.png"]
    assert run() == 0
    assert names(tmp_path / "out") == ["a.png", "b.png", "c.png"]
    damaged = next((tmp_path / "kept").iterdir())
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert run() == 1  # or else deleting a damaged result would bring it back
    write_image(folder / "b.png", make_photo(7, 7))  # changed
    shutil.copyfile(folder / "a.png", folder / "d.png")
    (folder / "c.png").unlink()
    (tmp_path / "kept" / "of_the_user.png").write_bytes(b"")
    assert run() == 1
    (tmp_path / "kept" / "of_the_user.png").unlink()  # so it was not removed
    assert names(tmp_path / "out") == ["a.png", "b.png", "d.png"]
    assert read_image(tmp_path / "out" / "b.png").shape == (14, 14, 3)
    assert len(names(tmp_path / "kept")) == 2  # the old b and c are gone
    assert run(replace(WHOLE, ensemble=True)) == 3  # other settings, other results


def test_a_large_result_is_known_to_be_done(model, folder_of, make_photo, tmp_path, monkeypatch):
    """Pillow opens no image of more than twice the pixels that it allows, and photos can be just below that."""
    folder = folder_of("photos", a=make_photo(20, 20))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    upscale_folder(folder, model, tmp_path / "out", tmp_path / "kept", WHOLE)
    (file,) = (tmp_path / "kept").iterdir()
    with pytest.raises(Image.DecompressionBombError):
        Image.open(file)
    assert is_whole(file)
    file.write_bytes(file.read_bytes()[:-20])
    assert not is_whole(file)


def test_unreadable_photos_are_skipped_with_a_line(model, folder_of, make_photo, tmp_path, caplog):
    folder = folder_of("photos", good=make_photo(9, 8))
    (folder / "bad.jpg").write_bytes(b"\xff\xd8 no photo")
    with caplog.at_level(logging.INFO, "degcraft"):
        upscale_folder(folder, model, tmp_path / "out", tmp_path / "kept", WHOLE)
    assert names(tmp_path / "out") == ["good.png"]
    assert "bad.jpg" in caplog.text
    assert "upscale: 0.00 of 0.00 megapixels" in caplog.text and "00:00 left" in caplog.text


def test_bad_folders_are_named(model, folder_of, make_photo, tmp_path):
    def refused(match):
        with pytest.raises(UserError, match=match):
            upscale_folder(tmp_path / "photos", model, tmp_path / "out", tmp_path / "kept", WHOLE)

    refused("photos: no such folder")
    folder = folder_of("photos")
    refused("photos: holds no PNG, JPEG, WebP or TIFF photos")
    (folder / "bad.jpg").write_bytes(b"")
    refused("photos: holds no photo that can be read")
    folder_of("photos", a=make_photo(8, 8), b=make_photo(8, 8))
    with pytest.raises(UserError, match=r"none\.safetensors: no such file"):
        upscale_folder(folder, tmp_path / "none.safetensors", tmp_path / "out", tmp_path / "kept", WHOLE)
    (folder / "b.png").rename(folder / "a.webp")
    refused("differ only in the suffix")
    assert not (tmp_path / "out").exists()
    for output, kept in (("out", "out"), ("photos", "kept"), ("out", "photos")):
        with pytest.raises(UserError, match="must be three folders"):
            upscale_folder(folder, model, tmp_path / output, tmp_path / kept, WHOLE)
    assert names(folder) == ["a.png", "a.webp", "bad.jpg"]


def test_what_is_no_model_is_refused(encoder, tmp_path):
    with pytest.raises(UserError, match="holds the network 'encoder', which does not upscale"):
        Upscaler(encoder, WHOLE)
    with pytest.raises(UserError, match="no such file"):
        Upscaler(tmp_path / "none.safetensors", WHOLE)
