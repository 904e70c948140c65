"""JPEG compression."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from degcraft.images import FloatImage
from degcraft.operators.pixels import to_uint8
from degcraft.operators.registry import Parameter, Size, Value, operator


@operator(
    Parameter("kind", choices=("jpeg", "none"), default="jpeg"),
    Parameter("quality", unit="1-100", lower=1, upper=100, whole=True, only=("kind", ("jpeg",))),
)
def jpeg(image: FloatImage, values: Mapping[str, Value], lr: Size, generator: np.random.Generator) -> FloatImage:
    """Round to 8 bits, compress as JPEG with libjpeg's ``quality`` and 4:2:0 chroma, decompress."""
    if values["kind"] == "none":
        return image
    pixels = cv2.cvtColor(to_uint8(image), cv2.COLOR_RGB2BGR)
    options = [
        *(cv2.IMWRITE_JPEG_QUALITY, int(values["quality"])),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
    ]
    _, encoded = cv2.imencode(".jpg", pixels, options)
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None  # encoded the line before
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.float32)
