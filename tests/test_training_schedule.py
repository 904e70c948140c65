"""The learning rate."""

from __future__ import annotations

import dataclasses

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


def test_multistep_falls_at_the_milestones():
    settings = dataclasses.replace(
        SETTINGS, steps=100, warmup=4, schedule="multistep", milestones=(0.5, 0.8, 0.9), decay=0.1
    )
    rates = [learning_rate(settings, step) / settings.learning_rate for step in range(100)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4:50] == pytest.approx([1.0] * 46)
    assert rates[50:80] == pytest.approx([0.1] * 30)
    assert rates[80:90] == pytest.approx([0.01] * 10)
    assert rates[90:] == pytest.approx([0.001] * 10)


def test_without_a_warm_up_it_starts_at_the_peak():
    assert learning_rate(dataclasses.replace(SETTINGS, warmup=0), 0) == SETTINGS.learning_rate


def test_it_is_constant_in_the_adversarial_steps():
    settings = dataclasses.replace(SETTINGS, adversarial_steps=10, adversarial_learning_rate=7e-5)
    assert [learning_rate(settings, step) for step in (120, 125, 129)] == [7e-5] * 3
    assert learning_rate(settings, 119) == learning_rate(SETTINGS, 119)
