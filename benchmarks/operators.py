"""Where the time of a degraded patch goes: CPU time of every step of a preset, microseconds a sample.

    python benchmarks/operators.py               (half a minute; --preset, --size and --samples to change it)

Steps run one by one, as `degcraft.operators.chain` runs them where none can be merged, so the sum is a little more than
what a sample takes. `each` is the time of a sample that has the step, `of all` that over all samples.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict

import numpy as np
from command_line import ROOT, arguments
from threads import one_thread
from throughput import PRESETS, SCALE, distribution, patches

from degcraft.distribution import Distribution
from degcraft.operators import OPERATORS, to_uint8
from degcraft.seeds import stream


class Watch:
    """CPU time by name."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, int] = defaultdict(int)
        self.times: Counter[str] = Counter()
        self.start = time.thread_time_ns()

    def lap(self, name: str) -> None:
        """Charge what has passed since the last lap."""
        now = time.thread_time_ns()
        self.spent[name] += now - self.start
        self.times[name] += 1
        self.start = time.thread_time_ns()


def degrade(image: np.ndarray, whole: Distribution, index: int, watch: Watch) -> None:
    """One sample, as `degcraft.degrade.degrade_drawn` makes it, step by step."""
    watch.lap("(between)")
    generator = stream(0, "bench", index)
    watch.lap("random stream")
    parameters = whole.space.draw(whole.sample_bin(generator), generator)
    steps = whole.space.steps(parameters)
    watch.lap("parameters")
    lr = image.shape[0] // SCALE, image.shape[1] // SCALE
    result = image.astype(np.float32)
    watch.lap("8 bits to float")
    seen: Counter[str] = Counter()
    for operator, values in steps:
        seen[operator.name] += 1
        result = operator.apply(result, values, lr, generator)
        watch.lap(f"{operator.name} {seen[operator.name]} {values.get('direction', values['kind'])}")
    to_uint8(result)
    watch.lap("float to 8 bits")


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="real-esrgan")
    parser.add_argument("--size", type=int, default=192, help="side of the patches, pixels")
    parser.add_argument("--samples", type=int, default=2000)
    options = parser.parse_args()
    one_thread()
    whole, images = distribution(options.preset), patches(ROOT / "resources/demo/hr", options.size)
    for samples in (200, options.samples):  # the first few fill caches
        watch = Watch()
        for index in range(samples):
            degrade(images[index % len(images)], whole, index, watch)
    del watch.spent["(between)"]
    groups: defaultdict[str, float] = defaultdict(float)
    print(f"{'step':36} {'of all':>8} {'each':>8} {'times':>6}")
    for name, spent in sorted(watch.spent.items(), key=lambda item: -item[1]):
        groups[name.split()[0] if name.split()[0] in OPERATORS else name] += spent / samples / 1e3
        print(f"{name:36} {spent / samples / 1e3:8.1f} {spent / watch.times[name] / 1e3:8.1f} {watch.times[name]:6d}")
    print()
    for name, spent in sorted(groups.items(), key=lambda item: -item[1]):
        print(f"{name:36} {spent:8.1f} {spent / sum(groups.values()):8.1%}")


if __name__ == "__main__":
    main()
