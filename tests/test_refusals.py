"""Runs that are refused before their first job: they would replace results by mistake."""

from __future__ import annotations

import copy
import subprocess

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file
from workflow_runs import TINY, make_photos, program

BINS = "results/space/bins.csv"


@pytest.fixture
def folder(tmp_path):
    """A folder as a clone is: the default configuration, and one of the user's own with other bins."""
    make_photos(tmp_path / "hr", 2, 128, seed=0)
    make_photos(tmp_path / "album", 2, 64, seed=1)
    default = copy.deepcopy(TINY) | {"hr": "hr", "targets": {"demo": {"reference": "album"}}}
    default["train"]["distributions"] = ["full"]
    mine = copy.deepcopy(default)
    mine["degradation"][0]["blur"]["sigma"]["bins"] = 4
    (tmp_path / "config").mkdir()
    for path, config in (("config/config.yaml", default), ("my.yaml", mine)):
        (tmp_path / path).write_text(yaml.safe_dump(config))
    return tmp_path


def run(folder, *arguments):
    """Make the table of bins; returns the exit status, what was said, and how many bins there are."""
    line = program("--cores", "1", BINS, *arguments)
    process = subprocess.run(line, capture_output=True, text=True, cwd=folder, timeout=120)
    return process.returncode, process.stderr, len((folder / BINS).read_text().splitlines()) - 1


def test_the_default_configuration_does_not_replace_what_a_named_one_made(folder):
    assert run(folder)[::2] == (0, 6)
    assert run(folder, "--configfile", "my.yaml")[::2] == (0, 12)  # those of the demo are replaced
    code, said, bins = run(folder)
    assert (code, bins) == (1, 12)
    assert "config/config.yaml would replace what was made with --configfile my.yaml.\nTo go on with that:\n" in said
    assert f" {BINS} --configfile my.yaml\nTo replace it all the same:\n" in said
    assert said.endswith(
        f" {BINS} --configfile config/config.yaml\nTo keep both, add --directory with another folder.\n"
    )
    assert "Traceback" not in said
    code, said, bins = run(folder, "--dry-run")
    assert (code, bins) == (0, 12)
    assert "degcraft: this is config/config.yaml, but results/ was made with --configfile my.yaml\n" in said
    code, said, bins = run(folder, "--configfile", "my.yaml")
    assert (code, bins) == (0, 12)
    assert "was made with" not in said
    assert run(folder, "--configfile", "config/config.yaml")[::2] == (0, 6)
    (folder / BINS).unlink()
    code, said, bins = run(folder)
    assert (code, bins) == (0, 6)
    assert "was made with" not in said


def test_neither_a_check_nor_an_edit_of_the_default_is_taken_for_it(folder):
    assert run(folder)[0] == 0
    line = program("--cores", "1", "check", "--configfile", "my.yaml")
    assert subprocess.run(line, capture_output=True, cwd=folder, timeout=120).returncode == 0
    (folder / "config/config.yaml").write_text((folder / "my.yaml").read_text())
    assert run(folder)[::2] == (0, 12)


def test_weights_that_do_not_fit_are_refused_before_models_are_deleted(folder):
    config = yaml.safe_load((folder / "my.yaml").read_text())
    save_file({"body.0.weight": np.zeros((3, 3, 3, 3), np.float32)}, folder / "start.safetensors")
    config["train"]["start"] = "start.safetensors"
    (folder / "my.yaml").write_text(yaml.safe_dump(config))
    model = folder / "results/models/full/seed0/model.safetensors"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"trained for days")
    line = program("--cores", "1", str(model.relative_to(folder)), "--forceall", "--configfile", "my.yaml")
    process = subprocess.run(line, capture_output=True, text=True, cwd=folder, timeout=120)
    assert process.returncode == 1 and "Traceback" not in process.stderr
    assert "needs a correction:\ntrain.start: start.safetensors: does not fit compact with " in process.stderr
    assert model.read_bytes() == b"trained for days" and not (folder / "results/hr").exists()
