"""The configuration: defaults, and every mistake named by its key."""

from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import yaml

from degcraft import settings
from degcraft.config import parse_config, parse_steps, parse_truth
from degcraft.errors import UserError
from degcraft.space import Choices, Range, Step

SECTIONS = {
    "photos": settings.PhotoSettings,
    "encoder": settings.EncoderSettings,
    "srgan": settings.SrganSettings,
    "bin_features": settings.BinFeatureSettings,
    "reference": settings.ReferenceSettings,
    "craft": settings.CraftSettings,
    "certify": settings.CertifySettings,
    "pairs": settings.PairSettings,
    "train": settings.TrainSettings,
    "evaluate": settings.EvaluateSettings,
    "upscale": settings.UpscaleSettings,
}
ELSEWHERE = {("train", "distributions"), ("train", "seeds")}  # keys that are no settings of the stage


@pytest.fixture(scope="session")
def schema(root):
    return yaml.safe_load((root / "workflow" / "schemas" / "config.schema.yaml").read_text())


@pytest.fixture
def raw(folder_of, make_photo, tmp_path, monkeypatch):
    """The smallest configuration, in a working directory with its folders."""
    monkeypatch.chdir(tmp_path)
    for name in ("hr", "reference", "lr", "truth"):
        folder_of(name, a=make_photo(8, 8))
    folder_of("empty")
    return {
        "hr": "hr",
        "scale": 4,
        "degradation": [
            {"blur": {"sigma": {"range": [0.2, 3.0], "bins": 2}}},
            {"resize": {"kind": ["bicubic"]}},
            {"jpeg": {"quality": {"range": [30, 95], "bins": 2}}},
        ],
        "targets": {"demo": {"reference": "reference"}},
        "train": {"distributions": ["full", "crafted"]},
    }


def with_value(raw, path, value):
    """A copy in which the key at a path, with dots, has another value."""
    result = copy.deepcopy(raw)
    *parents, last = path.split(".")
    place = result
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    place[int(last) if isinstance(place, list) else last] = value
    return result


def problems(raw, schema):
    with pytest.raises(UserError) as error:
        parse_config(raw, schema)
    return str(error.value)


