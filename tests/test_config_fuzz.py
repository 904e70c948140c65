"""Two thousand spoilt configurations: each is refused in words that name a key, or the stages can work with it."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
import subprocess
from collections import OrderedDict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from workflow_runs import ROOT, program

from degcraft.config import Config, parse_config
from degcraft.config_values import MOST_VALUES, plain, repeated_keys
from degcraft.degrade import degrade_drawn
from degcraft.distribution import Distribution
from degcraft.errors import UserError
from degcraft.networks import NetworkSpec
from degcraft.operators.registry import OPERATORS
from degcraft.seeds import integer, stream
from degcraft.space import build
from degcraft.target import true_distribution
from degcraft.tiles import spans
from degcraft.training.schedule import learning_rate

EXAMPLES = 2000
LOADER, DUMPER = (getattr(yaml, f"C{name}", getattr(yaml, name)) for name in ("FullLoader", "Dumper"))  # fast, if there
WORDS = sorted({choice for o in OPERATORS.values() for p in o.parameters for choice in p.choices or ()})
KEYS = ["range", "bins", "sigma", "kind", "quality", "steps", "truth", "photos", "reference", "test", *OPERATORS]
NUMBERS = st.one_of(
    st.sampled_from([0, -0.0, -1, 1, 2, 3, 4.0, 0.5, 2**31, 2**63, 2**64, 10**30, 1e-300, 1e300, 1e30]),
    st.sampled_from([math.nan, math.inf, -math.inf, 10**400]),
    st.integers(-100, 300),
    st.floats(-3, 120),
)
TEXT = st.one_of(
    st.sampled_from(["", " ", "hr", "reference", "truth", "empty", "nowhere", "../../hr", "hr/a.png", "/", "\0", "é"]),
    st.sampled_from(["auto", "encoder", "srgan", "spandrel", "\ud800", "a\nb", "a{b}", "x" * 300, "full", "crafted"]),
    st.sampled_from(["~", "~/hr", "~\0", "~\ud800"]),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXT, st.dates(), st.binary(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from([*KEYS, *WORDS]), TEXT, NUMBERS, st.none()), inner, max_size=3),
    ),
    max_leaves=6,
)
TAGGED = [
    "!!python/object/apply:os.system ['exit 1']",
    "!!python/name:os.system",
    "!!python/complex 1+2j",
    "!!python/tuple [0, 1]",
    "!!set {a, b}",
    "!!binary aGk=",
    "!!omap [a: 1]",
    "2020-01-01",
    "2020-01-01 10:00:00",
    "1_000",
    "0x" + "f" * 5000,
    "1e3",
    ".nan",
    "-.inf",
    "~",
    "yes",
    "&a [*a]",
    "&a {a: *a}",
    "[" * 30 + "]" * 30,
    "? [a]\n: 1",
]


@pytest.fixture
def whole(raw: dict[str, Any]) -> dict[str, Any]:
    """A configuration with something in every section."""
    return raw | {
        "seed": 1,
        "degradation": [
            {"shuffle": {"steps": 2, "kind": "any", "order": [0, 1]}},
            {
                "blur": {
                    "kind": {"isotropic": 0.5, "sinc": 0.5},
                    "sigma": {"range": [0.2, 3.0], "bins": 2},
                    "cutoff": [1, 3],
                }
            },
            {"rescale": {"direction": ["up", "keep"], "up": [1, 1.5], "kind": "area"}},
            {"resize": {"kind": ["bicubic", "area"]}},
            {"noise": {"kind": ["gaussian", "poisson"], "sigma": [0, 25], "scale": 0.5}},
            {"jpeg": {"quality": {"range": [30, 95], "bins": 2}}},
        ],
        "targets": {
            "album": {"reference": "reference", "test": {"lr": "lr", "hr": "hr"}, "upscale": "reference"},
            "made": {"truth": {"blur_sigma": [0.5, 1], "resize_kind": "area"}, "photos": "truth"},
        },
        "photos": {"size": 64, "per_photo": 4, "textured": 0.5},
        "extractor": "encoder",
        "encoder": {"channels": 4, "samples": 64, "buffer": 32, "batch": 16, "learning_rate": 0.01},
        "srgan": {"channels": 4, "blocks": 1, "steps": 1},
        "bin_features": {"patches": 8, "shards": 2},
        "refine": {"rounds": 0, "bins": 50},
        "reference": {"per_photo": 4, "align": 8},
        "craft": {"generalization": "auto", "trade_off": [0, 0.1], "tolerance": 0.001, "bootstrap": 2},
        "certify": {"photos": 4, "simulations": 2},
        "pairs": {"count": 20, "shards": 2},
        "train": {
            "distributions": ["full", "crafted", "oracle"],
            "seeds": [0, 1],
            "network": "compact",
            "channels": 4,
            "blocks": 1,
            "steps": 4,
            "crop": 12,
            "schedule": "multistep",
            "milestones": [0.5, 0.9],
            "warmup": 1,
            "adversarial_steps": 2,
        },
        "evaluate": {"draws": 1, "bootstrap": 2, "examples": 1},
        "upscale": {"tile": 32, "overlap": 8, "ensemble": False},
        "onnx": False,
        "degrade": {"photos": "hr", "distributions": ["crafted"]},
    }


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a configuration."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, value in items for found in [(*path, key), *places(value, (*path, key))]]


def spoil(config: dict[str, Any], data: st.DataObject) -> None:
    """Do one thing to a configuration that somebody could have done to its file."""
    *parents, last = data.draw(st.sampled_from(places(config)))
    table = config
    for key in parents:
        table = table[key]
    kind = data.draw(
        st.sampled_from(
            ["tweak", "tweak", "tweak", "replace", "number", "delete", "rename", "misspell", "nest", "add", "move"]
        )
    )
    if kind == "tweak" and isinstance(table[last], int | float) and abs(table[last]) < 1e9:
        table[last] = data.draw(st.sampled_from([table[last] * 2, table[last] / 2, table[last] + 1, 1, 0.3, 64]))
    elif kind in ("tweak", "replace"):
        table[last] = data.draw(VALUES)
    elif kind == "number":
        table[last] = data.draw(NUMBERS)
    elif kind == "nest":
        table[last] = data.draw(st.sampled_from([[table[last]], {"a": table[last]}, [table[last]] * 2, [], {}]))
    elif kind == "move":
        config[str(last)] = table[last]
    elif isinstance(table, list):
        table.insert(last, data.draw(VALUES)) if kind == "add" else table.pop(last)
    elif kind == "add":
        table[data.draw(st.one_of(st.sampled_from(KEYS), TEXT, NUMBERS, st.none(), st.booleans(), st.dates()))] = 1
    else:
        value = table.pop(last)
        if kind == "rename":
            table[data.draw(st.one_of(TEXT, st.integers(0, 3)))] = value
        elif kind == "misspell":
            place = data.draw(st.integers(0, len(str(last)) - 1)) if str(last) else 0
            table[str(last)[:place] + data.draw(st.sampled_from(["", "x", "é", "_"])) + str(last)[place + 1 :]] = value


def load(text: str) -> dict[str, Any]:
    """What Snakemake makes of the text of a file: JSON if it is that, or else YAML by this loader."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.load(text, LOADER)


