"""Digests of the code that a stage runs."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil

import pytest
from workflow_runs import ROOT, modules, rules_with_scripts

import degcraft
from degcraft.provenance import PACKAGE, code_digest, modules_used, same_configuration


@pytest.fixture
def fresh(tmp_path):
    """``fresh()``: the provenance module of a copy of the package, just loaded, and that copy's folder."""
    package = tmp_path / "degcraft"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))

    def load():
        spec = importlib.util.spec_from_file_location("copied_provenance", package / "provenance.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    load.package = package
    return load


def test_a_copy_has_the_same_digest(fresh):
    for module in ("photos", "train", "networks.sr"):
        assert fresh().code_digest(module) == code_digest(module)
        assert re.fullmatch("[0-9a-f]{16}", code_digest(module))


@pytest.mark.parametrize(
    ("stage", "edited", "changes"),
    [
        ("train", "train.py", True),
        ("train", "pairs_dataset.py", True),
        ("train", "networks/sr.py", True),
        ("train", "networks/__init__.py", True),
        ("train", "seeds.py", True),
        ("train", "solver.py", False),
        ("train", "plots.py", False),
        ("train", "settings.py", False),  # reaches a stage as parameters; see below for what it computes
        ("craft", "solver.py", True),
        ("craft", "moments.py", True),
        ("craft", "networks/sr.py", False),
        ("photos", "patches.py", True),
        ("photos", "operators/blur.py", False),
        ("degrade", "resampling.py", True),
        ("report", "report.html.j2", True),  # a template belongs to its module
        ("photos", "report.html.j2", False),
    ],
)
def test_the_digest_follows_the_modules_that_are_used(stage, edited, changes, fresh):
    before = fresh().code_digest(stage)
    path = fresh.package / edited
    path.write_text(path.read_text() + "\n# edited\n")
    assert (fresh().code_digest(stage) != before) == changes


def test_what_settings_compute_counts(fresh):
    before = fresh().code_digest("train")
    path = fresh.package / "settings.py"
    source = path.read_text()
    path.write_text(source.replace("steps: int = 2000", "steps: int = 2001"))
    assert path.read_text() != source and fresh().code_digest("train") == before
    path.write_text(source.replace("return self.steps + self.adversarial_steps", "return self.steps"))
    assert fresh().code_digest("train") != before


def test_a_new_import_counts(fresh):
    path = fresh.package / "seeds.py"
    assert "solver" not in fresh().modules_used("seeds")
    path.write_text(path.read_text() + "\nfrom degcraft import solver\n")
    assert "solver" in fresh().modules_used("seeds")


def test_an_import_for_types_alone_does_not_count(fresh):
    path = fresh.package / "seeds.py"
    path.write_text(path.read_text() + "\nif TYPE_CHECKING:\n    from degcraft.solver import Solution\n")
    assert "solver" not in fresh().modules_used("seeds")


def test_closures():
    train = modules_used("train")
    assert {"train", "training.run", "training.losses", "networks", "networks.sr", "networks.encoder", "pairs_dataset",
            "storage", "seeds", "device"} <= train  # fmt: skip
    assert not train & {"craft", "solver", "evaluate", "plots", "config", "extractor", "pairs", "degrade", "operators"}
    assert {"moments", "solver", "space", "operators"} <= modules_used("craft")
    assert not any(name.startswith("networks") for name in modules_used("craft"))
    assert modules_used("errors") == {"errors"}


@pytest.mark.parametrize("module", modules())
def test_every_import_of_the_package_is_noticed(module):
    """A closure that is read off the source must hold whatever Python itself imports."""
    path = PACKAGE.joinpath(*module.split("."))
    source = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
    assert not re.search(r"^\s*(import degcraft|from \.)", source, re.MULTILINE)  # forms that are not followed
    assert modules_used(module) <= set(modules())


def test_the_package_is_this_one():
    assert str(PACKAGE) in degcraft.__path__


@pytest.mark.parametrize(("rule", "modules", "script"), list(rules_with_scripts()))
def test_a_rules_digest_holds_every_module_that_its_script_imports(rule, modules, script):
    tree = ast.parse((ROOT / "workflow/scripts" / script).read_text())
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module.startswith("degcraft.")}
    covered = set().union(*map(modules_used, modules)) | {"config", "settings", "progress"}  # parameters and words
    assert {name.removeprefix("degcraft.") for name in imported} <= covered


def test_the_digest_of_several_modules_follows_each():
    one, other, both = code_digest("craft"), code_digest("plots"), code_digest("craft", "plots")
    assert len({one, other, both}) == 3
    assert code_digest("plots", "craft") == both


def test_a_job_finds_out_whether_the_configuration_is_that_of_the_run(monkeypatch):
    monkeypatch.setenv("DEGCRAFT_CONFIGURATION", "of a run around this one")
    assert same_configuration({"scale": 4, "seed": 0}, begins=True)
    assert same_configuration({"seed": 0, "scale": 4}, begins=False)
    assert not same_configuration({"seed": 1, "scale": 4}, begins=False)
    monkeypatch.delenv("DEGCRAFT_CONFIGURATION")  # where the cluster passes none on
    assert same_configuration({"seed": 1}, begins=False)
