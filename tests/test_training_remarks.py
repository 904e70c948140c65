"""What looks wrong with the settings of a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from degcraft.config import parse_config
from degcraft.training_remarks import training_remarks


@pytest.fixture
def config(raw, schema):
    """Crops of 24 from patches of 48, and every pair 20 times."""
    raw |= {"photos": {"size": 192}, "pairs": {"count": 8000}}
    raw["train"] |= {"crop": 24, "steps": 10000, "batch": 16}
    config = parse_config(raw, schema)
    tested = replace(config.targets["demo"], test=(Path("test/lr"), Path("test/hr")))
    return replace(config, targets={"demo": tested})


def remarks_on(config, patches=8000):
    return training_remarks(config, patches)


def test_settings_that_go_together(config):
    assert list(remarks_on(config)) == []


def test_a_crop_that_cannot_move(config):
    (text,) = remarks_on(replace(config, train=replace(config.train, crop=48)))
    assert text.startswith("train.crop is the whole LR patch (photos.size / scale = 48)")


def test_pairs_that_are_seen_too_often(config):
    assert list(remarks_on(replace(config, train=replace(config.train, steps=50000)))) == []
    (text,) = remarks_on(replace(config, train=replace(config.train, steps=30000, adversarial_steps=21000)))
    assert text.startswith("Every pair is trained on 102 times. Raise pairs.count")


def test_patches_without_a_pair(config):
    (text,) = remarks_on(config, 8001)
    assert text.startswith("pairs.count: 1 of 8001 HR patches are never seen") and "set it to 8001 or more" in text


def test_a_warm_up_as_long_as_the_training(config):
    assert list(remarks_on(replace(config, train=replace(config.train, warmup=9999)))) == []
    (text,) = remarks_on(replace(config, train=replace(config.train, warmup=10000)))
    assert text.startswith("train.warmup: the learning rate rises over 10000 steps, and there are 10000.")


def test_models_that_nothing_compares(config):
    untested = replace(config, targets={"demo": replace(config.targets["demo"], test=None)})
    (text,) = remarks_on(replace(untested, distributions=("full", "crafted-0.1", "clean", "crafted")))
    assert text.startswith(
        "train.distributions: no target has test pairs, so models are not compared, and training full, clean "
    )
    assert list(remarks_on(replace(untested, distributions=("crafted", "crafted-0.1")))) == []
    assert list(remarks_on(replace(untested, distributions=("full", "clean")))) == []


def test_photos_to_super_resolve_without_a_crafted_model(raw, config):
    album = replace(config.targets["demo"], upscale=Path("reference"))
    assert list(remarks_on(replace(config, targets={"demo": album}))) == []
    without = replace(config, targets={"demo": album}, distributions=("full", "clean"))
    (text,) = remarks_on(without)
    assert text.startswith("targets.demo.upscale: no crafted model is trained, so nothing is super-resolved.")
    assert list(remarks_on(replace(config, distributions=("full", "clean")))) == []