def work_with(config: Config) -> None:
    """Do with a configuration what every stage begins with, on the smallest of inputs."""
    json.dumps(
        [dataclasses.asdict(getattr(config, name)) for name in ("photos", "encoder", "craft", "train", "upscale")]
    )
    space = build(config.degradation)
    distributions = [Distribution.uniform(space)]
    distributions += [true_distribution(config.degradation, t.truth) for t in config.targets.values() if t.truth]
    generator = stream(config.seed, "fuzz")
    for distribution in distributions:
        image = generator.integers(0, 256, (8 * config.scale, 8 * config.scale, 3)).astype(np.uint8)
        lr, _, parameters = degrade_drawn(image, distribution, config.scale, generator)
        assert lr.shape == (8, 8, 3) and np.isfinite(parameters).all()
    for seed in (config.seed, *config.seeds):
        torch.manual_seed(integer(seed, "train"))
    train, names = config.train, config.expand([*config.distributions, *config.degrade_distributions])
    assert all(name.isprintable() and "/" not in name and "{" not in name and len(name) < 100 for name in names)
    assert "/" not in config.extractor
    with torch.device("meta"):
        if train.network != "spandrel":
            NetworkSpec.of(train.network, channels=train.channels, blocks=train.blocks, scale=config.scale).build()
        NetworkSpec.of("encoder", channels=config.encoder.channels, features=config.encoder.features, outputs=1).build()
    assert all(math.isfinite(learning_rate(train, step)) for step in (0, 1, train.all_steps - 1))
    assert len(spans(100, config.scale, config.upscale.tile, config.upscale.overlap))


