"""Peak memory of the stages with the largest photo that is read, beside what their rules ask for.

    python benchmarks/largest.py --work FOLDER [--side 9400] [--stages photos degrade] [--sides 1000 2000]

Photos are noise, which nothing compresses, in 8 or 16 bits, with transparency or without. Every stage runs in a process
of its own, on one thread, through the library's functions that the workflow calls, with the demo's settings and
networks of random weights; its peak is the largest resident set that the system saw. ``mem_mb`` is read from the rules.

The second table is of stages whose rules ask for more with larger photos, which are squares of two sides here. Bytes
are what a pixel more takes, of the photo or, where it is super-resolved, of the result. Needs 2 GB of disk and 6 GB of
memory.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from command_line import ROOT, arguments

# The library is imported where it is used: a stage without torch has a process without it, and a process begins with
# the peak of the one that started it.

T = TypeVar("T")
SCALE = 4
KINDS = ("8-bit", "8-bit RGBA", "16-bit", "16-bit RGBA")
TAIL = [{"jpeg": {"quality": {"range": [30, 95]}}}]
BLUR = [{"blur": {"sigma": {"range": [0.2, 3.0]}}}, {"resize": {"kind": "bicubic"}}]
NOISE = [{"noise": {"sigma": {"range": [1, 25]}}}]
FIRST_PASS = [  # of Real-ESRGAN, where it enlarges most
    {"blur": {"kind": "anisotropic", "sigma": 3.0, "across": 1.0, "angle": [0, 180], "size": 21}},
    {"rescale": {"direction": "up", "up": 1.5, "kind": "bicubic-aliased"}},
    {"noise": {"kind": "poisson", "scale": 3.0}},
]


@dataclass(frozen=True)
class Stage:
    """What is measured.

    Attributes:
        name: in words; begins with the rule's name.
        kind: of the photo, one of `KINDS`.
        run: works on a folder with the photo, and writes into another one.
    """

    name: str
    kind: str
    run: Callable[[Path, Path], object]

    @property
    def rule(self) -> str:
        """The rule that asks for memory."""
        return re.split(r"\W", self.name)[0]


def cut(photos: Path, out: Path) -> None:
    """HR patches."""
    from degcraft.photos import cut_hr_patches
    from degcraft.settings import PhotoSettings

    cut_hr_patches(photos, out / "patches.h5", out / "photos.csv", PhotoSettings(), SCALE, 0)


def describe(photos: Path, out: Path) -> None:
    """Feature moments of a reference photo."""
    from degcraft.networks import NetworkSpec, save_network
    from degcraft.reference import describe_reference
    from degcraft.settings import EncoderSettings, ReferenceSettings

    sizes = EncoderSettings()
    spec = NetworkSpec.of("encoder", channels=sizes.channels, features=sizes.features, outputs=3)
    save_network(out / "encoder.safetensors", spec.build(), spec)
    files = out / "encoder.safetensors", out / "reference.h5", out / "reference.csv"
    describe_reference(photos, *files, ReferenceSettings(), size=48, textured=0.5, seed=0)


def look(photos: Path, out: Path) -> None:
    """What `check` looks at."""
    from degcraft import remarks

    remarks.look("hr", photos, 192)


def degrade_blur_first(photos: Path, out: Path) -> None:
    """In the demo's order: the photo is shrunk tile by tile."""
    degrade([*BLUR, *NOISE, *TAIL], photos, out)


def degrade_noise_first(photos: Path, out: Path) -> None:
    """Noise has to be drawn for the whole photo."""
    degrade([*NOISE, *BLUR, *TAIL], photos, out)


def degrade_enlarged(photos: Path, out: Path) -> None:
    """As published degradations do, before they shrink."""
    degrade([*FIRST_PASS, *TAIL, *BLUR, *NOISE, *TAIL], photos, out)


def degrade(steps: list[dict[str, dict[str, object]]], photos: Path, out: Path) -> None:
    """A folder of photos with all of a space."""
    from degcraft.degrade import degrade_folder
    from degcraft.distribution import Distribution
    from degcraft.space import build
    from degcraft.steps import parse_steps

    degrade_folder(photos, Distribution.uniform(build(parse_steps(steps))), out, SCALE, 0)


