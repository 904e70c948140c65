"""What looks wrong with the photos of a run, as far as pixels and names can tell."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from degcraft.config import Config, Target
from degcraft.evaluation_pairs import EvaluationPair, own_pairs, size_problem
from degcraft.images import ImageError, Uint8Image, image_size, list_images, read_image
from degcraft.metrics import WINDOW
from degcraft.photo_quality import BLOCKY, Detail, blockiness, detail, different, fingerprint
from degcraft.sharing import spread
from degcraft.storage import sha256

EXAMINED = 100  # photos of a folder that are looked at pixel by pixel, at most, spread evenly over it
ALIKE = 40  # bits of 240 in which fingerprints of the same photo differ at most
HR_PHOTOS, REFERENCES = 8, 8  # fewer are few
NAMED = 5  # file names in a remark, at most


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo that was looked at.

    Attributes:
        detail: of its spectrum; None where there is too little of it.
        blockiness: of its JPEG blocks.
        bits: its fingerprint.
    """

    detail: Detail | None
    blockiness: float
    bits: NDArray[np.bool_]

    @classmethod
    def of(cls, image: Uint8Image) -> Seen:
        """Look at a photo."""
        return cls(detail(image), blockiness(image), fingerprint(image))


@dataclass(frozen=True, eq=False)
class Folder:
    """What is in a folder of photos.

    Attributes:
        name: for remarks.
        sizes: width and height of the photos that are large enough, by path.
        unusable: why the others are not.
        passed_over: names of what is no photo by its suffix: files of other kinds, and folders.
        seen: what the photos that were looked at are like, by path.
    """

    name: str
    sizes: Mapping[Path, tuple[int, int]]
    unusable: Mapping[Path, str]
    passed_over: Sequence[str]
    seen: Mapping[Path, Seen]

    @cached_property
    def lengths(self) -> dict[Path, int]:
        """Bytes of the photos that are large enough."""
        return {path: path.stat().st_size for path in self.sizes}


def look(name: str, folder: str | os.PathLike[str], least: int) -> Folder:
    """Look at a folder: at the head of every file, and at the pixels of up to `EXAMINED` photos.

    Args:
        name: for remarks.
        folder: of photos.
        least: pixels that a side must have.
    """
    sizes: dict[Path, tuple[int, int]] = {}
    unusable: dict[Path, str] = {}
    photos = list_images(folder)
    for path in photos:
        size = image_size(path)
        if size == (0, 0):
            unusable[path] = _why(path)
        elif min(size) < least:
            unusable[path] = f"smaller than a patch of {least} pixels"
        else:
            sizes[path] = size
    seen: dict[Path, Seen] = {}
    paths = list(sizes)
    for path in [paths[index] for index in spread(len(paths), EXAMINED)] if paths else []:
        try:
            seen[path] = Seen.of(read_image(path))
        except ImageError as error:
            del sizes[path]
            unusable[path] = error.reason
    others = sorted(path.name for path in set(Path(folder).iterdir()).difference(photos) if path.name[0] != ".")
    return Folder(name, sizes, unusable, others, seen)


def _why(path: Path) -> str:
    """Why a photo whose head cannot be read is of no use."""
    try:
        read_image(path)
    except ImageError as error:
        return error.reason
    return "has a head that cannot be read"


@dataclass(frozen=True, eq=False)
class Photos:
    """All photos of a run.

    Attributes:
        hr: the HR photos.
        references: of every target that is not made from a truth.
        tests: HR test photos of every target that has some, of a made one the photos that it is made from.
        unfit: why test pairs cannot be measured, by the key of the pairs.
    """

    hr: Folder
    references: Mapping[str, Folder]
    tests: Mapping[str, Folder]
    unfit: Mapping[str, Sequence[str]]


def look_at_all(config: Config) -> Photos:
    """Look at the photos that a configuration names."""
    least = config.photos.size // config.scale
    references = {
        name: look(f"targets.{name}.reference", target.reference, least)
        for name, target in config.targets.items()
        if target.reference is not None
    }
    tests = {name: look(key, folder, 1) for name, t in config.targets.items() for key, folder in _sharp(t)}
    pairs = {name: own_pairs(name, *t.test) for name, t in config.targets.items() if t.test is not None}
    unfit = {f"targets.{name}.test": list(_unfit(own, config.scale)) for name, own in pairs.items()}
    return Photos(look("hr", config.hr, config.photos.size), references, tests, unfit)


def _unfit(pairs: Sequence[EvaluationPair], scale: int) -> Iterator[str]:
    """Why pairs cannot be measured, as far as the heads of their files tell."""
    for pair in pairs:
        lr, hr = image_size(pair.lr), image_size(pair.hr)
        broken = [path for path, size in ((pair.lr, lr), (pair.hr, hr)) if size == (0, 0)]
        yield from (f"{path}: {_why(path)}" for path in broken)
        if not broken and (problem := size_problem(pair, lr, hr, scale, WINDOW + 2 * scale)):
            yield problem