@settings(max_examples=EXAMPLES, print_blob=False, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_spoilt_configuration_is_refused_in_words_or_works(data, whole, schema):
    config = copy.deepcopy(whole)
    for _ in range(data.draw(st.sampled_from([1, 1, 1, 2, 3]))):
        spoil(config, data)
    try:
        raw = load(yaml.dump(config, Dumper=DUMPER, allow_unicode=data.draw(st.booleans()), sort_keys=False))
    except (yaml.YAMLError, ValueError):
        return  # YAML cannot write it: a lone surrogate, a number of thousands of digits
    check(raw, schema)


@pytest.mark.parametrize("value", TAGGED)
def test_what_only_yaml_can_write(value, whole, schema):
    for key in whole:
        text = yaml.safe_dump({other: item for other, item in whole.items() if other != key}) + f"{key}: {value}\n"
        try:
            raw = load(text)
        except yaml.YAMLError:
            continue  # Snakemake says that it is no YAML
        check(raw, schema)


def check(raw: dict[str, Any], schema: dict[str, Any]) -> Config | None:
    """Parse; what is refused must name a key and be short enough to be read, what is not must work."""
    try:
        config = parse_config(raw, schema)
    except UserError as error:
        for line in str(error).splitlines():
            key, colon, reason = line.partition(":")
            assert colon and reason.strip()
            assert key.split(".")[0] in {"configuration", *schema["properties"], *map(str, raw)}
            assert len(line) < 2000
            assert line.isprintable()
            line.encode()
        return None
    work_with(config)
    return config


def test_an_anchor_that_grows_without_end(raw, schema):
    text = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
        f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in pairwise("abcdefghij")
    )
    with pytest.raises(UserError, match="more than 10000 values"):
        parse_config({**raw, **load(text)}, schema)


@pytest.mark.parametrize("values", [MOST_VALUES, MOST_VALUES + 1])
def test_the_largest_number_of_values_is_allowed(values):
    raw = {"a": [0] * (values - 2)}  # the table, the list, and what is in it
    if values == MOST_VALUES:
        assert plain(raw) == raw
    else:
        with pytest.raises(UserError, match="more than 10000 values"):
            plain(raw)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb: {c: 1, d: 2, c: 3}\n", ["'c' is there twice (lines 2 and 2)"]),
        ("a: 1\n'a': 2\nb: [{c: 1}, {c: 1}]\n", ["'a' is there twice (lines 1 and 2)"]),
        ("a: &x {b: 1}\nc: {<<: *x, <<: *x, b: 2}\nd: &y [*y]\n", []),
        ("__use_yte__: true\na: 1\na: 2\n", []),
        ('{"a": 1,\n"a": 2}', ["'a' is there twice (lines 1 and 2)"]),
        ("a: [", []),
    ],
)
def test_keys_that_are_there_twice(text, found, tmp_path):
    (tmp_path / "my.yaml").write_text(text)
    assert [line.removeprefix(f"{tmp_path / 'my.yaml'}: the key ") for line in repeated_keys(tmp_path / "my.yaml")] == [
        f"{problem}; remove one" for problem in found
    ]


