"""LPIPS with small random weights under the published keys, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.torch import save_file
from torch.backends import cudnn
from torch.nn import functional

from degcraft.errors import UserError
from degcraft.lpips import Lpips

# torchvision's layers: (index, side of the kernel, stride, padding), P for pooling, T where features are taken
ALEX = [(0, 11, 4, 2), "T", "P", (3, 5, 1, 2), "T", "P", (6, 3, 1, 1), "T", (8, 3, 1, 1), "T", (10, 3, 1, 1), "T"]
VGG = [
    *[(0, 3, 1, 1), (2, 3, 1, 1), "T", "P", (5, 3, 1, 1), (7, 3, 1, 1), "T", "P", (10, 3, 1, 1), (12, 3, 1, 1)],
    *[(14, 3, 1, 1), "T", "P", (17, 3, 1, 1), (19, 3, 1, 1), (21, 3, 1, 1), "T", "P", (24, 3, 1, 1), (26, 3, 1, 1)],
    *[(28, 3, 1, 1), "T"],
]
LAYERS = {"alex": (ALEX, 3), "vgg": (VGG, 2)}  # with the side of the pooling, whose stride is 2


def make_weights(kind):
    """State dicts of a backbone of few channels and of its linear layers."""
    generator = np.random.default_rng(0)
    backbone, linear, channels = {}, {}, 3
    for layer in LAYERS[kind][0]:
        if layer == "T":
            linear[f"lin{len(linear)}.model.1.weight"] = generator.uniform(0, 1, (1, channels, 1, 1))
        elif layer != "P":
            index, side = layer[:2]
            width = 4 + index % 3
            shape = (width, channels, side, side)
            backbone[f"features.{index}.weight"] = generator.normal(0, (2 / (channels * side**2)) ** 0.5, shape)
            backbone[f"features.{index}.bias"] = generator.normal(0, 0.1, width)
            channels = width
    backbone["classifier.1.weight"] = generator.normal(size=(2, 2))  # published files hold the classifier as well
    return [{name: torch.tensor(v, dtype=torch.float32) for name, v in d.items()} for d in (backbone, linear)]


def by_definition(kind, a, b):
    """The paper's equation 1, in numpy and double precision."""
    layers, pool = LAYERS[kind]
    backbone, linear = ({name: value.double().numpy() for name, value in d.items()} for d in make_weights(kind))

    def features(image):
        x = (image / 127.5 - 1 - np.array([-0.030, -0.088, -0.188])) / np.array([0.458, 0.448, 0.450])
        x = x.transpose(2, 0, 1)
        for layer in layers:
            if layer == "T":
                yield x / (np.sqrt((x**2).sum(axis=0)) + 1e-10)  # nothing stays nothing
            elif layer == "P":
                x = sliding_window_view(x, (pool, pool), (1, 2))[:, ::2, ::2].max(axis=(3, 4))
            else:
                index, side, stride, padding = layer
                x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
                windows = sliding_window_view(x, (side, side), (1, 2))[:, ::stride, ::stride]
                x = np.einsum("chwij,ocij->ohw", windows, backbone[f"features.{index}.weight"])
                x = np.maximum(x + backbone[f"features.{index}.bias"][:, None, None], 0)

    total = 0.0
    for stage, (x, y) in enumerate(zip(features(a), features(b), strict=True)):
        total += np.einsum("chw,c->hw", (x - y) ** 2, linear[f"lin{stage}.model.1.weight"][0, :, 0, 0]).mean()
    return total


@pytest.fixture(params=["alex", "vgg"])
def weights(request, tmp_path):
    """The kind, and its two files as `torch.save` writes them."""
    backbone, linear = make_weights(request.param)
    torch.save(backbone, tmp_path / "backbone.pth")
    torch.save(linear, tmp_path / "linear.pth")
    return request.param, tmp_path / "backbone.pth", tmp_path / "linear.pth"


def test_against_the_definition(weights, make_photo):
    kind, *files = weights
    distance = Lpips(*files, threads=1)
    for height, width in ((64, 48), (31, 77)):
        a = make_photo(height, width)
        noisy = a + np.random.default_rng(0).normal(0, 20, a.shape)
        b = np.clip(noisy, 0, 255).astype(np.uint8)
        expected = by_definition(kind, a, b)
        assert expected > 0.01
        assert distance(a, b) == pytest.approx(expected, rel=1e-4)
        assert distance(b, a) == pytest.approx(distance(a, b))
        assert distance(a, a) == 0


def test_convolutions_are_exact_whatever_else_the_process_does(weights, make_photo, monkeypatch):
    """On GPUs with TF32; what is measured after it is done as before."""
    seen, conv2d = [], functional.conv2d
    monkeypatch.setattr(functional, "conv2d", lambda *args: seen.append(cudnn.allow_tf32) or conv2d(*args))
    measure = Lpips(*weights[1:], 1)
    monkeypatch.setattr(cudnn, "allow_tf32", True)
    measure(make_photo(40, 40), make_photo(40, 40))
    assert set(seen) == {False} and cudnn.allow_tf32


def test_the_smallest_image(weights, make_photo):
    distance = Lpips(*weights[1:], threads=1)
    side = distance.smallest
    assert np.isfinite(distance(make_photo(side, side), make_photo(side, side, 1)))
    with pytest.raises(RuntimeError):
        distance(make_photo(side - 1, side), make_photo(side - 1, side))


def test_safetensors_do_as_well(weights, make_photo, tmp_path):
    files = []
    for tensors, name in zip(make_weights(weights[0]), ("b", "l"), strict=True):
        save_file(tensors, tmp_path / f"{name}.safetensors")
        files.append(tmp_path / f"{name}.safetensors")
    a, b = make_photo(40, 40), make_photo(40, 40, 1)
    assert Lpips(*files, threads=1)(a, b) == Lpips(*weights[1:], threads=1)(a, b)


def test_what_is_no_state_dict_is_refused(weights, encoder, tmp_path):
    _, backbone, linear = weights
    with pytest.raises(UserError, match="nowhere: no such file"):
        Lpips(tmp_path / "nowhere", linear, threads=1)
    with pytest.raises(UserError, match=r"encoder\.safetensors: holds no 'features\.0\.weight'"):
        Lpips(encoder, linear, threads=1)
    with pytest.raises(UserError, match=r"backbone\.pth: holds no 'lin0\.model\.1\.weight'"):
        Lpips(backbone, backbone, threads=1)


def test_linear_layers_of_the_other_network_are_refused(tmp_path):
    torch.save(make_weights("alex")[0], tmp_path / "backbone.pth")
    torch.save(make_weights("vgg")[1], tmp_path / "linear.pth")
    with pytest.raises(UserError, match=r"linear\.pth: its layers do not fit those of .*backbone\.pth"):
        Lpips(tmp_path / "backbone.pth", tmp_path / "linear.pth", threads=1)
