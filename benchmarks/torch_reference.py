"""The same operators in plain torch on the CPU, as training codes have them: what throughput.py compares with.

Two-dimensional convolution with the whole kernel, `torch.nn.functional.interpolate`, `torch.randn` and `torch.poisson`,
one image at a time, and JPEG through the same codec. Kernels come from degcraft; what is done with them does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional

from degcraft.operators import OPERATORS, Operator, Value, blur, kernels

KERNEL = 21  # side to which Real-ESRGAN pads all kernels, so that a batch can hold different ones
MODES = {
    "area": ("area", False),
    "bilinear": ("bilinear", True),
    "bicubic": ("bicubic", True),
    "bilinear-aliased": ("bilinear", False),
    "bicubic-aliased": ("bicubic", False),
}


def degrade(image: np.ndarray, steps: Sequence[tuple[Operator, Mapping[str, Value]]], scale: int) -> np.ndarray:
    """Apply steps to an (H, W, 3) uint8 image: the LR image, uint8."""
    lr = (image.shape[0] // scale, image.shape[1] // scale)
    planes = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    for operator, values in steps:
        planes = STEPS[operator.name](planes, values, lr)
    return to_image(planes)


def to_image(planes: torch.Tensor) -> np.ndarray:
    """(1, 3, H, W) of 0..255 to (H, W, 3) uint8."""
    return planes.clamp(0, 255).round().byte()[0].permute(1, 2, 0).contiguous().numpy()


def blurred(planes: torch.Tensor, values: Mapping[str, Value], lr: tuple[int, int]) -> torch.Tensor:
    """Convolve each channel with the kernel, padded with zeros to 21 x 21, reflecting at the borders."""
    radius = blur._radius(values)
    if radius == 0:
        return planes
    if values["kind"] == "isotropic":
        sigma = float(values["sigma"])
        kernel = kernels.gaussian(kernels.elliptic(radius, sigma, sigma, 0.0))
    else:
        kernel = blur._kernel(values, radius)
    kernel = np.pad(kernel, max(0, KERNEL - len(kernel)) // 2)
    weight = torch.from_numpy(kernel).float()[None, None].expand(3, 1, -1, -1)
    return functional.conv2d(reflected(planes, len(kernel) // 2), weight, groups=3)


def reflected(planes: torch.Tensor, width: int) -> torch.Tensor:
    """With reflected borders; torch itself cannot reflect a small image more than once."""
    if width < min(planes.shape[2:]):
        return functional.pad(planes, [width] * 4, mode="reflect")
    return torch.from_numpy(np.pad(planes.numpy(), ((0, 0), (0, 0), (width, width), (width, width)), mode="reflect"))


def interpolated(planes: torch.Tensor, size: tuple[int, int], kind: str) -> torch.Tensor:
    """To a size."""
    if planes.shape[2:] == size:
        return planes
    mode, antialias = MODES[kind]
    return functional.interpolate(planes, size, mode=mode, antialias=antialias)


def resized(planes: torch.Tensor, values: Mapping[str, Value], lr: tuple[int, int]) -> torch.Tensor:
    """To the LR size."""
    return interpolated(planes, lr, str(values["kind"]))


def rescaled(planes: torch.Tensor, values: Mapping[str, Value], lr: tuple[int, int]) -> torch.Tensor:
    """To another size; ``shifted`` convolves with a shifted kernel of 25 pixels and takes every so-manyth pixel."""
    direction, present = str(values["direction"]), tuple(planes.shape[2:])
    if direction == "shifted":
        ratio = present[0] // lr[0]
        offsets = np.arange(-12, 13) - (ratio - 1) / 2
        line = np.exp(-0.5 * (offsets / float(values["sigma"])) ** 2)
        kernel = torch.from_numpy(np.outer(line, line) / line.sum() ** 2).float()
        return functional.conv2d(reflected(planes, 12), kernel[None, None].expand(3, 1, -1, -1), groups=3)[
            ..., ::ratio, ::ratio
        ]
    if direction == "divide":
        sides = [max(side / float(values["divisor"]), new / 2) for side, new in zip(present, lr, strict=True)]
    else:
        factor = 1.0 if direction == "keep" else float(values[direction])
        sides = [side * factor for side in (lr if values["of"] == "lr" else present)]
    return interpolated(planes, (int(sides[0] + 1e-6), int(sides[1] + 1e-6)), str(values["kind"]))


def noisy(planes: torch.Tensor, values: Mapping[str, Value], lr: tuple[int, int]) -> torch.Tensor:
    """Gaussian and Poisson noise as in BasicSR."""
    kind = str(values["kind"])
    if kind == "none":
        return planes
    if kind.startswith("poisson"):
        clean = planes.clamp(0, 255).round() / 255
        if kind == "poisson-grey":
            weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
            clean = ((clean[0] * weights).sum(0) * 255).round().clamp(0, 255)[None, None] / 255
        photons = 2 ** int(np.ceil(np.log2(len(torch.unique(clean)))))
        noise = (torch.poisson(clean * photons) / photons - clean) * float(values["scale"]) * 255
    else:
        grey = kind == "gaussian-grey"
        noise = torch.randn(1, 1 if grey else 3, *planes.shape[2:]) * float(values["sigma"])
        if kind == "gaussian-correlated":
            orthogonal = torch.linalg.svd(torch.rand(3, 3))[0]
            covariance = (orthogonal.T @ torch.diag(torch.rand(3)) @ orthogonal).abs() + 1e-6 * torch.eye(3)
            noise = torch.einsum("ij,bjhw->bihw", torch.linalg.cholesky(covariance), noise)
    return (planes + noise).clamp(0, 255)


def compressed(planes: torch.Tensor, values: Mapping[str, Value], lr: tuple[int, int]) -> torch.Tensor:
    """JPEG through degcraft's codec."""
    if values["kind"] == "none":
        return planes
    image = to_image(planes).astype(np.float32)
    decoded = OPERATORS["jpeg"].apply(image, values, lr, np.random.default_rng(0))
    return torch.from_numpy(decoded).permute(2, 0, 1)[None]


STEPS = {"blur": blurred, "resize": resized, "rescale": rescaled, "noise": noisy, "jpeg": compressed}
