"""A distribution as options of training programs that degrade while they train.

Every file is a part of a configuration: its keys take the place of those of the same names in a whole one. Comments say
what the program cannot be told.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from math import ceil
from pathlib import Path

from degcraft.distribution import Distribution
from degcraft.operators.noise import GAUSSIAN, POISSON
from degcraft.ranges import Spread
from degcraft.storage import replacing
from degcraft.two_passes import KERNELS, Part, TwoPasses, UnsayableError, two_passes

Value = float | int | bool | str | list[float] | list[int] | list[str]
Options = dict[str, Value]

LEAST_SIGMA = 0.1  # a narrower kernel is none, and these programs cannot compute it
WIDEST_KERNEL = 21
BEST_JPEG = 99  # at 100, these programs divide by zero
DIFF_JPEG = "JPEG: DiffJPEG, arithmetic on the GPU in place of an encoder, so pixels differ a little"
SHARPENED = (
    "sharpening: LR images are made of photos sharpened by an unsharp mask, always, so they are sharper than wanted",
    "l1_gt_usm, percep_gt_usm: true, so that outputs are compared with the same sharpened photos; false, the network "
    "learns to undo the sharpening too, and softens what was never sharpened",
    "gan_gt_usm: whether the discriminator sees sharpened photos as well; its effect is on the look",
    "model_type RealESRNetModel, which has no GAN, sharpens nothing with gt_usm: false",
)
RESIZES = {"rescale": "first resize", "rescale2": "second resize", "resize": "last resize"}
THIRDS = {"area", "bilinear-aliased", "bicubic-aliased"}
MODES = {  # traiNNer-redux filters where it shrinks
    "area": "area",
    "bilinear": "bilinear",
    "bicubic": "bicubic",
    "bilinear-aliased": "bilinear",
    "bicubic-aliased": "bicubic",
}


def export(
    distribution: Distribution, folder: str | os.PathLike[str], name: str, scale: int, doubt: str | None = None
) -> None:
    """Write ``real-esrgan.yaml``, ``trainner-redux.yaml`` and ``neosr.toml`` into a folder.

    A file says in comments why there is nothing in it, if the distribution cannot be said to that program.

    Args:
        distribution: to be said.
        folder: to write into.
        name: of the distribution, for the comments.
        scale: SR scale.
        doubt: why the weights should not be relied on, if so.
    """
    writers: dict[str, Callable[[TwoPasses, int], Iterator[str]]] = {
        "real-esrgan.yaml": _real_esrgan,
        "trainner-redux.yaml": _trainner_redux,
        "neosr.toml": _neosr,
    }
    for file, writer in writers.items():
        try:
            lines = list(writer(two_passes(distribution), scale))
        except UnsayableError as reason:
            lines = [
                f"# {name} cannot be said here: {reason}.",
                "# Train on pairs instead: 'degrade: {pairs: true}', or degcraft.DegradedDataset.",
            ]
        with replacing(Path(folder) / file) as partial:
            head = [f"# {name}, written by degcraft; docs/tools.md says how to use it."]
            head += [f"# {doubt}"] if doubt else []
            partial.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")


def _real_esrgan(passes: TwoPasses, scale: int) -> Iterator[str]:
    data, model = _shared_dataset(passes), _shared_model(passes)
    model |= {"l1_gt_usm": True, "percep_gt_usm": True}
    yield from _notes(passes, [*SHARPENED, *_fixed_notes(passes)])
    yield from _ranges(passes)
    yield from _yaml(scale, "model_type: RealESRGANModel", model, "RealESRGANDataset", data)


def _neosr(passes: TwoPasses, scale: int) -> Iterator[str]:
    yield from _notes(passes, _fixed_notes(passes))
    yield "# in versions of 2024 these keys belong under [datasets.train]"
    yield from _ranges(passes)
    yield 'model_type = "otf"'
    yield f"scale = {scale}"
    yield "[datasets.train]"
    yield 'type = "otf"'
    yield "[degradations]"
    yield from _lines(_shared_model(passes) | _shared_dataset(passes), " = ")


def _trainner_redux(passes: TwoPasses, scale: int) -> Iterator[str]:
    parts = passes.parts
    model: Options = {}
    for suffix in ("", "2"):
        jpeg = parts[f"jpeg{suffix}"]
        model[f"blur_prob{suffix}"] = _rounded(1 - parts[f"blur{suffix}"].left_out)
        model |= _resize(parts[f"rescale{suffix}"], suffix)
        model |= _modes(passes.resizes.get(f"rescale{suffix}", {}), suffix)
        model |= _noise(parts[f"noise{suffix}"], suffix)
        model[f"jpeg_prob{suffix}"] = _rounded(1 - jpeg.left_out)
        model[f"jpeg_range{suffix}"] = _qualities(jpeg.spreads.get("quality"))
    model |= _modes(passes.resizes.get("resize", passes.resizes["rescale2"]), "3")
    model["lq_usm"] = False  # LR images of sharpened photos
    extra = [DIFF_JPEG] if min(parts[f"jpeg{suffix}"].left_out for suffix in ("", "2")) < 1 else []
    options, notes = _without_keep(parts["rescale2"])
    model |= options
    extra += notes
    kinds = {kind for shares in passes.resizes.values() for kind in shares}
    if any(kind.endswith("-aliased") for kind in kinds):
        extra.append("resizes that do not filter: bilinear and bicubic filter here")
    if "area" in kinds:
        extra.append("area: is not among the modes that its templates name, but torch knows it")
    data = _shared_dataset(passes)
    for suffix in ("", "2"):
        sizes = _kernel_sizes(parts[f"blur{suffix}"])
        data[f"kernel_range{suffix}"] = [min(end, WIDEST_KERNEL) for end in sizes]
        if sizes[1] > WIDEST_KERNEL:
            extra.append(
                f"kernel_range{suffix}: no kernel is wider than {WIDEST_KERNEL} pixels, wanted were {sizes[1]}"
            )
    data["final_kernel_range"] = [min(end, WIDEST_KERNEL) for end in _kernel_sizes(parts["sinc"])]
    yield from _notes(passes, extra)
    yield from _ranges(passes)
    yield from _yaml(scale, "high_order_degradation: true", model, "realesrgandataset", data)


def _without_keep(part: Part) -> tuple[Options, list[str]]:
    """The second resize of traiNNer-redux, where "keep" leaves the image as large as it is until after the noise."""
    keep = part.kinds.get("keep", 0.0)
    if not keep:
        return {}, []
    if keep == 1:
        always = "resize_prob2: 'up' by next to nothing is the resize to the LR image's size, before the noise"
        return {"resize_prob2": [1, 0, 0], "resize_range2": [1, 1.0001]}, [always]
    up, down = (_rounded(part.kinds.get(kind, 0.0) / (1 - keep)) for kind in ("up", "down"))
    shared = (
        f"resize_prob2: the LR image's own size, wanted in {keep:.0%}; 'keep' would mean the size before it, and "
        "noise and JPEG that the last resize averages away, so 'up' and 'down' have its share"
    )
    return {"resize_prob2": [up, down, 0]}, [shared]


def _shared_model(passes: TwoPasses) -> Options:
    """Options that Real-ESRGAN reads in its model, and neosr beside those of the data set.

    Raises:
        UnsayableError: a blur or JPEG is left out now and then where they always happen.
    """
    parts = passes.parts
    if 0 < parts["blur"].left_out < 1:
        raise UnsayableError("its first blur is left out now and then")
    options: Options = {}
    for suffix in ("", "2"):
        jpeg = parts[f"jpeg{suffix}"]
        if 0 < jpeg.left_out < 1:
            raise UnsayableError("JPEG is left out now and then")
        if suffix:
            options["second_blur_prob"] = _rounded(1 - parts["blur2"].left_out)
        options |= _resize(parts[f"rescale{suffix}"], suffix)
        options |= _noise(parts[f"noise{suffix}"], suffix)
        options[f"jpeg_range{suffix}"] = _qualities(jpeg.spreads.get("quality"))
    return options


def _shared_dataset(passes: TwoPasses) -> Options:
    """Options that all of them read where kernels are drawn."""
    options: Options = {}
    for suffix in ("", "2"):
        blur = passes.parts[f"blur{suffix}"]
        kernels = {name: blur.share(kind) for kind, name in KERNELS.items() if blur.share(kind)} or {"iso": 1.0}
        used = blur.share("sinc") / (1 - blur.left_out) if blur.left_out < 1 else 0.0
        options[f"blur_kernel_size{suffix}"] = WIDEST_KERNEL
        options[f"kernel_list{suffix}"] = list(kernels)
        options[f"kernel_prob{suffix}"] = [_rounded(share / sum(kernels.values())) for share in kernels.values()]
        options[f"sinc_prob{suffix}"] = _rounded(used)
        options[f"blur_sigma{suffix}"] = _rising(blur.spreads.get("sigma"), LEAST_SIGMA, LEAST_SIGMA)
        options[f"betag_range{suffix}"] = _rising(blur.spreads.get("beta"), 1.0)
        options[f"betap_range{suffix}"] = _rising(blur.spreads.get("plateau"), 1.0)
    options["final_sinc_prob"] = _rounded(passes.parts["sinc"].share("sinc"))
    return options


def _resize(part: Part, suffix: str) -> Options:
    """``up`` is drawn from 1 to the upper end, ``down`` from the lower end to 1."""
    up, down = part.spreads.get("up"), part.spreads.get("down")
    kinds = part.kinds or {"keep": 1.0}
    return {
        f"resize_prob{suffix}": [_rounded(kinds.get(kind, 0.0)) for kind in ("up", "down", "keep")],
        f"resize_range{suffix}": [_rounded(down.lower if down else 1.0), _rounded(up.upper if up else 1.0)],
    }


def _noise(part: Part, suffix: str) -> Options:
    """Noise is Gaussian or Poisson; no noise is one of the two that is not used, of deviation 0.

    Raises:
        UnsayableError: both are used, and left out now and then.
    """
    gaussian, poisson = part.share(*GAUSSIAN), part.share(*POISSON)
    if gaussian and poisson and part.left_out:
        raise UnsayableError("noise is left out now and then, and otherwise Gaussian or Poisson")
    grey = part.share("gaussian-grey", "poisson-grey")
    return {
        f"gaussian_noise_prob{suffix}": _rounded(gaussian or 1 - poisson),
        f"noise_range{suffix}": _range(part.spreads.get("sigma"), 0.0),
        f"poisson_scale_range{suffix}": _range(part.spreads.get("scale"), 0.0),
        f"gray_noise_prob{suffix}": _rounded(grey / (gaussian + poisson) if grey else 0.0),
    }


def _modes(kinds: Mapping[str, float], suffix: str) -> Options:
    """How traiNNer-redux interpolates."""
    modes: dict[str, float] = {}
    for kind, share in (kinds or {"bicubic": 1.0}).items():
        modes[MODES[kind]] = modes.get(MODES[kind], 0.0) + share
    shares: list[float] = [_rounded(share) for share in modes.values()]
    return {f"resize_mode_list{suffix}": list(modes), f"resize_mode_prob{suffix}": shares}


def _kernel_sizes(part: Part) -> list[int]:
    """Smallest and largest side of a blur's kernels, odd; where none is given, what three deviations, or sinc, need."""
    size, sigma = part.spreads.get("size"), part.spreads.get("sigma")
    if size is not None and size.upper >= 1:
        return [int(end) | 1 for end in (max(size.lower, 3), size.upper)]
    gaussian = 2 * ceil(3 * sigma.upper) + 1 if sigma else WIDEST_KERNEL
    return [max(gaussian, WIDEST_KERNEL) if part.share("sinc") else gaussian] * 2