def test_the_demo_parses(root, schema, monkeypatch):
    monkeypatch.chdir(root)
    raw = yaml.safe_load((root / "config" / "config.yaml").read_text())
    config = parse_config(raw, schema)
    assert config.scale == raw["scale"]
    assert [step.operator for step in config.degradation] == ["blur", "resize", "noise", "jpeg"]
    assert config.targets["demo"].tested
    assert config.train.steps == raw["train"]["steps"]
    assert config.expand(config.distributions) == ["full", "clean", "crafted-demo"]


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
    assert tuple(keys["train"]["properties"]["seeds"]["default"]) == config.seeds
    assert tuple(keys["degrade"]["properties"]["distributions"]["default"]) == config.degrade_distributions
    assert schema["$defs"]["numbers"]["anyOf"][1]["properties"]["bins"]["default"] == Range(0, 1).bins


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
        ("reference.perphoto", "per_photo"),
        ("craft.generalisation", "generalization"),
        ("pairs.counts", "count"),
        ("train.learningrate", "learning_rate"),
        ("evaluate.draw", "draws"),
        ("upscale.overlp", "overlap"),
        ("degrade.fotos", "photos"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_valid_one(path, nearest, raw, schema):
    where, _, key = path.rpartition(".")
    text = problems(with_value(raw, path, 1), schema)
    assert f"{where or 'configuration'}: unknown key {key!r}; did you mean {nearest!r}?" in text.splitlines()


def test_a_key_like_no_other_comes_with_the_valid_ones(raw, schema):
    assert "valid keys: generalization, tolerance, bootstrap" in problems(with_value(raw, "craft.xyz", 1), schema)


def test_every_mistake_has_its_line(raw, schema):
    wrong = with_value(with_value(with_value(raw, "scale", 3), "seed", -1), "trian", 1)
    lines = problems(wrong, schema).splitlines()
    assert len(lines) == 3
    assert {line.split(":")[0] for line in lines} == {"scale", "seed", "configuration"}


ONE_AXIS = [{"resize": {"kind": "bicubic"}}, {"jpeg": {"quality": {"range": [30, 90], "bins": 2}}}]
MISTAKES = [
    ("scale", 3, ["scale", "2", "4"]),
    ("scale", "4", ["scale"]),
    ("seed", -1, ["seed"]),
    ("seed", 1.5, ["seed"]),
    ("hr", "nowhere", ["hr", "nowhere", "no folder"]),
    ("hr", "empty", ["hr", "empty", "holds no"]),
    ("hr", 3, ["hr"]),
    ("photos.size", 190, ["photos.size", "190", "scale"]),
    ("photos.size", 16, ["photos.size"]),
    ("photos.textured", 0, ["photos.textured"]),
    ("photos.textured", 1.5, ["photos.textured"]),
    ("degradation", [], ["degradation"]),
    ("degradation", ONE_AXIS[1:], ["degradation", "resize", "exactly once"]),
    ("degradation", ONE_AXIS + ONE_AXIS[:1], ["degradation", "resize", "exactly once"]),
    ("degradation", ONE_AXIS[:1], ["degradation", "no axis varies"]),
    ("degradation.0", "blur", ["degradation.0", "blur"]),
    ("degradation.0", {"blur": None}, ["degradation.0.blur"]),
    ("degradation.0", {"blur": {}}, ["degradation", "blur needs 'sigma'"]),
    ("degradation.0", {"blur": {"sigma": 1}, "noise": {"sigma": 2}}, ["degradation.0"]),
    ("degradation.0.blur.sigma", {"range": [3, 1]}, ["degradation", "blur_sigma", "[3, 1]", "rise"]),
    ("degradation.0.blur.sigma", {"range": [1]}, ["degradation.0.blur.sigma.range"]),
    ("degradation.0.blur.sigma", {"range": [1, 99]}, ["degradation", "blur_sigma", "[0, 20]"]),
    ("degradation.0.blur.sigma", {"range": [math.nan, 1]}, ["degradation", "blur.sigma"]),
    ("degradation.0.blur.sigma", {"bins": 3}, ["degradation.0.blur.sigma", "'range'"]),
    ("degradation.0.blur.sigma", {"range": [1, 2], "bins": 0}, ["degradation.0.blur.sigma.bins"]),
    ("degradation.0.blur.sigma", "wide", ["degradation.0.blur.sigma", "wide"]),
    ("degradation.0.blur.ratio", {"range": [0.2, 1]}, ["degradation", "blur", "ratio", "anisotropic"]),
    ("degradation.0.blur.angle", 45, ["degradation", "blur", "angle", "anisotropic"]),
    ("degradation.0.blur.kind", ["round"], ["degradation", "blur_kind", "round", "anisotropic"]),
    ("degradation.1.resize.kind", ["lanczos"], ["degradation", "resize_kind", "lanczos", "bicubic"]),
    ("degradation.1.resize.kind", 3, ["degradation.1.resize.kind"]),
    ("degradation.1.resize.kind", ["area", "area"], ["degradation.1.resize.kind"]),
    ("degradation.2.jpeg.quality", {"range": [0, 90]}, ["degradation", "jpeg_quality", "[1, 100]"]),
    ("degradation.2.jpeg.quality", {"range": [30, 101]}, ["degradation", "jpeg_quality", "[1, 100]"]),
    ("targets", {}, ["targets"]),
    ("targets.demo", None, ["targets.demo"]),
    ("targets.demo", {}, ["targets.demo", "'reference'", "'truth'"]),
    ("targets.full", {"reference": "reference"}, ["targets", "'full'", "none of full, clean"]),
    ("targets.my-phone", {"reference": "reference"}, ["targets", "'my-phone'", "letters, digits"]),
    ("targets.2020", {"reference": "nowhere"}, ["targets.2020.reference", "nowhere"]),
    ("targets.demo.reference", "empty", ["targets.demo.reference", "empty", "holds no"]),
    ("targets.demo.test", {"lr": "lr"}, ["targets.demo.test", "'hr'"]),
    ("targets.demo.test", {"lr": "nowhere", "hr": "hr"}, ["targets.demo.test.lr", "nowhere"]),
    ("targets.demo.upscale", "nowhere", ["targets.demo.upscale", "nowhere"]),
    ("targets.demo.photos", "hr", ["targets.demo", "'photos'", "'reference'"]),
    ("targets.made", {"truth": {"blur_sigma": [1, 2]}}, ["targets.made", "needs the key 'photos'"]),
    ("targets.made", {"truth": {}, "photos": "truth"}, ["targets.made.truth"]),
    ("targets.made", {"truth": {"fog_density": 1}, "photos": "truth"}, ["targets.made", "fog_density", "no axis"]),
    ("targets.made", {"truth": {"blur_sigma": [2, 1]}, "photos": "truth"}, ["targets.made", "blur_sigma", "rise"]),
    ("targets.made", {"truth": {"jpeg_quality": 101}, "photos": "truth"}, ["targets.made", "jpeg_quality"]),
    ("targets.made", {"truth": {"resize_kind": "lanczos"}, "photos": "truth"}, ["targets.made", "lanczos"]),
    ("extractor", "encodr", ["extractor", "encodr", "encoder", "srgan"]),
    ("encoder", {"samples": 100}, ["encoder", "samples"]),
    ("encoder", {"buffer": 32}, ["encoder", "buffer", "batch"]),
    ("encoder.batch", 1, ["encoder.batch"]),
    ("craft.generalization", -0.1, ["craft.generalization"]),
    ("craft.generalization", math.nan, ["craft.generalization"]),
    ("craft.generalization", math.inf, ["craft.generalization"]),
    ("craft.tolerance", 0, ["craft.tolerance"]),
    ("train", {}, ["train", "'distributions'"]),
    ("train.distributions", [], ["train.distributions"]),
    ("train.distributions", ["fulll"], ["train.distributions", "fulll", "full"]),
    ("train.distributions", ["full", "full"], ["train.distributions"]),
    ("train.distributions", ["oracle"], ["train.distributions", "oracle", "truth"]),
    ("train.crop", 49, ["train.crop", "49", "48"]),
    ("train.crop", 4, ["train.crop"]),
    ("train.ema", 1, ["train.ema"]),
    ("train.network", "esrgan", ["train.network", "compact", "srresnet"]),
    ("train.learning_rate", "1e-3", ["train.learning_rate"]),
    ("train.seeds", [], ["train.seeds"]),
    ("train.steps", 0, ["train.steps"]),
    ("bin_features.shards", 5, ["bin_features.shards", "5", "4"]),
    ("pairs", {"count": 2, "shards": 3}, ["pairs.shards", "3", "2"]),
    ("degrade", {"photos": "nowhere"}, ["degrade.photos", "nowhere"]),
    ("degrade", {"distributions": ["full"]}, ["degrade", "'photos'"]),
    ("degrade", {"photos": "hr", "distributions": ["oracle"]}, ["degrade.distributions", "oracle", "truth"]),
]


@pytest.mark.parametrize(("path", "value", "words"), MISTAKES, ids=[f"{p}={v!r}"[:50] for p, v, _ in MISTAKES])
def test_a_mistake_is_named_by_its_key(path, value, words, raw, schema):
    text = problems(with_value(raw, path, value), schema)
    for word in words:
        assert word in text
    assert "Traceback" not in text
    assert "(?:" not in text  # no regular expression


@pytest.mark.parametrize("key", ["hr", "scale", "degradation", "targets", "train"])
def test_a_missing_key_is_named(key, raw, schema):
    del raw[key]
    assert problems(raw, schema) == f"configuration: needs the key {key!r}"


@pytest.mark.parametrize("text", ["", "[]", "degcraft"])
def test_a_file_that_is_no_mapping_is_refused(text, schema):
    assert problems(yaml.safe_load(text), schema).startswith("configuration: ")


def test_a_target_whose_name_yaml_takes_for_a_number(raw, schema):
    raw["targets"] = yaml.safe_load("{2020: {reference: reference}}")
    try:
        names = list(parse_config(raw, schema).targets)
    except UserError as error:
        assert "2020" in str(error)  # either is fine: a name, or an explanation
    else:
        assert names == ["2020"]


@pytest.mark.parametrize("path", ["scale", "seed", "photos.size", "pairs.count", "train.crop", "train.seeds"])
def test_whole_numbers_are_integers_however_they_are_written(path, raw, schema):
    values = {"scale": 4.0, "seed": 7.0, "photos.size": 192.0, "pairs.count": 9.0, "train.crop": 24.0}
    changed = with_value(raw, path, values.get(path, [0.0]))  # JSON Schema takes 4.0 for an integer
    try:
        config = parse_config(changed, schema)
    except UserError as error:
        assert path in str(error)
        return
    found = [config.scale, config.seed, config.photos.size, config.pairs.count, config.train.crop, *config.seeds]
    assert {type(value) for value in found} == {int}


def test_settings_in_every_notation():
    steps = parse_steps(
        [{"blur": {"sigma": 1.5, "kind": "anisotropic", "ratio": {"range": [0.2, 1]}}}, {"resize": {"kind": ["area"]}}]
    )
    sigma, kind, ratio = Range(1.5, 1.5), Choices(("anisotropic",)), Range(0.2, 1.0)
    assert steps[0] == Step("blur", (("sigma", sigma), ("kind", kind), ("ratio", ratio)))
    assert steps[1] == Step("resize", (("kind", Choices(("area",))),))
    truth = parse_truth({"blur_sigma": [1, 2], "noise_sigma": 4, "resize_kind": "area", "blur_kind": ["isotropic"]})
    assert truth == (
        ("blur_sigma", Range(1.0, 2.0)),
        ("noise_sigma", Range(4.0, 4.0)),
        ("resize_kind", Choices(("area",))),
        ("blur_kind", Choices(("isotropic",))),
    )


def test_distributions_stand_for_one_of_each_target(raw, schema):
    made = {"truth": {"blur_sigma": [1, 2]}, "photos": "truth"}
    changed = with_value(with_value(raw, "targets.made", made), "train.distributions", ["clean", "crafted", "oracle"])
    config = parse_config(changed, schema)
    assert config.expand(config.distributions) == ["clean", "crafted-demo", "crafted-made", "oracle-made"]
    assert config.targets["made"].tested


def test_an_extractor_of_ones_own(raw, schema, tmp_path):
    (tmp_path / "mine.safetensors").write_bytes(b"")
    config = parse_config(raw | {"extractor": "mine.safetensors"}, schema)
    assert config.extractor == "checkpoint-mine"
    assert config.checkpoint.name == "mine.safetensors"
