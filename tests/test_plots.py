"""Figures."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb
from PIL import Image

from degcraft import plots
from degcraft.axes import Choices, Range, Step
from degcraft.distribution import Distribution
from degcraft.marginals import marginals
from degcraft.plots import (
    CRAFTED,
    PRIOR,
    TRUTH,
    axis_label,
    plot_fit,
    plot_joint,
    plot_marginals,
    plot_trace,
    plot_trade_off,
)
from degcraft.solver import Iterate
from degcraft.space import build

SPACE = build(
    [
        Step("blur", (("sigma", Range(0.2, 3.2, 3)),)),
        Step("resize", (("kind", Choices(("bicubic", "area"))),)),
        Step("noise", (("sigma", Range(5.0, 5.0)),)),  # does not vary, so it gets no panel
        Step("jpeg", (("quality", Range(30, 90, 2)),)),
    ]
)


def table():
    weight = np.random.default_rng(0).dirichlet(np.ones(12))
    rows = marginals(SPACE, weight, np.full(12, 1 / 12))
    return rows.assign(low=0.8 * rows["weight"], high=1.2 * rows["weight"])


def pixels(path, colour):
    """How many pixels of a figure have a colour."""
    image = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return int((np.abs(image - np.rint(np.array(to_rgb(colour)) * 255)).max(axis=-1) <= 2).sum())


@pytest.fixture
def figure(tmp_path):
    """``figure(truth)``: the file with the marginals."""

    def draw(truth=(), rows=None, name="marginals"):
        plot_marginals(table() if rows is None else rows, truth, tmp_path / f"{name}.png")
        return tmp_path / f"{name}.png"

    return draw


def test_a_panel_for_every_axis_that_varies(figure):
    three = Image.open(figure())
    assert three.format == "PNG"
    one = Image.open(figure(rows=table().query("axis == 'jpeg_quality'")))
    assert three.width == pytest.approx(3 * one.width, abs=2)
    assert three.height == one.height


def test_bars_cover_what_the_weights_say(figure):
    rows = table().query("axis == 'blur_sigma'").assign(low=0.0, high=0.0)
    even = figure(rows=rows.assign(weight=1 / 3), name="even")
    one = figure(rows=rows.assign(weight=[1.0, 0.0, 0.0]), name="one")
    # both scales end a little above their tallest bar: three bars of that height, or one
    assert pixels(even, CRAFTED) / pixels(one, CRAFTED) == pytest.approx(3.0, rel=0.15)
    assert pixels(even, PRIOR) > 300


@pytest.mark.parametrize("truth", [(0.4, 1.0), (0.5, 0.5)], ids=["range", "point"])
def test_the_truth_is_drawn_where_it_is_known(truth, figure):
    rows = table().query("axis == 'blur_sigma'")
    without = pixels(figure(rows=rows), TRUTH)
    assert without == 0
    # everything lies in the first third: the line rises to 1, far above the bars
    with_truth = Image.open(figure((("blur_sigma", Range(*truth)),), rows=rows))
    image = np.asarray(with_truth.convert("RGB")).astype(int)
    found = np.abs(image - np.rint(np.array(to_rgb(TRUTH)) * 255)).max(axis=-1) <= 2
    assert np.ptp(np.flatnonzero(found[40:].any(axis=1))) > 200  # the legend is above


@pytest.mark.parametrize("first", ["blur_sigma", "resize_kind"])
def test_the_legend_names_every_line_whichever_panel_comes_first(first, figure, tmp_path):
    rows = table().query("axis in ['blur_sigma', 'resize_kind']")
    path = figure((("blur_sigma", Range(0.4, 1.0)),), rows.sort_values("axis", key=lambda a: a != first, kind="stable"))
    legend = tmp_path / "legend.png"
    Image.open(path).crop((0, 0, Image.open(path).width, 45)).save(legend)
    for colour in (CRAFTED, PRIOR, TRUTH):
        assert pixels(legend, colour) > 60


def test_the_legend_says_what_the_black_lines_are(figure, monkeypatch):
    monkeypatch.setattr(plots, "_save", lambda path: None)
    for axis in ("blur_sigma", "resize_kind"):
        figure(rows=table().query(f"axis == '{axis}'"))
        (legend,) = pyplot.gcf().legends
        assert sorted(text.get_text() for text in legend.get_texts()) == ["95% interval", "crafted", "full range"]
        pyplot.close()


def test_same_input_same_bytes(figure):
    assert figure(name="a").read_bytes() == figure(name="b").read_bytes()
    assert not {"Software", "Creation Time"} & set(Image.open(figure()).info)  # other versions, other days
    assert pyplot.get_fignums() == []


def test_axis_labels_by_hand():
    labels = {  # a second blur meets the LR image
        "noise_sigma": "noise sigma (of 255)",
        "blur_sigma": "blur sigma (HR px)",
        "blur2_sigma": "blur2 sigma (px)",
        "blur2_variance_across": "blur2 variance_across (px²)",
        "resize_kind": "resize kind",
        "jpeg_quality": "jpeg quality (1-100)",
    }
    order = ["noise_sigma", "blur_sigma", "resize_kind", "blur2_sigma", "blur2_variance_across", "jpeg_quality"]
    assert {axis: axis_label(axis, order) for axis in labels} == labels


@pytest.mark.parametrize(
    ("axes", "label"),
    [
        (["blur_sigma", "resize_kind"], "blur sigma (HR px)"),
        (["resize_kind", "blur_sigma"], "blur sigma (px)"),
        (["shuffle_steps", "blur_sigma", "resize_kind"], "blur sigma (px)"),
        (["rescale_up", "blur_kind", "blur_sigma"], "blur sigma (px)"),
    ],
)
def test_pixels_are_those_of_the_hr_image_until_it_is_resized(axes, label):
    assert axis_label("blur_sigma", axes) == label


def test_trace(tmp_path):
    rows = [Iterate(10 * i, 0.0, 8.0 * 0.5**i + 1, 0.0, 8.0 * 0.4**i) for i in range(12)]
    for name in "ab":
        plot_trace(pd.DataFrame(map(vars, rows)), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert pixels(tmp_path / "a.png", CRAFTED) > 100
    assert pixels(tmp_path / "a.png", TRUTH) > 100
    assert pyplot.get_fignums() == []


def test_trade_off_shows_held_out_photos_where_there_are_any(tmp_path):
    table = pd.DataFrame(
        {
            "generalization": [0.0, 0.003, 1.0],
            "distance": [1.0, 1.2, 9.0],
            "effective_bins": [2.0, 4.0, 8.0],
            "held_out": [3.0, 2.5, 9.5],
            "held_out_error": [0.3, 0.0, 1.0],
            "chosen": [0, 1, 0],
        }
    )
    plot_trade_off(table, tmp_path / "with.png")
    plot_trade_off(table.assign(held_out=np.nan, held_out_error=np.nan), tmp_path / "without.png")
    assert pixels(tmp_path / "with.png", TRUTH) > 500
    assert pixels(tmp_path / "without.png", TRUTH) == 0
    for name in ("with", "without"):
        assert pixels(tmp_path / f"{name}.png", CRAFTED) > 500


def test_joint_has_a_panel_for_every_pair_and_the_same_bytes_twice(tmp_path):
    weight = np.random.default_rng(0).dirichlet(np.ones(12))
    for name in "ab":
        plot_joint(Distribution(SPACE, weight, np.full(12, 1 / 12)), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    two = build([Step("blur", (("sigma", Range(0.2, 3.2, 3)),)), Step("noise", (("sigma", Range(0, 9, 2)),))])
    plot_joint(Distribution.uniform(two), tmp_path / "two.png")
    three, one = (Image.open(tmp_path / f"{name}.png").height for name in ("a", "two"))
    assert three == pytest.approx(2 * one, abs=2)
    assert pyplot.get_fignums() == []


def test_joint_is_darkest_where_the_weight_is(tmp_path):
    space = build([Step("blur", (("sigma", Range(0.2, 3.2, 2)),)), Step("noise", (("sigma", Range(0, 9, 2)),))])
    prior = np.full(4, 0.25)
    plot_joint(Distribution(space, np.array([0.0, 0.0, 0.0, 1.0]), prior), tmp_path / "joint.png")
    image = np.asarray(Image.open(tmp_path / "joint.png").convert("L")).astype(int)
    image = image[:, : int(0.75 * image.shape[1])]  # without the bar of colours
    cell = image[: image.shape[0] // 2, image.shape[1] // 2 :]  # large blur to the right, large noise on top
    assert (cell < 60).sum() > 0.8 * (image < 60).sum() > 10_000


def test_joint_of_one_axis_says_so(tmp_path):
    plot_joint(Distribution.uniform(build([Step("blur", (("sigma", Range(0.2, 3.2, 3)),))])), tmp_path / "joint.png")
    assert pixels(tmp_path / "joint.png", "#000000") > 100


@pytest.mark.parametrize("distance, factor", [(1.2, 1.0), (2.9, 2.0), (40.0, 500.0), (0.001, 0.001)])
def test_bars_of_simulated_sets_keep_half_of_an_axis_wherever_the_photos_are(distance, factor, tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    simulated = pd.DataFrame({"distance": generator.uniform(1, 2, 100), "direction": generator.uniform(1, 3, 100)})
    first = pd.DataFrame({"distance": [distance], "direction": [np.nan]})
    table = pd.concat([first, simulated]).assign(direction_observed=2.0 * factor)
    monkeypatch.setattr(pyplot, "close", lambda: None)
    plot_fit(table, tmp_path / "fit.png")
    monkeypatch.undo()
    for ax, observed, log in zip(pyplot.gcf().axes, (distance, 1.0), (False, True), strict=True):
        bars = [bar for bar in ax.patches if bar.get_width() > 0]
        assert sum(bar.get_height() for bar in bars) == 100
        ends = [*ax.get_xlim(), bars[0].get_x(), bars[-1].get_x() + bars[-1].get_width(), observed]
        left, right, low, high, place = np.log10(ends) if log else ends
        assert left < low and high < right and high - low > 0.42 * (right - left)  # half, but for the margins
        lines = [line for line in ax.lines if len(line.get_xdata())]
        arrows = [text.get_text() for text in ax.texts if text.get_text()]
        if left < place < right:
            assert lines[0].get_xdata()[0] == observed and not arrows
        else:
            assert not lines and arrows == [f"{observed:.3g}"]
    pyplot.close()


def test_sets_that_are_all_the_same_are_a_bar(tmp_path):
    table = pd.DataFrame({"distance": [1.2, 1.3], "direction": [np.nan, 2.0], "direction_observed": [np.nan, 1.0]})
    plot_fit(table, tmp_path / "fit.png")
    image = Image.open(tmp_path / "fit.png")
    for left in (0, image.width // 2):  # below the legend
        half = tmp_path / "half.png"
        image.crop((left, 60, left + image.width // 2, image.height)).save(half)
        assert pixels(half, PRIOR) > 1000


def test_the_same_figure_as_vectors_lies_beside_it_and_is_the_same_bytes_twice(figure, tmp_path):
    vectors = [figure(name=name).with_suffix(".svg") for name in "ab"]
    assert vectors[0].read_bytes() == vectors[1].read_bytes()
    source = vectors[0].read_text()
    assert "<text" not in source  # letters are drawn, so that it looks the same whatever fonts there are
    assert not re.search(r"<dc:(date|creator)>|matplotlib\.org", source)  # other days, other versions
    width, height = (float(number) for number in re.findall(r'(?:width|height)="([\d.]+)pt"', source)[:2])
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (int(width / 72 * 150), int(height / 72 * 150))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg", "b.png", "b.svg"]
