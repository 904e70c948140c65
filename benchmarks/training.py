"""Training samples a second from a pairs file, beside the same network on one batch that is kept in memory.

    python benchmarks/training.py                (two minutes; on a GPU add --workers 4)

The ratio says how much of the time goes into training: 1.00 means that batches cost nothing. Both sides take the same
steps of `degcraft.training.run.Run` (forward, backward, optimiser, averaging), and alternate in short rounds; the best
of each counts, since other programs can only slow them down. Where one CPU thread does everything, seconds are of its
time, otherwise of the clock. The last column is what reading a batch takes by itself. Without --pairs, 2,000 pairs are
made from the demo's photos.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from pathlib import Path

import h5py
import numpy as np
import torch
from command_line import ROOT, arguments
from threads import one_thread

from degcraft.axes import Choices, Range, Step
from degcraft.device import prepare
from degcraft.distribution import Distribution
from degcraft.networks import NetworkSpec
from degcraft.pairs import gather_pairs, make_pairs
from degcraft.pairs_dataset import PairBatches, loader
from degcraft.photos import cut_hr_patches
from degcraft.settings import PairSettings, PhotoSettings, TrainSettings
from degcraft.space import build
from degcraft.training.run import Run

SCALE = 4
STEPS = (
    Step("blur", (("sigma", Range(0.2, 3.0, 2)),)),
    Step("resize", (("kind", Choices(("bicubic",))),)),
    Step("jpeg", (("quality", Range(30, 95, 2)),)),
)
NETWORKS = {  # name, channels, blocks, batch, crop
    "demo": ("compact", 32, 6, 8, 24),
    "compact": ("compact", 64, 16, 16, 32),
    "srresnet": ("srresnet", 64, 16, 16, 32),
}
ROUNDS = 25


def some_pairs(folder: Path, photos: Path) -> Path:
    """2,000 pairs of patches from some photos."""
    cut_hr_patches(photos, folder / "patches.h5", folder / "photos.csv", PhotoSettings(), SCALE, seed=0)
    whole = Distribution.uniform(build(STEPS))
    make_pairs(whole, folder / "patches.h5", folder / "part.h5", PairSettings(2000), 0, SCALE, 0)
    gather_pairs([folder / "part.h5"], whole, folder / "patches.h5", folder / "pairs.h5", SCALE, 0)
    return folder / "pairs.h5"


def timed(
    run: Run, batches: Iterator[tuple[torch.Tensor, torch.Tensor]], seconds: float, clock: Callable[[], float]
) -> float:
    """Steps a second."""
    start, steps = clock(), 0
    while clock() - start < seconds:
        run.advance(*next(batches))
        steps += 1
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return steps / (clock() - start)


def reading(batches: PairBatches, each: int = 200) -> float:
    """Milliseconds of a core's time to read a batch."""
    best = float("inf")
    for first in range(0, ROUNDS * each, each):
        start = time.process_time()
        for index in range(first, first + each):
            batches[index]
        best = min(best, time.process_time() - start)
    return 1000 * best / each


def compare(pairs: Path, scale: int, name: str, options: argparse.Namespace) -> str:
    """A line of the table."""
    network, channels, blocks, batch, crop = NETWORKS[name]
    chosen = {key: getattr(options, key) for key in ("threads", "compile", "amp_on_cpu")}
    settings = TrainSettings(network, channels, blocks, steps=10**6, batch=batch, crop=crop, **chosen)
    device = prepare(options.threads, 0, "train")
    spec = NetworkSpec.of(network, channels=channels, blocks=blocks, scale=scale)
    batches = PairBatches(pairs, batch, crop, scale, 0, range(settings.steps))
    kept = batches[0]
    if device.type == "cuda":
        kept = tuple(part.pin_memory() for part in kept)
    sides = [
        (Run(spec.build(), settings, 0, device), source)
        for source in (loader(batches, options.workers, device), repeat(kept))
    ]
    alone = device.type == "cpu" and options.threads == 1 and not options.workers
    clock = time.process_time if alone else time.perf_counter
    for side in sides:
        timed(*side, options.seconds / 4, clock)
    rounds = np.array([[timed(*side, options.seconds, clock) for side in sides] for _ in range(ROUNDS)]) * batch
    file, memory = rounds.max(axis=0)
    return f"{name:10} {batch:6} {crop:5} {file:10.1f} {memory:10.1f} {file / memory:6.3f} {reading(batches):8.2f}"


def rows(options: argparse.Namespace, folder: Path) -> Iterable[str]:
    """Lines of the table."""
    pairs = options.pairs or some_pairs(folder, options.photos)
    with h5py.File(pairs) as file:
        scale = int(file.attrs["scale"])
    for name in options.networks:
        yield compare(pairs, scale, name, options)


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=Path, help="a pairs file, such as results/pairs/full.h5")
    parser.add_argument("--photos", type=Path, default=ROOT / "resources/demo/hr", help="sharp photos")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--workers", type=int, default=0, help="processes that read")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads that train")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--amp-on-cpu", action="store_true", help="in bfloat16, on a CPU with AMX")
    parser.add_argument("--seconds", type=float, default=0.6, help=f"of each of {ROUNDS} rounds of each side")
    options = parser.parse_args()
    one_thread()
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{options.threads} CPU thread(s)"
    print(f"samples a second on {name}, torch {torch.__version__}, {options.workers} reading process(es)")
    print(f"{'network':10} {'batch':>6} {'crop':>5} {'pairs file':>10} {'in memory':>10} {'ratio':>6} {'read, ms':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(options, Path(folder)):
            print(row, flush=True)


if __name__ == "__main__":
    main()
