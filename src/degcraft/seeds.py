"""Random streams that depend on the seed, the stage and the sample's index, and on nothing else."""

from __future__ import annotations

import zlib

import numpy as np

_WORD = 2**32 - 1


def sequence(seed: int, stage: str, *index: int) -> np.random.SeedSequence:
    """Seed sequence of one sample of one stage.

    Every sample owns its stream, so results do not depend on how the samples are split over shards, jobs or cores.

    Args:
        seed: the configuration's ``seed``, non-negative.
        stage: name of the stage that draws.
        index: what tells the samples of that stage apart (bin, patch, image, ...), non-negative.
    """
    key = (zlib.crc32(stage.encode()), *index)
    if max(seed, *key) <= _WORD:  # what numpy makes of them, which takes it longer
        return np.random.SeedSequence(np.array([seed, 0, 0, 0, *key], np.uint32))
    return np.random.SeedSequence(entropy=seed, spawn_key=key)


def stream(seed: int, stage: str, *index: int) -> np.random.Generator:
    """Random generator of one sample of one stage; see `sequence`."""
    return np.random.Generator(np.random.PCG64(sequence(seed, stage, *index)))


def integer(seed: int, stage: str, *index: int) -> int:
    """A 63-bit seed for a library that takes an integer (torch); see `sequence`."""
    return int(sequence(seed, stage, *index).generate_state(1, np.uint64)[0] >> np.uint64(1))
