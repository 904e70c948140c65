"""What a trained network computes on a GPU is what it computes on a CPU."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch

from degcraft.extractor import Extractor
from degcraft.networks import NetworkSpec, save_network
from degcraft.settings import UpscaleSettings
from degcraft.upscale import Upscaler


@pytest.fixture
def images(pairs):
    with h5py.File(pairs) as file:
        return file["lr"][:]


def test_features(gpu, encoder, images, on_the_cpu):
    features = Extractor(encoder)(images)
    np.testing.assert_allclose(features, on_the_cpu(lambda: Extractor(encoder)(images)), atol=1e-4)
    np.testing.assert_allclose(features, Extractor(encoder)(images, batch=7), atol=1e-4)


@pytest.mark.parametrize("name", ["compact", "srresnet", "rrdbnet"])
def test_photos(name, gpu, images, on_the_cpu, tmp_path, make_photo):
    torch.manual_seed(0)
    spec = NetworkSpec.of(name, channels=16, blocks=4, scale=2)
    save_network(tmp_path / "model.safetensors", spec.build(), spec)
    photo, settings = make_photo(70, 90), UpscaleSettings(tile=48, overlap=8)
    there = Upscaler(tmp_path / "model.safetensors", settings)(photo)
    here = on_the_cpu(lambda: Upscaler(tmp_path / "model.safetensors", settings)(photo))
    assert np.abs(there.astype(int) - here.astype(int)).max() <= 1


def test_too_large_a_tile_is_halved(gpu, tmp_path, make_photo, caplog):
    spec = NetworkSpec.of("compact", channels=64, blocks=1, scale=2)
    save_network(tmp_path / "model.safetensors", spec.build(), spec)
    photo = make_photo(256, 256)
    expected = Upscaler(tmp_path / "model.safetensors", UpscaleSettings(tile=128, overlap=8))(photo)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    try:  # 256 pixels would want 64 x 256 x 256 x 4 bytes, twice at least
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_allocated() + 24 * 2**20) / total)
        halved = Upscaler(tmp_path / "model.safetensors", UpscaleSettings(tile=256, overlap=8))(photo)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "going on with tiles of 128 pixels" in caplog.text
    assert np.abs(halved.astype(int) - expected.astype(int)).max() <= 1
