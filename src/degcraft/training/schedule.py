"""The learning rate as a function of the step, so that no checkpoint has to hold it."""

from __future__ import annotations

import math

from degcraft.settings import TrainSettings


def learning_rate(settings: TrainSettings, step: int) -> float:
    """Linear warm-up; then a cosine to 0 at the last step, or a fall at every milestone; constant with an adversary.

    Args:
        settings: peak, steps, warm-up and the kind of schedule.
        step: counted from 0.
    """
    if step >= settings.steps:
        return settings.adversarial_learning_rate
    rise = min(1.0, (step + 1) / max(settings.warmup, 1))
    return settings.learning_rate * rise * _FALLS[settings.schedule](settings, step)


def _cosine(settings: TrainSettings, step: int) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * step / settings.steps))


def _multistep(settings: TrainSettings, step: int) -> float:
    passed = sum(step >= share * settings.steps for share in settings.milestones)
    return float(settings.decay**passed)


_FALLS = {"cosine": _cosine, "multistep": _multistep}
