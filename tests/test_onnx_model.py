"""Networks as ONNX files."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from degcraft import onnx_model as subject
from degcraft.errors import UserError
from degcraft.networks import NetworkSpec, load_network, save_network
from degcraft.networks.sr import Compact

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch's exporter about torch


def write_model(folder, name="compact", scale=4, **sizes):
    torch.manual_seed(0)
    spec = NetworkSpec.of(name, scale=scale, **{"channels": 6, "blocks": 2, **sizes})
    save_network(folder / "model.safetensors", spec.build(), spec)
    return folder / "model.safetensors"


def run(path, image):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["hr"], {"lr": image})[0]


@pytest.mark.parametrize(
    ("name", "scale"), [("compact", 4), ("compact", 2), ("srresnet", 4), ("rrdbnet", 4), ("rrdbnet", 2)]
)
def test_the_file_computes_what_torch_does_at_any_size(name, scale, tmp_path):
    model = write_model(tmp_path, name, scale)
    difference = subject.export_onnx(model, tmp_path / "model.onnx")
    assert difference <= 1e-4
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)
    network, _ = load_network(model)
    for height, width in ((9, 33), (64, 5), (1, 1)):
        image = np.random.default_rng(height).random((1, 3, height, width), np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(image)).numpy()
        assert expected.shape == (1, 3, scale * height, scale * width)
        np.testing.assert_allclose(run(tmp_path / "model.onnx", image), expected, atol=1e-4)


def test_what_torch_cannot_export_is_said(tmp_path, monkeypatch):
    def forward(self, x):
        return x.repeat(1, 1, 4, 4) if float(x.sum()) > 0 else x  # which depends on what the image shows

    monkeypatch.setattr(Compact, "forward", forward)
    with pytest.raises(UserError, match=r"model\.safetensors: torch cannot export compact as ONNX; set 'onnx: false'"):
        subject.export_onnx(write_model(tmp_path), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_same_bytes_from_anywhere(tmp_path, root):
    model = write_model(tmp_path)
    subject.export_onnx(model, tmp_path / "here.onnx")
    content = (tmp_path / "here.onnx").read_bytes()
    program = f"from degcraft.onnx_model import export_onnx; export_onnx({str(model)!r}, 'there.onnx')"
    process = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "there.onnx").read_bytes() == content
    assert b"Warning" not in process.stderr
    assert str(root).encode() not in content  # nor any other path of this machine
    assert b'File "' not in content


def test_the_file_says_what_it_holds(tmp_path):
    subject.export_onnx(write_model(tmp_path), tmp_path / "model.onnx")
    (entry,) = onnx.load(tmp_path / "model.onnx").metadata_props
    assert entry.key == "degcraft"
    assert json.loads(entry.value) == {"network": "compact", "arguments": {"blocks": 2, "channels": 6, "scale": 4}}


def test_what_is_no_sr_model_is_refused(encoder, tmp_path):
    with pytest.raises(UserError, match="which does not upscale"):
        subject.export_onnx(encoder, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_a_file_that_differs_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "TOLERANCE", 1e-12)
    with pytest.raises(UserError, match=r"as ONNX it differs by .* from torch"):
        subject.export_onnx(write_model(tmp_path), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "ONNX", replace(subject.ONNX, packages=("json", "no_such_package")))
    with pytest.raises(UserError, match=r"onnx: needs the packages no_such_package; install them with .*\[onnx\]"):
        subject.export_onnx(write_model(tmp_path), tmp_path / "model.onnx")


def test_neither_torch_nor_onnx_is_imported_before_it_is_used():
    program = "import sys, degcraft.onnx_model; sys.exit(bool({'torch', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
