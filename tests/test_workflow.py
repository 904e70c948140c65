"""Real runs of the workflow on tiny input: artifacts, determinism, re-runs, errors."""

import filecmp
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import h5py
import numpy as np
import onnx
import pandas as pd
import pytest
import yaml
from certificates import FAR
from safetensors.torch import save_file
from test_docs import artifacts, compare_artifacts, run_blocks
from test_lpips import make_weights
from workflow_runs import ROOT, TINY, jobs_planned, make_photos, rules_planned, shrink_photos, snakemake


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Folders of HR photos, of photos for a made target, and of a real target's references and test pairs."""
    root = tmp_path_factory.mktemp("photos")
    hr = make_photos(root / "hr", 4, 128, 0)
    (hr / "broken.jpg").write_bytes(b"no photo")
    made = make_photos(root / "made", 4, 96, 1)
    test = make_photos(root / "test-hr", 2, 96, 2)
    lr = shrink_photos(test, root / "test-lr", 4)
    return {"hr": hr, "made": made, "test_hr": test, "test_lr": lr}


@pytest.fixture(scope="module")
def config(photos):
    """One target, made from a truth."""
    made = {"truth": {"noise_sigma": [2, 8], "blur_sigma": [0.5, 1.5]}, "photos": str(photos["made"])}
    return {**TINY, "hr": str(photos["hr"]), "targets": {"made": made}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, config):
    """A finished run on two cores: its folder and its process."""
    folder = tmp_path_factory.mktemp("run") / "two"
    process = snakemake(folder, config, cores=2)
    assert process.returncode == 0, process.stderr[-4000:]
    return folder, process


def test_it_says_what_it_found_and_where_to_look(finished):
    _, process = finished
    assert "results/report.html" in process.stderr
    assert "PSNR-Y" in process.stderr
    assert "not of this configuration" not in process.stderr


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("hr/photos.csv", "file,width,height,used,reason,patches"),
        ("targets/made/reference.csv", "file,width,height,used,reason,patches"),
        ("targets/made/marginals.csv", "axis,lower,upper,choice,weight,prior,low,high"),
        ("targets/made/trace.csv", "iteration,objective,distance,kl,gap"),
        ("targets/made/fit.csv", "simulation,distance,direction,direction_observed"),
        ("summary.csv", "distribution,seed,testset,metric,value,low,high,n"),
        ("differences.csv", "distribution,against,seed,testset,metric,value,low,high,n"),
        ("models/full/seed0/training.csv", "step,loss,learning_rate,psnr_y"),
        ("extractor/encoder.csv", "step,loss,guess"),
        ("extractor/encoder_axes.csv", "axis,explained"),
        ("evaluation/full/seed0/full.csv", "target,file,photo,psnr_y,ssim_y,psnr_rgb,ssim_rgb"),
        (
            "targets/made/weights.csv",
            "bin,weight,prior,blur_sigma_lower,blur_sigma_upper,resize_kind,noise_sigma_lower,noise_sigma_upper,"
            "jpeg_quality_lower,jpeg_quality_upper",
        ),
    ],
)
def test_tables_have_the_columns_that_others_rely_on(finished, file, columns):
    assert (finished[0] / "results" / file).read_text().splitlines()[0] == columns


def test_the_page_of_artifacts_says_what_a_run_leaves(finished):
    problems, seen = compare_artifacts(finished[0] / "results")
    # made with other settings
    others = ("/rounds", "dial/", "srgan", "onnx", "perceptual", "degraded/", "paired/", "monitor/", "check.txt")
    assert problems == [] and all(any(part in name for part in others) for name in artifacts().keys() - seen)


def report_links(results):
    """Files and folders to which the report has links."""
    return set(re.findall(r'<a href="([^#"]+)"', (results / "report.html").read_text()))


def test_every_link_of_the_report_leads_to_a_file(finished):
    links = report_links(finished[0] / "results")
    assert len(links) > 20 and [link for link in links if not (finished[0] / "results" / link).exists()] == []


