"""Files of weights that hold code, or are damaged: refused in words, and nothing in them runs."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from test_lpips import make_weights

from degcraft.errors import UserError
from degcraft.extractor import Extractor
from degcraft.lpips import Lpips
from degcraft.networks import NetworkSpec, load_network, save_network
from degcraft.networks.weights import read_weights
from degcraft.settings import TrainSettings
from degcraft.train import TrainFiles, train
from degcraft.training.perceptual import Perceptual

TINY = TrainSettings(channels=2, blocks=0, steps=2, batch=1, crop=8, validation=0, adversarial_steps=1)


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def as_pickle(payload, path):
    path.write_bytes(pickle.dumps({"params": payload}))


def as_torch(payload, path):
    torch.save({"params": payload, "features.0.weight": torch.zeros(1)}, path)


def as_old_torch(payload, path):
    torch.save({"params": payload}, path, _use_new_zipfile_serialization=False)


def as_zip(payload, path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(payload))
        archive.writestr("archive/version", "3\n")


WRITERS = [as_pickle, as_torch, as_old_torch, as_zip]


@pytest.fixture(params=WRITERS, ids=lambda writer: writer.__name__)
def malicious(request, tmp_path):
    """A file whose payload works where pickles are loaded, and the marker that it would leave behind."""
    marker, path = tmp_path / "marker", tmp_path / "weights.pth"
    request.param(Payload(marker), path)
    yield path
    assert not marker.exists()


@pytest.fixture
def files(pairs, tmp_path):
    (tmp_path / "a.pt").unlink(missing_ok=True)
    names = ("model.safetensors", "training.csv", "a.pt", "monitor")
    return TrainFiles(str(pairs), *(str(tmp_path / name) for name in names))


def test_the_payload_works_where_pickles_are_loaded(tmp_path):
    as_torch(Payload(tmp_path / "marker"), tmp_path / "a.pth")
    torch.load(tmp_path / "a.pth", weights_only=False)
    assert (tmp_path / "marker").is_dir()


def test_no_pickle_is_opened_as_an_extractor(malicious):
    with pytest.raises(UserError, match=r"weights\.pth: not a whole safetensors file"):
        Extractor(malicious)


@pytest.mark.parametrize("key", ["start", "perceptual"])
def test_no_pickle_is_opened_by_a_training(key, malicious, files, scale):
    settings = TrainSettings(**{**vars(TINY), key: str(malicious)})
    with pytest.raises(UserError, match=r"weights\.pth: not a file of weights alone"):
        train(files, settings, scale, 0)


def test_no_pickle_is_opened_as_our_own_checkpoint(malicious, files, scale):
    Path(files.checkpoint).write_bytes(malicious.read_bytes())
    with pytest.raises(UserError, match=r"a\.pt: not a whole checkpoint .*; delete it and run again"):
        train(files, TINY, scale, 0)


@pytest.mark.parametrize("place", [0, 1])
def test_no_pickle_is_opened_by_lpips(place, malicious, tmp_path):
    given = [tmp_path / "backbone.safetensors", tmp_path / "linear.safetensors"]
    for path, weights in zip(given, make_weights("alex"), strict=True):
        save_file(weights, path)
    given[place] = malicious
    with pytest.raises(UserError, match=r"weights\.pth: not a state dict of tensors"):
        Lpips(*given, 1)


def test_a_pickle_with_the_suffix_of_safetensors(tmp_path):
    path = tmp_path / "a.safetensors"
    as_torch(Payload(tmp_path / "marker"), path)
    for read in (read_weights, load_network, Extractor, lambda path: Lpips(path, path, 1)):
        with pytest.raises(UserError, match=r"a\.safetensors: not a"):
            read(path)
    assert not (tmp_path / "marker").exists()


def with_header(length, header=b"{}", data=b""):
    return struct.pack("<Q", length) + header + data


def described(network, arguments, shape=(1,)):
    """A safetensors file by hand, with the metadata of a network."""
    notes = {"degcraft": json.dumps({"network": network, "arguments": arguments})}
    size = 4 * int(np.prod(shape, dtype=object))
    tensor = {"dtype": "F32", "shape": list(shape), "data_offsets": [0, size]}
    header = json.dumps({"__metadata__": notes, "a": tensor}).encode()
    return with_header(len(header), header, bytes(min(size, 1000)))


DAMAGED = {
    "empty": b"",
    "a header of exabytes": with_header(2**63),
    "a header longer than the file": with_header(1 << 20),
    "a header that is no JSON": with_header(4, b"\xff\xfe{{"),
    "a tensor of exabytes": described("compact", {"channels": 2, "blocks": 0, "scale": 2}, (2**30, 2**30)),
    "a network of terabytes": described("compact", {"channels": 4_000_000, "blocks": 1, "scale": 4}),
    "as large as may be": described("rrdbnet", {"channels": 4096, "blocks": 1, "scale": 4}),
    "endless": described("compact", {"channels": 1, "blocks": 10**12, "scale": 4}),
    "negative": described("compact", {"channels": -1, "blocks": 1, "scale": 4}),
    "nothing": described("compact", {"channels": 0, "blocks": 0, "scale": 0}),
    "text": described("encoder", {"channels": "x", "features": 1, "outputs": 1}),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_safetensors_get_a_sentence(content, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.safetensors: "):
        load_network(path)


@pytest.mark.parametrize("cut", [1, 8, 100, 0.5, -1])
def test_cut_safetensors_get_a_sentence(cut, tmp_path):
    path = tmp_path / "a.safetensors"
    spec = NetworkSpec.of("compact", channels=2, blocks=0, scale=2)
    save_network(path, spec.build(), spec)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(cut * len(whole)) if isinstance(cut, float) else cut])
    for read in (load_network, read_weights):
        with pytest.raises(UserError, match=r"a\.safetensors: "):
            read(path)


def test_a_folder_is_no_file_of_weights(tmp_path):
    (tmp_path / "a.pth").mkdir()
    for read in (read_weights, load_network, lambda path: Lpips(path, path, 1)):
        with pytest.raises(UserError, match=r"a\.pth: no such file"):
            read(tmp_path / "a.pth")


@pytest.mark.parametrize(
    "change", [{"0.bias": None}, {"0.bias": torch.zeros(9)}, {"0.weight": torch.zeros(4, 3, 5, 5)}]
)
def test_weights_that_are_nearly_those_of_a_vgg(change):
    weights = {"0.weight": torch.zeros(4, 3, 3, 3), "0.bias": torch.zeros(4), **change}
    with pytest.raises(UserError, match=r"^vgg: the convolution features\.0 is none of a VGG"):
        Perceptual({name: value for name, value in weights.items() if value is not None}, "vgg")


def test_what_to_do_is_true_of_files_of_degcraft_and_of_the_users(tmp_path):
    (tmp_path / "mine.safetensors").write_bytes(b"cut")
    with pytest.raises(UserError, match="delete it and run again, or, if it is a file of your own, give a whole one"):
        read_weights(tmp_path / "mine.safetensors")
