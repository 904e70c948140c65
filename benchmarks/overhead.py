"""What Snakemake costs: planning a large configuration, a run with nothing to do, and the wall time of a finished run.

    python benchmarks/overhead.py plan                     # 50 targets, 5 distributions, 3 seeds; nothing is computed
    python benchmarks/overhead.py nothing [FOLDER]         # a finished run, once more; a dry run, so it stays as it is
    python benchmarks/overhead.py split [FOLDER]           # where a finished run spent its time

FOLDER is where results/ lies. Figures of the first two are the best of three; the processor's time beside the wall's
says whether the machine was busy with other things.

``split`` looks at every moment between Snakemake's first and last line: computing if any job was past its imports,
imports if jobs were running and none of them was, waiting between jobs, and the rest, before the first job and after
the last, Snakemake itself. A job's imports are what its benchmark counts more than its log.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import yaml
from command_line import ROOT, arguments, workflow
from PIL import Image

DISTRIBUTIONS = ["full", "clean", "crafted", "crafted-0.1", "crafted-1"]
Span = tuple[float, float]


def main() -> None:
    """Print one of the three tables."""
    parser = arguments(__doc__)
    parser.add_argument("what", choices=["plan", "nothing", "split"])
    parser.add_argument("folder", type=Path, nargs="?", default=Path())
    parser.add_argument("--configfile", type=Path, default=Path("config/config.yaml"), help="of the finished run")
    parser.add_argument("--targets", type=int, default=50)
    options = parser.parse_args()
    if options.what == "plan":
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "config.yaml").write_text(yaml.safe_dump(many(Path(folder), options.targets)))
            report(Path(folder), Path(folder) / "config.yaml")
    elif options.what == "nothing":
        report(options.folder, options.configfile)
    else:
        split(options.folder)


def many(folder: Path, targets: int) -> dict[str, object]:
    """A configuration of many targets with the demo's settings; every folder has five photos."""
    for name in ("hr", *(f"{kind}/{target}" for kind in ("reference", "lr", "test") for target in range(targets))):
        (folder / name).mkdir(parents=True)
        for photo in range(5):
            Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / name / f"photo{photo}.png")
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["train"] |= {"distributions": DISTRIBUTIONS, "seeds": [0, 1, 2]}
    config["targets"] = {
        f"source{target}": {
            "reference": f"reference/{target}",
            "test": {"lr": f"lr/{target}", "hr": f"test/{target}"},
        }
        for target in range(targets)
    }
    return {**config, "hr": "hr"}


def report(folder: Path, config: Path) -> None:
    """Time a dry run three times; the best counts."""
    command = workflow(folder, "--configfile", config, "--cores", 2, "--dry-run", "--quiet", "rules")
    walls, processors, output = [], [], ""
    for _ in range(3):
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        process = subprocess.run(command, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        output = process.stdout + process.stderr
        if process.returncode:
            sys.exit(output)
        walls.append(time.perf_counter() - started)
        processors.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    jobs = [line.split()[1] for line in output.splitlines() if line.startswith("total")]
    print(f"jobs {jobs[0] if jobs else 0}, wall {min(walls):.1f} s, processor {min(processors):.1f} s")


def split(folder: Path) -> None:
    """Print what the moments of the last run that computed something were spent on."""
    whole, jobs = last_run(folder)
    computing = total([(begun, end) for _, begun, end in jobs])
    running = total([(start, end) for start, _, end in jobs])
    first, last = min(start for start, _, _ in jobs), max(end for _, _, end in jobs)
    wall = whole[1] - whole[0]
    parts = {
        "computing": computing,
        "imports": running - computing,
        "waiting": (last - first) - running,
        "Snakemake itself": wall - (last - first),
    }
    print(f"{len(jobs)} jobs in {wall:.1f} s")
    for name, seconds in parts.items():
        print(f"{name:17} {seconds:7.1f} s  {seconds / wall:6.1%}")
    slots = sum(end - begun for _, begun, end in jobs), sum(begun - start for start, begun, _ in jobs)
    print(f"added over jobs: computing {slots[0]:.1f} s, imports {slots[1]:.1f} s")


def last_run(folder: Path) -> tuple[Span, list[tuple[float, float, float]]]:
    """Begin and end of a run, and of each of its jobs: when it started, began to compute, and ended."""
    for log in sorted((folder / ".snakemake/log").glob("*.snakemake.log"), reverse=True):
        elapsed = [line.split(": ", 1)[1] for line in log.read_text().splitlines() if line.startswith("Elapsed time")]
        start = datetime.strptime(log.name.removesuffix(".snakemake.log"), "%Y-%m-%dT%H%M%S.%f").timestamp()
        if elapsed:
            hours, minutes, seconds = map(float, elapsed[0].split(", ")[-1].split(":"))
            end = start + hours * 3600 + minutes * 60 + seconds
            jobs = [
                job for file in (folder / "results/logs").rglob("*.log") if start <= (job := times(folder, file))[0]
            ]
            if jobs and max(done for _, _, done in jobs) <= end + 1:
                return (start, end), jobs
    sys.exit(f"{folder}: no log of a finished run that computed something")


def times(folder: Path, log: Path) -> tuple[float, float, float]:
    """When a job's process started, had imported everything, and was done: by its log and its benchmark."""
    lines = [line for line in log.read_text().splitlines() if line[:2] == "20"]
    begun, done = (datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp() for line in (lines[0], lines[-1]))
    table = folder / "results/benchmarks" / log.relative_to(folder / "results/logs").with_suffix(".tsv")
    if not table.is_file():
        return begun, begun, done
    seconds = float(table.read_text().splitlines()[1].split("\t")[0])
    return min(done - seconds, begun), begun, done


def total(spans: list[Span]) -> float:
    """Length of the union of intervals."""
    length, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        length += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return length


if __name__ == "__main__":
    main()
