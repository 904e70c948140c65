"""What the schema finds wrong, in words."""

from __future__ import annotations

import re

import pytest
import yaml
from test_config import problems, with_value

from degcraft.config import parse_config
from degcraft.errors import UserError


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("trian", "train"),
        ("photos.per_foto", "per_photo"),
        ("degradation.0.blurr", "blur"),
        ("degradation.0.blur.sigmma", "sigma"),
        ("degradation.0.blur.sigma.binz", "bins"),
        ("degradation.1.resize.kid", "kind"),
        ("degradation.2.jpeg.qualty", "quality"),
        ("targets.demo.refrence", "reference"),
        ("targets.demo.test.lrr", "lr"),
        ("encoder.chanels", "channels"),
        ("srgan.bloks", "blocks"),
        ("bin_features.patchs", "patches"),
        ("refine.round", "rounds"),
        ("reference.perphoto", "per_photo"),
        ("craft.generalisation", "generalization"),
        ("pairs.counts", "count"),
        ("train.learningrate", "learning_rate"),
        ("train.lr", "learning_rate"),
        ("train.batch_size", "batch"),
        ("train.total_iter", "steps"),
        ("evaluate.draw", "draws"),
        ("upscale.overlp", "overlap"),
        ("degrade.fotos", "photos"),
        ("onxx", "onnx"),
        ("lpips.liner", "linear"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_valid_one(path, nearest, raw, schema):
    where, _, key = path.rpartition(".")
    text = problems(with_value(raw, path, 1), schema)
    assert f"{where or 'configuration'}: unknown key {key!r}; did you mean {nearest!r}?" in text.splitlines()


def test_a_key_like_no_other_comes_with_the_valid_ones(raw, schema):
    assert "valid keys: generalization, trade_off, tolerance, bootstrap" in problems(
        with_value(raw, "craft.xyz", 1), schema
    )


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("encoder.steps", ", which belongs to degradation.shuffle, srgan and train; valid keys: channels, features"),
        ("photos.patches", ", which belongs to bin_features; valid keys: size, per_photo"),
        ("train.scale", ", which belongs to the top level and degradation.noise; valid keys: distributions"),
        ("train.seed", ", which belongs to the top level; did you mean 'seeds'?"),
        ("targets.demo.lr", ", which belongs to targets.<name>.test; valid keys: reference"),
        ("degradation.0.blur.range", ", which belongs to a parameter of an operator; valid keys: kind"),
        ("per_photo", ", which belongs to photos and reference; valid keys: hr"),
        ("encoder.epochs", "; valid keys: channels"),
        ("degrade.folder", "; valid keys: photos"),
        ("upscale.factor", "; valid keys: tile"),
        ("HR", "; did you mean 'hr'?"),
        ("train.learning-rate", "; did you mean 'learning_rate'?"),
        ("degradation.2.jpg", "; did you mean 'jpeg'?"),
    ],
)
def test_a_key_is_not_taken_for_one_that_it_hardly_resembles(path, hint, raw, schema):
    where, _, key = path.rpartition(".")
    start = f"{where or 'configuration'}: unknown key {key!r}{hint}"
    assert any(line.startswith(start) for line in problems(with_value(raw, path, 1), schema).splitlines())


