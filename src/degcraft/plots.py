"""Figures of crafting."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import cm, pyplot
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from degcraft.axes import Choices, Mixture, Range, axis_unit
from degcraft.distribution import Distribution
from degcraft.marginals import joint, pieces
from degcraft.moments import Array
from degcraft.storage import replacing

if TYPE_CHECKING:
    from degcraft.space import Space
    from degcraft.target import Truth

# blue, grey and vermilion of Okabe and Ito's palette, which colour-blind eyes and greyscale print keep apart
CRAFTED, PRIOR, TRUTH = "#0072b2", "#b0b0b0", "#d55e00"
HEAT = LinearSegmentedColormap.from_list("heat", ["#ffffff", "#9ecae8", CRAFTED, "#00263f"])  # one hue, ever darker
INK = "#1b1f24"
INTERVAL = "95% interval"
NUMBERED = 8  # most intervals of an axis for which a heat map has numbers


def plot_marginals(marginals: pd.DataFrame, truth: Truth, path: str | os.PathLike[str]) -> None:
    """Crafted against prior weights, one panel an axis that varies, with intervals, and the truth where it is known.

    Args:
        marginals: the table of `degcraft.bootstrap`.
        truth: of a made target; empty for a real one.
        path: PNG to write; an SVG of the same stem is written beside it.
    """
    panels = [(str(name), rows) for name, rows in marginals.groupby("axis", sort=False) if len(rows) > 1]
    columns = min(len(panels), 4)
    lines = -(-len(panels) // columns)
    size = (3.4 * columns, 2.9 * lines + 0.3)
    figure, grid = pyplot.subplots(lines, columns, figsize=size, squeeze=False, layout="constrained")
    axes = list(grid.flat)
    for ax, (name, rows) in zip(axes, panels, strict=False):
        if rows["choice"].astype(bool).any():
            _choices(ax, rows, dict(truth).get(name))
        else:
            _intervals(ax, rows, dict(truth).get(name))
        ax.set_xlabel(axis_label(name, list(marginals["axis"].unique())))
        ax.set_ylim(bottom=0)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[len(panels) :]:
        ax.remove()
    for ax in axes[: len(panels) : columns]:
        ax.set_ylabel("share of the distribution")
    named = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=min(4, 2 * columns), frameon=False)
    _save(path)


def _intervals(ax: Axes, rows: pd.DataFrame, truth: object) -> None:
    """A continuous axis: bars as wide as the bins."""
    width, centre = rows["upper"] - rows["lower"], (rows["lower"] + rows["upper"]) / 2
    ax.bar(rows["lower"], rows["weight"], width, align="edge", color=CRAFTED, edgecolor="white", label="crafted")
    edges = [*rows["lower"], rows["upper"].iloc[-1]]
    ax.stairs(rows["prior"], edges, color=PRIOR, linewidth=2, label="full range")
    ax.vlines(centre, rows["low"], rows["high"], color="black", linewidth=1, label=INTERVAL)
    if isinstance(truth, Range) and truth.lower == truth.upper:
        ax.axvline(truth.lower, color=TRUTH, linewidth=2, linestyle="--", label="truth")
    elif isinstance(truth, Range):
        overlap = (rows["upper"].clip(upper=truth.upper) - rows["lower"].clip(lower=truth.lower)).clip(lower=0)
        ax.stairs(overlap / (truth.upper - truth.lower), edges, color=TRUTH, linewidth=2, linestyle="--", label="truth")


def _choices(ax: Axes, rows: pd.DataFrame, truth: object) -> None:
    """A categorical axis: a bar a choice."""
    positions = range(len(rows))
    left, right = [p - 0.4 for p in positions], [p + 0.4 for p in positions]
    ax.bar(positions, rows["weight"], 0.8, color=CRAFTED, label="crafted")
    ax.hlines(rows["prior"], left, right, PRIOR, linewidth=2, label="full range")
    if isinstance(truth, Choices | Mixture):
        share = [dict(truth.shares).get(choice, 0.0) for choice in rows["choice"]]
        ax.hlines(share, left, right, TRUTH, linewidth=2, linestyles="--", label="truth")
    ax.vlines(positions, rows["low"], rows["high"], color="black", linewidth=1, label=INTERVAL)
    ax.set_xticks(list(positions), [str(choice) for choice in rows["choice"]], rotation=20)


def plot_joint(distribution: Distribution, path: str | os.PathLike[str]) -> None:
    """Crafted weights of two axes at a time, one heat map a pair of axes that vary.

    Colours say how many times as much weight a cell has as in the full range, numbers its share in percent; cells
    without a number have less than half a percent.

    Args:
        distribution: the crafted weights beside the prior.
        path: PNG to write; an SVG of the same stem is written beside it.
    """
    space = distribution.space
    axes = [i for i in range(len(space.axes)) if len(pieces(space, i)[0]) > 1]
    if len(axes) < 2:
        _say("only one axis varies, so there are no pairs", path)
        return
    pairs = [(i, j) for row, j in enumerate(axes) for i in axes[:row]]
    shares = {pair: joint(space, *pair, distribution.weight) for pair in pairs}
    relative = {pair: _ratio(shares[pair], joint(space, *pair, distribution.prior)) for pair in pairs}
    top = max(1.0, *(float(np.nanmax(cells)) for cells in relative.values()))
    normal = Normalize(0.0, top)
    side = len(axes) - 1
    size = (3.2 * side + 1.2, 2.7 * side)
    figure, grid = pyplot.subplots(side, side, figsize=size, squeeze=False, layout="constrained")
    for row, j in enumerate(axes[1:]):
        for column, i in enumerate(axes[:-1]):
            ax = grid[row, column]
            if column > row:
                ax.remove()
                continue
            horizontal, vertical = (_positions(ax, space, k, k == j) for k in (i, j))
            ax.pcolormesh(horizontal, vertical, relative[i, j].T, cmap=HEAT, norm=normal, edgecolor="white", lw=0.5)
            _percents(ax, horizontal, vertical, shares[i, j], relative[i, j] > 0.55 * top)
    bar = figure.colorbar(cm.ScalarMappable(normal, HEAT), ax=[*grid[np.tril_indices(side)]], shrink=0.8)
    bar.set_label("times the weight in the full range; numbers: % of the distribution")
    _save(path)


def _ratio(weight: Array, prior: Array) -> Array:
    """Weight over prior; not a number where no bin lies."""
    ratio: Array = np.full_like(weight, np.nan)
    np.divide(weight, prior, out=ratio, where=prior > 0)
    return ratio


def _positions(ax: Axes, space: Space, index: int, vertical: bool) -> Array:
    """Edges of cells along one axis, labelled; choices, and values that are no intervals, stand at equal steps."""
    axis, (lower, upper, _) = space.axes[index], pieces(space, index)
    (ax.set_ylabel if vertical else ax.set_xlabel)(axis_label(axis.name, space.names))
    if (lower < upper).all() and (lower[1:] == upper[:-1]).all():
        return np.append(lower, upper[-1])
    edges = np.arange(len(lower) + 1, dtype=np.float64) - 0.5
    words = [
        axis.word(a) if axis.choices else f"{a:g}" if a == b else f"{a:g}-{b:g}"
        for a, b in zip(lower, upper, strict=True)
    ]
    (ax.set_yticks if vertical else ax.set_xticks)(range(len(words)), words, rotation=0 if vertical else 20)
    return edges


def _percents(ax: Axes, horizontal: Array, vertical: Array, shares: Array, dark: NDArray[np.bool_]) -> None:
    """Write each cell's share into it, where there is room."""
    if max(shares.shape) > NUMBERED:
        return
    for (i, j), share in np.ndenumerate(shares):
        if share >= 0.005:
            x, y = (horizontal[i] + horizontal[i + 1]) / 2, (vertical[j] + vertical[j + 1]) / 2
            ax.text(x, y, f"{100 * share:.0f}", ha="center", va="center", size=8, color="white" if dark[i, j] else INK)


