"""The schema of the configuration beside what it describes: the stages' settings and the operators."""

from __future__ import annotations

import dataclasses

import pytest

from degcraft import settings
from degcraft.axes import Range, Step
from degcraft.config import parse_config
from degcraft.operators import OPERATORS

SECTIONS = {
    "photos": settings.PhotoSettings,
    "encoder": settings.EncoderSettings,
    "srgan": settings.SrganSettings,
    "bin_features": settings.BinFeatureSettings,
    "refine": settings.RefineSettings,
    "reference": settings.ReferenceSettings,
    "craft": settings.CraftSettings,
    "certify": settings.CertifySettings,
    "pairs": settings.PairSettings,
    "train": settings.TrainSettings,
    "evaluate": settings.EvaluateSettings,
    "upscale": settings.UpscaleSettings,
}
ELSEWHERE = {("train", "distributions"), ("train", "seeds")}  # keys that are no settings of the stage


def test_the_smallest_configuration_has_the_defaults(raw, schema):
    config = parse_config(raw, schema)
    for section, kind in SECTIONS.items():
        assert getattr(config, section) == kind()
    assert (config.seed, config.seeds, config.extractor, config.checkpoint) == (0, (0,), "encoder", None)
    assert config.degrade_photos is None
    assert config.degradation[0] == Step("blur", (("sigma", Range(0.2, 3.0, 2)),))
    assert not config.targets["demo"].tested


@pytest.mark.parametrize(
    ("section", "field"), [(name, f.name) for name, kind in SECTIONS.items() for f in dataclasses.fields(kind)]
)
def test_schema_and_settings_have_the_same_defaults(section, field, schema):
    default = {f.name: f.default for f in dataclasses.fields(SECTIONS[section])}[field]
    documented = schema["properties"][section]["properties"][field]
    default = list(default) if isinstance(default, tuple) else default  # YAML has no tuples
    assert documented["default"] == default
    assert type(documented["default"]) is type(default) or isinstance(default, float)
    assert documented["description"]


@pytest.mark.parametrize("section", SECTIONS)
def test_schema_has_no_key_that_the_settings_lack(section, schema):
    known = {f.name for f in dataclasses.fields(SECTIONS[section])}
    assert {key for key in schema["properties"][section]["properties"] if (section, key) not in ELSEWHERE} == known


def test_defaults_of_what_is_no_stages_setting(raw, schema):
    config = parse_config(raw | {"degrade": {"photos": "hr"}}, schema)
    keys = schema["properties"]
    assert keys["seed"]["default"] == config.seed
    assert keys["extractor"]["default"] == config.extractor
    assert keys["onnx"]["default"] == config.onnx
    assert tuple(keys["train"]["properties"]["seeds"]["default"]) == config.seeds
    assert tuple(keys["degrade"]["properties"]["distributions"]["default"]) == config.degrade_distributions
    degrade = keys["degrade"]["properties"]
    assert (degrade["pairs"]["default"], degrade["lmdb"]["default"]) == (config.degrade_pairs, config.degrade_lmdb)
    assert schema["$defs"]["numbers"]["anyOf"][2]["properties"]["bins"]["default"] == Range(0, 1).bins


def test_every_object_of_the_schema_refuses_unknown_keys(schema):
    def objects(node, path="schema"):
        if isinstance(node, dict):
            if node.get("type") == "object" and "additionalProperties" not in node:
                yield path
            for key, value in node.items():
                yield from objects(value, f"{path}.{key}")
        elif isinstance(node, list):
            for i, value in enumerate(node):
                yield from objects(value, f"{path}.{i}")

    assert list(objects(schema)) == []


def test_schema_and_operators_name_the_same_parameters_and_choices(schema):
    documented = schema["properties"]["degradation"]["items"]["properties"]
    assert set(documented) == set(OPERATORS)
    for name, operator in OPERATORS.items():
        keys = documented[name]["properties"]
        assert set(keys) == {parameter.name for parameter in operator.parameters}
        for parameter in operator.parameters:
            kind = "numbers" if parameter.choices is None else "words"
            assert keys[parameter.name]["$ref"] == f"#/$defs/{kind}"
            for choice in parameter.choices or ():
                assert choice in keys[parameter.name]["description"]
