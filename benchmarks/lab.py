"""What the benchmarks of crafting share: photos split in two, an extractor, described bins, and made references.

Everything that does not depend on a hidden truth is kept in a working folder and made anew only when its settings
changed, so that a second run starts at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path

import h5py
import numpy as np
from blocks import BlockStatistics, fit
from numpy.typing import NDArray
from threads import one_thread

from degcraft.axes import Step
from degcraft.bin_features import Features, describe_bins, gather_bins
from degcraft.degrade import degrade
from degcraft.encoder import train_encoder
from degcraft.extractor import Extractor
from degcraft.images import Uint8Image, list_images
from degcraft.moments import Moments
from degcraft.moments_file import read_moments
from degcraft.photos import cut_hr_patches
from degcraft.provenance import code_digest
from degcraft.seeds import stream
from degcraft.settings import BinFeatureSettings, EncoderSettings, PhotoSettings, SrganSettings
from degcraft.sharing import shard_of
from degcraft.solver import FrechetObjective
from degcraft.space import Space, build
from degcraft.srgan import train_srgan
from degcraft.steps import parse_steps

SCALE = 4
EXTRACTORS = ("encoder", "srgan", "blocks")  # the last one: see `blocks`
CLASSIC = parse_steps(
    [
        {"blur": {"sigma": {"range": [0.2, 3.0], "bins": 6}}},
        {"resize": {"kind": ["bicubic"]}},
        {"noise": {"sigma": {"range": [0, 25], "bins": 6}}},
        {"jpeg": {"quality": {"range": [30, 95], "bins": 6}}},
    ]
)
"""The demo's space."""

Draw = Callable[[np.random.Generator], NDArray[np.float32]]
"""A hidden truth: draws a vector of parameters in the order of the space's axes."""
Make = Callable[[Uint8Image, NDArray[np.float32], np.random.Generator], Uint8Image]
"""Turns an HR patch and parameters into an LR patch."""


@dataclass(frozen=True)
class Setup:
    """What a lab is made from.

    Attributes:
        photos: folder of sharp photos. Every second one is HR material; references are made from the others.
        work: folder that keeps what was made.
        steps: the degradation space.
        extractor: one of `EXTRACTORS`.
        encoder, srgan, patches, bins: settings of those stages.
        per_photo: patches of each reference photo.
        half: HR material starts at the first photo (0) or at the second (1).
        apart: references are of other photos than the bins; if not, of the same ones, which takes content out of it.
        seed: of everything random.
    """

    photos: Path
    work: Path
    steps: tuple[Step, ...] = CLASSIC
    extractor: str = "encoder"
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    srgan: SrganSettings = field(default_factory=SrganSettings)
    patches: PhotoSettings = field(default_factory=PhotoSettings)
    bins: BinFeatureSettings = field(default_factory=BinFeatureSettings)
    per_photo: int = 32
    half: int = 0
    apart: bool = True
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Lab:
    """A described space and the photos that references are made from.

    Attributes:
        setup: what it was made from.
        space: the bins.
        bins: moments of each bin.
        bins_file: HDF5 file that holds them.
        hr: HDF5 file of the HR patches (extractor and bins).
        extractor_file: the extractor, or the standard of block statistics.
        features: patches (n, h, w, 3) uint8 to features (n, d).
        held: (n, s, s, 3) uint8 HR patches for references.
        photo: (n,) the photo of each of them, 0, 1, ...
        place: (n, 2) row and column of each of them in its photo.
    """

    setup: Setup
    space: Space
    bins: list[Moments]
    bins_file: Path
    hr: Path
    extractor_file: Path
    features: Features
    held: NDArray[np.uint8]
    photo: NDArray[np.int64]
    place: NDArray[np.int64]

    @cached_property
    def objective(self) -> FrechetObjective:
        """The distance from the bins to references, which are yet to be named."""
        return FrechetObjective.of(self.bins, Moments.pooled(self.bins))

    @property
    def photos(self) -> int:
        """Photos that references can be made from."""
        return int(self.photo.max()) + 1

    def references(
        self, draw: Draw, photos: Sequence[int], seed: int, each: str = "photo", make: Make | None = None
    ) -> list[Moments]:
        """Moments of made reference photos.

        Args:
            draw: the hidden truth.
            photos: which photos, among `photos`.
            seed: of the draws.
            each: ``photo``: parameters are drawn once a photo, as cameras do; ``patch``: once a patch, which leaves no
                chance in how well few photos represent the truth.
            make: how a patch is degraded; with the space by default.
        """
        result = []
        for photo in photos:
            lr = []
            once = draw(stream(seed, "lab-photo", photo))
            for index in np.flatnonzero(self.photo == photo):
                generator = stream(seed, "lab-patch", int(index))
                parameters = once if each == "photo" else draw(generator)
                lr.append((make or self.degrade)(self.held[index], parameters, generator))
            result.append(Moments.of(self.features(np.stack(lr))))
        return result

    def degrade(self, patch: Uint8Image, parameters: NDArray[np.float32], generator: np.random.Generator) -> Uint8Image:
        """An HR patch through the space's operators."""
        return degrade(patch, self.space, parameters, SCALE, generator)


