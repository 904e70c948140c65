"""How large a run will be: patches, pairs, models, bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from degcraft.config import Config
from degcraft.extractor import feature_length, load_extractor
from degcraft.names import Name
from degcraft.networks import NetworkSpec
from degcraft.patches import count_positions
from degcraft.sharing import FOLDS
from degcraft.space import Space, build


@dataclass(frozen=True)
class Counts:
    """What a run makes.

    Attributes:
        space: the bins that there are at first.
        bins: that are described, those that are split off later included.
        patches: HR patches.
        pairs: in all distributions.
        models: distributions times seeds.
        upscaled: LR pixels that are super-resolved for the user.
        tests: models times the targets that each is tested on.
        tested: HR pixels that they make in all of these tests.
        degraded: pixels of photos that are degraded for other programs, in all distributions.
        bytes: on disk, by what takes most of it.
    """

    space: Space
    bins: int
    patches: int
    pairs: int
    models: int
    upscaled: int
    tests: int
    tested: int
    degraded: int
    bytes: dict[str, int]


def counts(
    config: Config,
    hr: Sequence[tuple[int, int]],
    upscaled: int = 0,
    tested: Mapping[str, int] | None = None,
    degraded: int = 0,
) -> Counts:
    """Count what a run makes, without making it.

    Args:
        config: of the run.
        hr: width and height of every usable HR photo.
        upscaled: pixels of all photos that will be super-resolved.
        tested: pixels of the HR test photos of each target that has some, by its name.
        degraded: pixels of all photos of ``degrade.photos``.
    """
    side, photos = config.photos.size, config.photos
    cut = side, photos.per_photo, config.scale, photos.textured
    patches = sum(count_positions(height, width, *cut) for width, height in hr)
    space = build(config.degradation)
    bins = len(space)
    distributions = len(config.expand(config.distributions))
    targets = len(config.targets)
    lr = (side // config.scale) ** 2 * 3
    upscaled *= "crafted" in config.distributions
    sets = 2 + config.evaluate.draws  # the target's own test set, `clean`, and the draws of `full`
    found = {
        "HR patches": patches * side**2 * 3,
        "pairs": distributions * config.pairs.count * lr,
        "moments of the bins": _moments(config, space, min(config.bin_features.patches, patches)),
        "super-resolved photos, at most": upscaled * config.scale**2 * 3,
        "degraded photos, at most": _degraded(config, degraded),
    }
    described = bins + (config.refine.bins - bins) * targets * bool(config.refine.rounds)
    models, pairs = distributions * len(config.seeds), distributions * config.pairs.count
    tests = [
        pixels * sets
        for distribution in config.expand(config.distributions)
        for target, pixels in (tested or {}).items()
        if Name.parse(distribution).target in ("", target)
    ] * len(config.seeds)
    degraded *= len(config.expand(config.degrade_distributions))
    return Counts(space, described, patches, pairs, models, upscaled, len(tests), sum(tests), degraded, found)


def extractor_spec(config: Config) -> NetworkSpec:
    """The network that describes patches: the user's own, or one like that which is trained for it.

    Raises:
        UserError: the user's own cannot be read.
    """
    if config.checkpoint is not None:
        return load_extractor(config.checkpoint)[1]
    if config.extractor == "srgan":
        gan = config.srgan
        return NetworkSpec.of("srresnet", channels=gan.channels, blocks=gan.blocks, scale=config.scale)
    encoder = config.encoder
    return NetworkSpec.of("encoder", channels=encoder.channels, features=encoder.features, outputs=1)


def _moments(config: Config, space: Space, patches: int) -> int:
    """Bytes of all files of the bins' moments: the space's, and of each target one a round, in which bins add up."""
    features = feature_length(extractor_spec(config))
    a_bin = (1 + FOLDS) * (features + features**2) * 8
    tables, rounds = [len(space)], config.refine.rounds
    if rounds:
        a_bin += patches * (features + len(space.names)) * 4  # the samples themselves
        each = (config.refine.bins - len(space)) / rounds
        tables += [round(len(space) + each * k) for k in range(1, rounds + 1)] * len(config.targets)
    return sum(tables) * a_bin


def _degraded(config: Config, pixels: int) -> int:
    """Bytes of the folders of `degrade`: LR photos, which the pairs share where files can be linked, HR ones, LMDB."""
    hr, lr = pixels * 3, pixels * 3 // config.scale**2
    each = lr + config.degrade_pairs * (hr + config.degrade_lmdb * (hr + lr))
    return each * len(config.expand(config.degrade_distributions))