EMPTY = {
    "hr": "give a folder of sharp photos (PNG, JPEG, WebP, TIFF) from which training patches are cut",
    "scale": "give 2 or 4",
    "seed": "give a whole number, or leave it out, which means 0",
    "onnx": "give true or false, or leave it out, which means false",
    "photos": "give it some of size, per_photo, textured, indented below it, or leave it out",
    "train": "give it 'distributions', indented below it",
    "train.seeds": "give a list, or leave it out, which means [0]",
    "train.loss": "give 'l1' or 'charbonnier', or leave it out, which means 'l1'",
    "lpips": "give it 'backbone' and 'linear', indented below it, or leave it out",
    "craft.generalization": "give a number or 'auto', or leave it out, which means 0.003",
    "degradation": "give a list, each entry one of blur, rescale, resize, noise, jpeg, shuffle",
    "degradation.0": "give it one of blur, rescale, resize, noise, jpeg, shuffle, indented below it",
    "train.distributions.0": "give full, clean, crafted or oracle (one for each target), or crafted with a value of "
    "the dial, as in crafted-0.1",
    "degradation.0.blur.sigma.range": "give two numbers, lower and upper",
    "degradation.0.blur.sigma.bins": "give a whole number, or leave it out, which means 1",
    "targets": "give it the sources to be restored, by name, indented below it",
    "targets.demo": "give it either 'reference' (and 'test', if there is any), or 'truth' and 'photos', indented below "
    "it",
    "targets.demo.upscale": "give a folder of photos to super-resolve with the crafted model, or leave it out",
}


@pytest.mark.parametrize(("path", "remedy"), EMPTY.items())
def test_a_key_with_nothing_behind_it_is_told_what_belongs_there(path, remedy, raw, schema):
    assert problems(with_value(raw, path, None), schema) == f"{path}: is empty; {remedy}"


def test_no_word_of_python_or_of_the_schema_in_any_message_about_a_value(raw, schema):
    def keys(node, path):
        for key, value in node.get("properties", {}).items():
            yield (*path, key)
            yield from keys(value, (*path, key))

    paths = [".".join(path) for path in keys(schema, ()) if path[:2] != ("degradation", "items")]
    paths += ["targets.demo", "targets.demo.test.lr", "degradation.0", "degradation.0.blur", "degradation.0.blur.sigma"]
    paths += ["degradation.0.blur.kind", "degradation.0.blur.sigma.range.0", "train.seeds.0", "train.distributions.0"]
    whole = raw | {"lpips": {"backbone": "hr/a.png", "linear": "hr/a.png"}, "degrade": {"photos": "hr"}}
    whole["train"] |= {"seeds": [0]}
    foreign = re.compile(r"None|True|False|dict|null|of type|string|integer|array|object|non-empty|\{'")
    for path in paths:
        for value in (None, True, "word", 3, 1.5, -1, [], [1], [{"a": 1}], {}, {"a": [1]}):
            try:
                parse_config(with_value(whole, path, value), schema)
            except UserError as error:
                assert all(len(line) < 500 and not foreign.search(line) for line in str(error).splitlines()), str(error)


@pytest.mark.parametrize(
    ("key", "home"),
    [("upscale", "targets.<name>.upscale"), ("reference", "targets.<name>.reference"), ("photos", "hr")],
)
def test_a_folder_behind_a_section_of_settings_is_told_where_it_belongs(key, home, raw, schema):
    text = problems(with_value(raw, key, "photos/all"), schema)
    assert text.startswith(f"{key}: 'photos/all' is not a table; give it some of ")
    assert text.endswith(f", indented below it; a folder belongs to {home}")
    assert "a folder" not in problems(with_value(raw, key, 3), schema)
    assert "a folder" not in problems(with_value(raw, "encoder", "photos/all"), schema)


@pytest.mark.parametrize("name", ["crafted-demo", "oracle-a.much.longer.name", "crafted-demo-0.1"])
def test_one_target_alone_cannot_be_chosen(name, raw, schema):
    raw["degrade"] = {"photos": "hr", "distributions": [name]}
    raw["train"] |= {"distributions": ["full", name]}
    kind = name.partition("-")[0]
    hint = f"; write {kind!r}, which is for every target: one alone cannot be chosen"
    both = problems(raw, schema).splitlines()
    assert [text.partition(": ")[0] for text in both] == ["degrade.distributions.0", "train.distributions.1"]
    assert all(text.endswith(hint) for text in both)


def test_a_number_that_yaml_takes_for_text_is_shown_as_it_should_be_written(raw, schema):
    raw["train"] |= yaml.safe_load("{learning_rate: 1e-4}")
    assert problems(raw, schema).endswith("'1e-4' is not a number; YAML reads it as text, write 0.0001")
