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
from degcraft.enlarging import traces
from degcraft.evaluation_pairs import EvaluationPair, own_pairs, size_problem
from degcraft.images import ImageError, Uint8Image, image_size, list_images, passed_over, read_image
from degcraft.metrics import WINDOW
from degcraft.patches import TOO_SMALL, or_lower_size
from degcraft.photo_quality import BLOCKY, Detail, blockiness, detail, different, fingerprint, luma_distance
from degcraft.scores import REFERENCES, TELLING
from degcraft.sharing import LEAST_TO_JUDGE, spread
from degcraft.storage import sha256
from degcraft.words import counted, some, two_digits

EXAMINED = 100  # photos of a folder that are looked at pixel by pixel, at most, spread evenly over it
ALIKE = 40  # bits of 240 in which fingerprints of the same photo differ at most
MIXED = (
    "Either hr holds photos of the source: take them out of it. Or these are sharp photos, of which crafting would "
    "learn nothing: give photos as the source delivers them."
)
NOT_THE_SOURCE = (
    "These are the sharp photos, not photos of the source, so crafting would learn nothing of it. Give photos as the "
    "source delivers them."
)
# by how much a photo and a copy that nothing has degraded differ at most: their fine detail, and their luma, of 255
COPY_DETAIL, COPY_LUMA = 3.0, 2.5


@dataclass(frozen=True, eq=False)
class Seen:
    """A photo that was looked at.

    Attributes:
        detail: of its spectrum; None where there is too little of it.
        enlarged: whether it looks enlarged.
        blockiness: of its JPEG blocks.
        bits: its fingerprint.
    """

    detail: Detail | None
    enlarged: bool
    blockiness: float
    bits: NDArray[np.bool_]

    @classmethod
    def of(cls, image: Uint8Image) -> Seen:
        """Look at a photo."""
        found = traces(image)
        return cls(detail(image), found is not None and found.enlarged, blockiness(image), fingerprint(image))


@dataclass(frozen=True, eq=False)
class Folder:
    """What is in a folder of photos.

    Attributes:
        name: for remarks.
        path: where it is.
        sizes: width and height of the photos that are large enough, by path.
        unusable: why the others are not.
        passed_over: names of what is no photo by its suffix: files of other kinds, and folders.
        seen: what the photos that were looked at are like, by path.
    """

    name: str
    path: Path
    sizes: Mapping[Path, tuple[int, int]]
    unusable: Mapping[Path, str]
    passed_over: Sequence[str]
    seen: Mapping[Path, Seen]

    @cached_property
    def lengths(self) -> dict[Path, int]:
        """Bytes of the photos that are large enough."""
        return {path: path.stat().st_size for path in self.sizes}