def test_a_configuration_that_is_read_but_once(tmp_path):
    os.mkfifo(tmp_path / "my.yaml")
    assert list(repeated_keys(tmp_path / "my.yaml")) == []
    assert list(repeated_keys(tmp_path / "nowhere.yaml")) == []


def test_json_becomes_what_yaml_can_write_again(raw, schema):
    ordered = json.loads(json.dumps(raw), object_pairs_hook=OrderedDict)  # as Snakemake reads JSON
    assert yaml.safe_load(yaml.safe_dump(plain(ordered))) == raw
    assert parse_config(ordered, schema) == parse_config(raw, schema)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hr: [1\n", "not valid JSON or YAML"),
        ('hr: !!python/object/apply:os.mkdir ["marker"]\n', "not valid JSON or YAML"),
        ("", "keys at top level"),
        ("- 1\n", "keys at top level"),
        ("hr: 2020-01-01\n", "hr: YAML reads a date"),
        ("train: {steps: .inf}\n", "train.steps: inf is no number"),
        ("hr: a\nscale: 4\nhr: b\n", "the key 'hr' is there twice (lines 1 and 3)"),
        ("targets: &a [*a]\n", "targets: more than 20 levels"),
        ("trian: {}\n", "unknown key 'trian'; did you mean 'train'?"),
    ],
)
def test_snakemake_says_what_is_wrong_with_the_configuration(text, message, tmp_path):
    (tmp_path / "my.yaml").write_text(text)
    command = program("-n", "--configfile", "my.yaml")
    process = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    output = process.stdout + process.stderr
    assert process.returncode != 0
    assert message in output and "Traceback" not in output
    assert not (tmp_path / "marker").exists()


MODULE = f"""\
module degcraft:
    snakefile: "{ROOT}/workflow/Snakefile"
    config: config

use rule * from degcraft
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["-n"],
        ["--lint"],
        ["--profile", ROOT / "slurm"],
        ["--cores", "1", "--mode", "subprocess"],
        ["-n", "--snakefile", "module.smk"],
    ],
)
def test_what_is_wrong_is_said_once_and_without_snakemakes_frame(arguments, tmp_path):
    (tmp_path / "my.yaml").write_text("trian: {}\nhr: a\nscale: 4\ntargets: {a: {reference: a}}\ndegradation: [{}]\n")
    (tmp_path / "module.smk").write_text(MODULE)
    command = program(*arguments, "--configfile", "my.yaml")
    process = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    said = [line for line in (process.stdout + process.stderr).splitlines() if not line.startswith("Using ")]
    assert process.returncode == 1
    assert said == [
        "The configuration needs a correction:",
        "configuration: unknown key 'trian'; did you mean 'train'?",
        "configuration: needs the key 'train'",
        "degradation.0: is empty; give it one of blur, rescale, resize, noise, jpeg, shuffle, indented below it",
    ]


@pytest.mark.parametrize(
    ("content", "last"),
    [
        (None, "FileNotFoundError: [Errno 2] No such file or directory: 'my.yaml'"),
        (b"\x93\xff", "UnicodeDecodeError: "),
    ],
)
def test_what_snakemake_says_of_a_file_that_is_missing_or_no_text(content, last, tmp_path):
    if content is not None:
        (tmp_path / "my.yaml").write_bytes(content)
    command = program("-n", "--configfile", "my.yaml")
    process = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert process.returncode != 0
    said = (process.stdout + process.stderr).splitlines()
    assert any(line.startswith(last) for line in said)  # below a traceback of its own: no line of degcraft has run