def pair(photos: Path, out: Path) -> None:
    """A degraded photo beside its HR photo; for the memory it does not matter what the degraded one shows."""
    from degcraft.paired import pair_folders

    (out / "lr").mkdir()
    (out / "lr/parameters.csv").write_text("file,photo\nphoto.png,photo.png\n")
    shutil.copy(photos / "photo.png", out / "lr/photo.png")
    pair_folders(photos, out / "lr", out / "paired", SCALE)


def evaluate_bicubic(photos: Path, out: Path) -> None:
    """Interpolation, compared with the photo."""
    from degcraft.evaluate import bicubic

    evaluate(bicubic(SCALE), photos, out)


def evaluate_compact(photos: Path, out: Path) -> None:
    """The demo's network, compared with the photo."""
    from degcraft.settings import UpscaleSettings
    from degcraft.upscale import Upscaler

    evaluate(Upscaler(compact(out), UpscaleSettings()), photos, out)


def evaluate(restore: Callable[..., object], photos: Path, out: Path) -> None:
    """Restore an LR photo of noise, and compare it with the HR photo."""
    from degcraft import evaluate
    from degcraft.evaluation_pairs import EvaluationPair
    from degcraft.images import image_size

    draw(out / "lr.png", "8-bit", image_size(photos / "photo.png")[0] // SCALE)
    evaluate.evaluate(restore, [EvaluationPair("noise", out / "lr.png", photos / "photo.png")], SCALE, out, 1)


def show_reference(photos: Path, out: Path) -> None:
    """Shrunk for the page."""
    from degcraft.report_pictures import reference_crops, thumbnail

    thumbnail(photos / "photo.png")
    reference_crops([photos / "photo.png"], 48, 18, 0.5, 0)


def show_test(photos: Path, out: Path) -> None:
    """A place of the HR photo, and the same in the LR photo."""
    from degcraft.images import read_image
    from degcraft.report_pictures import CROP, nearest, read_cropped, textured_place

    hr = read_cropped(photos / "photo.png", SCALE)
    draw(out / "lr.png", "8-bit", len(hr) // SCALE)
    textured_place(hr, CROP, SCALE).of(nearest(read_image(out / "lr.png"), SCALE))


def show_upscaled(photos: Path, out: Path) -> None:
    """The photo as the result of super-resolving, beside one of which it could be."""
    from degcraft.images import image_size, read_image
    from degcraft.report_pictures import before_and_after

    draw(out / "lr.png", "8-bit", image_size(photos / "photo.png")[0] // SCALE)
    before_and_after(read_image(out / "lr.png"), read_image(photos / "photo.png"))


def upscale(photos: Path, out: Path) -> None:
    """The demo's network."""
    from degcraft.settings import UpscaleSettings
    from degcraft.upscale import upscale_folder

    upscale_folder(photos, compact(out), out / "upscaled", out / "kept", UpscaleSettings())


def compact(out: Path) -> Path:
    """A file with a network like the demo's, of random weights."""
    from degcraft.networks import NetworkSpec, save_network

    spec = NetworkSpec.of("compact", channels=32, blocks=6, scale=SCALE)
    save_network(out / "model.safetensors", spec.build(), spec)
    return out / "model.safetensors"


STAGES = (
    Stage("photos", "16-bit RGBA", cut),
    Stage("photos", "8-bit RGBA", cut),
    Stage("reference", "16-bit RGBA", describe),
    Stage("check", "16-bit RGBA", look),
    Stage("degrade: blur, resize, noise, JPEG", "8-bit", degrade_blur_first),
    Stage("degrade: noise before blur and resize", "8-bit", degrade_noise_first),
    Stage("paired", "16-bit RGBA", pair),
    Stage("evaluate, bicubic", "8-bit", evaluate_bicubic),
    Stage("evaluate, `compact`", "8-bit", evaluate_compact),
    Stage("report, a reference photo", "16-bit RGBA", show_reference),
    Stage("report, a test photo", "8-bit", show_test),
    Stage("report, a super-resolved photo", "8-bit", show_upscaled),
)
GROWING = (
    Stage("degrade: enlarged by half first", "8-bit", degrade_enlarged),
    *(Stage("upscale, x4", kind, upscale) for kind in KINDS),
)


def photo(work: Path, kind: str, side: int) -> Path:
    """A folder that holds a square of noise, made where it is missing."""
    folder = work / f"{kind.replace(' ', '-')}-{side}"
    if not (folder / "photo.png").exists():
        folder.mkdir(parents=True, exist_ok=True)
        in_process(draw, folder / "photo.png", kind, side)
    return folder


def draw(path: Path, kind: str, side: int) -> None:
    """Write a square of noise."""
    import cv2
    import numpy as np

    dtype = np.uint16 if kind.startswith("16") else np.uint8
    shape = (side, side, 4 if kind.endswith("RGBA") else 3)
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    partial = path.with_suffix(".part.png")
    cv2.imwrite(str(partial), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 0])
    partial.rename(path)


def peak(run: Callable[[Path, Path], object], photos: Path, out: Path) -> float:
    """MB that the process held at most; to be called in a fresh one."""
    import cv2

    cv2.setNumThreads(1)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    run(photos, out)
    shutil.rmtree(out)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def in_process(run: Callable[..., T], *values: object) -> T:
    """A call in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(run, *values).result()


def asked(rule: str, side: int) -> int:
    """What a rule asks for at first if its largest photo is a square, MB."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
    grows = re.search(rf"^def {rule}_mb\(.*?return (\d+) \+ (\d+) \*", text, re.M | re.S)
    if grows:
        return int(grows[1]) + int(grows[2]) * larger(rule, side) // 1_000_000
    fixed = re.search(rf"^ *rule {rule}:.*?mem_mb=memory\((\d+)\)", text, re.M | re.S)
    assert fixed, rule
    return int(fixed[1])


def larger(rule: str, side: int) -> int:
    """Pixels of the larger one of a photo, a square, and what becomes of it."""
    return (side * SCALE if rule == "upscale" else side) ** 2


def stages(work: Path, side: int, wanted: Sequence[str]) -> None:
    """Print a row a stage, as Markdown."""
    print(f"| stage, {side:,} x {side:,} pixels | photo | MB | `mem_mb` |\n|---|---|---|---|")
    for stage in [stage for stage in STAGES if stage.rule in wanted]:
        held = in_process(peak, stage.run, photo(work, stage.kind, side), work / "out")
        print(f"| {stage.name} | {stage.kind} | {held:,.0f} | {asked(stage.rule, side):,} |", flush=True)


def growing(work: Path, sides: Sequence[int]) -> None:
    """Print a row a stage whose rule looks at the photos, as Markdown."""
    heads = [f"{what}, {side:,} x {side:,}" for side in sides for what in ("MB", "`mem_mb`")]
    print(f"\n| stage | photo | {' | '.join(heads)} | bytes a pixel |\n|{'---|' * (len(heads) + 3)}")
    for stage in GROWING:
        held = [in_process(peak, stage.run, photo(work, stage.kind, side), work / "out") for side in sides]
        asks = [asked(stage.rule, side) for side in sides]
        cells = [f"{cell:,.0f}" for both in zip(held, asks, strict=True) for cell in both]
        first, second = (larger(stage.rule, side) for side in sides)
        grown = (held[1] - held[0]) * 1e6 / (second - first)
        print(f"| {stage.name} | {stage.kind} | {' | '.join(cells)} | {grown:.0f} |", flush=True)


def main() -> None:
    """Measure and print."""
    rules = tuple(dict.fromkeys(stage.rule for stage in STAGES))
    parser = arguments(__doc__, "work")
    parser.add_argument("--side", type=int, default=9400, help="of the photos, pixels; more is not read")
    parser.add_argument("--stages", nargs="*", choices=rules, default=rules, help="rules to measure")
    parser.add_argument("--sides", nargs=2, type=int, default=(1000, 2000), help="of the photos of the second table")
    options = parser.parse_args()
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    stages(options.work, options.side, options.stages)
    growing(options.work, options.sides)


if __name__ == "__main__":
    main()