def test_the_code_on_the_page_about_reading_runs(finished, tmp_path, monkeypatch, capsys):
    (tmp_path / "results").symlink_to(finished[0] / "results")
    monkeypatch.chdir(tmp_path)
    assert run_blocks("reading.md", demo="made")["hr"].any()
    assert "distance" in capsys.readouterr().out and (tmp_path / "degraded.png").is_file()


def test_photos_that_cannot_be_used_are_listed_with_the_reason(finished):
    table = pd.read_csv(finished[0] / "results/hr/photos.csv").set_index("file")
    assert not table.loc["broken.jpg", "used"]
    assert "not a PNG" in table.loc["broken.jpg", "reason"]
    assert (table.drop("broken.jpg")["patches"] == 6).all()


def test_certificate_is_within_the_tolerance(finished):
    facts = json.loads((finished[0] / "results/targets/made/certificate.json").read_text())
    assert facts["fit"] is None  # four HR photos are too few for a judgement
    assert facts["relative_gap"] <= facts["tolerance"]
    assert facts["distance"] < facts["distance_prior"]


def test_pairs_file_holds_what_the_design_says(finished):
    results = finished[0] / "results"
    with h5py.File(results / "pairs/crafted-made.h5") as file, h5py.File(results / "hr/patches.h5") as source:
        assert file["lr"].shape == (40, 16, 16, 3) and file["lr"].dtype == np.uint8
        assert file["hr"].shape == (40, 64, 64, 3) and file["hr"].dtype == np.uint8
        assert file["bin"].dtype == np.int32 and file["parameters"].dtype == np.float32
        assert list(file.attrs["axes"]) == ["blur_sigma", "resize_kind", "noise_sigma", "jpeg_quality"]
        assert file.attrs["scale"] == 4 and file.attrs["seed"] == 3
        again = [0, 4, 8, 12, 16, 20, 2, 6, 10, 14, 18, 22, 1, 5, 9, 13]  # of 24 patches, in a second round
        assert np.array_equal(file["hr"][24:40], source["patches"][:][again])
        weights = pd.read_csv(results / "targets/made/weights.csv")
        for index, values in zip(file["bin"][:], file["parameters"][:], strict=True):
            row = weights.iloc[index]
            assert row["noise_sigma_lower"] <= values[2] <= row["noise_sigma_upper"]


def test_the_crafted_distribution_is_exported(finished):
    folder = finished[0] / "results/exported/crafted-made"
    options = yaml.safe_load((folder / "real-esrgan.yaml").read_text())
    weights = pd.read_csv(finished[0] / "results/targets/made/weights.csv")
    mean = (weights["weight"] * (weights["noise_sigma_lower"] + weights["noise_sigma_upper"]) / 2).sum()
    assert 0 <= options["noise_range2"][0] < mean < options["noise_range2"][1] <= 25
    written = {path.name for path in folder.glob("[!.]*")}
    assert written == {"real-esrgan.yaml", "trainner-redux.yaml", "neosr.toml"}


def test_summary_compares_everything_on_its_test_sets(finished):
    table = pd.read_csv(finished[0] / "results/summary.csv")
    found = {(d, t) for d, t in zip(table["distribution"], table["testset"], strict=True)}
    models = ("bicubic", "full", "crafted-made", "oracle-made")
    assert found == {(d, t) for d in models for t in ("made", "full", "clean")}
    assert set(table["metric"]) == {"psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb"}
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()
    assert set(table.loc[table["testset"] == "full", "n"]) == {2}  # photos, not degradations


def test_differences_are_those_of_the_summary(finished):
    summary, found = (pd.read_csv(finished[0] / "results" / f"{name}.csv") for name in ("summary", "differences"))
    keys = ["distribution", "testset", "metric"]
    means, gains = summary.set_index(keys)["value"], found.set_index(keys)["value"]
    assert set(found["distribution"]) == {"bicubic", "crafted-made", "oracle-made"}
    for (distribution, testset, metric), gain in gains.items():
        difference = means[distribution, testset, metric] - means["full", testset, metric]
        assert gain == pytest.approx(difference, abs=1e-9)


