"""What looks wrong with the settings of a training, before it begins."""

from __future__ import annotations

from collections.abc import Iterator

from degcraft.config import Config
from degcraft.names import Name
from degcraft.words import some

MANY = 100  # times that a pair is trained on; beyond, a network rather learns the pairs by heart


def training_remarks(config: Config, patches: int) -> Iterator[str]:
    """A sentence or two for each setting that does not go with the others, with what to do.

    Args:
        config: of the run.
        patches: HR patches that there will be.
    """
    train, patch = config.train, config.photos.size // config.scale
    if train.crop == patch:
        yield (
            f"train.crop is the whole LR patch (photos.size / scale = {patch}), so that crops cannot move. Raise "
            "photos.size, or lower train.crop."
        )
    if "crafted" not in config.distributions:
        for name, target in config.targets.items():
            if target.upscale is not None:
                yield (
                    f"targets.{name}.upscale: no crafted model is trained, so nothing is super-resolved. Add crafted "
                    "to train.distributions."
                )
    compared = [name for name in config.distributions if Name.parse(name).kind != "crafted"]
    if compared and "crafted" in config.distributions and not any(t.tested for t in config.targets.values()):
        yield (
            f"train.distributions: no target has test pairs, so models are not compared, and training {some(compared)} "
            "only costs time: crafted is what super-resolves. Set it to [crafted]."
        )
    if train.warmup >= train.steps:
        yield (
            f"train.warmup: the learning rate rises over {train.warmup} steps, and there are {train.steps}. Lower it "
            "to a tenth of train.steps or less."
        )
    if config.pairs.count < patches:
        yield (
            f"pairs.count: {patches - config.pairs.count} of {patches} HR patches are never seen, as there are fewer "
            f"pairs; set it to {patches} or more."
        )
    times = train.all_steps * train.batch / config.pairs.count
    if times > MANY:
        yield (
            f"Every pair is trained on {times:.0f} times. Raise pairs.count: more pairs show more degradations, and "
            "take no more training."
        )
