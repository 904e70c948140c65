"""The learning rate as a function of the step, so that no checkpoint has to hold it."""

from __future__ import annotations

import numpy as np

from degcraft.settings import TrainSettings


def learning_rate(settings: TrainSettings, step: int) -> float:
    """Linear warm-up, then a cosine to 0 at the last step.

    Args:
        settings: peak, steps and warm-up.
        step: counted from 0.
    """
    rise = min(1.0, (step + 1) / max(settings.warmup, 1))
    return float(settings.learning_rate * rise * 0.5 * (1.0 + np.cos(np.pi * step / settings.steps)))
