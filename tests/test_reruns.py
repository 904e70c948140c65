"""Only what changed runs again: every key of the configuration, every module, photos, targets, and copies elsewhere."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys

import pytest
from rerun_tables import (
    ALL_BUT_SPACE,
    CONFIG,
    CRAFTING,
    EVALUATION,
    KEYS,
    MADE_FILES,
    MODULES,
    PATCHES,
    SAMPLE,
    WANTED,
    WITH_MADE,
    changed,
    expected,
    wanted,
)
from workflow_runs import (
    ROOT,
    dry_runs,
    jobs_planned,
    make_photos,
    modules,
    program,
    rules_planned,
    rules_with_scripts,
    shrink_photos,
    snakemake,
    write_config,
)

from degcraft.provenance import PACKAGE


@pytest.fixture(scope="module")
def dry():
    """See `DryRuns`."""
    with dry_runs() as runs:
        yield runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run, photos included, under which all paths are relative."""
    folder = tmp_path_factory.mktemp("reruns") / "run"
    photos = folder / "photos"
    make_photos(photos / "hr", 4, 128, 0)
    make_photos(photos / "made", 4, 96, 1)
    make_photos(photos / "test", 2, 96, 2)
    for name, by in {"lr": 4, "reference": 3, "upscale": 3}.items():  # a reference holds a patch at scale 2
        shrink_photos(photos / "test", photos / name, by)
    (photos / "weights.safetensors").write_bytes(b"named by some configurations, never opened here")
    for config, files in ((CONFIG, WANTED), (WITH_MADE, MADE_FILES)):
        process = snakemake(folder, config, *files)
        assert process.returncode == 0, process.stderr[-4000:]
    return folder


def keys(schema):
    """Every key of the schema, where it stands; the forms that several keys share stand under their own names."""

    def below(node, path):
        properties = node.get("properties", {})
        for name, child in properties.items():
            yield from below(child, f"{path}.{name}".lstrip("."))
        for name, child in (("", node.get("items")), (".*", node.get("additionalProperties"))):
            if isinstance(child, dict) and "properties" in child:
                properties = {**properties, **child["properties"]}
                yield from below(child, path + name)
        for form in node.get("anyOf", []):
            if "properties" in form:
                properties = {**properties, **form["properties"]}
                yield from below(form, path)
        if not properties:
            yield path

    yield from below(schema, "")
    for name, form in schema["$defs"].items():
        yield from (key for key in below(form, f"${name}") if key != f"${name}")


def test_every_key_is_in_the_table(schema):
    assert sorted(keys(schema)) == sorted(KEYS)


@pytest.fixture(scope="module")
def key_plans(finished, dry):
    return {key: dry.start(finished, changed(key, value), *wanted(key)) for key, (value, _) in KEYS.items()}


@pytest.mark.parametrize("key", KEYS)
def test_a_changed_key_runs_what_depends_on_it(key, key_plans):
    process = key_plans[key].result()
    assert jobs_planned(process) == expected(KEYS[key][1])
    if jobs_planned(process).get("train") == 1:
        assert "train: full" not in process.stdout  # the one is the crafted one, or a new one


@pytest.mark.parametrize("key", SAMPLE)
def test_the_command_line_decides_the_same(key, finished, key_plans, tmp_path):
    """That the forked processes are Snakemake as a user runs it."""
    config = write_config(tmp_path, changed(key, KEYS[key][0]))
    command = [sys.executable, "-m", "snakemake", *key_plans[key].result().args]
    command[command.index("--configfile") + 1] = str(config)
    process = subprocess.run(command, cwd=finished, capture_output=True, text=True, timeout=600)
    assert jobs_planned(process) == jobs_planned(key_plans[key].result())


def test_crafting_goes_no_farther(finished, dry):
    process = dry.start(finished, changed("craft.generalization", 0.1), "crafting").result()
    assert rules_planned(process) == {"craft", "bootstrap", "certify", "plots", "crafting"}


def test_a_run_in_a_folder_of_its_own_asks_for_a_configuration(tmp_path):
    process = subprocess.run(
        program("--directory", tmp_path, "--dry-run", "--cores", "1"), cwd=tmp_path, capture_output=True, text=True
    )
    assert process.returncode == 1
    assert "Name a configuration, as in --configfile my.yaml" in process.stdout + process.stderr


