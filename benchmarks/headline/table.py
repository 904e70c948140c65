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

DIAL = 0.003  # craft.generalization, by default
RESAMPLINGS = 2000
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Headline:
    """One finished configuration.

    Attributes:
        folder: in which the workflow ran.
        targets: names.
        arms: words of ``train.distributions``, such as ``crafted-0.3``.
        seeds: of each arm.
    """

    folder: Path
    targets: tuple[str, ...]
    arms: tuple[str, ...]
    seeds: Mapping[str, tuple[int, ...]]

    @staticmethod
    def of(folder: Path, config: Mapping[str, Any], every_seed: bool) -> Headline:
        """From the configuration; unless ``every_seed``, arms at other values of the dial have the first seed only."""
        arms, seeds = tuple(config["train"]["distributions"]), tuple(config["train"]["seeds"])
        of_arm = {arm: seeds if every_seed or not asked_for(arm).dial else seeds[:1] for arm in arms}
        return Headline(folder, tuple(config["targets"]), arms, of_arm)

    def table(self, arm: str, target: str, seed: int) -> Path:
        """Measurements of an arm's model on a target's photos."""
        name = asked_for(arm)
        if name.kind in ("crafted", "oracle"):
            name = replace(name, target=target)
        return self.folder / f"results/evaluation/{name}/seed{seed}/parts/{target}.csv"

    def tables(self) -> list[Path]:
        """Every file that is wanted."""
        arms = {**self.seeds, "bicubic": (0,)}
        return [self.table(arm, t, seed) for arm, seeds in arms.items() for t in self.targets for seed in seeds]

    def photos(self, arm: str, target: str, testset: str, seeds: Sequence[int] | None = None) -> Values:
        """(photos,) PSNR-Y, mean over seeds and degradations of each test photo."""
        given = seeds if seeds is not None else self.seeds.get(arm, (0,))
        rows = pd.concat([pd.read_csv(self.table(arm, target, seed)) for seed in given])
        rows = rows[rows["testset"] == testset]
        return rows.groupby("photo")["psnr_y"].mean().to_numpy()

    @property
    def dials(self) -> dict[float, str]:
        """Arms of crafting by their dial, rising."""
        crafted = [arm for arm in self.arms if asked_for(arm).kind == "crafted"]
        return dict(sorted((float(asked_for(arm).dial or DIAL), arm) for arm in crafted))


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
    """All tables, as Markdown."""
    print("\nPSNR-Y on the target, dB")
    print_markdown(["target", "bicubic", "clean", "full", "crafted", "oracle", "closed"], _on_target(runs))
    print("\nPSNR-Y over the full range, dB")
    print_markdown(
        ["target", "clean", "full", "crafted", "oracle", "crafted gives up", "oracle gives up"], _elsewhere(runs)
    )
    print("\nThe dial: mean over targets, dB, first seed")
    print_markdown(["dial", "gained on target over full", "given up over the full range"], _dial(runs))


def _on_target(runs: Sequence[Headline]) -> Iterator[list[str]]:
    shares, gains = [], []
    for run in runs:
        for target in run.targets:
            found = {arm: run.photos(arm, target, target) for arm in ("bicubic", "clean", "full", "crafted", "oracle")}
            closed, low, high = share(found["crafted"], found["full"], found["oracle"])
            shares.append(closed)
            gains.append([found[arm].mean() - found["full"].mean() for arm in ("crafted", "oracle")])
            yield [target, *(f"{v.mean():.2f}" for v in found.values()), f"{closed:.2f} ({low:.2f} to {high:.2f})"]
    crafted, oracle = np.sum(gains, axis=0)
    yield ["mean of the shares", "", "", "", "", "", mean_interval(np.array(shares))]
    yield ["all gains of crafted over all of oracle", "", "", "", "", "", f"{crafted / oracle:.2f}"]


def _elsewhere(runs: Sequence[Headline]) -> Iterator[list[str]]:
    lost: dict[str, list[float]] = {"crafted": [], "oracle": []}
    for run in runs:
        for target in run.targets:
            found = {arm: run.photos(arm, target, "full").mean() for arm in ("clean", "full", "crafted", "oracle")}
            for arm, values in lost.items():
                values.append(found["full"] - found[arm])
            yield [target, *(f"{v:.2f}" for v in found.values()), *(f"{values[-1]:.2f}" for values in lost.values())]
    yield ["mean", "", "", "", "", *(mean_interval(np.array(values)) for values in lost.values())]


def trade_off(runs: Sequence[Headline]) -> dict[str, tuple[Values, Values]]:
    """By arm, what is gained on each target and given up over the full range, with the first seed."""
    result = {}
    for arm in (*runs[0].dials.values(), "oracle"):
        points = []
        for run in runs:
            seed = run.seeds[arm][:1]
            for t in run.targets:
                gained = run.photos(arm, t, t, seed).mean() - run.photos("full", t, t, seed).mean()
                lost = run.photos("full", t, "full", seed).mean() - run.photos(arm, t, "full", seed).mean()
                points.append((gained, lost))
        gains, losses = np.array(points).T
        result[arm] = gains, losses
    return result


def _dial(runs: Sequence[Headline]) -> Iterator[list[str]]:
    labels = {arm: f"{dial:g}" for dial, arm in runs[0].dials.items()} | {"oracle": "oracle"}
    for arm, (gained, lost) in trade_off(runs).items():
        yield [labels[arm], f"{gained.mean():.2f}", f"{lost.mean():.2f}"]


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
    gained, lost = (np.stack([points[arm][i] for arm in dials.values()]) for i in (0, 1))
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
