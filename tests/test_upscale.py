"""Super-resolving photos."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from degcraft.errors import UserError
from degcraft.images import read_image
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


@pytest.fixture
def model(tmp_path):
    net, spec = network()
    save_network(tmp_path / "model.safetensors", net, spec)
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize(("height", "width"), [(48, 64), (37, 51), (16, 100), (5, 7)])
@pytest.mark.parametrize("overlap", [4, 9])
def test_tiled_equals_untiled_from_the_receptive_field_on(height, width, overlap, make_photo):
    # two convolutions between the first and the last, 3 x 3 each: a pixel sees 2 + 2 = 4 pixels to every side
    net, _ = network()
    image = make_photo(height, width)
    whole = upscale_tiled(net, image, 2, WHOLE, CPU)
    tiled = upscale_tiled(net, image, 2, UpscaleSettings(tile=16, overlap=overlap), CPU)
    assert whole.shape == (2 * height, 2 * width, 3)
    np.testing.assert_array_equal(tiled, whole)


def test_less_overlap_shows_at_the_seams(make_photo):
    net, _ = network()
    image = make_photo(48, 64)
    difference = upscale_tiled(net, image, 2, UpscaleSettings(tile=16, overlap=0), CPU) != upscale_tiled(
        net, image, 2, WHOLE, CPU
    )
    rows = np.flatnonzero(difference.any(axis=(1, 2)))
    assert difference[:, 25:39].any()  # around the seam at 32
    assert set(rows) & {31, 32}
    assert not difference[4:24, 4:24][4:-4, 4:-4].any()  # far from any seam nothing differs


@pytest.mark.parametrize("scale", [2, 4])
def test_tiled_srresnet(scale, make_photo):
    # 1 + 2 per block + 1 + at most 3 for the rest, in LR pixels
    net, _ = network("srresnet", scale, blocks=1)
    image = make_photo(40, 33)
    whole = upscale_tiled(net, image, scale, WHOLE, CPU)
    tiled = upscale_tiled(net, image, scale, UpscaleSettings(tile=16, overlap=8), CPU)
    np.testing.assert_array_equal(tiled, whole)


def test_result_is_the_networks_output_clipped_and_rounded(make_photo):
    net, _ = network()
    image = make_photo(12, 14)
    with torch.no_grad():
        output = net(to_tensor(torch.from_numpy(image[None])))[0].permute(1, 2, 0).numpy()
    expected = np.rint(np.clip(output, 0, 1) * 255)
    np.testing.assert_allclose(upscale_tiled(net, image, 2, WHOLE, CPU), expected, atol=0.51)
    assert (output < 0).any() or (output > 1).any()


def test_a_folder_keeps_its_names(model, folder_of, make_photo, tmp_path):
    folder = folder_of("photos", b=make_photo(20, 30), a=make_photo(9, 8, 1))
    (folder / "b.png").rename(folder / "b.holiday.PNG")
    upscale_folder(folder, model, tmp_path / "out", UpscaleSettings(tile=16, overlap=8))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.holiday.png"]
    result = read_image(tmp_path / "out" / "b.holiday.png")
    np.testing.assert_array_equal(result, Upscaler(model, WHOLE)(make_photo(20, 30)))


def test_unreadable_photos_are_skipped_with_a_line(model, folder_of, make_photo, tmp_path, caplog):
    folder = folder_of("photos", good=make_photo(9, 8))
    (folder / "bad.jpg").write_bytes(b"\xff\xd8 no photo")
    with caplog.at_level(logging.WARNING, "degcraft"):
        upscale_folder(folder, model, tmp_path / "out", WHOLE)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]
    assert "bad.jpg" in caplog.text


def test_bad_folders_are_named(model, folder_of, make_photo, tmp_path):
    def refused(match):
        with pytest.raises(UserError, match=match):
            upscale_folder(tmp_path / "photos", model, tmp_path / "out", WHOLE)

    refused("photos: no such folder")
    folder = folder_of("photos")
    (folder / "bad.jpg").write_bytes(b"")
    refused("photos: holds no photo that can be read")
    folder_of("photos", a=make_photo(8, 8), b=make_photo(8, 8))
    (folder / "b.png").rename(folder / "a.webp")
    refused("differ only in the suffix")
    assert not (tmp_path / "out").exists()


def test_what_is_no_model_is_refused(encoder, tmp_path):
    with pytest.raises(UserError, match=r"holds a encoder, which does not upscale|holds an encoder"):
        Upscaler(encoder, WHOLE)
    with pytest.raises(UserError, match="no such file"):
        Upscaler(tmp_path / "none.safetensors", WHOLE)
