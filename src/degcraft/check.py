"""What can be said in seconds before a run: usable photos, the size of the run, and what looks wrong."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degcraft.config import Config
from degcraft.device import out_of_memory
from degcraft.errors import UserError
from degcraft.fit_words import fit_remarks
from degcraft.images import passed_over, read_image
from degcraft.learned import encoder_remarks
from degcraft.patches import Row, cut, reasons, remedy, textured_positions
from degcraft.remarks import Folder, Photos, look_at_all, remarks
from degcraft.run_size import Counts, counts
from degcraft.run_time import GPU_OPERATIONS, GPU_STEP, Durations, durations
from degcraft.seeds import stream
from degcraft.space import Space
from degcraft.storage import replacing
from degcraft.training.start import check_weights
from degcraft.training_remarks import training_remarks
from degcraft.words import NAMED, counted, some, two_digits

MEASURED = 16  # HR patches that times are measured with
WIDTH = 100  # columns of the text
BY_HEADS = ", judged by the heads of files alone"
DEMO = Path("resources", "demo")


def check(config: Config, output: str | os.PathLike[str]) -> str:
    """Look at the photos, measure, and write what was found as a text.

    Args:
        config: of the run that is planned.
        output: text file to write.

    Returns:
        the text.

    Raises:
        UserError: no HR photo can be used.
    """
    photos = look_at_all(config)
    if not photos.hr.seen:
        rows: list[Row] = [{"file": path.name, "reason": reason} for path, reason in photos.hr.unusable.items()]
        none = f"none of the {len(rows)} photos of {config.hr} can be used"
        swapped = [folder.name for folder in photos.references.values() if _large(folder, config.photos.size)]
        perhaps = f", or swap hr and {swapped[0]}, whose photos are large enough" if swapped else ""
        raise UserError(f"hr: {none} ({reasons(rows)}); {remedy(rows)}{perhaps}")
    degraded = _pixels(photos.degraded) if photos.degraded else 0
    sizes = list(photos.hr.sizes.values())
    made = counts(config, sizes, _upscaled(config, photos), _tested(photos), degraded)
    found = [*remarks(photos), *_settings_remarks(config, made.patches)]
    patches = _patches(config, photos.hr)
    try:
        check_weights(config.train, config.scale)
        took = list(_time(durations(config, patches, made, os.cpu_count() or 1)))
    except UserError as error:  # no network can be made, so no time be taken
        took, found = [], [f"{error}; the run will not begin.", *found]
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        too_large = "train: a step takes more memory than this machine has; lower train.batch or train.crop."
        took, found = [], [too_large, *found]
    text = "\n".join([*_usable(config, photos), *_size(made), *_axes(made.space), *took, *_wrong(found)])
    with replacing(output) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    return text


def _settings_remarks(config: Config, patches: int) -> Iterator[str]:
    """What looks wrong with the settings: test pairs that a copied configuration left, then stage by stage."""
    for name, target in config.targets.items():
        if target.test and target.reference and _of_demo(target.test[0]) and not _of_demo(target.reference):
            yield (
                f"targets.{name}.test: these are the demo's photos, not those of the source, so what is measured on "
                "them says nothing of it. Take test out, or point it at pairs of your own."
            )
    if config.extractor == "encoder":
        yield from encoder_remarks(config.encoder)
    yield from fit_remarks(config.certify)
    yield from training_remarks(config, patches)


def _of_demo(folder: Path) -> bool:
    return DEMO in folder.parents


def _large(folder: Folder, least: int) -> bool:
    """Whether a folder's photos could be HR photos by their size."""
    return any(min(size) >= least for size in folder.sizes.values())