def _sharp(target: Target) -> Iterator[tuple[str, Path]]:
    """Key and folder of the sharp photos that a target is tested on."""
    if target.test is not None:
        yield f"targets.{target.name}.test.hr", target.test[1]
    elif target.photos is not None:
        yield f"targets.{target.name}.photos", target.photos


def remarks(photos: Photos) -> Iterator[str]:
    """What looks wrong, a sentence or two each, with what to do; first what stops the run."""
    hr = photos.hr
    for key, problems in photos.unfit.items():
        if problems:
            more = f" And {len(problems) - 1} more like it." if len(problems) > 1 else ""
            yield f"{key}: the run will stop at a pair that does not fit. {problems[0]}.{more}"
    if len(hr.sizes) < HR_PHOTOS:
        yield (
            f"hr: {len(hr.sizes)} usable photos are few: with fewer than {HR_PHOTOS} the fit is not judged, and "
            "networks see little. Add sharp photos."
        )
    soft = {path: seen.detail for path, seen in hr.seen.items() if seen.detail is not None and seen.detail.soft}
    if soft:
        edge = np.median([found.edge for found in soft.values()])
        yield (
            f"hr: not sharp pixel by pixel: {_files(soft, hr)}. The spectrum falls away at about {edge:.1f} of the "
            "highest frequency, as that of an upscaled or blurred photo does. Shrink them, or leave them out."
        )
    blocky = [path for path, seen in hr.seen.items() if seen.blockiness > BLOCKY]
    if blocky:
        yield (
            f"hr: compressed: {_files(blocky, hr)}. They show the blocks of JPEG, which networks would learn to draw. "
            "Use better files, shrink them to a half, or leave them out."
        )
    for folder in photos.references.values():
        if not folder.sizes:
            yield f"{folder.name}: no usable photo, so the run will stop there. Add photos of the source."
        elif len(folder.sizes) < REFERENCES:
            yield (
                f"{folder.name}: {len(folder.sizes)} usable photos; {REFERENCES} or more find the degradation better "
                "(docs/retrieval.md)."
            )
        if folder.sizes and hr.sizes and _middle(folder) > _middle(hr):
            yield (
                f"{folder.name}: these photos are larger than the HR photos ({_middle(folder) / 1e6:.1f} and "
                f"{_middle(hr) / 1e6:.1f} megapixels in the middle). They should be the small, bad ones, as the source "
                "delivers them; perhaps hr and reference are swapped."
            )
    yield from _repeated(photos)


def _repeated(photos: Photos) -> Iterator[str]:
    """Photos that are there twice, inside a folder or in two that should share none."""
    hr = photos.hr
    for folder in (hr, *photos.references.values()):
        if twice := _shared(folder, folder):
            yield f"{folder.name}: {_pairs(twice)} look alike. A photo that is there twice counts twice; keep one."
    fit = (
        "Crafting compares photos with other contents; it does no harm, but certify then finds a better fit than there "
        "is."
    )
    learnt = "Models are then tested on what they were trained on; take these photos out of hr."
    for folders, why in ((photos.references, fit), (photos.tests, learnt)):
        for folder in folders.values():
            if shared := _shared(folder, hr):
                yield f"{folder.name} and hr: {_pairs(shared)} show the same. {why}"


def _shared(first: Folder, second: Folder) -> list[tuple[Path, Path]]:
    """Photos of two folders, or of one, that look alike, or are the same file where one of them was not looked at."""
    together = combinations(first.seen, 2) if first is second else product(first.seen, second.seen)
    alike = [(a, b) for a, b in together if different(first.seen[a].bits, second.seen[b].bits) <= ALIKE]
    return alike + [(a, b) for a, b in _same_files(first, second) if not (a in first.seen and b in second.seen)]


def _same_files(first: Folder, second: Folder) -> Iterator[tuple[Path, Path]]:
    """Pairs of files with the same bytes; a file is read if another one has as many."""
    size = {**first.lengths, **second.lengths}
    several = {length for length, files in Counter(size.values()).items() if files > 1}
    digest = {path: sha256(path) for path, length in size.items() if length in several}
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in second.sizes:
        if path in digest:
            found[digest[path]].append(path)
    for path in first.sizes:
        for other in found.get(digest.get(path, ""), ()):
            if first is not second or path < other:
                yield path, other


def _middle(folder: Folder) -> float:
    """Median number of pixels."""
    return float(np.median([width * height for width, height in folder.sizes.values()]))


def _files(paths: Collection[Path], folder: Folder) -> str:
    """``3 of 40 photos (a.png, b.png, c.png)``."""
    return f"{len(paths)} of {len(folder.seen)} photos ({some([path.name for path in paths])})"


def _pairs(pairs: Sequence[tuple[Path, Path]]) -> str:
    return some([f"{a.name} and {b.name}" for a, b in pairs])


def some(words: Sequence[str]) -> str:
    """The first few words of a list, and how many more there are."""
    more = f", and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return f"{', '.join(words[:NAMED])}{more}"
