"""Kill a tiny run of the workflow again and again, at random moments, and compare what comes out with a quiet run's.

Each of the rounds starts the workflow where the round before left it and kills, after a random time: the whole process
group, the process of Snakemake alone, or one job alone. A run that comes to its end is compared, byte by byte, with one
that nothing happened to, and the next round begins with nothing.

    python benchmarks/soak.py --rounds 50 --seed 0
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import yaml
from command_line import ROOT, arguments, workflow

DEMO = ROOT / "resources" / "demo"
CONFIG = {
    "hr": str(DEMO / "hr"),
    "scale": 4,
    "seed": 1,
    "photos": {"size": 64, "per_photo": 6},
    "degradation": [
        {"blur": {"sigma": {"range": [0.2, 3.0], "bins": 2}}},
        {"resize": {"kind": ["bicubic"]}},
        {"noise": {"sigma": {"range": [0, 25], "bins": 3}}},
        {"jpeg": {"quality": {"range": [30, 95], "bins": 1}}},
    ],
    "targets": {"made": {"truth": {"noise_sigma": [2, 8]}, "photos": str(DEMO / "test" / "hr")}},
    "encoder": {"channels": 4, "features": 6, "samples": 128, "buffer": 64, "passes": 1, "batch": 16},
    "bin_features": {"patches": 8, "shards": 2},
    "craft": {"bootstrap": 10},
    "pairs": {"count": 200, "shards": 2},
    "train": {
        "distributions": ["full", "crafted"],
        "channels": 4,
        "blocks": 1,
        "steps": 600,
        "batch": 2,
        "crop": 12,
        "checkpoint_every": 50,
    },
    "evaluate": {"draws": 1, "bootstrap": 50, "examples": 1},
    "degrade": {"photos": str(DEMO / "test" / "hr"), "distributions": ["crafted"]},
}
ENDED, ERROR = "came to its end before a kill", "stopped with an error of its own"
SAME, OTHER = "finished with the same bytes", "finished with other bytes"


def main() -> None:
    """Print a table of rounds, kills and results."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--within", type=float, default=12.0, help="seconds after which a kill has come at the latest")
    options = parser.parse_args()
    draw, counts = random.Random(options.seed), Counter[str]()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "config.yaml").write_text(yaml.safe_dump(CONFIG))
        undisturbed, folder = Path(root) / "undisturbed", Path(root) / "killed"
        if start(undisturbed, options.cores).wait():
            sys.exit((undisturbed / "said.txt").read_text())
        expected = artifacts(undisturbed)
        print(f"undisturbed: {time.monotonic() - begun:.0f} s, {len(expected)} files", flush=True)
        while counts.total() - counts[SAME] - counts[OTHER] - counts[ENDED] < options.rounds:  # kills
            kind = draw.choice(("process group", "Snakemake alone", "one job"))
            happened = disturb(folder, kind, draw.uniform(0.0, options.within), draw, options.cores)
            counts[happened] += 1
            print(f"{time.monotonic() - begun:.0f} s: {happened}", flush=True)
            if happened == ENDED:
                settle(folder, expected, counts)
            elif happened == ERROR:
                sys.exit((folder / "said.txt").read_text()[-3000:])
        start(folder, options.cores).wait()
        settle(folder, expected, counts)
    print(f"\n{options.rounds} rounds, seed {options.seed}, {time.monotonic() - begun:.0f} s\n")
    for what, count in counts.most_common():
        print(f"| {what} | {count} |")
    sys.exit(f"{counts[OTHER]} wrong" if counts[OTHER] else 0)


def start(folder: Path, cores: int, *options: str) -> subprocess.Popen[bytes]:
    """Start the workflow as the leader of a process group."""
    folder.mkdir(exist_ok=True)
    command = workflow(folder, "--configfile", folder.parent / "config.yaml", "--cores", cores, *options)
    with (folder / "said.txt").open("ab") as said:
        return subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, start_new_session=True)


def disturb(folder: Path, kind: str, seconds: float, draw: random.Random, cores: int) -> str:
    """Run until something is killed after some seconds; what happened."""
    process = start(folder, cores)
    try:
        return ENDED if process.wait(seconds) == 0 else ERROR
    except subprocess.TimeoutExpired:
        pass
    if kind == "one job":
        jobs = [
            job for job in psutil.Process(process.pid).children() if ".snakemake/scripts" in " ".join(job.cmdline())
        ]
        if jobs:
            draw.choice(jobs).kill()
            process.wait()
            return "one job was killed"
    if kind == "Snakemake alone":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    start(folder, cores, "--unlock").wait()
    return f"{kind} was killed" if kind == "Snakemake alone" else "process group was killed"


def settle(folder: Path, expected: dict[str, bytes], counts: Counter[str]) -> None:
    """Compare a finished run with the undisturbed one, and delete it if they agree."""
    found = artifacts(folder)
    if found == expected:
        counts[SAME] += 1
        shutil.rmtree(folder)
        return
    counts[OTHER] += 1
    differing = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    kept = folder.with_name(f"kept{counts[OTHER]}")
    folder.rename(kept)
    print(f"other: {differing}\n{(kept / 'said.txt').read_text()[-3000:]}", flush=True)


def artifacts(folder: Path) -> dict[str, bytes]:
    """Every file of the results but logs and timings."""
    results = folder / "results"
    files = {str(path.relative_to(results)): path for path in results.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(("logs/", "benchmarks/"))}


if __name__ == "__main__":
    main()
