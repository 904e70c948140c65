"""How fast networks are, and how much memory they take.

    python benchmarks/inference.py [--networks compact:32:6 srresnet:64:16] [--sizes 128 256] [--scale 4] [--threads 1]

A network is its name, width and blocks. Each runs on one square LR image of random numbers with random weights, as
`degcraft.upscale` runs it on a tile: on CUDA where there is one, else on so many CPU threads, in a process of its own.
The best of several rounds counts, since other programs can only slow them down; on one CPU thread, seconds are those of
the process and not of the clock. MP/s are megapixels of HR a second. Memory is the largest that the process held (CPU),
less what there was before the first image, or that torch had allocated (CUDA) for an image after the first.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import torch
from command_line import arguments

from degcraft.device import on_device, prepare
from degcraft.networks import NetworkSpec
from degcraft.networks.sr import count_weights

NETWORKS = ("compact:32:6", "compact:64:16", "srresnet:32:8", "srresnet:64:16")
SIZES = (128, 256, 320)  # the last is a tile of 256 with its overlap
ROUNDS = 5


@dataclass(frozen=True)
class Measured:
    """One network on one size.

    Attributes:
        weights: number of them.
        seconds: an image takes.
        memory: bytes, beyond those of the idle process.
        device: what it ran on.
    """

    weights: int
    seconds: float
    memory: int
    device: str


def parse(text: str, scale: int) -> NetworkSpec:
    """``name:channels:blocks``."""
    name, channels, blocks = text.split(":")
    return NetworkSpec.of(name, channels=int(channels), blocks=int(blocks), scale=scale)


def measure(spec: NetworkSpec, size: int, threads: int) -> Measured:
    """Run a network; on a CPU to be called in a fresh process, since peaks do not fall."""
    device = prepare(threads, 0, "benchmark")
    network = on_device(spec.build().eval(), device)
    image = torch.rand(1, 3, size, size, device=device).to(memory_format=torch.channels_last)
    clock = time.process_time if device.type == "cpu" and threads == 1 else time.perf_counter
    before = held(device)
    with torch.no_grad():
        network(image)
        if device.type == "cuda":  # the first image tries algorithms, and takes memory for it
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        seconds = min(timed(lambda: network(image), clock, device) for _ in range(ROUNDS))
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {threads} thread{'s' * (threads > 1)}"
    return Measured(count_weights(network), seconds, held(device) - before, name)


def held(device: torch.device) -> int:
    """Peak of the memory so far, bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def timed(run: Callable[[], torch.Tensor], clock: Callable[[], float], device: torch.device) -> float:
    """Seconds of one call."""
    begun = clock()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - begun


def in_process(spec: NetworkSpec, size: int, threads: int) -> Measured:
    """`measure` in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(measure, spec, size, threads).result()


def table(networks: Sequence[str], sizes: Sequence[int], scale: int, threads: int) -> None:
    """Print a row a network and size, as Markdown."""
    print(f"| network, x{scale} | weights | LR pixels | ms | MP/s | MiB | on |\n|---|---|---|---|---|---|---|")
    run = measure if torch.cuda.is_available() else in_process
    for text in networks:
        for size in sizes:
            found = run(parse(text, scale), size, threads)
            speed = (size * scale) ** 2 / 1e6 / found.seconds
            speeds = f"{1000 * found.seconds:,.1f}", f"{speed:.2f}"
            cells = f"`{text}`", f"{found.weights:,}", f"{size} x {size}", *speeds
            print("|", " | ".join([*cells, f"{found.memory / 2**20:,.0f}", found.device]), "|", flush=True)


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="name:channels:blocks")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="sides of the LR image, pixels")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1, help="on a CPU")
    options = parser.parse_args()
    table(options.networks, options.sizes, options.scale, options.threads)


if __name__ == "__main__":
    main()