def test_upscaled_photos_have_the_references_names_and_four_times_their_size(finished):
    results = finished[0] / "results"
    names = sorted(path.name for path in (results / "upscaled/made").glob("*.png"))
    assert names == ["photo0.png", "photo2.png"]  # of four photos, every second one
    assert cv2.imread(str(results / "targets/made/made/reference/photo0.png")).shape == (24, 24, 3)
    assert cv2.imread(str(results / "upscaled/made/photo0.png")).shape == (96, 96, 3)


def test_photos_that_are_super_resolved_are_not_done_again(finished, config, tmp_path):
    shutil.copytree(finished[0], tmp_path / "copy", symlinks=True, copy_function=shutil.copy2)
    results = tmp_path / "copy" / "results"
    before = {path.name: path.read_bytes() for path in (results / "upscaled/made").glob("*.png")}
    shutil.rmtree(results / "upscaled")
    process = snakemake(tmp_path / "copy", config, "results/upscaled/made")
    assert process.returncode == 0, process.stderr[-4000:]
    assert "2 photos are done" in (results / "logs/upscale/made.log").read_text()
    assert {path.name: path.read_bytes() for path in (results / "upscaled/made").glob("*.png")} == before
    # the files are as old as they were, and still Snakemake takes them for what the job made
    assert rules_planned(snakemake(tmp_path / "copy", config, "results/upscaled/made", "--dry-run")) == set()


def test_every_job_left_a_log_and_a_benchmark(finished):
    results = finished[0] / "results"
    logs = {path.relative_to(results / "logs").with_suffix("") for path in results.rglob("*.log")}
    benchmarks = {path.relative_to(results / "benchmarks").with_suffix("") for path in results.rglob("*.tsv")}
    assert logs == benchmarks and len(logs) > 15


def test_one_core_gives_the_same_bytes_as_two(finished, config, tmp_path):
    process = snakemake(tmp_path / "one", config, "--verbose", cores=1)
    assert process.returncode == 0, process.stderr[-4000:]
    # Snakemake looked for jobs to start when one had ended, and not again and again while it waited
    output = process.stdout + process.stderr
    assert 0 < output.count("Ready jobs: ") <= output.count("Finished jobid: ")
    compared = 0
    for path in (finished[0] / "results").rglob("*"):
        relative = path.relative_to(finished[0])
        if path.is_file() and relative.parts[1] not in ("logs", "benchmarks"):
            assert filecmp.cmp(path, tmp_path / "one" / relative, shallow=False), relative
            compared += 1
    assert compared > 50


def test_snakemakes_own_report_works_without_the_packages_of_developers(finished, config, tmp_path, monkeypatch):
    lines = (ROOT / "requirements-dev.lock").read_text().splitlines()
    developers = {line.partition("==")[0] for line in lines if "==" in line}
    hidden = [
        module
        for module, packages in importlib.metadata.packages_distributions().items()
        if {re.sub("[-_.]+", "-", package).lower() for package in packages} <= developers
    ]
    assert "pytest" in hidden
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({hidden}))\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    process = snakemake(finished[0], config, "--report", "snakemake-report.html")
    assert process.returncode == 0, process.stderr[-2000:]
    assert (finished[0] / "snakemake-report.html").stat().st_size > 10_000


