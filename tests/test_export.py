"""Distributions as options of training programs."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np
import pytest
import yaml

from degcraft.distribution import Distribution
from degcraft.export import export
from degcraft.ranges import axis_spread, dependences, spread
from degcraft.space import build
from degcraft.steps import parse_steps
from degcraft.two_passes import UnsayableError, two_passes

CLASSIC = [
    {"blur": {"sigma": {"range": [0.2, 3.0], "bins": 2}}},
    {"resize": {"kind": ["bicubic"]}},
    {"noise": {"sigma": {"range": [0, 24], "bins": 2}}},
    {"jpeg": {"quality": {"range": [30, 90], "bins": 2}}},
]
FILES = ("real-esrgan.yaml", "trainner-redux.yaml", "neosr.toml")


def distribution(steps, weight=None):
    uniform = Distribution.uniform(build(parse_steps(steps)))
    return uniform if weight is None else replace(uniform, weight=np.array(weight, np.float64))


def exported(steps, folder, weight=None):
    """The options as the three programs read them, and the texts."""
    export(distribution(steps, weight), folder, "crafted-album", 4)
    texts = {file: (folder / file).read_text() for file in FILES}
    return [yaml.safe_load(texts[FILES[0]]), yaml.safe_load(texts[FILES[1]]), tomllib.loads(texts[FILES[2]])], texts


@pytest.mark.parametrize(
    ("lower", "upper", "weight", "range_"),
    [
        ([0, 1, 2], [1, 2, 3], [1 / 3, 1 / 3, 1 / 3], (0, 3)),  # a uniform mixture is its own range
        ([0, 1, 2], [1, 2, 3], [0, 1, 0], (1, 2)),
        ([5], [5], [1], (5, 5)),
        ([0, 0], [1, 2], [0.5, 0.5], (0, 0.75 + 0.875)),  # overlapping; the mean is 0.75, two draws differ by 7/12
        ([0, 9], [0, 9], [0.5, 0.5], (0, 9)),  # 4.5 -+ 6.75, cut to the ends
    ],
)
def test_ranges_of_mixtures(lower, upper, weight, range_):
    found = spread(np.array(lower, float), np.array(upper, float), np.array(weight, float))
    assert (found.lower, found.upper) == pytest.approx(range_, abs=1e-12)
    assert found.mean == pytest.approx(np.dot(weight, np.add(lower, upper)) / 2)


def test_the_range_is_the_nearest_one_in_the_2_wasserstein_distance():
    generator = np.random.default_rng(0)
    edges = np.linspace(10, 40, 7)
    weight = generator.dirichlet(np.ones(6) * 3)
    found = spread(edges[:-1], edges[1:], weight)
    places = (np.arange(20000) + 0.5) / 20000
    quantiles = np.interp(places, np.concatenate([[0], np.cumsum(weight)]), edges)
    slope, start = np.polyfit(places, quantiles, 1)  # least squares between quantile functions
    assert (found.lower, found.upper) == pytest.approx((max(start, 10), min(start + slope, 40)), abs=1e-3)
    assert (found.low, found.high) == pytest.approx(np.quantile(quantiles, [0.05, 0.95]), abs=0.01)


def test_real_esrgans_own_degradation_is_said_in_its_own_numbers(root, tmp_path):
    """What its option files have (train_realesrgan_x4plus.yml), from the preset made after them."""
    steps = yaml.safe_load((root / "config/presets/real-esrgan.yaml").read_text())["degradation"]
    (esrgan, redux, neosr), texts = exported(steps, tmp_path)
    kernels = ["iso", "aniso", "generalized_iso", "generalized_aniso", "plateau_iso", "plateau_aniso"]
    data = {
        "blur_kernel_size": 21,
        "kernel_list": kernels,
        "kernel_prob": [0.45, 0.25, 0.12, 0.03, 0.12, 0.03],
        "sinc_prob": 0.1,
        "blur_sigma": [0.2, 3],
        "betag_range": [0.5, 4],
        "betap_range": [1, 2],
        "blur_kernel_size2": 21,
        "kernel_list2": kernels,
        "kernel_prob2": [0.45, 0.25, 0.12, 0.03, 0.12, 0.03],
        "sinc_prob2": 0.1,
        "blur_sigma2": [0.2, 1.5],
        "betag_range2": [0.5, 4],
        "betap_range2": [1, 2],
        "final_sinc_prob": 0.8,
    }
    model = {
        "resize_prob": [0.2, 0.7, 0.1],
        "resize_range": [0.15, 1.5],
        "gaussian_noise_prob": 0.5,
        "noise_range": [1, 30],
        "poisson_scale_range": [0.05, 3],
        "gray_noise_prob": 0.4,
        "jpeg_range": [30, 95],
        "second_blur_prob": 0.8,
        "resize_prob2": [0.3, 0.4, 0.3],
        "resize_range2": [0.3, 1.2],
        "gaussian_noise_prob2": 0.5,
        "noise_range2": [1, 25],
        "poisson_scale_range2": [0.05, 2.5],
        "gray_noise_prob2": 0.4,
        "jpeg_range2": [30, 95],
    }
    train = {"type": "RealESRGANDataset", **data}
    losses = {"l1_gt_usm": True, "percep_gt_usm": True}
    assert esrgan == {"scale": 4, "model_type": "RealESRGANModel", "datasets": {"train": train}} | model | losses
    assert neosr == {
        "scale": 4,
        "model_type": "otf",
        "datasets": {"train": {"type": "otf"}},
        "degradations": model | data,
    }
    known = {key: value for key, value in model.items() if key not in ("second_blur_prob", "resize_prob2")}
    assert all(redux[key] == value for key, value in known.items())
    # where the second resize is left out there, the last one averages the noise away
    assert redux["resize_prob2"] == [0.4286, 0.5714, 0] and "own size, wanted in 30%;" in texts["trainner-redux.yaml"]
    assert (redux["blur_prob"], redux["blur_prob2"], redux["jpeg_prob"], redux["jpeg_prob2"]) == (1, 0.8, 1, 1)
    assert redux["datasets"]["train"]["kernel_range"] == [7, 21]
    assert "order" not in texts["neosr.toml"]


# the whole of what traiNNer-redux accepts of such options; it refuses any other key
REDUX = """high_order_degradation scale datasets blur_prob resize_prob resize_mode_list resize_mode_prob resize_range
lq_usm gaussian_noise_prob noise_range poisson_scale_range gray_noise_prob jpeg_prob jpeg_range blur_prob2 resize_prob2
resize_mode_list2 resize_mode_prob2 resize_range2 gaussian_noise_prob2 noise_range2 poisson_scale_range2
gray_noise_prob2 jpeg_prob2 jpeg_range2 resize_mode_list3 resize_mode_prob3"""
REDUX_DATA = """type blur_kernel_size kernel_list kernel_prob kernel_range sinc_prob blur_sigma betag_range betap_range
blur_kernel_size2 kernel_list2 kernel_prob2 kernel_range2 sinc_prob2 blur_sigma2 betag_range2 betap_range2
final_sinc_prob final_kernel_range"""


def test_the_best_jpeg_is_one_by_which_their_approximation_can_divide(tmp_path):
    steps = [*CLASSIC[:3], {"jpeg": {"quality": {"range": [90, 100], "bins": 2}}}]
    (esrgan, redux, neosr), _ = exported(steps, tmp_path)
    assert esrgan["jpeg_range2"] == redux["jpeg_range2"] == neosr["degradations"]["jpeg_range2"] == [90, 99]


def test_a_crafted_distribution_has_narrower_ranges_and_says_what_is_lost(tmp_path):
    # blur and noise small or large together, JPEG in the upper half
    weight = [0, 0.5, 0, 0, 0, 0, 0, 0.5]
    (esrgan, redux, neosr), texts = exported(CLASSIC, tmp_path, weight)
    assert set(redux) == set(REDUX.split()) and set(redux["datasets"]["train"]) == set(REDUX_DATA.split())
    data = esrgan["datasets"]["train"]
    assert (data["kernel_list"], data["sinc_prob"], data["final_sinc_prob"]) == (["iso"], 0, 0)
    assert esrgan["jpeg_range2"] == redux["jpeg_range2"] == neosr["degradations"]["jpeg_range2"] == [60, 90]
    assert data["blur_sigma"] == [0.2, 3] and esrgan["noise_range2"] == [0, 24]
    assert all("correlation +0.75 of blur_sigma and noise_sigma" in text for text in texts.values())
    assert "jpeg_quality: mean 75, nine tenths between 61.5 and 88.5" in texts["neosr.toml"]

    # what the space lacks does nothing
    assert esrgan["resize_prob"] == esrgan["resize_prob2"] == [0, 0, 1]
    assert (esrgan["gaussian_noise_prob"], esrgan["noise_range"], esrgan["second_blur_prob"]) == (1, [0, 0], 0)
    assert esrgan["jpeg_range"] == [99, 99] and "JPEG cannot be left out" in texts["real-esrgan.yaml"]
    assert ["sharpened by an unsharp mask" in text for text in texts.values()] == [True, False, False]
    assert redux["lq_usm"] is False and all("DiffJPEG" in text for text in texts.values())
    lost = "second resize: here it is area, bilinear or bicubic at random, the last two without a filter; "
    assert f"{lost}what cannot be said: bicubic, always\n" in texts["real-esrgan.yaml"]
    assert "bicubic, always" not in texts["trainner-redux.yaml"]
    assert (redux["blur_prob"], redux["jpeg_prob"], redux["blur_prob2"], redux["jpeg_prob2"]) == (1, 0, 0, 1)
    # to the LR image's size before the noise
    assert (redux["resize_prob2"], redux["resize_range2"]) == ([1, 0, 0], [1, 1.0001])
    assert redux["resize_mode_list2"] == redux["resize_mode_list3"] == ["bicubic"]
    assert redux["datasets"]["train"]["kernel_range"] == [19, 19]


def test_ranges_that_must_rise_do(tmp_path):
    steps = [{"blur": {"sigma": 0.0}}, *CLASSIC[1:]]
    (esrgan, *_), _ = exported(steps, tmp_path)
    data = esrgan["datasets"]["train"]
    for key in ("blur_sigma", "blur_sigma2", "betag_range", "betap_range"):
        assert 0.1 <= data[key][0] < data[key][1] < data[key][0] * 1.01


def test_kernels_of_no_given_size_are_as_wide_as_the_widest_kind_needs(tmp_path):
    for kinds, side in (({"isotropic": 1.0}, 7), ({"isotropic": 0.5, "sinc": 0.5}, 21)):
        steps = [{"blur": {"kind": kinds, "sigma": [0.2, 1], "cutoff": [1.05, 3.14]}}, *CLASSIC[1:]]
        if "sinc" not in kinds:
            del steps[0]["blur"]["cutoff"]
        (_, redux, _), _ = exported(steps, tmp_path)
        assert redux["datasets"]["train"]["kernel_range"] == [side, side]


def test_the_smallest_numbers_are_numbers_in_yaml_too(tmp_path):
    steps = [*CLASSIC[:2], {"noise": {"sigma": [3e-5, 9]}}]
    (esrgan, *_), _ = exported(steps, tmp_path)
    assert esrgan["noise_range2"] == [0, 9]


def test_a_parameter_counts_only_where_it_has_an_effect():
    steps = [
        {"resize": {}},
        {
            "noise": {
                "kind": ["gaussian", "poisson"],
                "sigma": {"range": [0, 20], "bins": 2},
                "scale": {"range": [0, 2], "bins": 2},
            }
        },
    ]
    # Gaussian noise is always strong, Poisson noise weak; sigma 0 to 10 comes with Poisson noise only
    weight = np.zeros((2, 2, 2))
    weight[0, 1, :] = 0.15
    weight[1, 0, 0] = 0.7
    found = distribution(steps, weight.ravel())
    sigma, scale = (axis_spread(found, 1, name) for name in ("sigma", "scale"))
    assert (sigma.lower, sigma.upper) == pytest.approx((10, 20))
    assert (scale.lower, scale.upper) == pytest.approx((0, 1))
    part = two_passes(found).parts["noise2"]
    assert part.kinds == pytest.approx({"gaussian": 0.3, "poisson": 0.7})


def test_correlations_are_those_of_draws():
    found = distribution(CLASSIC, np.random.default_rng(3).dirichlet(np.full(8, 0.4)))
    generator = np.random.default_rng(0)
    draws = np.array([found.space.draw(found.sample_bin(generator), generator) for _ in range(6000)])
    for one, other, value in dependences(found):
        columns = [found.space.names.index(axis.name) for axis in (one, other)]
        assert value == pytest.approx(np.corrcoef(draws[:, columns].T)[0, 1], abs=0.06)


NONE = {"jpeg": {"kind": {"jpeg": 0.5, "none": 0.5}, "quality": {"range": [30, 90], "bins": 2}}}


@pytest.mark.parametrize(
    ("steps", "files", "reason"),
    [
        ([*CLASSIC, {"jpeg": {"quality": 50}}], FILES, "have no place in two passes"),
        ([{"resize": {}}, {"blur": {"sigma": {"range": [0, 1], "bins": 2}}}], FILES, "(resize, blur)"),
        ([{"noise": {"kind": "gaussian-correlated", "sigma": [0, 5]}}, *CLASSIC[1:2]], FILES, "(noise, resize)"),
        ([{"shuffle": {"steps": 2, "order": [0, 1]}}, *CLASSIC[:2]], FILES, "random order"),
        ([*CLASSIC[:3], NONE], (FILES[0], FILES[2]), "JPEG is left out now and then"),
        (
            [{"blur": {"kind": {"isotropic": 0.5, "none": 0.5}, "sigma": [1, 2]}}, *CLASSIC[1:]],
            (FILES[0], FILES[2]),
            "first blur is left out",
        ),
    ],
)
def test_what_cannot_be_said_is_said_so(steps, files, reason, tmp_path):
    options, texts = exported(steps, tmp_path)
    for file, option in zip(FILES, options, strict=True):
        assert bool(option) == (file not in files)
        assert (reason in texts[file]) == (file in files)
        assert all(line.startswith("#") for line in texts[file].splitlines()) == (file in files)


def test_choices_that_are_hardly_ever_drawn_do_not_count(tmp_path):
    steps = [
        CLASSIC[1],
        {"noise": {"kind": ["gaussian", "gaussian-correlated"], "sigma": [0, 9]}},
        {"jpeg": {"kind": ["jpeg", "none"], "quality": [30, 90]}},
    ]
    for rest, said in ((1e-8, True), (0.1, False)):
        _, texts = exported(steps, tmp_path, [1 - 3 * rest, rest, rest, rest])
        assert all(("cannot be said here" not in text) == said for text in texts.values())


def test_a_step_that_is_hardly_ever_taken_is_left_out(tmp_path):
    steps = [
        {"blur": {"kind": ["isotropic", "none"], "sigma": [1, 3]}},
        {"resize": {}},
        {"noise": {"kind": {"gaussian": 0.8, "none": 0.199, "poisson": 0.001}, "sigma": [0, 9], "scale": [1, 2]}},
        {"jpeg": {"kind": ["jpeg", "none"], "quality": [30, 90]}},
    ]
    (esrgan, redux, neosr), _ = exported(steps, tmp_path, [1e-9, 1e-9, 1e-9, 1 - 3e-9])
    for found in (esrgan, neosr["degradations"]):
        assert found["poisson_scale_range2"] == [0, 0]
        assert found["jpeg_range2"] == found["jpeg_range"] == [99, 99]
    assert max(neosr["degradations"]["blur_sigma"]) < 0.2
    assert redux["blur_prob"] == redux["jpeg_prob2"] == 0


def test_noise_that_is_left_out_now_and_then_is_poisson_noise_of_scale_0(tmp_path):
    steps = [*CLASSIC[:2], {"noise": {"kind": {"gaussian": 0.6, "gaussian-grey": 0.2, "none": 0.2}, "sigma": [0, 9]}}]
    (esrgan, *_), _ = exported(steps, tmp_path)
    assert (esrgan["gaussian_noise_prob2"], esrgan["poisson_scale_range2"]) == (0.8, [0, 0])
    assert esrgan["gray_noise_prob2"] == 0.25
    both = {"gaussian": 0.4, "poisson": 0.4, "none": 0.2}
    options, texts = exported([CLASSIC[1], {"noise": {"kind": both, "sigma": [0, 9], "scale": [0, 1]}}], tmp_path)
    assert not any(options) and all("noise is left out now and then" in text for text in texts.values())


@pytest.mark.parametrize(
    ("names", "places"),
    [
        ("noise blur resize", "noise blur2 rescale2"),
        ("blur jpeg resize noise jpeg", "blur jpeg rescale2 noise2 jpeg2"),
        ("blur blur noise resize", None),  # noise before the LR image's size is the first pass's
        ("jpeg noise resize", None),
        ("resize jpeg", "rescale2 jpeg2"),
    ],
)
def test_steps_take_places_in_their_order(names, places):
    needed = {"noise": {"sigma": [0, 5]}, "blur": {"sigma": [0, 1]}, "jpeg": {"quality": [30, 50]}, "resize": {}}
    found = distribution([{name: needed[name]} for name in names.split()])
    if places is None:
        with pytest.raises(UnsayableError):
            two_passes(found)
    else:
        taken = [place for place, part in two_passes(found).parts.items() if part.kinds]
        assert taken == places.split()


def test_the_same_distribution_gives_the_same_bytes_and_the_page_names_the_files(root, tmp_path):
    texts = [exported(CLASSIC, tmp_path / name)[1] for name in "ab"]
    assert texts[0] == texts[1]
    page = (root / "docs/tools.md").read_text()
    assert all(f"`{file}`" in page for file in FILES)


def test_a_doubt_about_the_weights_stands_at_the_head(tmp_path):
    export(distribution(CLASSIC), tmp_path, "crafted-album", 4, "The encoder learned nothing.")
    for file in FILES:
        head = (tmp_path / file).read_text().splitlines()[:2]
        assert head[0].startswith("# crafted-album, written by degcraft;")
        assert head[1] == "# The encoder learned nothing."
