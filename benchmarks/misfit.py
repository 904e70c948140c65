"""How often the certificate warns: of photos that the degradation space explains, and of photos that it does not.

    python benchmarks/misfit.py --photos FOLDER_OF_SHARP_PHOTOS --work FOLDER [--quick]

Bins are described once, over the demo's space. Reference sets are made from photos that are not among the HR photos,
with hidden truths inside the space; for the rows below the first something that the space does not hold is added.
Printed: the share of the sets for which a misfit is reported, and the median p.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import cv2
import numpy as np
import pandas as pd
from command_line import arguments
from lab import SCALE, Lab, Setup, prepare
from threads import one_thread

from degcraft.certify import MeasuredPhotos, judge, simulate_photos, typical_counts
from degcraft.craft import craft
from degcraft.directions import directions
from degcraft.images import Uint8Image
from degcraft.moments import Moments
from degcraft.moments_file import read_folds
from degcraft.operators import to_uint8
from degcraft.patches import disjoint
from degcraft.seeds import stream
from degcraft.settings import CertifySettings, CraftSettings, PhotoSettings

TRUTHS = {
    "middle": ((1.2, 1.9), (4, 9), (50, 70)),
    "mild": ((0.4, 0.9), (1, 4), (70, 90)),
    "severe": ((2.0, 2.8), (12, 20), (35, 55)),
    "noisy": ((0.6, 1.0), (8, 14), (80, 92)),
}
"""Ranges of blur sigma, noise sigma and JPEG quality."""
SIZES = (20, 6)
Extra = Callable[[Uint8Image, np.ndarray, Lab, np.random.Generator, float], Uint8Image]


def nothing(
    patch: Uint8Image, parameters: np.ndarray, lab: Lab, generator: np.random.Generator, _: float
) -> Uint8Image:
    """The space alone."""
    return lab.degrade(patch, parameters, generator)


def motion(
    patch: Uint8Image,
    parameters: np.ndarray,
    lab: Lab,
    generator: np.random.Generator,
    turn: float,
    *,
    length: float,
) -> Uint8Image:
    """Blur along a line (length in HR pixels, one direction a photo) before everything else."""
    kernel = line_kernel(length, np.pi * turn)
    blurred = cv2.filter2D(patch.astype(np.float32), -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return lab.degrade(to_uint8(blurred), parameters, generator)


def line_kernel(length: float, angle: float) -> np.ndarray:
    """A line through the centre, drawn as many points that are shared among the nearest pixels."""
    centre = int(length) // 2 + 2
    kernel = np.zeros((2 * centre + 1, 2 * centre + 1), np.float32)
    for offset in np.linspace(-length / 2, length / 2, 16 * int(length)):
        x, y = centre + offset * np.cos(angle), centre + offset * np.sin(angle)
        left, top = int(x), int(y)
        for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
            kernel[row, column] += (1 - abs(x - column)) * (1 - abs(y - row))
    return kernel / kernel.sum()


def impulses(
    patch: Uint8Image,
    parameters: np.ndarray,
    lab: Lab,
    generator: np.random.Generator,
    _: float,
    *,
    share: float,
) -> Uint8Image:
    """Salt and pepper on the LR image, before its JPEG."""
    *steps, (jpeg, values) = lab.space.steps(parameters)
    lr = (len(patch) // SCALE, len(patch) // SCALE)
    image = patch.astype(np.float32)
    for operator, given in steps:
        image = operator.apply(image, given, lr, generator)
    drawn = generator.random(image.shape[:2])
    image = np.where((drawn < share)[..., None], np.float32(0), image)
    image = np.where((drawn < share / 2)[..., None], np.float32(255), image)
    return to_uint8(jpeg.apply(image, values, lr, generator))


def second_jpeg(
    patch: Uint8Image,
    parameters: np.ndarray,
    lab: Lab,
    generator: np.random.Generator,
    _: float,
    *,
    sampling: int,
) -> Uint8Image:
    """A second JPEG of quality 60 whose grid is shifted by 4 pixels."""
    lr = lab.degrade(patch, parameters, generator)
    padded = np.pad(lr, ((4, 8), (4, 8), (0, 0)), mode="reflect")
    options = [cv2.IMWRITE_JPEG_QUALITY, 60, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    decoded = cv2.imdecode(cv2.imencode(".jpg", padded, options)[1], cv2.IMREAD_COLOR)
    return np.ascontiguousarray(decoded[4 : 4 + lr.shape[0], 4 : 4 + lr.shape[1]])


EXTRAS: dict[str, Extra] = {
    "nothing (in the space)": nothing,
    "motion blur, 9 HR px": partial(motion, length=9),
    "motion blur, 15 HR px": partial(motion, length=15),
    "salt and pepper, 1%": partial(impulses, share=0.01),
    "salt and pepper, 2%": partial(impulses, share=0.02),
    "second JPEG, 4:2:0": partial(second_jpeg, sampling=cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
    "second JPEG, 4:1:1": partial(second_jpeg, sampling=cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411),
}
INSIDE = next(iter(EXTRAS))


@dataclass(frozen=True)
class Trial:
    """One reference set."""

    extra: str
    truth: str
    size: int
    draw: int


def references(lab: Lab, trial: Trial) -> MeasuredPhotos:
    """Photos of a hidden truth, with what the trial adds."""
    moments, direction = [], []
    index = list(TRUTHS).index(trial.truth)
    photos = stream(lab.setup.seed, "misfit", index, trial.draw, trial.size).permutation(lab.photos)[: trial.size]
    for photo in photos:
        generator = stream(lab.setup.seed, "misfit-photo", index, trial.draw, int(photo))
        (blur, noise, quality), turn = (generator.uniform(*ends) for ends in TRUTHS[trial.truth]), generator.random()
        parameters = np.array([blur, lab.space.lower[0, 1], noise, np.rint(quality)], np.float32)
        patches = lab.held[lab.photo == photo]
        lr = np.stack([EXTRAS[trial.extra](patch, parameters, lab, generator, turn) for patch in patches])
        moments.append(Moments.of(lab.features(lr)))
        direction.append(directions(lr).mean(axis=0))
    return MeasuredPhotos(moments, np.stack(direction))


def apart(lab: Lab) -> list[int]:
    """How many disjoint patches each photo is worth."""
    size = lab.held.shape[1]
    return [disjoint(lab.place[lab.photo == photo], size) for photo in range(lab.photos)]


SHARED: list[tuple[Lab, list[list[Moments]], CertifySettings]] = []  # what all trials have in common


def judged(trial: Trial) -> dict[str, object]:
    """One reference set, crafted for and judged as the workflow does it."""
    lab, folds, settings = SHARED[0]
    assert lab.extractor_file is not None
    photos, seed = references(lab, trial), lab.setup.seed
    dial = CraftSettings()
    crafted = craft(lab.space, lab.bins, photos.moments, dial, seed)
    facts = crafted.facts(photos.moments, dial)
    typical = typical_counts(photos, apart(lab))
    simulated = simulate_photos(crafted.distribution, lab.hr, lab.extractor_file, *typical, settings, SCALE, seed)
    fit = judge(photos, crafted.distribution, facts, folds, simulated, settings, seed)
    return {**vars(trial), **vars(fit.certificate(facts))}


def main() -> None:
    """Run all trials and print the table."""
    parser = arguments(__doc__, "photos", "work")
    parser.add_argument("--quick", action="store_true", help="one draw of each truth, one size, half as much")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="photos in a reference set")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    setup = Setup(options.photos, options.work, patches=PhotoSettings(per_photo=96))
    prepare(setup, options.processes)
    settings = CertifySettings(photos=32, simulations=50) if options.quick else CertifySettings()
    trials = [
        Trial(extra, truth, size, draw)
        for draw in range(1 if options.quick else 5)
        for size in (options.sizes[:1] if options.quick else options.sizes)
        for extra in EXTRAS
        for truth in TRUTHS
        if draw == 0 or extra == INSIDE
    ]
    rows = []
    # forked processes would wait for threads of torch that they do not have
    with get_context("spawn").Pool(options.processes, _in_a_process, (setup, settings)) as pool:
        for row in pool.imap_unordered(judged, trials):
            rows.append(row)
            pd.DataFrame(rows).to_csv(options.work / "misfit.csv", index=False)
    print(table(pd.DataFrame(rows)))


def _in_a_process(setup: Setup, settings: CertifySettings) -> None:
    one_thread()
    lab = prepare(setup)
    SHARED.append((lab, read_folds(lab.bins_file), settings))


def table(rows: pd.DataFrame) -> str:
    """Markdown: a row for each thing added, a column for each number of photos."""
    sizes = sorted(rows["size"].unique(), reverse=True)
    lines = ["| added | " + " | ".join(f"{n} photos: warned | median p" for n in sizes) + " |"]
    lines.append("|---" * (1 + 2 * len(sizes)) + "|")
    for extra in EXTRAS:
        cells = []
        for n in sizes:
            found = rows[(rows["extra"] == extra) & (rows["size"] == n)]
            cells += [f"{(found['fit'] == 'misfit').sum()} of {len(found)}", f"{found['fit_p'].median():.2f}"]
        lines.append(f"| {extra} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
