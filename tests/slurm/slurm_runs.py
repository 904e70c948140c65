"""A real Slurm of its own and the workflow sent through it, for the tests beside this file."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from workflow_runs import ROOT, TINY, make_photos, write_config

CANNOT = 77  # exit status of slurm_cluster.sh


@contextmanager
def running(folder, *arguments):
    """A Slurm of its own; the environment for its commands."""
    tool = ROOT / "tools/slurm_cluster.sh"
    started = subprocess.run([tool, "start", folder, *arguments], capture_output=True, text=True, timeout=300)
    if started.returncode == CANNOT:
        pytest.skip(started.stderr.strip())
    assert started.returncode == 0, started.stderr
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    try:
        yield {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
    finally:
        subprocess.run([tool, "stop", folder], check=True, timeout=120)


def put_in_force(folder, settings, **values):
    """The shipped profile, in a folder, as a site would edit it: some settings put in force, some with other values."""
    text = (ROOT / "slurm/config.yaml").read_text()
    text = re.sub(rf"^( *)#(?=({'|'.join([*settings, *values])}):)", r"\1", text, flags=re.MULTILINE)
    for name, value in values.items():
        text, replaced = re.subn(rf"^( *{name}: ).*", rf"\g<1>{value}", text, flags=re.MULTILINE)
        assert replaced == 1, name
    folder.mkdir()
    (folder / "config.yaml").write_text(text)
    return folder


def tiny_config(root):
    """A configuration with photos and one made target, both small, in a folder."""
    truth = {"noise_sigma": [2, 8], "blur_sigma": [0.5, 1.5]}
    targets = {"made": {"truth": truth, "photos": str(make_photos(root / "made", 4, 96, 1))}}
    return {**TINY, "hr": str(make_photos(root / "hr", 4, 128, 0)), "targets": targets}


def large_photo(folder):
    """A photo of 76 megapixels; the job that cuts it takes 840 MB at its peak, and more than 400 for two seconds."""
    folder.mkdir()
    tile = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8), (0, 0), 2)
    cv2.imwrite(str(folder / "large.png"), np.tile(tile, (17, 17, 1)), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return folder


# what cuts a large photo with half the memory it takes, and with twice that memory in the second job
TOO_LITTLE = ["results/hr/patches.h5", "--set-resources", "photos:mem_mb=400*attempt**2"]


def submit(cluster, profile, folder, config, *arguments):
    """Run the workflow through Slurm, from the root, with its files in a folder of its own."""
    command = [sys.executable, "-m", "snakemake", *arguments, "--profile", profile, "--directory", folder]
    command += ["--configfile", write_config(folder, config), "--slurm-init-seconds-before-status-checks", "2"]
    return subprocess.run(command, cwd=ROOT, env=cluster, capture_output=True, text=True, timeout=1500)


def finished(futures):
    """The finished processes of runs that went well."""
    processes = {name: run.result() for name, run in futures.items()}
    for process in processes.values():
        assert process.returncode == 0, process.stderr[-4000:]
    return processes


def run_id(process):
    """The name of all Slurm jobs of one run."""
    return re.search(r"SLURM run ID: (\S+)", process.stderr).group(1)
