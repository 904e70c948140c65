"""Settings of the stages, as the configuration gives them.

Declarations only: what a stage does with a value is in its module. Nothing here imports torch, so that the workflow
starts fast.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PhotoSettings:
    """How photos are cut.

    Attributes:
        size: side of the HR patches, pixels; a multiple of the scale.
        per_photo: patches from each photo, at most (a small photo has fewer places).
        textured: share of a photo's places, by gradient, from which patches are drawn.
    """

    size: int = 192
    per_photo: int = 64
    textured: float = 0.5


@dataclass(frozen=True)
class EncoderSettings:
    """How the encoder is built and trained.

    Attributes:
        channels: width at full resolution.
        features: length of the feature vector.
        samples: degraded patches, each drawn anew over the whole space; as many as fill whole buffers.
        buffer: how many of them are held and shuffled at a time.
        passes: how often each is seen.
        batch: patches a step.
        learning_rate: peak of the one-cycle schedule (Adam).
        threads: CPU threads; part of the settings because it changes the order of sums.
    """

    channels: int = 12
    features: int = 32
    samples: int = 48_000
    buffer: int = 8_000
    passes: int = 2
    batch: int = 64
    learning_rate: float = 3e-3
    threads: int = 1

    @property
    def buffers(self) -> int:
        """How many buffers are drawn."""
        return max(1, self.samples // self.buffer)

    @property
    def steps(self) -> int:
        """Steps of the training."""
        return self.buffers * self.passes * (self.buffer // self.batch)


@dataclass(frozen=True)
class SrganSettings:
    """How the generator is built and trained.

    Attributes:
        channels: width, and the length of the feature vector.
        blocks: residual blocks.
        steps: steps with the L1 loss alone.
        adversarial_steps: steps with the adversarial loss added.
        adversarial_weight: of the generator's adversarial loss beside L1.
        batch: patches a step.
        learning_rate: Adam, halved for the adversarial steps.
        threads: CPU threads; part of the settings because it changes the order of sums.
    """

    channels: int = 64
    blocks: int = 16
    steps: int = 20_000
    adversarial_steps: int = 20_000
    adversarial_weight: float = 1e-3
    batch: int = 16
    learning_rate: float = 2e-4
    threads: int = 1


@dataclass(frozen=True)
class BinFeatureSettings:
    """How the bins are described.

    Attributes:
        patches: HR patches degraded in each bin, the same ones in every bin.
        shards: jobs over which the bins are scattered; the result does not depend on it.
        threads: CPU threads of each job.
    """

    patches: int = 128
    shards: int = 2
    threads: int = 1


@dataclass(frozen=True)
class RefineSettings:
    """How bins are split, target by target.

    Attributes:
        rounds: rounds of splits; 0 crafts with the bins of the space.
        bins: bins described for one target in all rounds, those of the space among them, at most.
    """

    rounds: int = 0
    bins: int = 2000


@dataclass(frozen=True)
class ReferenceSettings:
    """How reference photos are cut.

    Attributes:
        per_photo: patches from each photo, at most.
        align: positions are multiples of it: 8 keeps the grid of JPEG blocks where training patches have it.
        threads: CPU threads.
    """

    per_photo: int = 32
    align: int = 8
    threads: int = 1


@dataclass(frozen=True)
class CraftSettings:
    """How the weights are chosen.

    Attributes:
        generalization: the dial: weight of KL(w || prior) in units of the prior's distance; 0 is the tightest fit,
            large values give back the full range. None (``auto``): chosen from `trade_off` by held-out photos.
        trade_off: dials for which the weights are chosen as well, to show what the dial does.
        tolerance: certified relative gap at which the solver stops.
        bootstrap: how often reference photos are drawn anew, for intervals; see `degcraft.bootstrap`.
    """

    generalization: float | None = 0.003
    trade_off: tuple[float, ...] = (0.0, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    tolerance: float = 1e-4
    bootstrap: int = 100


@dataclass(frozen=True)
class CertifySettings:
    """How the distance to the reference photos is judged.

    Attributes:
        photos: HR photos degraded with the crafted distribution, at least, some of them several times.
        simulations: sets of as many photos as there are reference photos, drawn from those and crafted for; 0 leaves
            the distance without a judgement.
        threads: CPU threads.
    """

    photos: int = 64
    simulations: int = 100
    threads: int = 1


@dataclass(frozen=True)
class PairSettings:
    """How many pairs, and in how many jobs.

    Attributes:
        count: pairs in all; the HR patches are passed through again and again until there are so many.
        shards: jobs over which they are scattered; the result does not depend on it.
    """

    count: int = 8000
    shards: int = 1


WITHOUT_EFFECT = frozenset({"checkpoint_every", "workers"})
"""Of `TrainSettings`, those that do not change what is trained."""


@dataclass(frozen=True)
class TrainSettings:
    """What is trained, and how.

    Attributes:
        network: ``compact`` (SRVGGNetCompact), ``srresnet``, ``rrdbnet``, or ``spandrel``: that of ``start``.
        channels: width.
        blocks: convolutions (compact) or residual blocks (srresnet, rrdbnet) between the first and the last layers.
        start: file of weights to start from, safetensors or .pth; fresh ones if None.
        steps: optimiser steps with the pixel loss alone.
        batch: patches a step.
        crop: side of the LR crops taken from the pairs, pixels.
        loss: ``l1`` or ``charbonnier``.
        learning_rate: Adam's, after the warm-up.
        schedule: how it falls: ``cosine``, to 0 at the last step, or ``multistep``.
        milestones: where ``multistep`` lets it fall, as shares of ``steps``.
        decay: by what factor.
        warmup: steps over which it rises from 0.
        gradient_clip: largest norm of a step's gradient, of the discriminator's too; longer ones are shortened to it. 0
            leaves them as they are.
        adversarial_steps: further steps with a discriminator; 0 for none.
        adversarial_weight: of the adversarial loss beside the pixel loss.
        adversarial_learning_rate: of both networks in these steps.
        discriminator_channels: width of the discriminator.
        perceptual: file of VGG weights for a perceptual loss in these steps; none if None.
        perceptual_weight: of it beside the pixel loss.
        ema: decay of the averaged weights, which are what is saved; 0 saves the last ones.
        amp: bfloat16 mixed precision on GPUs that compute in it.
        amp_on_cpu: and on CPUs that do (with AMX).
        compile: let torch generate code for the network, which needs a C++ compiler, or Triton on CUDA, and a minute.
        validation: HR patches that are held back to measure PSNR on, at most an eighth of all; 0 measures nothing.
        validate_every: steps between measurements.
        checkpoint_every: steps between checkpoints, from which a killed training goes on.
        processes: on each node, each with a GPU where there are any and an equal part of every batch.
        nodes: of a Slurm job.
        workers: processes that read pairs; 0 reads in the training process.
        threads: CPU threads; part of the settings because it changes the order of sums.
    """

    network: str = "compact"
    channels: int = 32
    blocks: int = 6
    start: str | None = None
    steps: int = 2000
    batch: int = 16
    crop: int = 24
    loss: str = "l1"
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    milestones: tuple[float, ...] = (0.5, 0.8, 0.9, 0.95)
    decay: float = 0.5
    warmup: int = 100
    gradient_clip: float = 0.0
    adversarial_steps: int = 0
    adversarial_weight: float = 0.1
    adversarial_learning_rate: float = 1e-4
    discriminator_channels: int = 64
    perceptual: str | None = None
    perceptual_weight: float = 1.0
    ema: float = 0.999
    amp: bool = True
    amp_on_cpu: bool = False
    compile: bool = False
    validation: int = 16
    validate_every: int = 500
    checkpoint_every: int = 500
    processes: int = 1
    nodes: int = 1
    workers: int = 0
    threads: int = 1

    @property
    def all_steps(self) -> int:
        """Of both stages."""
        return self.steps + self.adversarial_steps

    def amp_on(self, kind: str) -> bool:
        """Whether mixed precision is asked for on a ``cuda`` or ``cpu`` device."""
        return self.amp and (kind == "cuda" or self.amp_on_cpu)


@dataclass(frozen=True)
class EvaluateSettings:
    """How models are compared.

    Attributes:
        draws: how often each HR test photo is degraded for the test set ``full``; ``clean`` has each once.
        bootstrap: resamplings of the photos for the intervals.
        examples: restored test images that are kept for the report.
    """

    draws: int = 4
    bootstrap: int = 1000
    examples: int = 4


@dataclass(frozen=True)
class UpscaleSettings:
    """How images are taken apart.

    Attributes:
        tile: side of the tiles, LR pixels; larger images are worked through tile by tile.
        overlap: LR pixels of surroundings that a tile sees on every side; in a quarter of them, tiles fade into each
            other. From 4/3 of what the network sees to a side on, a tiled result equals an untiled one.
        ensemble: mean of the results for the eight flips and turns of an image (geometric self-ensemble).
        threads: CPU threads.
    """

    tile: int = 256
    overlap: int = 32
    ensemble: bool = False
    threads: int = 1