def look(name: str, folder: str | os.PathLike[str], least: int, closely: bool = True) -> Folder:
    """Look at a folder: at the head of every file, and at the pixels of up to `EXAMINED` photos.

    Args:
        name: for remarks.
        folder: of photos.
        least: pixels that a side must have.
        closely: whether to look at pixels.
    """
    sizes: dict[Path, tuple[int, int]] = {}
    unusable: dict[Path, str] = {}
    for path in list_images(folder):
        size = image_size(path)
        if size == (0, 0):
            unusable[path] = _why(path)
        elif min(size) < least:
            unusable[path] = f"{TOO_SMALL} of {least} pixels"
        else:
            sizes[path] = size
    seen: dict[Path, Seen] = {}
    paths = list(sizes)
    for path in [paths[index] for index in spread(len(paths), EXAMINED)] if paths and closely else []:
        try:
            seen[path] = Seen.of(read_image(path))
        except ImageError as error:
            del sizes[path]
            unusable[path] = error.reason
    return Folder(name, Path(folder), sizes, unusable, passed_over(folder), seen)


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
        upscaled: photos to super-resolve, of every target that has others than its reference photos; only their heads
            were looked at.
        degraded: likewise, photos to degrade for other programs, if there are any.
        spaced: names of those with a space, if pairs are made of them.
        unfit: why test pairs cannot be measured, by the key of the pairs.
    """

    hr: Folder
    references: Mapping[str, Folder]
    tests: Mapping[str, Folder]
    upscaled: Mapping[str, Folder]
    degraded: Folder | None
    spaced: Sequence[str]
    unfit: Mapping[str, Sequence[str]]

    def pairs(self, target: str) -> int:
        """Test pairs of a target: of a made one, half of the photos that it is made from."""
        count = len(self.tests[target].sizes)
        return count if target in self.references else count // 2

    @property
    def by_heads(self) -> list[Folder]:
        """Folders of photos that no model is made of, of which only the heads were looked at."""
        return [*self.upscaled.values(), *([self.degraded] if self.degraded else [])]


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
    upscaled = {
        name: look(f"targets.{name}.upscale", target.upscale, 1, closely=False)
        for name, target in config.targets.items()
        if target.upscale is not None and "crafted" in config.distributions
    }
    degraded = look("degrade.photos", config.degrade_photos, 1, closely=False) if config.degrade_photos else None
    spaced = [path.name for path in degraded.sizes if " " in path.name] if degraded and config.degrade_pairs else []
    hr = look("hr", config.hr, config.photos.size)
    return Photos(hr, references, tests, upscaled, degraded, spaced, unfit)


def _unfit(pairs: Sequence[EvaluationPair], scale: int) -> Iterator[str]:
    """Why pairs cannot be measured, as far as the heads of their files tell; what may be turned is read."""
    least = WINDOW + 2 * scale
    for pair in pairs:
        lr, hr = image_size(pair.lr), image_size(pair.hr)
        broken = [path for path, size in ((pair.lr, lr), (pair.hr, hr)) if size == (0, 0)]
        yield from (f"{path}: {_why(path)}" for path in broken)
        if broken or not (problem := size_problem(pair, lr, hr, scale, least)):
            continue
        if size_problem(pair, lr[::-1], hr, scale, least):  # nor would they fit if one of them was turned
            yield problem
            continue
        try:
            lr, hr = (read_image(path).shape[1::-1] for path in (pair.lr, pair.hr))
        except ImageError as error:
            yield str(error)
            continue
        if problem := size_problem(pair, lr, hr, scale, least):
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
    for folder in photos.by_heads:
        if not folder.sizes:
            yield f"{folder.name}: no photo can be read, so the run will stop there. Give others."
    if len(hr.sizes) < LEAST_TO_JUDGE:
        usable = f"{len(hr.sizes)} usable photos are few" if len(hr.sizes) > 1 else "a single usable photo is little"
        yield (
            f"hr: {usable}: with fewer than {LEAST_TO_JUDGE} the fit is not judged, and "
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
            lower = or_lower_size(folder.unusable.values())
            yield f"{folder.name}: no usable photo, so the run will stop there. Add photos of the source{lower}."
        elif len(folder.sizes) < REFERENCES:
            yield (
                f"{folder.name}: {counted(len(folder.sizes), 'usable photo')}; {REFERENCES} or more find the "
                "degradation better (docs/retrieval.md)."
            )
        if folder.sizes and hr.sizes:
            yield from _too_large(folder, hr)
        enlarged = [path for path, seen in folder.seen.items() if seen.enlarged]
        if 2 * len(enlarged) > len(folder.seen):
            yield (
                f"{folder.name}: {_files(enlarged, folder)} look enlarged: they hold next to nothing at the highest "
                "frequencies. If they were enlarged, give them as the source delivers them; if the source itself is so "
                "soft, go on."
            )
    for name, folder in photos.tests.items():
        if (pairs := photos.pairs(name)) < TELLING:
            few = f"{counted(pairs, 'test pair')} {'is' if pairs == 1 else 'are'}"
            yield f"{folder.name}: {few} too few to tell models apart; give {TELLING} or more (docs/evaluation.md)."
    yield from _repeated(photos)
    if photos.spaced:
        yield (
            f"degrade.photos: a space in {counted(len(photos.spaced), 'name')} ({some(photos.spaced)}), so pairs will "
            "come without meta_info.txt, which ends names at the first space. Rename them, or let the training program "
            "scan the folders."
        )


def _too_large(folder: Folder, hr: Folder) -> Iterator[str]:
    """That reference photos have more pixels than HR photos, if that shows in two digits."""
    own, sharp = (two_digits(_middle(photos) / 1e6) for photos in (folder, hr))
    if float(own) > float(sharp):
        yield (
            f"{folder.name}: these photos are larger than the HR photos ({own} and {sharp} megapixels in the middle). "
            "They should be the small, bad ones, as the source delivers them; perhaps hr and reference are swapped."
        )


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
    fitted = "The gain is then measured on photos that were crafted to; keep test photos out of the reference photos."
    for folder in photos.references.values():
        shared = [] if folder.path.samefile(hr.path) else _shared(folder, hr)
        sharp = [(a, b) for a, b in shared if _same_quality(folder, a, hr, b)]
        if folder.path.samefile(hr.path):
            yield f"{folder.name}: {folder.path} is the folder of the HR photos, too. {NOT_THE_SOURCE}"
        elif 2 * (copies := len({photo for photo, _ in sharp})) > len(folder.sizes):
            which = f"{copies} of {counted(len(folder.sizes), 'photo')} can be found in hr in full size"
            yield f"{folder.name}: {which}: {_pairs(sharp)}{_folders(folder, hr)}. {MIXED}"
        elif shared:
            yield _same(folder, hr, shared, fit)
    for name, folder in photos.tests.items():
        if shared := _shared(folder, hr):
            yield _same(folder, hr, shared, learnt)
        if name in photos.references and (shared := _shared(folder, photos.references[name])):
            yield _same(folder, photos.references[name], shared, fitted)


def _same(first: Folder, second: Folder, shared: Sequence[tuple[Path, Path]], why: str) -> str:
    return f"{first.name} and {second.name}: {_pairs(shared)} show the same{_folders(first, second)}. {why}"


def _folders(first: Folder, second: Folder) -> str:
    """Which photo of a pair is where."""
    return f" (the first in {first.path}, the second in {second.path})"


def _same_quality(first: Folder, a: Path, second: Folder, b: Path) -> bool:
    """Whether photos that show the same have about as many pixels, and nothing has degraded the first."""
    pixels = [width * height for width, height in (first.sizes[a], second.sizes[b])]
    if min(pixels) < 0.8 * max(pixels):
        return False
    one, other = first.seen.get(a), second.seen.get(b)
    if one is None or other is None:
        return True  # they are the same file
    if one.blockiness > BLOCKY >= other.blockiness:
        return False
    if one.detail and other.detail and abs(one.detail.fine - other.detail.fine) > COPY_DETAIL:
        return False
    return luma_distance(read_image(a), read_image(b)) <= COPY_LUMA


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