def _fixed_notes(passes: TwoPasses) -> list[str]:
    """What cannot be chosen in Real-ESRGAN and neosr."""
    parts, notes = passes.parts, [DIFF_JPEG]
    if parts["blur"].left_out < 1 or parts["blur2"].left_out < 1:
        notes.append("kernel sizes: 7 to 21 pixels, at random; small ones cut wide blurs short")
    for place, kinds in passes.resizes.items():
        if set(kinds) != THIRDS or max(kinds.values()) > 0.34:
            drawn = [f"{kind} {share:.0%}" for kind, share in kinds.items()]
            said = ", ".join(drawn) if len(drawn) > 1 else f"{min(kinds)}, always"
            notes.append(
                f"{RESIZES[place]}: here it is area, bilinear or bicubic at random, the last two without a filter; "
                f"what cannot be said: {said}"
            )
    for suffix in ("", "2"):
        if parts[f"jpeg{suffix}"].left_out == 1:
            notes.append(f"jpeg_range{suffix}: JPEG cannot be left out; {BEST_JPEG} is the best quality that works")
    return notes


def _notes(passes: TwoPasses, more: list[str]) -> Iterator[str]:
    yield "# What this program cannot be told:"
    yield from (f"# - {note}" for note in [*passes.notes, *more])