def test_other_words_for_the_same_run_nothing_but_the_report(finished, dry, schema):
    """Another order of the keys, defaults written out, ``[a, b]`` for a range; the report shows them as they are."""

    def reverse(value):
        return {key: reverse(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    config = {**reverse(CONFIG), "degradation": [reverse(step) for step in CONFIG["degradation"]]}
    config["degradation"][3] = {"jpeg": {"quality": [30, 95.0]}}
    for section in ("encoder", "refine", "upscale", "train", "photos"):
        keys = schema["properties"][section]["properties"].items()
        config[section] = {
            **{key: form["default"] for key, form in keys if "default" in form},
            **config.get(section, {}),
        }
    config["onnx"] = False
    assert jobs_planned(dry.start(finished, config, *WANTED).result()) == {"report": 1}


def test_values_that_change_places_are_noticed(finished, dry):
    """Snakemake compares the values of params as a set: a 4 and a 2 are a 2 and a 4 to it."""
    process = dry.start(finished, {**CONFIG, "scale": CONFIG["seed"], "seed": CONFIG["scale"]}, *WANTED).result()
    assert jobs_planned(process) == expected(ALL_BUT_SPACE)


def records(folder):
    """What Snakemake noted down about every output."""
    return [json.loads(path.read_text()) for path in (folder / ".snakemake/metadata").rglob("*") if path.is_file()]


def test_no_rule_has_params_that_could_change_places(finished):
    """Numbers and words without a name stand alone; what follows from the output's name cannot change."""
    checked = set()
    for record in records(finished):
        values = [ast.literal_eval(value) for value in record["params"]]
        if any(isinstance(value, dict) and "degradation" in value for value in values):
            continue  # all of the configuration, so nothing can be missed
        named = [v for v in values if not (isinstance(v, str) and re.match("[0-9a-f]{16}$|results/(checkp|monit)", v))]
        for kind in (bool, int, float, str):
            assert sum(type(value) is kind for value in named) <= 1, (record["rule"], named)
        checked.add(record["rule"])
    assert len(checked) > 15


def test_no_absolute_path_is_noted_down(finished):
    noted = json.dumps([[record["params"], record["input"]] for record in records(finished)])
    assert str(finished) not in noted and str(ROOT) not in noted and '"/' not in noted and "'/" not in noted


def copy_of_the_repository(folder):
    """What a run needs of it, times included."""
    folder.mkdir()
    for name in ("Snakefile", "workflow", "profiles", "src", "config"):
        subprocess.run(["cp", "-a", ROOT / name, folder / name], check=True)
    return folder


def test_touching_nothing_runs_nothing_wherever_it_is(finished, dry, tmp_path, monkeypatch):
    """In place and copied, with other numbers of cores, from another working directory."""
    monkeypatch.chdir(tmp_path)
    root = copy_of_the_repository(tmp_path / "repository")
    subprocess.run(["cp", "-a", finished, tmp_path / "copy"], check=True)
    plans = [
        dry.start(folder, CONFIG, *WANTED, cores=cores, root=where)
        for folder, cores, where in [
            (finished, 2, ROOT), (finished, 1, ROOT), (tmp_path / "copy", 16, ROOT), (tmp_path / "copy", 2, root),
        ]
    ]  # fmt: skip
    plans.append(dry.start(tmp_path / "copy", WITH_MADE, *MADE_FILES, root=root))
    assert [jobs_planned(plan.result()) for plan in plans] == [{}] * len(plans)


@pytest.mark.parametrize(
    ("change", "folder", "jobs"),
    [
        (change, folder, jobs)
        for folder, jobs in [
            ("hr", PATCHES), ("reference", f"reference {CRAFTING}"), ("upscale", "upscale report"),
        ]
        for change in ("add", "change", "remove")
    ],
)  # fmt: skip
def test_a_photo_runs_what_depends_on_it(change, folder, jobs, finished, dry, tmp_path):
    subprocess.run(["cp", "-a", finished, tmp_path / "copy"], check=True)
    photos = tmp_path / "copy/photos" / folder
    if change == "remove":
        (photos / "photo1.png").unlink()
    else:
        shutil.copyfile(photos / "photo0.png", photos / ("photo9.png" if change == "add" else "photo1.png"))
    assert jobs_planned(dry.start(tmp_path / "copy", CONFIG, *WANTED).result()) == expected(jobs)


@pytest.mark.parametrize("folder", ["hr", "reference", "upscale"])
def test_what_is_no_photo_is_named_by_the_report_and_runs_nothing_else(folder, finished, dry, tmp_path):
    subprocess.run(["cp", "-a", finished, tmp_path / "copy"], check=True)
    (tmp_path / "copy/photos" / folder / "IMG_1.HEIC").touch()
    assert jobs_planned(dry.start(tmp_path / "copy", CONFIG, *WANTED).result()) == expected("report")


def test_a_test_pair_is_measured_and_nothing_else(finished, dry, tmp_path):
    subprocess.run(["cp", "-a", finished, tmp_path / "copy"], check=True)
    for folder in (tmp_path / "copy/photos/lr", tmp_path / "copy/photos/test"):
        shutil.copyfile(folder / "photo0.png", folder / "photo9.png")
    jobs = jobs_planned(dry.start(tmp_path / "copy", CONFIG, *WANTED).result())
    assert jobs == expected(f"testset degrade paired {EVALUATION}")  # photos/test is also what `degrade` degrades


def test_a_result_that_was_deleted_is_made_again(finished, dry, tmp_path):
    deleted = {
        "summary.csv": "summary report",
        "targets/album/joint.png": "plots report",
        "targets/album/fit.csv": "certify report",
        "targets/album/weights.csv": CRAFTING,
    }
    plans = {}
    for index, file in enumerate(deleted):
        copy = tmp_path / str(index)
        subprocess.run(["cp", "-a", finished, copy], check=True)
        (copy / "results" / file).unlink()
        plans[file] = dry.start(copy, CONFIG, *WANTED)
    assert {file: jobs_planned(plan.result()) for file, plan in plans.items()} == {
        file: expected(jobs) for file, jobs in deleted.items()
    }


def test_a_new_target_runs_its_own_stages_alone(finished, dry):
    new = {"reference": "photos/upscale", "test": {"lr": "photos/upscale", "hr": "photos/test"}}
    process = dry.start(finished, {**CONFIG, "targets": {**CONFIG["targets"], "new": new}}, *WANTED).result()
    jobs = jobs_planned(process)
    own = f"reference {CRAFTING} testset evaluate_bicubic"
    assert jobs == expected(f"{own} evaluate:2")  # full on the new photos, and the new crafted model
    assert "album" not in "".join(line for line in process.stdout.splitlines() if line.startswith("Job "))


def test_every_module_is_in_the_table():
    assert sorted(modules()) == sorted(MODULES)


def edited(package, module):
    """Append a comment to a module; returns what it was."""
    file = package.joinpath(*module.split("."))
    file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
    before = file.read_text()
    file.write_text(before + "# edited\n")
    return file, before


def copy_of_the_package(folder):
    return shutil.copytree(PACKAGE, folder / "degcraft", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    """The rules whose digest changes with an edit of a module."""
    package = copy_of_the_package(tmp_path_factory.mktemp("edited"))
    spec = importlib.util.spec_from_file_location("copied_provenance", package / "provenance.py")
    provenance = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(provenance)

    def digests():
        provenance.code_digest.cache_clear()
        return {(rule, provenance.code_digest(*modules)) for rule, modules, _ in rules_with_scripts()}

    found, untouched = {}, digests()
    for module in MODULES:
        file, before = edited(package, module)
        found[module] = frozenset(rule for rule, _ in digests() - untouched)
        file.write_text(before)
    return found


@pytest.fixture(scope="module")
def module_plans(finished, dry, users, tmp_path_factory):
    """A plan after the edit of one module for each set of rules that use the same ones."""
    plans = {}
    for module, rules in users.items():
        if rules not in plans:
            folder = tmp_path_factory.mktemp(module)
            edited(copy_of_the_package(folder), module)
            plans[rules] = dry.start(finished, CONFIG, *WANTED, package=folder)
    return plans


@pytest.mark.parametrize("module", MODULES)
def test_an_edited_module_runs_what_uses_it(module, users, module_plans):
    assert jobs_planned(module_plans[users[module]].result()) == expected(MODULES[module])


def test_edited_making_of_targets_makes_them_again(finished, dry, tmp_path):
    edited(copy_of_the_package(tmp_path), "target")
    process = dry.start(finished, WITH_MADE, *MADE_FILES, package=tmp_path).result()
    assert jobs_planned(process) == expected("target testset reference")