def _say(words: str, path: str | os.PathLike[str]) -> None:
    """A figure of words alone."""
    figure = pyplot.figure(figsize=(5, 1.2))
    figure.text(0.5, 0.5, words, ha="center", va="center")
    _save(path)


def axis_label(axis: str, axes: Sequence[str]) -> str:
    """Words for an axis among all of its space: ``noise_sigma`` becomes ``noise sigma (of 255)``."""
    unit = axis_unit(axis, axes)
    return axis.replace("_", " ", 1) + (f" ({unit})" if unit else "")


def plot_trace(trace: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Distance and certified gap over the solver's iterations.

    Args:
        trace: ``iteration, distance, gap`` and others, a row for each iteration that is shown.
        path: PNG to write; an SVG of the same stem is written beside it.
    """
    figure, ax = pyplot.subplots(figsize=(5, 3.2), layout="constrained")
    ax.plot(trace["iteration"], trace["distance"], "o-", markersize=3, color=CRAFTED, label="distance")
    ax.plot(trace["iteration"], trace["gap"], "o-", markersize=3, color=TRUTH, label="gap to the optimum (bound)")
    ax.set_yscale("log")
    ax.set_xlabel("iteration")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel("squared Fréchet distance")
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    _save(path)


def plot_trade_off(trade_off: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Distance, held-out distance where there is one, and effective number of bins over the dial.

    The dial's values stand side by side at equal steps, since one of them is 0.

    Args:
        trade_off: the table of `degcraft.trade_off.TradeOff`.
        path: PNG to write; an SVG of the same stem is written beside it.
    """
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(6.6, 5), sharex=True, layout="constrained")
    positions = range(len(trade_off))
    above.plot(positions, trade_off["distance"], "o-", color=CRAFTED, label="reference photos")
    if trade_off["held_out"].notna().any():
        spread = {"yerr": trade_off["held_out_error"], "fmt": "s--", "capsize": 3}
        above.errorbar(positions, trade_off["held_out"], color=TRUTH, label="held-out photos", **spread)
    above.set_ylabel("squared Fréchet distance")
    above.set_ylim(bottom=0)
    below.plot(positions, trade_off["effective_bins"], "o-", color=CRAFTED)
    below.set_ylabel("effective number of bins")
    below.set_yscale("log", base=2)
    below.yaxis.set_major_formatter("{x:g}")
    below.set_xlabel("generalization (the dial): tight fit to full range")
    below.set_xticks(list(positions), [f"{dial:g}" for dial in trade_off["generalization"]])
    for ax in (above, below):
        ax.axvline(int(trade_off["chosen"].argmax()), color=PRIOR, linewidth=6, alpha=0.5, zorder=0, label="chosen")
        ax.spines[["top", "right"]].set_visible(False)
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    _save(path)


