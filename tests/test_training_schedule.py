"""The learning rate."""

from __future__ import annotations

import pytest

from degcraft.settings import TrainSettings
from degcraft.training.schedule import learning_rate

SETTINGS = TrainSettings(steps=120, warmup=10, learning_rate=3e-3)


def test_it_rises_and_falls_on_a_cosine():
    rates = [learning_rate(SETTINGS, step) for step in range(SETTINGS.steps)]
    assert rates[0] == pytest.approx(SETTINGS.learning_rate / 10)
    assert rates[:9] == sorted(rates[:9])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[60] == pytest.approx(SETTINGS.learning_rate / 2)  # half way down the cosine
    assert 0 < rates[-1] < 1e-3 * SETTINGS.learning_rate
