"""LR/HR training pairs drawn from a distribution, streamed to HDF5 in shards."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from degcraft.degrade import degrade_drawn
from degcraft.distribution import Distribution
from degcraft.progress import announce, track
from degcraft.seeds import stream
from degcraft.settings import PairSettings
from degcraft.sharing import rounds, shard_of, shown
from degcraft.storage import creating_h5, reading_h5, sha256

BLOCK = 256  # pairs held in memory at a time


def make_pairs(
    distribution: Distribution,
    patches: str | os.PathLike[str],
    output: str | os.PathLike[str],
    settings: PairSettings,
    shard: int,
    scale: int,
    seed: int,
) -> None:
    """Degrade one shard of the pairs: HR patches as in `degcraft.sharing.rounds`, each in a bin drawn by weight.

    Writes HDF5: ``lr`` uint8 (n, h, w, 3), ``bin`` int32 (n,), ``parameters`` float32 (n, axes).
    """
    pairs = shard_of(settings.count, shard, settings.shards)
    with reading_h5(patches, "patches") as source, creating_h5(output) as file:
        hr = source["patches"]
        patch = shown(settings.count, len(hr))[pairs.start : pairs.stop]
        lr, index, parameters = _datasets(file, len(pairs), hr.shape[1] // scale, len(distribution.space.axes))
        for first in track(range(pairs.start, pairs.stop, BLOCK), -(-len(pairs) // BLOCK), "pairs"):
            block = range(first, min(first + BLOCK, pairs.stop))
            rows = slice(first - pairs.start, block.stop - pairs.start)
            drawn = []
            for pair in block:
                generator = stream(seed, "pairs", pair)
                drawn.append(degrade_drawn(hr[patch[pair - pairs.start]], distribution, scale, generator))
            lr[rows] = np.stack([image for image, _, _ in drawn])
            index[rows] = [chosen for _, chosen, _ in drawn]
            parameters[rows] = np.stack([values for _, _, values in drawn])


def gather_pairs(
    parts: Sequence[str | os.PathLike[str]],
    distribution: Distribution,
    patches: str | os.PathLike[str],
    output: str | os.PathLike[str],
    scale: int,
    seed: int,
) -> None:
    """Join shards into a pairs file whose ``hr`` refers to the patches' file instead of copying it.

    ``hr`` is a virtual dataset: it reads like any other as long as the patches' file stays where it is, relative to the
    pairs' file. Attributes: ``axes`` (names), ``choices`` (JSON, of the categorical axes), ``scale``, ``seed``,
    ``patches_sha256``.
    """
    space = distribution.space
    counts = [_length(part) for part in parts]
    count = sum(counts)
    with reading_h5(patches, "patches") as source, creating_h5(output) as file:
        hr = source["patches"]
        lr, index, parameters = _datasets(file, count, hr.shape[1] // scale, len(space.axes))
        first = 0
        for part, length in zip(parts, counts, strict=True):
            with reading_h5(part, "lr", "bin", "parameters") as shard:
                for start in range(0, length, BLOCK):
                    rows = slice(start, min(start + BLOCK, length))
                    into = slice(first + rows.start, first + rows.stop)
                    lr[into] = shard["lr"][rows]
                    index[into] = shard["bin"][rows]
                    parameters[into] = shard["parameters"][rows]
            first += length
        _refer(file, os.path.relpath(patches, Path(output).parent), hr, count)
        choices = {axis.name: axis.choices for axis in space.axes if axis.choices is not None}
        file.attrs["axes"] = space.names
        file.attrs["choices"] = json.dumps(choices)
        file.attrs["scale"] = scale
        file.attrs["seed"] = seed
        file.attrs["patches_sha256"] = sha256(patches)
        announce(f"{count} pairs, LR patches of {lr.shape[1]} pixels and HR patches of {hr.shape[1]}")


def _length(part: str | os.PathLike[str]) -> int:
    with reading_h5(part, "lr") as file:
        return len(file["lr"])


def _datasets(file: h5py.File, count: int, side: int, axes: int) -> tuple[h5py.Dataset, h5py.Dataset, h5py.Dataset]:
    """Create ``lr``, ``bin`` and ``parameters``; ``lr`` in chunks of one patch, since training reads single ones."""
    chunks = (1, side, side, 3) if count else None  # HDF5 wants no chunk in an empty shard
    lr = file.create_dataset("lr", (count, side, side, 3), np.uint8, chunks=chunks)
    index = file.create_dataset("bin", (count,), np.int32)
    parameters = file.create_dataset("parameters", (count, axes), np.float32)
    return lr, index, parameters


def _refer(file: h5py.File, path: str, hr: h5py.Dataset, count: int) -> None:
    """Create ``hr``, a virtual dataset whose rows are patches of another file, as `degcraft.sharing.rounds` has them.

    Through HDF5's own interface, since h5py's `create_virtual_dataset` records the time, and the same pairs must be the
    same bytes.
    """
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_obj_track_times(False)
    space = h5py.h5s.create_simple((count, *hr.shape[1:]))
    source = h5py.h5s.create_simple(hr.shape)
    start = 0
    for taken in rounds(count, len(hr)):
        block = (len(taken), *hr.shape[1:])
        space.select_hyperslab((start, 0, 0, 0), block)
        source.select_hyperslab((taken.start, 0, 0, 0), block, (taken.step, 1, 1, 1))
        creation.set_virtual(space, path.encode(), hr.name.encode(), source)
        start += len(taken)
    space.select_all()
    h5py.h5d.create(file.id, b"hr", h5py.h5t.NATIVE_UINT8, space, creation)
