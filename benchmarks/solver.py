"""The solver beside others, on the same moments, the same objective and the same certificate.

    python benchmarks/solver.py                  # 216 bins x 32 features: 4 minutes
    python benchmarks/solver.py --large          # 10,000 bins x 64 features: 13 minutes, 1.3 GB

Every method runs in a process of its own, with one BLAS thread unless --threads says otherwise, until the relative gap
is at most 1e-4 or its time is over. The gap is that of the certificate, over all bins; computing it is not counted for
the methods that do not need it. Moments are synthetic: features whose means and covariances move smoothly along the
axes, 128 patches that are the same in every bin, and a few reference photos with contents of their own from a part of
the range.

- degcraft: `degcraft.solver.solve`.
- SLSQP: SciPy's sequential least-squares programming, with gradients.
- Adam: on the logits of a softmax (torch), with gradients, at the learning rate --rate.
- one bin at a time: in the manner of black-box crafting, one bin's weight is raised or lowered, all are normalised, and
  what lowers the objective is kept; a pass that keeps little makes the changes smaller. Moments are updated, not summed
  anew, and it needs no gradients.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

import numpy as np
import torch
from command_line import arguments
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from degcraft.moments import Array, Moments
from degcraft.solver import FrechetObjective, certificate, kl_divergence, solve

TOLERANCE = 1e-4


def synthetic(bins_per_axis: tuple[int, ...], d: int, photos: int, seed: int) -> tuple[FrechetObjective, Array]:
    """Objective and prior for a grid of bins."""
    generator = np.random.default_rng(seed)
    axes = len(bins_per_axis)
    ticks = [(np.arange(n) + 0.5) / n for n in bins_per_axis]
    grid = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, axes)
    frequency, phase = generator.normal(0, 1.5, (d, axes)), generator.uniform(0, 2 * np.pi, d)
    mixing = generator.normal(0, 2 / np.sqrt(d), (d, d))
    content = np.linalg.qr(generator.normal(size=(d, d)))[0] * (0.7 ** np.arange(d) + 0.05)
    slopes = generator.normal(0, 0.3 / np.sqrt(d), (axes, d, d))

    def features(place: Array, latent: Array) -> Array:
        """(n, d) features of contents (n, d) at one place in the space."""
        factor = (np.eye(d) + np.tensordot(place - 0.5, slopes, axes=1)) @ content
        return np.asarray(np.cos(frequency @ place + phase) @ mixing.T + latent @ factor.T)

    latent = generator.normal(size=(128, d))
    mean, second = np.empty((len(grid), d)), np.empty((len(grid), d, d))
    for i, place in enumerate(grid):
        moments = Moments.of(features(place, latent))
        mean[i], second[i] = moments.mean, moments.second
    low = generator.uniform(0.0, 0.6, axes)
    high = low + generator.uniform(0.2, 0.4, axes)
    references = []
    for _ in range(photos):
        places, shift = generator.uniform(low, high, (32, axes)), generator.normal(0, 0.5, d)
        drawn = [features(place, generator.normal(shift, 0.9, (1, d)))[0] for place in places]
        references.append(Moments.of(np.stack(drawn)))
    return FrechetObjective(mean, second, Moments.pooled(references)), np.full(len(grid), 1 / len(grid))


class Finished(Exception):  # noqa: N818
    """The gap is small enough, or the time is over."""


class Run:
    """What a method reports to: keeps its clock, and sends (iteration, seconds, relative gap, MB) to the parent."""

    def __init__(self, objective: FrechetObjective, prior: Array, args: argparse.Namespace, pipe: Connection) -> None:
        self.objective, self.prior, self.args, self.pipe = objective, prior, args, pipe
        self.unit, _ = objective.value_and_gradient(prior)
        self.tau = args.dial * self.unit
        self.begun = time.perf_counter()

    def report(self, iteration: int, gap: float) -> None:
        """Send a row, and stop the method where its work is done."""
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds = time.perf_counter() - self.begun
        self.pipe.send((iteration, seconds, gap / self.unit, memory))
        if gap <= TOLERANCE * self.unit or seconds > self.args.limit:
            raise Finished

    def check(self, iteration: int, weights: Array) -> None:
        """Certify and report weights while the clock stands."""
        stopped = time.perf_counter()
        weights = np.maximum(weights, 0.0) / np.maximum(weights, 0.0).sum()
        gradient = self.objective.value_and_gradient(weights)[1]
        gap = certificate(weights, gradient, self.prior, self.tau)
        self.begun += time.perf_counter() - stopped
        self.report(iteration, gap)

    def objective_and_gradient(self, weights: Array) -> tuple[float, Array]:
        """The objective with the KL term, and its gradient."""
        value, gradient = self.objective.value_and_gradient(weights)
        ratio = np.log(np.maximum(weights, 1e-300) / self.prior)
        return value + self.tau * float(weights @ ratio), gradient + self.tau * (ratio + 1)


def ours(run: Run) -> None:
    """`degcraft.solver.solve`."""
    solve(run.objective, run.prior, run.args.dial, TOLERANCE, progress=lambda r: run.report(r.iteration, r.gap))


def slsqp(run: Run) -> None:
    """SciPy's SLSQP."""
    iterations = iter(range(1, 1_000_000))
    minimize(
        run.objective_and_gradient,
        run.prior,
        jac=True,
        method="SLSQP",
        bounds=[(1e-9 if run.tau else 0.0, 1.0)] * len(run.prior),
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-15, "maxiter": 100_000},
        callback=lambda weights: run.check(next(iterations), weights),
    )


