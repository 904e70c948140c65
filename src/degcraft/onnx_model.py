"""A trained network as an ONNX file for other programs, checked against torch."""

from __future__ import annotations

import json
import logging
import os
import warnings
from typing import TYPE_CHECKING

import numpy as np

from degcraft.errors import UserError
from degcraft.extras import Extra
from degcraft.progress import announce
from degcraft.seeds import stream
from degcraft.storage import replacing

if TYPE_CHECKING:
    import onnx
    from torch import nn

ONNX = Extra(
    ("onnx", "onnxruntime", "onnxscript"),
    "onnx: needs the packages {packages}; install them with .venv/bin/pip install -e '.[onnx]', or set 'onnx: false'",
)
OPSET = 18
TOLERANCE = 1e-4  # of 1, which is white
CHECKED = ((24, 32), (37, 19))  # sizes in LR pixels, neither that of the export


def export_onnx(model: str | os.PathLike[str], output: str | os.PathLike[str]) -> float:
    """Write a network as ONNX: ``lr`` float32 (1, 3, h, w) to ``hr`` float32 (1, 3, scale*h, scale*w), of any h and w.

    Both are RGB with black 0 and white 1; ``hr`` is not clipped. The same model gives the same bytes. The entry
    ``degcraft`` of the file's metadata is a JSON text with the network's name and arguments.

    Args:
        model: ``model.safetensors``.
        output: ``model.onnx``.

    Returns:
        The largest difference between onnxruntime and torch, on random images of two sizes.

    Raises:
        UserError: packages are missing, the model is damaged or does not upscale, torch cannot export it, or the two
            differ by more than `TOLERANCE`.
    """
    ONNX.require()
    from torch.onnx import OnnxExporterError

    from degcraft.networks import load_sr_network

    network, spec = load_sr_network(model)
    try:
        graph = _portable(_export(network))
    except OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise UserError(f"{model}: torch cannot export {spec.name} as ONNX; set 'onnx: false' ({reason})") from error
    graph.metadata_props.add(
        key="degcraft", value=json.dumps({"network": spec.name, "arguments": dict(spec.arguments)}, sort_keys=True)
    )
    content = graph.SerializeToString(deterministic=True)
    difference = max(_difference(network, content, height, width) for height, width in CHECKED)
    if not difference <= TOLERANCE:
        raise UserError(
            f"{model}: as ONNX it differs by {difference:.2g} from torch, more than {TOLERANCE:g}; set "
            "'onnx: false' to do without"
        )
    with replacing(output) as partial:
        partial.write_bytes(content)
    announce(f"differs from torch by at most {difference:.2g}")
    return difference


def _export(network: nn.Module) -> onnx.ModelProto:
    """The network as an ONNX graph of any height and width."""
    import torch

    for name in ("torch.onnx", "onnxscript", "onnx_ir"):  # their every step, and that torchvision is absent
        logging.getLogger(name).setLevel(logging.ERROR)
    sides = {2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # about torch's own inside
        program = torch.onnx.export(
            network,
            (torch.rand(1, 3, 16, 20),),
            input_names=["lr"],
            output_names=["hr"],
            dynamic_shapes=(sides,),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    graph: onnx.ModelProto = program.model_proto
    return graph


def _portable(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without what the exporter notes down: stack traces with the paths of this machine, and torch's build."""
    for part in (model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.graph.ClearField("value_info")
    model.ClearField("metadata_props")
    model.ClearField("producer_version")
    return model


def _difference(network: nn.Module, content: bytes, height: int, width: int) -> float:
    """Largest difference between onnxruntime and torch on a random image of some size."""
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    image = stream(0, "onnx", height, width).random((1, 3, height, width), np.float32)
    (ours,) = session.run(None, {"lr": image})
    with torch.no_grad():
        expected = network(torch.from_numpy(image)).numpy()
    return float(np.abs(ours - expected).max())