def _patches(config: Config, hr: Folder) -> NDArray[np.uint8]:
    """A few HR patches to measure with."""
    size, found = config.photos.size, []
    for index, path in enumerate(list(hr.seen)[:4]):
        image = read_image(path)
        generator = stream(config.seed, "check-photos", index)
        places = textured_positions(image, size, MEASURED // 4, config.scale, config.photos.textured, generator)
        found.append(cut(image, places, size))
    return np.concatenate(found)


def _upscaled(config: Config, photos: Photos) -> int:
    """Pixels of the photos that will be super-resolved; those of made targets do not exist yet."""
    others = {name: folder for name, folder in photos.references.items() if config.targets[name].upscale is None}
    return sum(map(_pixels, [*photos.upscaled.values(), *others.values()]))


def _tested(photos: Photos) -> dict[str, int]:
    """Pixels of each target's HR test photos: those of made targets are half of what they are made from."""
    shares = {name: 1 if name in photos.references else 2 for name in photos.tests}
    return {name: _pixels(folder) // shares[name] for name, folder in photos.tests.items()}


def _pixels(folder: Folder) -> int:
    """Of all photos that are large enough."""
    return sum(width * height for width, height in folder.sizes.values())


def _usable(config: Config, photos: Photos) -> Iterator[str]:
    yield "Photos"
    yield f"  hr: {len(photos.hr.sizes)} usable of {len(photos.hr.sizes) + len(photos.hr.unusable)}"
    for name, target in config.targets.items():
        if target.photos is not None:
            count, pairs = len(photos.tests[name].sizes), photos.pairs(name)
            made = f"{counted(count - pairs, 'reference photo')} and {counted(pairs, 'test pair')}"
            yield f"  {name}: {made} will be made from {count}"
        else:
            folder = photos.references[name]
            count = len(folder.sizes) + len(folder.unusable)
            yield f"  {name}: {counted(len(folder.sizes), 'usable reference photo')} of {count}"
        if target.test is not None:
            yield f"  {name}: {counted(photos.pairs(name), 'test pair')}, in {' and '.join(map(str, target.test))}"
            yield from _passed_over(f"targets.{name}.test.lr", passed_over(target.test[0]))
        if name in photos.tests:
            yield from _passed_over(photos.tests[name].name, photos.tests[name].passed_over)
        if name in photos.upscaled:
            yield f"  {name}: {counted(len(photos.upscaled[name].sizes), 'photo')} to super-resolve{BY_HEADS}"
    if photos.degraded:
        yield f"  degrade: {counted(len(photos.degraded.sizes), 'photo')} to degrade{BY_HEADS}"
    closely = (photos.hr, *photos.references.values())
    for folder in (*closely, *photos.by_heads):
        for path, reason in list(folder.unusable.items())[:NAMED]:
            yield f"  not used: {path}: {reason}"
        if len(folder.unusable) > NAMED:
            yield f"  not used: {len(folder.unusable) - NAMED} more of {folder.name}"
        yield from _passed_over(folder.name, folder.passed_over)
        if folder in closely and len(folder.sizes) > len(folder.seen):
            yield f"  of {folder.name}, {len(folder.seen)} photos were looked at closely"


def _passed_over(name: str, names: Sequence[str]) -> Iterator[str]:
    """What a folder holds besides photos that are read, if it does."""
    if names:
        yield from _wrapped(f"passed over in {name}, as no PNG, JPEG, WebP or TIFF: {some(names)}")


def _size(made: Counts) -> Iterator[str]:
    yield "The run"
    patches = counted(made.patches, "HR patch", "HR patches")
    pairs, models = counted(made.pairs, "pair"), counted(made.models, "model")
    yield f"  {counted(made.bins, 'bin')}, {patches}, {pairs}, {models}"
    parts = ", ".join(f"{name} {_bytes(size)}" for name, size in made.bytes.items() if size)
    yield from _wrapped(f"{_bytes(sum(made.bytes.values()))} on disk: {parts}")


def _axes(space: Space) -> Iterator[str]:
    """Which axes crafting speaks of, and which it does not although they vary."""
    bins = {axis.name: len(np.unique(space.lower[:, index])) for index, axis in enumerate(space.axes)}
    vary = {axis.name for index, axis in enumerate(space.axes) if (space.lower < space.upper)[:, index].any()}
    crafted = ", ".join(f"{name} in {number} bins" for name, number in bins.items() if number > 1)
    yield from _wrapped(f"crafted: {crafted}")
    if drawn := ", ".join(name for name, number in bins.items() if number == 1 and name in vary):
        yield from _wrapped(f"not crafted but drawn over all of their range, having no bins: {drawn}")


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size, 1e5) / 1e6:.1f} MB"


def _time(took: Durations) -> Iterator[str]:
    where = "this machine's GPU" if took.device == "cuda" else f"all {os.cpu_count()} cores of this machine"
    yield f"  from nothing, about {_minutes(took.clock)} on {where}; {_minutes(took.work)} of work in all"
    stages = ", ".join(f"{stage} {_minutes(seconds)}" for stage, jobs, seconds, _ in took.jobs if jobs)
    extra = "crafting, for the simulated sets of certify too, figures, and the start of jobs are extra"
    yield from _wrapped(f"work by stage: {stages}. Measured for seconds; {extra}.")
    yield from _wrapped("what is in results/ and up to date is not made again; --dry-run lists what would run.")
    if took.device == "cpu":
        yield from _wrapped(
            f"on a GPU, training alone would take about {_minutes(took.training_on_gpu)}: a step has "
            f"{two_digits(took.operations / 1e9)} billion operations, and a GPU is taken to do "
            f"{GPU_OPERATIONS / 1e12:.0f} trillion a second, or {1 / GPU_STEP:.0f} steps if they are small "
            "(assumed, not measured)."
        )


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _wrong(found: Sequence[str]) -> Iterator[str]:
    yield "What looks wrong" if found else "Nothing looks wrong."
    for text in found:
        yield from _wrapped(text, "  - ")


def _wrapped(text: str, first: str = "  ") -> list[str]:
    indent = " " * len(first)
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)
