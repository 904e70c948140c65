"""Runs of the workflow on tiny input, real and dry, for the tests that need them."""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

ROOT = Path(__file__).parent.parent

TINY = {
    "scale": 4,
    "seed": 3,
    "photos": {"size": 64, "per_photo": 6},
    "degradation": [
        {"blur": {"sigma": {"range": [0.2, 3.0], "bins": 2}}},
        {"resize": {"kind": ["bicubic"]}},
        {"noise": {"sigma": {"range": [0, 25], "bins": 3}}},
        {"jpeg": {"quality": {"range": [30, 95], "bins": 1}}},
    ],
    "extractor": "encoder",
    "encoder": {"channels": 4, "features": 6, "samples": 128, "buffer": 64, "passes": 1, "batch": 16},
    "bin_features": {"patches": 8, "shards": 2},
    "craft": {"bootstrap": 10},
    "pairs": {"count": 40, "shards": 2},
    "train": {
        "distributions": ["full", "crafted", "oracle"],
        "channels": 4,
        "blocks": 1,
        "steps": 60,
        "batch": 2,
        "crop": 12,
        "checkpoint_every": 20,
    },
    "evaluate": {"draws": 2, "bootstrap": 50, "examples": 1},
}


def make_photos(folder, count, size, seed):
    """Photos with edges and texture at several scales."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    for i in range(count):
        layers = [generator.uniform(0, 255, (size // 2**k + 1, size // 2**k + 1, 3)) for k in (1, 3, 5)]
        photo = sum(cv2.resize(layer, (size, size)) for layer in layers) / len(layers)
        cv2.imwrite(str(folder / f"photo{i}.png"), photo.astype(np.uint8))
    return folder


def shrink_photos(source, folder, scale):
    """Some low-resolution version of every photo."""
    folder.mkdir(parents=True)
    for path in source.iterdir():
        photo = cv2.imread(str(path))
        small = cv2.resize(photo, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / path.name), small)
    return folder


def write_config(folder, config):
    """A configuration as ``config.yaml`` in a folder, made if need be; keys keep their order, as in the report."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return folder / "config.yaml"


def program(*arguments):
    """Snakemake, as a user of this repository starts it from anywhere."""
    return [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", *arguments]


def command(folder, config, *arguments, cores=2):
    """What runs the workflow in a folder of its own."""
    file = write_config(folder, config)
    return program("--directory", folder, "--configfile", file, "--cores", str(cores), *arguments)


def snakemake(folder, config, *arguments, cores=2):
    """Run the workflow in a folder of its own; returns the finished process."""
    line = command(folder, config, *arguments, cores=cores)
    return subprocess.run(line, capture_output=True, text=True, cwd=folder, timeout=600)


def jobs_planned(process):
    """How many jobs of each rule a dry run would run, from its table of jobs."""
    output = process.stdout + process.stderr
    assert process.returncode == 0, output[-3000:]
    if "Nothing to be done" in output:
        return {}
    rows = output.split("Job stats:")[1].split("total")[0].splitlines()[3:]
    jobs = {rule: int(count) for rule, count in (row.split() for row in rows if row.strip())}
    return {rule: count for rule, count in jobs.items() if rule not in ("default", "all")}


def rules_planned(process):
    """The rules that a dry run would run."""
    return set(jobs_planned(process))


def modules():
    """The names of all modules of the library, without ``degcraft.``."""
    package = ROOT / "src" / "degcraft"
    paths = [path.relative_to(package).with_suffix("") for path in sorted(package.rglob("*.py"))]
    return [".".join(path.parts).removesuffix(".__init__") for path in paths if path.parts != ("__init__",)]


def rules_with_scripts():
    """(rule, the modules in its digest, its script) of every rule that is written out."""
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for text in re.split(r"\n(?= *rule \w+:)", file.read_text()):
            if script := re.search(r"scripts/(\w+\.py)", text):
                digest = re.search(r"code_digest\(([^)]*)\)", text)
                yield re.search(r"rule (\w+):", text)[1], re.findall(r"[\w.]+", digest[1]), script[1]


class DryRuns:
    """Dry runs in processes forked from one that has imported Snakemake already, two side by side.

    What such a process does is what ``python -m snakemake`` does, without the second that its imports take.
    """

    def __init__(self, pool: ProcessPoolExecutor, scratch: Path) -> None:
        self._pool, self._scratch, self._started = pool, scratch, 0

    def start(
        self,
        folder: Path,
        config: dict[str, Any],
        *arguments: str,
        cores: int = 2,
        root: Path = ROOT,
        package: Path | None = None,
    ) -> Future[subprocess.CompletedProcess[str]]:
        """Begin ``snakemake --dry-run`` in ``folder`` with the repository at ``root``.

        ``package`` is where degcraft is imported from, by default the repository's src.
        """
        self._started += 1
        file = self._scratch / f"config{self._started}.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        command = ["--snakefile", str(root / "Snakefile"), "--directory", str(folder), "--configfile", str(file)]
        command += ["--cores", str(cores), "--dry-run", *arguments]
        return self._pool.submit(_dry_run, command, str(package or root / "src"))


@contextmanager
def dry_runs() -> Iterator[DryRuns]:
    """`DryRuns` for a while."""
    context = multiprocessing.get_context("forkserver")
    # what Snakemake and the configuration import; not degcraft itself, which may be that of another checkout
    imports = ["snakemake.cli", "snakemake.executors.dryrun", "smart_open", "pandas", "jsonschema", "cv2", "scipy"]
    context.set_forkserver_preload([*imports, "PIL.Image", "yaml", "pytest"])
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(2, mp_context=context, max_tasks_per_child=1) as pool,
    ):
        yield DryRuns(pool, Path(scratch))


def _dry_run(command: list[str], source: str) -> subprocess.CompletedProcess[str]:
    assert "degcraft" not in sys.modules
    sys.path.insert(0, source)
    from snakemake.cli import main

    with tempfile.TemporaryFile("w+") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        code: Any = 0
        try:
            main(command)
        except SystemExit as end:
            code = end.code
        sys.stdout.flush()
        sys.stderr.flush()
        output.seek(0)
        return subprocess.CompletedProcess(command, int(code or 0), output.read(), "")
