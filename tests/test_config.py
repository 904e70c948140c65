"""The configuration: defaults, and every mistake named by its key."""

from __future__ import annotations

import copy
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from degcraft import onnx_model
from degcraft.config import parse_config
from degcraft.errors import UserError


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


def test_weights_to_start_from_are_looked_for(raw, schema):
    raw["train"]["start"] = "weights.pth"
    assert problems(raw, schema).startswith("train.start: no file 'weights.pth'")
    raw["train"] |= {"start": None, "perceptual": "vgg.pth", "adversarial_steps": 1}
    assert problems(raw, schema).startswith("train.perceptual: no file 'vgg.pth'")
    raw["train"] |= {"perceptual": "hr/a.png", "adversarial_steps": 0}
    assert problems(raw, schema).startswith("train.perceptual: belongs to the adversarial steps")
    raw["train"] |= {"perceptual": None, "network": "spandrel"}
    assert problems(raw, schema).startswith("train.network: 'spandrel' takes the network from its weights")


def test_weights_to_start_from_are_none_that_the_run_makes(raw, schema, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (made := tmp_path / "results/models/full/seed0/model.safetensors").parent.mkdir(parents=True)
    made.touch()
    (kept := tmp_path / "results/checkpoints/full-seed0.pt").parent.mkdir()
    kept.touch()
    raw["hr"] = str(tmp_path / "hr")
    raw["targets"]["demo"] = {"reference": str(tmp_path / "reference")}
    for start in (made, "results/models/full/seed0/model.safetensors"):
        text = problems(with_value(raw, "train.start", str(start)), schema)
        assert text == f"train.start: {str(start)!r} is a result of runs in this folder; copy it out of results/ first"
    assert parse_config(with_value(raw, "train.start", str(kept)), schema).train.start == str(kept)


def test_the_home_folder_in_every_path(raw, schema, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir("/")
    (weights := tmp_path / "w.pth").touch()
    (tmp_path / "photo.png").touch()
    raw |= {"hr": "~/hr", "extractor": "~/w.pth", "degrade": {"photos": "~/hr"}}
    raw["targets"] = {
        "album": {"reference": "~/lr", "test": {"lr": "~/lr", "hr": "~/hr"}, "upscale": "~"},
        "made": {"truth": {"blur_sigma": 1}, "photos": "~/truth"},
    }
    raw["lpips"] = {"backbone": "~/w.pth", "linear": "~/w.pth"}
    raw["train"] |= {"start": "~/w.pth", "perceptual": "~/w.pth", "adversarial_steps": 1}
    config = parse_config(raw, schema)
    album, hr, lr = config.targets["album"], tmp_path / "hr", tmp_path / "lr"
    assert (config.hr, config.degrade_photos, config.targets["made"].photos) == (hr, hr, tmp_path / "truth")
    assert (album.reference, album.test, album.upscale) == (lr, (lr, hr), tmp_path)
    assert (config.checkpoint, config.lpips) == (weights, (weights, weights))
    assert (config.train.start, config.train.perceptual) == (str(weights), str(weights))


def test_a_folder_that_is_missing_wherever_one_stands(raw, schema):
    assert problems(raw | {"hr": "/no/where"}, schema) == "hr: no folder '/no/where'; give an existing one"


def test_a_folder_of_a_telephones_photos_is_told_what_to_do(raw, schema):
    Path("reference/a.png").rename("reference/IMG_1.HEIC")
    assert problems(raw, schema) == (
        "targets.demo.reference: 'reference' holds no PNG, JPEG, WebP or TIFF photos, only IMG_1.HEIC; convert photos "
        "of other kinds to PNG or to JPEG of high quality"
    )


def test_a_made_target_takes_two_photos(raw, schema):
    raw["targets"] = {"made": {"truth": {"jpeg_quality": [40, 60]}, "photos": "truth"}}
    Path("truth/b.png").unlink()
    assert problems(raw, schema) == (
        "targets.made.photos: 'truth' holds one photo; it takes two, one for reference and one to test on"
    )


def test_the_folder_above_that_of_the_photos_is_told_what_to_do(raw, schema):
    Path("reference/deeper").mkdir()
    Path("reference/a.png").rename("reference/deeper/a.png")
    assert problems(raw, schema) == (
        "targets.demo.reference: 'reference' holds no PNG, JPEG, WebP or TIFF photos, only deeper/; convert photos "
        "of other kinds to PNG or to JPEG of high quality, or name one of the folders"
    )


def test_a_photo_is_no_folder(raw, schema):
    raw["targets"]["demo"]["upscale"] = "reference/a.png"
    assert problems(raw, schema) == ("targets.demo.upscale: 'reference/a.png' is a file; give the folder it is in")


def test_a_path_of_windows_is_shown_as_it_was_written(raw, schema):
    assert problems(raw | {"hr": r"C:\photos\new"}, schema).startswith(r"hr: no folder 'C:\photos\new'; give")


def test_the_home_of_nobody_is_no_folder(raw, schema):
    assert problems(raw | {"hr": "~nobody-of-this-name/hr"}, schema).startswith(
        "hr: no folder '~nobody-of-this-name/hr'"
    )


def test_a_batch_is_shared_equally(raw, schema):
    raw["train"] |= {"batch": 12, "processes": 4, "nodes": 2}
    assert problems(raw, schema) == "train.batch: 12 cannot be shared equally by 8 processes"
    assert parse_config(with_value(raw, "train.batch", 16), schema).train.processes == 4


def test_the_dial_is_a_number_or_auto(raw, schema):
    for name in "bcd":
        shutil.copy("reference/a.png", f"reference/{name}.png")
    assert parse_config(with_value(raw, "craft.generalization", "auto"), schema).craft.generalization is None
    craft = parse_config(with_value(raw, "craft", {"generalization": 1, "trade_off": [0, 2]}), schema).craft
    assert craft.trade_off == (0.0, 2.0)
    assert [type(v) for v in (craft.generalization, *craft.trade_off)] == [float] * 3


def test_onnx_needs_its_packages_before_anything_runs(raw, schema, monkeypatch):
    assert parse_config(raw | {"onnx": True}, schema).onnx
    monkeypatch.setattr(onnx_model, "ONNX", replace(onnx_model.ONNX, packages=("no_such_package",)))
    assert "onnx: needs the packages no_such_package" in problems(raw | {"onnx": True}, schema)
    assert not parse_config(raw, schema).onnx


def test_weights_of_lpips_are_two_files(raw, schema, tmp_path):
    (tmp_path / "alexnet.pth").touch()
    assert parse_config(raw, schema).lpips is None
    given = {"backbone": "alexnet.pth", "linear": "alexnet.pth"}
    assert parse_config(raw | {"lpips": given}, schema).lpips == (Path("alexnet.pth"), Path("alexnet.pth"))
    assert problems(raw | {"lpips": given | {"linear": "alex.pth"}}, schema).startswith(
        "lpips.linear: no file 'alex.pth'"
    )
    assert "lpips: needs the key 'linear'" in problems(raw | {"lpips": {"backbone": "alexnet.pth"}}, schema)


def test_every_mistake_has_its_line(raw, schema):
    wrong = with_value(with_value(with_value(raw, "scale", 3), "seed", -1), "trian", 1)
    lines = problems(wrong, schema).splitlines()
    assert len(lines) == 3
    assert {line.split(":")[0] for line in lines} == {"scale", "seed", "configuration"}


ONE_AXIS = [{"resize": {"kind": "bicubic"}}, {"jpeg": {"quality": {"range": [30, 90], "bins": 2}}}]
MISTAKES = [
    ("scale", 3, ["scale: 3 is none of: 2 or 4"]),
    ("scale", "4", ["scale: '4' is none of: 2 or 4; YAML reads it as text, write 4"]),
    ("seed", -1, ["seed: -1 is less than the minimum of 0"]),
    ("seed", 1.5, ["seed: 1.5 is not a whole number"]),
    ("seed", True, ["seed: true is not a whole number"]),
    ("photos", "large", ["photos: 'large' is not a table; give it some of size, per_photo, textured, indented below"]),
    ("hr", "nowhere", ["hr", "nowhere", "no folder", ", relative to /"]),
    ("hr", "empty", ["hr", "empty", "holds no"]),
    ("hr", 3, ["hr: 3 is not text; put it in quotes"]),
    ("hr", ["a", "b"], ['hr: ["a", "b"] is not text; give one']),
    ("onnx", "yes", ["onnx: 'yes' is neither true nor false"]),
    ("upscale.ensemble", 8, ["upscale.ensemble", "8"]),
    ("upscale.tile", 8, ["upscale.tile", "8"]),
    ("photos.size", 190, ["photos.size", "190", "scale"]),
    ("photos.size", 16, ["photos.size"]),
    ("photos.textured", 0, ["photos.textured: 0 is too small; give more than 0"]),
    ("photos.textured", 1.5, ["photos.textured"]),
    ("degradation", [], ["degradation: [] is too short; give one entry or more"]),
    ("degradation", {"blur": {}, "resize": {}}, ["is not a list; begin each of its entries with '-'"]),
    ("degradation", ONE_AXIS[1:], ["degradation", "resize", "exactly once"]),
    ("degradation", ONE_AXIS + ONE_AXIS[:1], ["degradation", "resize", "exactly once"]),
    ("degradation", ONE_AXIS[:1], ["degradation", "no axis has more than one bin"]),
    ("degradation.0", "blur", ["degradation.0", "blur"]),
    ("degradation.0", {"blur": None}, ["degradation.0.blur"]),
    ("degradation.0", {"blur": {}}, ["degradation", "blur needs 'sigma'"]),
    (
        "degradation.0",
        {"blur": {"sigma": 1}, "noise": {"sigma": 2}},
        ["degradation.0: has the keys 'blur' and 'noise'; a step is one operator"],
    ),
    ("degradation.0.blur.sigma", {"range": [3, 1]}, ["degradation", "blur_sigma", "[3, 1]", "rise"]),
    ("degradation.0.blur.sigma", {"range": [1]}, ["sigma.range: [1] is too short; give two numbers, lower and upper"]),
    ("degradation.0.blur.sigma", {"range": [1, 99]}, ["degradation", "blur_sigma", "[0, 20]"]),
    ("degradation.0.blur.sigma", {"range": [math.nan, 1]}, ["degradation", "blur.sigma"]),
    ("degradation.0.blur.sigma", {"bins": 3}, ["degradation.0.blur.sigma", "'range'"]),
    ("degradation.0.blur.sigma", {"range": [1, 2], "bins": 0}, ["degradation.0.blur.sigma.bins"]),
    ("degradation.0.blur.sigma", "wide", ["degradation.0.blur.sigma: 'wide' is none of: a number; [lower, upper]"]),
    ("degradation.0.blur.across", {"range": [0.2, 1]}, ["degradation", "blur", "across", "anisotropic"]),
    ("degradation.0.blur.beta", [1, 2], ["degradation", "blur 'beta' has no effect", "generalized-isotropic"]),
    ("degradation.0.blur.sigma", [1], ["degradation.0.blur.sigma", "short"]),
    ("degradation.0.blur.sigma", [1, 2, 3], ["degradation.0.blur.sigma", "long"]),
    ("degradation.0.blur.sigma", [3, 1], ["degradation", "blur_sigma", "[3, 1]", "rise"]),
    ("degradation.0.blur.sigma", ["a", "b"], ["degradation.0.blur.sigma"]),
    ("degradation.0.blur.sigma", {"isotropic": 1.0}, ["degradation.0.blur.sigma", "isotropic"]),
    ("degradation.0.blur.kind", {"isotropic": 0.4, "anisotropic": 0.5}, ["blur_kind", "sum to 1", "0.9"]),
    ("degradation.0.blur.kind", {"isotropic": 1.4}, ["degradation.0.blur.kind.isotropic", "maximum"]),
    ("degradation.0.blur.kind", {"isotropic": 1, "none": 0}, ["degradation.0.blur.kind.none", "0"]),
    ("degradation.0.blur.kind", {"isotropic": "often"}, ["degradation.0.blur.kind.isotropic", "often"]),
    ("degradation.0.blur.kind", {"round": 1.0}, ["degradation", "blur_kind", "round", "anisotropic"]),
    ("degradation.0.blur.kind", {}, ["degradation.0.blur.kind"]),
    ("degradation.0.blur.kind", ["isotropic", "sinc"], ["degradation", "blur needs 'cutoff'"]),
    ("degradation.0", {"rescale": {"direction": "up"}}, ["degradation", "rescale needs 'up'"]),
    ("degradation.0", {"rescale": {"direction": "keep", "up": 1.2}}, ["degradation", "rescale 'up' has no effect"]),
    ("degradation.0", {"shuffle": {"steps": 3}}, ["degradation", "shuffle_steps", "only 2 steps follow"]),
    ("degradation.0", {"shuffle": {"steps": [2, 3]}}, ["degradation", "shuffle_steps", "one whole number"]),
    ("degradation.2", {"rescale": {"direction": "keep"}}, ["degradation", "rescale comes after 'resize'"]),
    ("degradation.2.jpeg.quality", [30.2, 30.7], ["degradation", "jpeg_quality", "no whole number"]),
    ("degradation.2.jpeg.quality", {"range": [30, 32], "bins": 9}, ["degradation", "jpeg_quality", "fewer bins"]),
    ("degradation.0.blur.angle", 45, ["degradation", "blur", "angle", "anisotropic"]),
    ("degradation.0.blur.kind", ["round"], ["degradation", "blur_kind", "round", "anisotropic"]),
    ("degradation.1.resize.kind", ["lanczos"], ["degradation", "resize_kind", "lanczos", "bicubic"]),
    ("degradation.1.resize.kind", 3, ["degradation.1.resize.kind"]),
    ("degradation.1.resize.kind", ["area", "area"], ["degradation.1.resize.kind"]),
    ("degradation.2.jpeg.quality", {"range": [0, 90]}, ["degradation", "jpeg_quality", "[1, 100]"]),
    ("degradation.2.jpeg.quality", {"range": [30, 101]}, ["degradation", "jpeg_quality", "[1, 100]"]),
    ("targets", {}, ["targets: is empty; give it the sources to be restored, by name"]),
    ("targets", [{"demo": {}}], ['targets: [{"demo": {}}] is not a table;', "indented below it, without '-'"]),
    ("targets.demo", None, ["targets.demo"]),
    ("targets.demo", {}, ["targets.demo", "'reference'", "'truth'"]),
    ("targets.full", {"reference": "reference"}, ["targets", "'full'", "none of full, clean"]),
    ("targets.my-phone", {"reference": "reference"}, ["targets", "'my-phone'", "letters A to Z and a to z, digits"]),
    ("targets.2020", {"reference": "nowhere"}, ["targets.2020.reference", "nowhere"]),
    ("targets.demo.reference", "empty", ["targets.demo.reference", "empty", "holds no"]),
    ("targets.demo.test", {"lr": "lr"}, ["targets.demo.test", "'hr'"]),
    ("targets.demo.test", {"lr": "lr", "hr": "other"}, ["targets.demo.test", "other", "no photo with the stem 'a'"]),
    ("targets.demo.test", {"lr": "twins", "hr": "hr"}, ["targets.demo.test", "twins", "differ only in the suffix"]),
    ("targets.demo.upscale", "twins", ["targets.demo.upscale", "differ only in the suffix"]),
    ("targets.demo.reference", "twins", ["targets.demo.reference", "differ only in the suffix"]),
    ("degrade", {"photos": "twins"}, ["degrade.photos", "differ only in the suffix"]),
    ("targets.demo.test", {"lr": "nowhere", "hr": "hr"}, ["targets.demo.test.lr", "nowhere"]),
    ("targets.demo.upscale", "nowhere", ["targets.demo.upscale", "nowhere"]),
    ("targets.demo.photos", "hr", ["targets.demo", "'photos'", "'reference'"]),
    ("targets.made", {"truth": {"blur_sigma": [1, 2]}}, ["targets.made", "needs the key 'photos'"]),
    ("targets.made", {"truth": {}, "photos": "truth"}, ["targets.made.truth"]),
    ("targets.made", {"truth": {"fog_density": 1}, "photos": "truth"}, ["targets.made", "fog_density", "no axis"]),
    ("targets.made", {"truth": {"blur_sigma": [2, 1]}, "photos": "truth"}, ["targets.made", "blur_sigma", "rise"]),
    ("targets.made", {"truth": {"jpeg_quality": 101}, "photos": "truth"}, ["targets.made", "jpeg_quality"]),
    ("targets.made", {"truth": {"resize_kind": {"area": 0.5}}, "photos": "truth"}, ["targets.made", "sum to 0.5"]),
    ("targets.made", {"truth": {"resize_kind": "lanczos"}, "photos": "truth"}, ["targets.made", "lanczos"]),
    ("extractor", "encodr", ["extractor", "encodr", "encoder", "srgan"]),
    ("encoder", {"samples": 100}, ["encoder", "samples"]),
    ("encoder", {"buffer": 32}, ["encoder", "buffer", "batch"]),
    (
        "encoder",
        {"samples": 3000},
        ["encoder.samples: 3000 is less than encoder.buffer, 8000; raise it, or lower buffer"],
    ),
    ("encoder.batch", 1, ["encoder.batch"]),
    ("craft.generalization", -0.1, ["craft.generalization"]),
    ("craft.generalization", math.nan, ["craft.generalization"]),
    ("craft.generalization", math.inf, ["craft.generalization"]),
    ("craft.generalization", 1e7, ["craft.generalization", "maximum"]),
    ("craft.generalization", "atuo", ["craft.generalization: 'atuo' is neither a number nor 'auto'"]),
    ("craft.generalization", "Auto", ["'Auto' is neither a number nor 'auto'; did you mean 'auto'?"]),
    (
        "craft.generalization",
        "0.1",
        ["'0.1' is neither a number nor 'auto'; YAML reads it as text, write 0.1 without quotes (in a file, "],
    ),
    ("craft.trade_off", [], ["craft.trade_off"]),
    ("craft.trade_off", 0.1, ["craft.trade_off: 0.1 is not a list; write [0.1]"]),
    ("craft.trade_off", [0, "auto"], ["craft.trade_off.1: 'auto' is not a number"]),
    ("craft.trade_off", [0, -1], ["craft.trade_off.1", "-1"]),
    ("craft.tolerance", 0, ["craft.tolerance"]),
    ("train", {}, ["train", "'distributions'"]),
    ("train.distributions", [], ["train.distributions"]),
    ("train.distributions", ["fulll"], ["train.distributions", "fulll", "full"]),
    (
        "train.distributions",
        ["craftd"],
        ["train.distributions.0: 'craftd'", "dial, as in crafted-0.1; did you mean 'crafted'?"],
    ),
    ("train.network", "RRDBNet", ["'RRDBNet' is none of:", "; did you mean 'rrdbnet'?"]),
    ("train.network", "ESRGAN", ["'ESRGAN' is none of:", "; did you mean 'rrdbnet'?"]),
    ("train.network", "SRVGGNetCompact", ["'SRVGGNetCompact' is none of:", "; did you mean 'compact'?"]),
    ("train.distributions", ["crafted-demo"], ["train.distributions.0", "crafted-demo", "one for each target"]),
    ("train.distributions", ["full", "full"], ['train.distributions: ["full", "full"] has an entry twice']),
    ("train.distributions", "full", ["train.distributions: 'full' is not a list; write [full]"]),
    ("craft.trade_off", [0] * 101, ["craft.trade_off: [0, 0, 0,", "...", "is too long; give 100 entries at most"]),
    ("train.distributions", ["oracle"], ["train.distributions", "oracle", "truth"]),
    ("train.distributions", ["crafted-0.05"], ["train.distributions", "'crafted-0.05'", "craft.trade_off"]),
    ("train.distributions", ["crafted-0.1", "crafted-0.10"], ["train.distributions", "'crafted-0.10'", "the same"]),
    ("train.distributions", ["oracle-0.1"], ["train.distributions", "'oracle-0.1'"]),
    ("train.crop", 49, ["train.crop", "49", "48"]),
    ("train.crop", 4, ["train.crop"]),
    ("train.ema", 1, ["train.ema: 1 is too large; give less than 1"]),
    ("train.network", "esrgan", ["train.network", "compact", "srresnet"]),
    ("train.learning_rate", "1e-3", ["train.learning_rate"]),
    ("train.seeds", [], ["train.seeds"]),
    ("train.steps", 0, ["train.steps"]),
    ("bin_features.shards", 5, ["bin_features.shards", "5", "4"]),
    ("refine", {"rounds": 2, "bins": 7}, ["refine.bins", "7", "4 bins", "at least 8"]),
    ("refine.rounds", -1, ["refine.rounds"]),
    ("pairs", {"count": 2, "shards": 3}, ["pairs.shards", "3", "2"]),
    ("degrade", {"photos": "nowhere"}, ["degrade.photos", "nowhere"]),
    ("degrade", {"distributions": ["full"]}, ["degrade", "'photos'"]),
    ("degrade", {"photos": "hr", "distributions": ["oracle"]}, ["degrade.distributions", "oracle", "truth"]),
]


def test_nuisance_alone_is_nothing_to_craft(raw, schema):
    plain = with_value(with_value(raw, "degradation.0.blur.sigma", [0.2, 3]), "degradation.2.jpeg.quality", [30, 95])
    mixed = with_value(plain, "degradation.1.resize.kind", {"area": 0.5, "bicubic": 0.5})
    for config in (plain, mixed):
        assert "no axis has more than one bin" in problems(config, schema)
    assert parse_config(with_value(mixed, "degradation.1.resize.kind", ["area", "bicubic"]), schema).seed == 0


def test_a_rescale_may_follow_the_resize_that_it_is_shuffled_with(raw, schema):
    rescale = {"rescale": {"direction": "down", "down": [0.5, 1]}}
    for kind in ({"order": [0, 1]}, {"kind": "as-is"}):
        shuffle = {"shuffle": {"steps": 2, **kind}}
        steps = [raw["degradation"][0], shuffle, raw["degradation"][1], rescale]
        assert len(parse_config({**raw, "degradation": steps}, schema).degradation) == 4


@pytest.mark.parametrize(("path", "value", "words"), MISTAKES, ids=[f"{p}={v!r}"[:50] for p, v, _ in MISTAKES])
def test_a_mistake_is_named_by_its_key(path, value, words, raw, schema):
    text = problems(with_value(raw, path, value), schema)
    for word in words:
        assert word in text
    assert "Traceback" not in text
    assert "(?:" not in text  # no regular expression


def test_shards_may_outnumber_the_bins_of_a_space_that_is_refined(raw, schema):
    raw |= {"bin_features": {"shards": 5}, "refine": {"rounds": 1, "bins": 6}}
    assert parse_config(raw, schema).refine.bins == 6


@pytest.mark.parametrize("key", ["hr", "scale", "degradation", "targets", "train"])
def test_a_missing_key_is_named(key, raw, schema):
    del raw[key]
    assert problems(raw, schema) == f"configuration: needs the key {key!r}"


@pytest.mark.parametrize("text", ["", "[]", "degcraft"])
def test_a_file_that_is_no_mapping_is_refused(text, schema):
    assert problems(yaml.safe_load(text), schema).startswith("configuration: ")


def test_a_target_whose_name_yaml_takes_for_a_number(raw, schema):
    raw["targets"] = yaml.safe_load("{2020: {reference: reference}}")
    assert list(parse_config(raw, schema).targets) == ["2020"]


@pytest.mark.parametrize("path", ["scale", "seed", "photos.size", "pairs.count", "train.crop", "train.seeds"])
def test_whole_numbers_are_integers_however_they_are_written(path, raw, schema):
    values = {"scale": 4.0, "seed": 7.0, "photos.size": 192.0, "pairs.count": 9.0, "train.crop": 24.0}
    changed = with_value(raw, path, values.get(path, [0.0]))  # JSON Schema takes 4.0 for an integer
    config = parse_config(changed, schema)
    found = [config.scale, config.seed, config.photos.size, config.pairs.count, config.train.crop, *config.seeds]
    assert {type(value) for value in found} == {int}


def test_distributions_stand_for_one_of_each_target(raw, schema):
    made = {"truth": {"blur_sigma": [1, 2]}, "photos": "truth"}
    changed = with_value(with_value(raw, "targets.made", made), "train.distributions", ["clean", "crafted", "oracle"])
    config = parse_config(changed, schema)
    assert config.expand(config.distributions) == ["clean", "crafted-demo", "crafted-made", "oracle-made"]
    changed["train"]["distributions"] = ["full", "crafted-0.10"]
    config = parse_config(changed, schema)
    assert config.expand(config.distributions) == ["full", "crafted-demo-0.1", "crafted-made-0.1"]
    assert config.targets["made"].tested


def test_an_extractor_of_ones_own(raw, schema, tmp_path):
    (tmp_path / "mine.safetensors").write_bytes(b"")
    config = parse_config(raw | {"extractor": "mine.safetensors"}, schema)
    assert config.extractor == "checkpoint-mine"
    assert config.checkpoint.name == "mine.safetensors"
