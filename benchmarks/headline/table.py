"""Tables and picture of the headline benchmark, from the measurements of single photos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degcraft.names import asked_for
from degcraft.seeds import stream
from degcraft.settings import CraftSettings

RESAMPLINGS = 2000
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Headline:
    """One finished configuration.

    Attributes:
        folder: in which the workflow ran.
        targets: names.
        distributions: words of ``train.distributions``, such as ``crafted-0.3``.
        seeds: of each distribution.
    """

    folder: Path
    targets: tuple[str, ...]
    distributions: tuple[str, ...]
    seeds: Mapping[str, tuple[int, ...]]

    @staticmethod
    def of(folder: Path, config: Mapping[str, Any], every_seed: bool) -> Headline:
        """From the configuration; unless ``every_seed``, other values of the dial have the first seed only."""
        distributions, seeds = tuple(config["train"]["distributions"]), tuple(config["train"]["seeds"])
        of_each = {d: seeds if every_seed or not asked_for(d).dial else seeds[:1] for d in distributions}
        return Headline(folder, tuple(config["targets"]), distributions, of_each)

    def quick(self) -> Headline:
        """Its first seed alone, without other values of the dial."""
        kept = tuple(d for d in self.distributions if not asked_for(d).dial)
        return replace(self, distributions=kept, seeds={d: self.seeds[d][:1] for d in kept})

    def table(self, distribution: str, target: str, seed: int) -> Path:
        """Measurements of a distribution's model on a target's photos."""
        name = asked_for(distribution)
        if name.kind in ("crafted", "oracle"):
            name = replace(name, target=target)
        return self.folder / f"results/evaluation/{name}/seed{seed}/parts/{target}.csv"

    def tables(self) -> list[Path]:
        """Every file that is wanted."""
        distributions = {**self.seeds, "bicubic": (0,)}
        return [
            self.table(distribution, t, seed)
            for distribution, seeds in distributions.items()
            for t in self.targets
            for seed in seeds
        ]

    def photos(self, distribution: str, target: str, testset: str, seeds: Sequence[int] | None = None) -> Values:
        """(photos,) PSNR-Y, mean over seeds and degradations of each test photo."""
        given = seeds if seeds is not None else self.seeds.get(distribution, (0,))
        rows = pd.concat([pd.read_csv(self.table(distribution, target, seed)) for seed in given])
        rows = rows[rows["testset"] == testset]
        return rows.groupby("photo")["psnr_y"].mean().to_numpy()

    @property
    def dials(self) -> dict[float, str]:
        """Arms of crafting by their dial, rising."""
        default, names = CraftSettings().generalization, {word: asked_for(word) for word in self.distributions}
        return dict(sorted((float(n.dial or default), word) for word, n in names.items() if n.kind == "crafted"))


def share(crafted: Values, full: Values, oracle: Values) -> tuple[float, float, float]:
    """(crafted - full) / (oracle - full) of the means over photos, and its interval from resampling photos."""
    drawn = stream(0, "headline").integers(len(full), size=(RESAMPLINGS, len(full)))
    closed = (crafted[drawn].mean(1) - full[drawn].mean(1)) / (oracle[drawn].mean(1) - full[drawn].mean(1))
    low, high = np.quantile(closed, [0.025, 0.975])
    return float((crafted.mean() - full.mean()) / (oracle.mean() - full.mean())), float(low), float(high)


def mean_interval(values: Values) -> str:
    """Mean over targets, and its interval from resampling targets."""
    drawn = values[stream(0, "headline targets").integers(len(values), size=(RESAMPLINGS, len(values)))].mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{values.mean():.2f} ({low:.2f} to {high:.2f})"


def print_tables(runs: Sequence[Headline]) -> None:
    """Tables of what is gained and given up, as Markdown."""
    print("\nPSNR-Y on the target, dB")
    print_markdown(["target", "bicubic", "clean", "full", "crafted", "oracle", "closed"], _on_target(runs))
    print("\nPSNR-Y over the full range, dB")
    print_markdown(
        ["target", "clean", "full", "crafted", "oracle", "crafted gives up", "oracle gives up"], _elsewhere(runs)
    )


def print_dial(runs: Sequence[Headline]) -> None:
    """What other values of the dial do."""
    print("\nThe dial: mean over targets, dB, first seed")
    print_markdown(["dial", "gained on target over full", "given up over the full range"], _dial(runs))


def _on_target(runs: Sequence[Headline]) -> Iterator[list[str]]:
    shares, gains = [], []
    for run in runs:
        for target in run.targets:
            found = {
                distribution: run.photos(distribution, target, target)
                for distribution in ("bicubic", "clean", "full", "crafted", "oracle")
            }
            closed, low, high = share(found["crafted"], found["full"], found["oracle"])
            shares.append(closed)
            gains.append([found[distribution].mean() - found["full"].mean() for distribution in ("crafted", "oracle")])
            yield [target, *(f"{v.mean():.2f}" for v in found.values()), f"{closed:.2f} ({low:.2f} to {high:.2f})"]
    crafted, oracle = np.sum(gains, axis=0)
    yield ["mean of the shares", "", "", "", "", "", mean_interval(np.array(shares))]
    yield ["all gains of crafted over all of oracle", "", "", "", "", "", f"{crafted / oracle:.2f}"]


def _elsewhere(runs: Sequence[Headline]) -> Iterator[list[str]]:
    lost: dict[str, list[float]] = {"crafted": [], "oracle": []}
    for run in runs:
        for target in run.targets:
            found = {
                distribution: run.photos(distribution, target, "full").mean()
                for distribution in ("clean", "full", "crafted", "oracle")
            }
            for distribution, values in lost.items():
                values.append(found["full"] - found[distribution])
            yield [target, *(f"{v:.2f}" for v in found.values()), *(f"{values[-1]:.2f}" for values in lost.values())]
    yield ["mean", "", "", "", "", *(mean_interval(np.array(values)) for values in lost.values())]


def trade_off(runs: Sequence[Headline]) -> dict[str, tuple[Values, Values]]:
    """By distribution, what is gained on each target and given up over the full range, with the first seed."""
    result = {}
    for distribution in (*runs[0].dials.values(), "oracle"):
        points = []
        for run in runs:
            seed = run.seeds[distribution][:1]
            for t in run.targets:
                gained = run.photos(distribution, t, t, seed).mean() - run.photos("full", t, t, seed).mean()
                lost = run.photos("full", t, "full", seed).mean() - run.photos(distribution, t, "full", seed).mean()
                points.append((gained, lost))
        gains, losses = np.array(points).T
        result[distribution] = gains, losses
    return result


def _dial(runs: Sequence[Headline]) -> Iterator[list[str]]:
    labels = {distribution: f"{dial:g}" for dial, distribution in runs[0].dials.items()} | {"oracle": "oracle"}
    for distribution, (gained, lost) in trade_off(runs).items():
        yield [labels[distribution], f"{gained.mean():.2f}", f"{lost.mean():.2f}"]


def print_markdown(header: Sequence[str], rows: Iterator[list[str]]) -> None:
    """Print a table."""
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def plot_trade_off(runs: Sequence[Headline], file: Path) -> None:
    """Gain on the target against loss over the full range: a thin line a target, a thick one for the mean."""
    points = trade_off(runs)
    dials = runs[0].dials
    figure, axes = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    gained, lost = (np.stack([points[distribution][i] for distribution in dials.values()]) for i in (0, 1))
    axes.plot(lost, gained, "-", color="0.8", linewidth=1)
    axes.plot(lost.mean(1), gained.mean(1), "o-", color="C0", linewidth=2, label="crafted, mean over targets")
    for dial, x, y in zip(dials, lost.mean(1), gained.mean(1), strict=True):
        axes.annotate(f"{dial:g}", (x, y), textcoords="offset points", xytext=(6, -12), color="C0")
    oracle = points["oracle"]
    axes.plot(oracle[1].mean(), oracle[0].mean(), "*", color="C1", markersize=12, label="oracle, mean over targets")
    axes.plot(0, 0, "s", color="0.3", label="full")
    axes.set_xlabel("given up over the full range, dB PSNR-Y")
    axes.set_ylabel("gained on the target, dB PSNR-Y")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, dpi=110)
    plt.close(figure)
