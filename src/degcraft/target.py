"""Targets made from a known truth."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from degcraft.axes import Range, Setting, Step, step_names
from degcraft.degrade import degrade_drawn
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.images import crop_to_multiple, distinct_stems, list_images, read_image, write_image
from degcraft.progress import announce
from degcraft.seeds import stream
from degcraft.space import build
from degcraft.storage import replacing
from degcraft.words import counted

Truth = tuple[tuple[str, Setting], ...]
"""What is known of a made target: a range, choices or a mixture for some axes, by the axes' names."""


def true_distribution(steps: tuple[Step, ...], truth: Truth) -> Distribution:
    """The distribution of a made target: the space, narrowed to the truth on the axes that the truth names.

    Raises:
        UserError: the truth names an axis that the space lacks, or leaves an operator's limits.
    """
    known = dict(truth)
    axes = build(steps).names
    for axis in known:
        if axis not in axes:
            raise UserError(f"targets: truth names {axis!r}, which is no axis of the space; it has {', '.join(axes)}")
    narrowed = []
    for name, step in zip(step_names([step.operator for step in steps]), steps, strict=True):
        parameters = {key: _one_bin(setting) for key, setting in step.parameters}
        for axis in [axis for axis in known if axis.startswith(f"{name}_")]:
            parameters[axis.removeprefix(f"{name}_")] = known[axis]
        narrowed.append(Step(step.operator, tuple(parameters.items())))
    return Distribution.uniform(build(narrowed))


def _one_bin(setting: Setting) -> Setting:
    return Range(setting.lower, setting.upper) if isinstance(setting, Range) else setting


def make_target(
    photos: str | os.PathLike[str], distribution: Distribution, output: str | os.PathLike[str], scale: int, seed: int
) -> None:
    """Make reference photos and test pairs from HR photos with a known distribution.

    Every second photo, from the first on, becomes a reference photo (``reference/``); the others become test pairs
    (``test/lr/``, ``test/hr/``). So references and tests never show the same photo.

    Raises:
        UserError: fewer than two photos, or one that cannot be read.
    """
    paths = list_images(photos)
    distinct_stems(paths)
    if len(paths) < 2:
        raise UserError(f"{photos}: a target needs at least two photos, one for reference and one to test on")
    for index, path in enumerate(paths):
        hr = crop_to_multiple(read_image(path), scale)
        if not hr.size:
            raise UserError(f"{path}: smaller than the scale {scale}; remove it or use a larger photo")
        lr, _, _ = degrade_drawn(hr, distribution, scale, stream(seed, "target", index))
        folder = Path(output) / ("test/lr" if index % 2 else "reference")
        images = {folder / f"{path.stem}.png": lr}
        if index % 2:
            images[Path(output) / "test/hr" / f"{path.stem}.png"] = hr
        for name, image in images.items():
            with replacing(name) as partial:
                write_image(partial, np.ascontiguousarray(image))
    references, pairs = counted((len(paths) + 1) // 2, "reference photo"), counted(len(paths) // 2, "test pair")
    announce(f"{references}, {pairs}")