def test_the_other_settings_run_too(photos, tmp_path):
    """Scale 2, SRResNet, the srgan extractor, every kind of axis, a folder to degrade, and targets of real files."""
    test_lr = shrink_photos(photos["test_hr"], tmp_path / "lr", 2)
    lpips = {}
    for key, tensors in zip(("backbone", "linear"), make_weights("alex"), strict=True):
        lpips[key] = str(tmp_path / f"{key}.safetensors")
        save_file(tensors, lpips[key])
    own_tests = {"lr": str(test_lr), "hr": str(photos["test_hr"])}
    config = {
        **TINY,
        "hr": str(make_photos(tmp_path / "hr", 8, 128, 5)),  # enough for a judgement
        "scale": 2,
        "degradation": [
            {"blur": {"kind": ["isotropic", "anisotropic"], "sigma": 1.0, "across": {"range": [0.3, 1.0]}}},
            {"resize": {"kind": ["area", "bilinear", "bicubic", "bicubic-aliased"]}},
            {
                "noise": {
                    "kind": {"gaussian": 0.5, "poisson": 0.5},
                    "sigma": {"range": [0, 20], "bins": 2},
                    "scale": [0, 1],
                }
            },
            {"jpeg": {"quality": 80}},
            {"jpeg": {"quality": {"range": [50, 90]}}},
        ],
        "targets": {"album": {"reference": str(test_lr), "test": own_tests, "upscale": str(photos["test_lr"])}},
        "photos": {"size": 32, "per_photo": 4},
        "certify": {"photos": 8, "simulations": 4},
        "refine": {"rounds": 1, "bins": 18},
        "extractor": "srgan",
        "srgan": {"channels": 8, "blocks": 2, "steps": 3, "adversarial_steps": 3, "batch": 2},
        "train": {
            **TINY["train"],
            "distributions": ["clean", "crafted"],
            "network": "srresnet",
            "steps": 4,
        },
        "degrade": {"photos": str(photos["made"]), "distributions": ["full", "crafted-0.1"], "pairs": True},
        "onnx": True,
        "lpips": lpips,
    }
    process = snakemake(tmp_path, config)
    assert process.returncode == 0, process.stderr[-4000:]
    table = pd.read_csv(tmp_path / "results/degraded/crafted-album-0.1/parameters.csv")
    assert list(table["photo"]) == sorted(path.name for path in photos["made"].iterdir())
    assert {"resize_kind", "jpeg_quality", "jpeg2_quality", "blur_across", "noise_kind"} <= set(table.columns)
    assert cv2.imread(str(tmp_path / "results/degraded/full/photo0.png")).shape == (48, 48, 3)
    assert cv2.imread(str(tmp_path / "results/paired/full/hr/photo0.png")).shape == (96, 96, 3)
    assert len((tmp_path / "results/paired/crafted-album-0.1/meta_info.txt").read_text().splitlines()) == len(table)
    assert "cannot be said here: its steps" in (tmp_path / "results/exported/crafted-album/neosr.toml").read_text()
    assert len(pd.read_csv(tmp_path / "results/space/bins.csv")) == 16
    summary = pd.read_csv(tmp_path / "results/summary.csv")
    assert set(summary["distribution"]) == {"bicubic", "clean", "crafted-album"}
    assert set(summary["testset"]) == {"album", "full", "clean"}

    perceptual, found = (pd.read_csv(tmp_path / f"results/{name}.csv") for name in ("perceptual", "differences"))
    assert list(perceptual.columns) == list(summary.columns) and set(perceptual["metric"]) == {"lpips"}
    assert (perceptual["value"] > 0).all() and len(perceptual) == len(summary) / 4
    assert found.empty  # no full model was trained
    for distribution in ("clean", "crafted-album"):
        (output,) = onnx.load(tmp_path / f"results/models/{distribution}/seed0/model.onnx").graph.output
        assert [side.dim_param for side in output.type.tensor_type.shape.dim] == ["", "", "2*height", "2*width"]

    links = report_links(tmp_path / "results")
    assert [link for link in links if not (tmp_path / "results" / link).exists()] == []
    assert {"models/clean/seed0/model.onnx", "degraded/full/", "paired/full/", "exported/crafted-album/"} <= links
    assert "not of this configuration" not in process.stderr  # rounds among it
    assert re.search(r"^onnx: .*results/models/crafted-album/seed0/model\.onnx and 1 more$", process.stderr, re.M)
    assert re.search(r"^paired: .*results/paired/crafted-album-0\.1 and 1 more$", process.stderr, re.M)

    problems, seen = compare_artifacts(tmp_path / "results")
    assert problems == [] and {"perceptual.csv", "targets/<target>/dial/<dial>.csv"} <= seen
    certificate = json.loads((tmp_path / "results/targets/album/certificate.json").read_text())
    assert certificate["fit_simulations"] == 4 and 0.2 <= certificate["fit_p"] <= 1

    other_space = {**config, "degradation": [*config["degradation"][:-1], {"jpeg": {"quality": 70}}]}
    process = snakemake(tmp_path, other_space, "results/models/clean/seed0/model.safetensors", "--dry-run")
    assert jobs_planned(process) == {}  # it has nothing of the space

    config["extractor"] = str(tmp_path / "results/extractor/srgan.safetensors")
    process = snakemake(tmp_path / "checkpoint", config, "results/targets/album/certificate.json")
    assert process.returncode == 0, process.stderr[-4000:]
    one, other = (folder / "results/targets/album/weights.csv" for folder in (tmp_path, tmp_path / "checkpoint"))
    assert one.read_bytes() == other.read_bytes()