def _ranges(passes: TwoPasses) -> Iterator[str]:
    """What the ranges were made of."""
    if passes.crafted:
        yield "# Ranges are those of the uniform distributions nearest to the distribution, which has:"
    for name, spread in passes.crafted.items():
        yield f"# - {name}: mean {spread.mean:.3g}, nine tenths between {spread.low:.3g} and {spread.high:.3g}"


def _yaml(scale: int, whole: str, model: Options, dataset: str, data: Options) -> Iterator[str]:
    """Options of the model, which stand at the top as ``whole`` does, and those of the data set's kind."""
    yield f"scale: {scale}"
    yield whole
    yield from _lines(model, ": ")
    yield "datasets:"
    yield "  train:"
    yield f"    type: {dataset}"
    yield from _lines(data, ": ", "    ")


def _lines(options: Options, between: str, indent: str = "") -> Iterator[str]:
    """JSON is both YAML and TOML, as far as numbers, words and lists of them go."""
    return (f"{indent}{key}{between}{json.dumps(value)}" for key, value in options.items())


def _range(spread: Spread | None, default: float) -> list[float]:
    """A range as a list; without a spread the default alone."""
    return [_rounded(spread.lower), _rounded(spread.upper)] if spread else [default, default]


def _qualities(spread: Spread | None) -> list[float]:
    """A range of JPEG qualities, `BEST_JPEG` at most."""
    return [min(end, BEST_JPEG) for end in _range(spread, BEST_JPEG)]


def _rising(spread: Spread | None, default: float, least: float = 0.0) -> list[float]:
    """A range that is not empty, as these programs want it."""
    lower, upper = (max(end, least) for end in _range(spread, default))
    return [lower, upper if upper > lower else _rounded(lower * 1.001)]


def _rounded(value: float) -> float:
    # no range needs more, and YAML takes 3e-05, which JSON writes, for a word
    return float(f"{round(value, 4):.4g}")