def prepare(setup: Setup, processes: int = 2) -> Lab:
    """Make or load everything that does not depend on a truth."""
    space = build(setup.steps)
    hr_photos, held_photos = _split(setup)
    hr = _once(
        setup, "hr", (setup.patches, SCALE), ["photos"], lambda path: _cut(hr_photos, path, setup, setup.patches)
    )
    fewer = replace(setup.patches, per_photo=setup.per_photo)
    source, name = (held_photos, "held") if setup.apart else (hr_photos, "own")
    held = _once(setup, name, (fewer, SCALE), ["photos"], lambda path: _cut(source, path, setup, fewer))
    extractor = _extractor(setup, space, hr)
    features = _features(extractor)
    made_of = (setup.steps, setup.bins, extractor, hr)
    moments = _once(
        setup,
        "moments",
        made_of,
        ["bin_features", "extractor"],
        lambda path: _describe(setup, space, hr, extractor, path, processes),
    )
    with h5py.File(held, "r") as file:
        patches, place = file["patches"][:], file["position"][:].astype(np.int64)
        photo = np.unique(file["photo"][:], return_inverse=True)[1]
    return Lab(setup, space, read_moments(moments), moments, hr, extractor, features, patches, photo, place)


def _split(setup: Setup) -> tuple[Path, Path]:
    """Two folders of links: HR photos, and those for references."""
    folders = [setup.work / f"photos-{name}-{setup.half}" for name in ("hr", "held")]
    for turn, folder in enumerate(folders):
        folder.mkdir(parents=True, exist_ok=True)
        for path in list_images(setup.photos)[(turn + setup.half) % 2 :: 2]:
            link = folder / path.name
            if not link.is_symlink():
                link.symlink_to(path.resolve())
    return folders[0], folders[1]


def _once(setup: Setup, name: str, settings: object, modules: Sequence[str], make: Callable[[Path], None]) -> Path:
    """A file of the working folder, made if no one with these settings and this code is there."""
    facts = repr((settings, setup.seed, setup.half, str(setup.photos), code_digest(*modules))).encode()
    suffix = {"encoder": "safetensors", "srgan": "safetensors", "blocks": "npz"}.get(name, "h5")
    path = setup.work / f"{name}-{hashlib.sha256(facts).hexdigest()[:12]}.{suffix}"
    if not path.exists():
        make(path)
    return path


def _cut(folder: Path, path: Path, setup: Setup, settings: PhotoSettings) -> None:
    cut_hr_patches(folder, path, path.with_suffix(".csv"), settings, SCALE, setup.seed)


def _extractor(setup: Setup, space: Space, hr: Path) -> Path:
    """The file that features are computed with."""
    seed = setup.seed

    def make(path: Path) -> None:
        curve = path.with_suffix(".csv")
        if setup.extractor == "encoder":
            train_encoder(hr, space, path, curve, axes_file(path), setup.encoder, SCALE, seed)
        elif setup.extractor == "srgan":
            train_srgan(hr, path, curve, setup.srgan, SCALE, seed)
        else:
            fit(_degraded(space, hr, seed), path)

    module = setup.extractor if setup.extractor in ("encoder", "srgan") else "degrade"
    settings = {"encoder": setup.encoder, "srgan": setup.srgan}.get(setup.extractor)
    return _once(setup, setup.extractor, (setup.steps, settings, hr), [module], make)


def axes_file(extractor: Path) -> Path:
    """Where it stands how much an encoder explains of each axis."""
    return extractor.with_name(f"{extractor.stem}_axes.csv")


def _degraded(space: Space, hr: Path, seed: int, count: int = 2048) -> NDArray[np.uint8]:
    """Patches degraded over the whole space."""
    lr = []
    with h5py.File(hr, "r") as file:
        for index in range(count):
            generator = stream(seed, "lab-standard", index)
            patch = file["patches"][int(generator.integers(len(file["patches"])))]
            lr.append(degrade(patch, space, space.draw(index % len(space), generator), SCALE, generator))
    return np.stack(lr)


def _describe(setup: Setup, space: Space, hr: Path, extractor: Path, path: Path, processes: int) -> None:
    """Moments of the bins, in as many processes as there are cores to use."""
    parts = [path.with_suffix(f".part{shard}.h5") for shard in range(processes)]
    tasks = [
        (setup.steps, shard_of(len(space), shard, processes), hr, extractor, part, setup.bins, SCALE, setup.seed)
        for shard, part in enumerate(parts)
    ]
    with get_context("spawn").Pool(processes) as pool:
        pool.starmap(_describe_shard, tasks)
    gather_bins(parts, path)
    for part in parts:
        part.unlink()


def _describe_shard(
    steps: tuple[Step, ...],
    bins: range,
    hr: Path,
    extractor: Path,
    part: Path,
    settings: BinFeatureSettings,
    scale: int,
    seed: int,
) -> None:
    one_thread()
    describe_bins(_features(extractor), build(steps), bins, hr, part, settings, scale, seed)


def _features(file: Path) -> Features:
    """What an extractor's file, or the standard of block statistics, holds."""
    return BlockStatistics(file) if file.suffix == ".npz" else Extractor(file)
