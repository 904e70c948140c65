"""LPIPS, a learned perceptual distance between images, with weights that the user has.

Zhang, Isola, Efros, Shechtman and Wang, *The Unreasonable Effectiveness of Deep Features as a Perceptual Metric*, CVPR
2018. Nothing is fetched: `backbone` is torchvision's AlexNet or VGG-16 trained on ImageNet, `linear` the authors'
weights of its layers (version 0.1), both as files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor
from torch.backends import cudnn
from torch.nn import functional

from degcraft.device import prepare
from degcraft.errors import UserError
from degcraft.images import Uint8Image
from degcraft.networks.weights import read_weights

# Stages after each of which features are compared: side of the max pooling before, with stride 2, and the indices that
# the convolutions have in torchvision's "features"; ReLU follows each.
_ALEX = ((0, (0,)), (3, (3,)), (3, (6,)), (0, (8,)), (0, (10,)))
_VGG = ((0, (0, 2)), (2, (5, 7)), (2, (10, 12, 14)), (2, (17, 19, 21)), (2, (24, 26, 28)))
_FIRST_OF_ALEX = 11  # side of its first kernel, with stride 4 and padding 2; all others have stride 1 and keep the size
# The published ones, in which images of -1 to 1 are brought to the statistics of ImageNet.
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class Lpips:
    """The distance.

    Args:
        backbone: state dict with ``features.<index>.weight`` and ``.bias``, .safetensors or what `torch.save` wrote.
        linear: state dict with ``lin<stage>.model.1.weight`` (1, C, 1, 1), likewise.
        threads: CPU threads.

    Attributes:
        smallest: least side of an image, pixels.

    Raises:
        UserError: a file is missing, damaged, or not of this kind.
    """

    def __init__(self, backbone: str | os.PathLike[str], linear: str | os.PathLike[str], threads: int) -> None:
        self._device = prepare(threads, 0, "lpips")
        weights = _read(backbone, self._device)
        alex = _of(weights, "features.0.weight", backbone).shape[-1] == _FIRST_OF_ALEX
        self._stages = _ALEX if alex else _VGG
        self.smallest = 31 if alex else 16
        self._convolutions = {
            index: [_of(weights, f"features.{index}.{kind}", backbone) for kind in ("weight", "bias")]
            for _, indices in self._stages
            for index in indices
        }
        weights = _read(linear, self._device)
        self._linear = [_of(weights, f"lin{stage}.model.1.weight", linear) for stage in range(len(self._stages))]
        widths = [self._convolutions[indices[-1]][0].shape[0] for _, indices in self._stages]
        if [layer.shape[1] for layer in self._linear] != widths:
            raise UserError(f"{linear}: its layers do not fit those of {backbone}; give the file for the same network")

    @torch.no_grad()
    def __call__(self, a: Uint8Image, b: Uint8Image) -> float:
        """Distance of two (H, W, 3) uint8 images of one size, both sides at least `smallest`; 0 for equal ones."""
        total = 0.0
        # TF32, which other networks of the same process may use, would leave three digits; photos differ in size
        with cudnn.flags(enabled=True, benchmark=False, allow_tf32=False):
            for x, y, layer in zip(self._features(a), self._features(b), self._linear, strict=True):
                total += float(functional.conv2d((x - y) ** 2, layer).mean())
        return total

    def _features(self, image: Uint8Image) -> Iterator[Tensor]:
        """(1, C, h, w) after each stage, of length 1 at every place."""
        x = torch.from_numpy(image).to(self._device, torch.float32).permute(2, 0, 1)[None] / 127.5 - 1.0
        shift, scale = (torch.tensor(v, device=self._device).view(1, 3, 1, 1) for v in (_SHIFT, _SCALE))
        x = (x - shift) / scale
        for pool, indices in self._stages:
            if pool:
                x = functional.max_pool2d(x, pool, 2)
            for index in indices:
                weight, bias = self._convolutions[index]
                side = weight.shape[-1]
                stride, padding = (4, 2) if side == _FIRST_OF_ALEX else (1, side // 2)
                x = functional.relu(functional.conv2d(x, weight, bias, stride, padding))
            yield x / (x.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10)


def _read(path: str | os.PathLike[str], device: torch.device) -> dict[str, Tensor]:
    """The tensors of a file, on the device."""
    missing, refused = "no such file; see 'lpips' in the configuration", "not a state dict of tensors"
    weights = read_weights(path, missing, refused, remedy="")
    return {name: value.to(device) for name, value in weights.items()}


def _of(weights: Mapping[str, Tensor], name: str, path: str | os.PathLike[str]) -> Tensor:
    value = weights.get(name)
    if not isinstance(value, Tensor) or (name.endswith("weight") and value.dim() != 4):
        raise UserError(
            f"{path}: holds no {name!r}; 'lpips' takes torchvision's AlexNet or VGG-16 as 'backbone' and the published "
            "weights of version 0.1 as 'linear'"
        )
    return value.float()