def plot_fit(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Histograms of what simulated sets have, with the reference photos marked: by an arrow where they lie far off.

    Args:
        table: `degcraft.certify.Fit.table`: the reference photos and simulated sets, if there are any.
        path: PNG to write; an SVG of the same stem is written beside it.
    """
    figure, grid = pyplot.subplots(1, 2, figsize=(7.6, 3.0), layout="constrained")
    simulated = table.iloc[1:]
    relative = (simulated["direction"] + 1e-9) / (simulated["direction_observed"] + 1e-9)
    panels = [
        (simulated["distance"], table["distance"].iloc[0], "linear", "squared Fréchet distance after crafting"),
        (relative, 1.0, "log", "dependence on direction, relative"),
    ]
    for ax, (values, observed, scale, title) in zip(grid, panels, strict=True):
        if len(values):
            around = 1.5 if values.min() == values.max() else 1.0
            edges = np.geomspace(values.min() / around, values.max() * around, 26) if scale == "log" else 25
            ax.hist(values, bins=edges, color=PRIOR, edgecolor="white", label="simulated sets of photos")
            ax.set_xscale(scale)
            if scale == "log":  # less than a decade wide: few ticks, and plain numbers
                ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
                ax.xaxis.set_major_formatter("{x:g}")
                ax.xaxis.set_minor_formatter(NullFormatter())
            _mark(ax, float(observed), "the reference photos")
        else:
            ax.text(0.5, 0.5, "not simulated", transform=ax.transAxes, ha="center", va="center")
        ax.set_xlabel(title)
        ax.spines[["top", "right"]].set_visible(False)
    grid[0].set_ylabel("simulations")
    named = {label: handle for ax in grid for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=2, frameon=False)
    _save(path)


def _mark(ax: Axes, value: float, label: str) -> None:
    """A line at a value, or, where it would leave the bars less than half of the axis, an arrow towards it."""
    low, high = ax.dataLim.intervalx
    along = ax.transScale.transform  # what is far on a logarithmic axis is so by its logarithm
    left, right, place = along([(low, 1), (high, 1), (value, 1)])[:, 0]
    if left - (right - left) <= place <= right + (right - left):
        ax.axvline(value, color=TRUTH, linewidth=2, label=label)
        return
    end, start, align = (0.99, 0.87, "right") if place > right else (0.01, 0.13, "left")
    before, after = (0.05, 0.3) if place > right else (0.3, 0.05)
    ends = left - before * (right - left), right + after * (right - left)
    ax.set_xlim(*(ax.transScale.inverted().transform((x, 1))[0] for x in ends))
    ax.plot([], [], color=TRUTH, linewidth=2, label=label)
    arrow = {"arrowstyle": "-|>", "color": TRUTH, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (end, 0.6), (start, 0.6), "axes fraction", "axes fraction", arrow)
    ax.text(end, 0.66, f"{value:.3g}", color=TRUTH, ha=align, weight="bold", transform=ax.transAxes)


def _save(path: str | os.PathLike[str]) -> None:
    """Write the current figure as PNG, and as SVG beside it; without date and version, so that it is the same bytes."""
    with replacing(path) as partial:
        pyplot.savefig(partial, dpi=150, metadata={"Software": None})
    with replacing(Path(path).with_suffix(".svg")) as partial, pyplot.rc_context({"svg.hashsalt": "degcraft"}):
        pyplot.savefig(partial, metadata={"Creator": None, "Date": None})
    pyplot.close()