def test_the_check_says_what_a_run_would_be_and_makes_nothing_else(config, tmp_path):
    process = snakemake(tmp_path, config, "check", cores=1)
    assert process.returncode == 0, process.stderr[-4000:]
    assert (tmp_path / "results/check.txt").read_text() in process.stdout
    assert "hr: 4 usable of 5" in process.stdout and "broken.jpg: is not a PNG" in process.stdout
    assert "6 bins, 24 HR patches, 120 pairs, 3 models" in process.stdout
    made = {path.name for path in (tmp_path / "results").rglob("*") if path.is_file()}
    assert made == {"check.txt", "check.log"}

    beside = tmp_path / "results/targets/album/certificate.json"  # of a run that goes on beside it
    beside.parent.mkdir(parents=True)
    FAR.write(beside)
    later = time.time() + 3600
    os.utime(beside, (later, later))
    process = snakemake(tmp_path, config, "check", cores=1)
    assert process.returncode == 0 and "Distance" not in process.stderr + process.stdout


def test_no_usable_photo_gets_a_sentence(config, tmp_path):
    make_photos(tmp_path / "small", 2, 40, 0)
    process = snakemake(tmp_path, {**config, "hr": str(tmp_path / "small")})
    assert process.returncode != 0
    assert (
        "none of the 2 photos can be used (photo0.png, photo1.png: smaller than a patch of 64 pixels)" in process.stderr
    )
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("arguments", [["--cores", "2"], ["--profile", "slurm"]])
def test_snakemake_plans_from_the_root(arguments):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["snakemake", "--dry-run", "--forceall", *arguments]
    process = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert {"photos", "train", "report"} <= rules_planned(process)


def test_a_target_without_test_pairs_is_upscaled_all_the_same(finished, config, photos, tmp_path):
    shutil.copytree(finished[0], tmp_path / "copy", symlinks=True, copy_function=shutil.copy2)
    targets = {"album": {"reference": str(photos["test_lr"])}}
    train = {**config["train"], "distributions": ["crafted"], "steps": 5}
    process = snakemake(tmp_path / "copy", {**config, "targets": targets, "train": train})
    assert process.returncode == 0, process.stderr[-4000:]
    results = tmp_path / "copy" / "results"
    assert (results / "summary.csv").read_text() == "distribution,seed,testset,metric,value,low,high,n\n"
    assert sorted(path.name for path in (results / "upscaled/album").glob("*.png")) == ["photo0.png", "photo1.png"]
    assert "no test pairs" in (results / "report.html").read_text()