def adam(run: Run) -> None:
    """Adam on logits."""
    torch.set_num_threads(run.args.threads)
    logits = torch.tensor(np.log(run.prior), requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=run.args.rate)
    run.begun = time.perf_counter()  # the first optimiser of a process takes seconds to set up
    for iteration in range(1, 10_000_000):
        weights = torch.softmax(logits.detach(), 0)
        _, gradient = run.objective_and_gradient(weights.numpy())
        slope = torch.from_numpy(gradient)
        logits.grad = weights * (slope - slope @ weights)
        optimiser.step()
        run.check(iteration, torch.softmax(logits.detach(), 0).numpy())


def one_bin_at_a_time(run: Run) -> None:
    """Change one weight, keep what lowers the objective."""
    objective, prior, tau = run.objective, run.prior, run.tau
    generator = np.random.default_rng(0)
    weights, change, iteration = prior.copy(), 1.0, 0

    def value(mixture: Array, weights: Array) -> float:
        return objective.value(mixture) + (tau * kl_divergence(weights, prior) if tau else 0.0)

    mixture = objective.mixture(weights)
    best = value(mixture, weights)
    while True:
        before = best
        for i in generator.permutation(len(prior)):
            for factor in (1 + change, 1 / (1 + change)):
                more = (factor - 1) * weights[i]
                trial = weights.copy()
                trial[i] += more
                trial /= 1 + more
                moved = (mixture + more * objective.packed[i]) / (1 + more)
                iteration += 1
                if (found := value(moved, trial)) < best:
                    best, weights, mixture = found, trial, moved
                    break
            if iteration % 100 < 2:
                run.check(iteration, weights)
        if before - best < 1e-3 * change * best:
            change /= 2


METHODS: dict[str, Callable[[Run], None]] = {
    "degcraft": ours,
    "SLSQP": slsqp,
    "Adam": adam,
    "one bin at a time": one_bin_at_a_time,
}


def child(pipe: Connection, method: str, args: argparse.Namespace) -> None:
    """Run one method on moments of its own."""
    axes, d = ((10, 10, 10, 10), 64) if args.large else ((6, 6, 6), 32)
    with threadpool_limits(args.threads), suppress(Finished):
        objective, prior = synthetic(axes, d, photos=6, seed=args.seed)
        run = Run(objective, prior, args, pipe)
        run.check(0, prior)
        run.begun = time.perf_counter()
        METHODS[method](run)


def measure(method: str, args: argparse.Namespace) -> list[tuple[int, float, float, float]]:
    """The rows that a method reported; it is ended where it does not come back from one iteration in time."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=child, args=(there, method, args), daemon=True)
    process.start()
    there.close()
    rows = [here.recv()]  # the gap of the prior, once the moments are made
    deadline = time.monotonic() + 2 * args.limit
    with suppress(EOFError):
        while here.poll(max(deadline - time.monotonic(), 0.0)):
            rows.append(here.recv())
    process.kill()
    process.join()
    return rows


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--large", action="store_true", help="10,000 bins x 64 features instead of 216 x 32")
    parser.add_argument("--generalization", type=float, nargs="+", default=[0.003, 0.0], help="the dial")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--limit", type=float, default=None, help="seconds for each method (30, or 60 with --large)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of degcraft, of which the fastest counts")
    parser.add_argument("--threads", type=int, default=1, help="BLAS threads")
    parser.add_argument("--rate", type=float, default=0.1, help="Adam's learning rate")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.limit = args.limit or (60.0 if args.large else 30.0)
    print("| dial | method | time to a gap of 1e-4 | gap in degcraft's time | smallest gap | iterations | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for dial in args.generalization:
        args.dial = dial
        fastest = min((measure("degcraft", args) for _ in range(args.repeats)), key=lambda rows: rows[-1][1])
        for method in args.methods:
            rows = fastest if method == "degcraft" else measure(method, args)
            iterations, seconds, gap, memory = rows[-1]
            reached = f"{seconds:.2g} s" if gap <= TOLERANCE else f"not within {args.limit:g} s"
            meanwhile = min(row[2] for row in rows if row[1] <= fastest[-1][1])
            numbers = f"{meanwhile:.1e} | {min(row[2] for row in rows):.1e} | {iterations} | {memory:.0f}"
            print(f"| {args.dial:g} | {method} | {reached} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
