"""Degraded patches a second, for each preset, beside the same operators in plain torch.

    python benchmarks/throughput.py              (a few minutes; --seconds, --photos and --presets to change it)

Patches are cut from the demo's sharp photos. Both sides draw the same parameters and degrade the same patches on one
thread. Rates are per second of CPU time, those of two processes per second of the clock. Timings alternate between
the two sides and the best round counts, since other programs can only slow them down. The last columns say how far
the two differ where nothing is random.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch_reference
import yaml
from command_line import ROOT, arguments
from threads import one_thread

from degcraft.degrade import degrade, degrade_drawn
from degcraft.distribution import Distribution
from degcraft.images import list_images, read_image
from degcraft.seeds import stream
from degcraft.space import build
from degcraft.steps import parse_steps

PRESETS = ("classic", "bsrgan", "real-esrgan")
SIZES = (96, 192, 384)
SCALE = 4
ROUNDS = 5


def distribution(preset: str) -> Distribution:
    """The whole range of a preset."""
    raw = yaml.safe_load((ROOT / "config/presets" / f"{preset}.yaml").read_text())
    return Distribution.uniform(build(parse_steps(raw["degradation"])))


def patches(folder: Path, size: int, most: int = 64) -> list[np.ndarray]:
    """Patches side by side from every photo, mirrored where a photo is too small."""
    found = []
    for path in list_images(folder):
        photo = read_image(path)
        short = [max(0, size - side) for side in photo.shape[:2]]
        photo = np.pad(photo, ((0, short[0]), (0, short[1]), (0, 0)), mode="symmetric")
        for top in range(0, photo.shape[0] - size + 1, size):
            for left in range(0, photo.shape[1] - size + 1, size):
                found.append(np.ascontiguousarray(photo[top : top + size, left : left + size]))
    return found[:: max(1, len(found) // most)][:most]


def ours(whole: Distribution, images: list[np.ndarray]) -> Callable[[int], None]:
    """Degrade sample ``index`` as the workflow does."""
    return lambda index: void(degrade_drawn(images[index % len(images)], whole, SCALE, stream(0, "bench", index)))


def reference(whole: Distribution, images: list[np.ndarray]) -> Callable[[int], None]:
    """The same sample in torch, noise apart."""

    def run(index: int) -> None:
        generator = stream(0, "bench", index)
        parameters = whole.space.draw(whole.sample_bin(generator), generator)
        torch_reference.degrade(images[index % len(images)], whole.space.steps(parameters), SCALE)

    return run


def void(_: object) -> None:
    """Drop a result."""


def rate(run: Callable[[int], None], seconds: float, clock: Callable[[], float] = time.process_time) -> float:
    """Samples a second, the same samples each time it is called."""
    start = clock()
    for index in count(1):
        run(index)
        if index % 10 == 0 and clock() - start > seconds:
            return index / (clock() - start)
    raise AssertionError


def disagreement(whole: Distribution, images: list[np.ndarray]) -> tuple[float, int]:
    """Mean and largest difference, of 255, over samples without their random and their rounding steps."""
    errors = []
    for index in range(200):
        generator = stream(1, "bench", index)
        parameters = whole.space.draw(whole.sample_bin(generator), generator)
        quiet = QuietSpace(whole, parameters)
        image = images[index % len(images)]
        theirs = torch_reference.degrade(image, quiet.steps(parameters), SCALE).astype(int)
        errors.append(np.abs(degrade(image, quiet, parameters, SCALE, generator).astype(int) - theirs))
    return float(np.mean([error.mean() for error in errors])), max(int(error.max()) for error in errors)


class QuietSpace:
    """A space without noise and JPEG, and with `area` resizes replaced, which torch defines differently."""

    def __init__(self, whole: Distribution, parameters: np.ndarray) -> None:
        self._steps = [
            (operator, values | ({"kind": "bilinear-aliased"} if values["kind"] == "area" else {}))
            for operator, values in whole.space.steps(parameters)
            if operator.name not in ("noise", "jpeg")
        ]

    def steps(self, _: np.ndarray) -> list:
        """As `degcraft.space.Space.steps`."""
        return self._steps


def worker(preset: str, size: int, folder: Path, seconds: float) -> float:
    """Rate of one process among several."""
    one_thread()
    run = ours(distribution(preset), patches(folder, size))
    rate(run, 0.3)
    return rate(run, seconds, time.perf_counter)


def parallel(preset: str, folder: Path, seconds: float, processes: int) -> float:
    """Samples a second of several processes together."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(worker, preset, 192, folder, seconds) for _ in range(processes)]
        return sum(job.result() for job in jobs)


def rows(presets: list[str], folder: Path, seconds: float) -> Iterator[str]:
    """Lines of the table."""
    for preset in presets:
        whole = distribution(preset)
        mean, largest = disagreement(whole, patches(folder, 192))
        cells = [f"{preset:12}"]
        for size in SIZES:
            images = patches(folder, size)
            runs = ours(whole, images), reference(whole, images)
            for run in runs:
                rate(run, 0.3)
            rounds = np.array([[rate(run, seconds) for run in runs] for _ in range(ROUNDS)])
            best = rounds.max(axis=0)
            cells.append(f"{best[0]:8.0f} {best[1]:7.1f} {best[0] / best[1]:6.1f}x")
        cells.append(f"{parallel(preset, folder, 2 * seconds, 2):9.0f}")
        cells.append(f"{mean:8.3f} {largest:4d}")
        yield " |".join(cells)


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--photos", type=Path, default=ROOT / "resources/demo/hr", help="sharp photos")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    parser.add_argument("--seconds", type=float, default=2.0, help=f"of each of {ROUNDS} rounds of each timing")
    options = parser.parse_args()
    one_thread()
    print("patches a second on one core, x4; torch is the reference; difference without noise and JPEG, of 255")
    sizes = " |".join(f"{f'{size} px: ours':>8} {'torch':>7} {'ratio':>6}" for size in SIZES)
    print(f"{'preset':12} |{sizes} |2 at 192 |difference: mean, max")
    for row in rows(options.presets, options.photos, options.seconds):
        print(row, flush=True)


if __name__ == "__main__":
    main()
