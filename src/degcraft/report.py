"""The report: one self-contained page, and the side-by-side pictures."""

from __future__ import annotations

import base64
import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, StrictUndefined

from degcraft.certificate import Certificate
from degcraft.errors import UserError
from degcraft.fit_words import fit_sentence
from degcraft.images import ImageError, Uint8Image, list_images, passed_over, read_image
from degcraft.learned import Learned
from degcraft.marginals import read_marginals
from degcraft.names import Name
from degcraft.outcome import headline, read_certificate, sentences
from degcraft.photo_counts import PhotoCounts
from degcraft.report_pictures import (
    CROP,
    Picture,
    Place,
    Row,
    before_and_after,
    drawing,
    drawn_patches,
    nearest,
    read_cropped,
    reference_crops,
    sheet,
    textured_place,
    thumbnail,
    write_side_by_side,
)
from degcraft.scores import REFERENCES, TELLING, Summary
from degcraft.short_ranges import short_ranges
from degcraft.storage import replacing
from degcraft.weight_words import most_of_the_weight
from degcraft.words import some

ROWS = 12  # rows of crops on the page, shared by the targets, so that the page stays small
BEFORE_AFTER = 9  # super-resolved photos on the page, likewise
BEFORE_AFTER_EACH = 3
THUMBNAILS = 48  # reference photos on the page, likewise
CROPS, CROP_COLUMNS = 6, 3  # patches beside each other for the eye
SHEET = 600  # pixels across, about: more than are shown on most screens, so that LR pixels stay squares of one size
PACKAGES = ("degcraft", "snakemake", "torch", "numpy", "scipy", "opencv-python-headless", "pillow")


@dataclass(frozen=True)
class ReportInputs:
    """What the report is about.

    Attributes:
        results: folder with the artifacts of all other stages.
        config: the configuration as the user wrote it.
        scale: SR scale.
        patch: side of the LR patches, pixels.
        textured: share of a photo's places from which patches are drawn.
        seed: of the models whose pictures are shown.
        distributions: all that were compared; ``bicubic`` is interpolation.
        hr: folder of HR photos.
        references: folder of reference photos, by target.
        tests: folders of LR and HR test photos, by target; targets without test pairs are left out.
        upscaled: folder of the photos that were super-resolved, by target; left out where none were.
        perceptual: whether LPIPS was measured.
        extractor: its name. What an encoder did not learn to judge is not said.
        others: files and folders that are made beside those that the page is about, by what they are (``onnx``,
            ``degraded``, ``paired``, ``exported``), relative to ``results``; folders end in a slash.
    """

    results: Path
    config: Mapping[str, Any]
    scale: int
    patch: int
    textured: float
    seed: int
    distributions: Sequence[str]
    hr: Path
    references: Mapping[str, Path]
    tests: Mapping[str, tuple[Path, Path]] = field(default_factory=dict)
    upscaled: Mapping[str, Path] = field(default_factory=dict)
    perceptual: bool = False
    extractor: str = "encoder"
    others: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def evaluation(self, distribution: str) -> Path:
        """Folder of the measurements of a distribution's model."""
        return self.results / "evaluation" / distribution / f"seed{0 if distribution == 'bicubic' else self.seed}"


def write_report(inputs: ReportInputs) -> None:
    """Write ``report.html`` and, for each target with test pairs, ``evaluation/examples/<target>.png``.

    The same artifacts and versions give the same bytes. How long the stages took is therefore not on the page.

    Raises:
        UserError: a photo or an artifact that the page needs is missing.
    """
    summary, differences = (Summary.read(inputs.results / name) for name in ("summary.csv", "differences.csv"))
    certificates = {target: _certificate(inputs, target) for target in inputs.references}
    learned = Learned.read(inputs.results, inputs.extractor)
    believed = {target: None if learned.blind else known for target, known in certificates.items()}
    rows = {target: side_by_side(inputs, target) for target in inputs.tests}
    for target, pictures in rows.items():
        write_side_by_side(pictures, inputs.results / "evaluation" / "examples" / f"{target}.png")
    asked = _asked(inputs)
    page = render(
        {
            "scale": inputs.scale,
            "headlines": [
                text for name, known in believed.items() if (text := headline(name, summary, differences, known))
            ],
            "sentences": [
                text for name, known in believed.items() for text in sentences(name, summary, known, differences)
            ],
            "learned": learned,
            "extractor": inputs.extractor,
            "asked": asked,
            "targets": [_target(inputs, t, known, asked["hr"].patches, learned) for t, known in certificates.items()],
            "summary": summary,
            "differences": differences,
            "perceptual": Summary.read(inputs.results / "perceptual.csv") if inputs.perceptual else None,
            "rows": {t: pictures[: _share(ROWS, list(rows), t)] for t, pictures in rows.items()},
            "before_after": {target: _before_after(inputs, target) for target in inputs.upscaled},
            "upscaled": {
                t: PhotoCounts.of(inputs.results / "upscaled" / t, given, f"logs/upscale/{t}.log")
                for t, given in inputs.upscaled.items()
            },
            "models": [name for name in inputs.distributions if name != "bicubic"],
            "others": inputs.others,
            "some": some,
            "advised": REFERENCES,
            "telling": TELLING,
            "versions": {"Python": platform.python_version(), **versions(*PACKAGES)},
        }
    )
    with replacing(inputs.results / "report.html") as partial:
        partial.write_text(page, encoding="utf-8")


def render(content: Mapping[str, Any]) -> str:
    """Fill the template ``report.html.j2``; what is from outside is escaped; no script but ``report.js`` runs."""
    source, script = (
        files("degcraft").joinpath(name).read_text(encoding="utf-8") for name in ("report.html.j2", "report.js")
    )
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.from_string(source).render(content, script=script, script_digest=digest)


def versions(*packages: str) -> dict[str, str]:
    """Installed versions by package."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _share(total: int, names: Sequence[str], name: str) -> int:
    """How many of ``total`` pictures one of several targets gets: as many as the others, or one if it is early."""
    return max(total // len(names), int(names.index(name) < total))


def _certificate(inputs: ReportInputs, target: str) -> Certificate:
    certificate = read_certificate(inputs.results, target)
    if certificate is None:
        path = inputs.results / "targets" / target / "certificate.json"
        raise UserError(f"{path}: no such file; run the rule certify again")
    return certificate


def _asked(inputs: ReportInputs) -> dict[str, Any]:
    """The configuration and the HR photos."""
    text = yaml.safe_dump(dict(inputs.config), sort_keys=False, default_flow_style=None, width=100, allow_unicode=True)
    return {"config": text, "hr": photo_table(inputs.results / "hr" / "photos.csv", inputs.hr)}


@dataclass(frozen=True)
class PhotoTable:
    """What became of a folder of photos.

    Attributes:
        used: file names.
        patches: from all of them.
        skipped: (file name, reason).
        passed_over: names of what else is in it.
    """

    used: tuple[str, ...]
    patches: int
    skipped: tuple[tuple[str, str], ...]
    passed_over: tuple[str, ...]


def photo_table(path: Path, folder: Path) -> PhotoTable:
    """Read ``file,width,height,used,reason,patches`` of the photos in a folder."""
    table = pd.read_csv(path, dtype={"file": str, "reason": str}, keep_default_na=False)
    used = table["used"].astype(str) == "True"
    skipped = table.loc[~used, ["file", "reason"]].itertuples(index=False, name=None)
    names = tuple(table.loc[used, "file"])
    return PhotoTable(names, int(table["patches"].sum()), tuple(skipped), tuple(passed_over(folder)))


def _target(
    inputs: ReportInputs, target: str, certificate: Certificate, hr_patches: int, learned: Learned
) -> dict[str, Any]:
    """Reference photos, crafted distribution and certificate of one target."""
    folder = inputs.results / "targets" / target
    told = learned.told(read_marginals(folder / "marginals.csv"))
    photos = photo_table(folder / "reference.csv", inputs.references[target])
    shown = photos.used[: max(4, _share(THUMBNAILS, list(inputs.references), target))]
    return {
        "name": target,
        "folder": inputs.references[target],
        "photos": photos,
        "thumbnails": [(name, _picture(thumbnail(inputs.references[target] / name))) for name in shown],
        "sheets": list(_sheets(inputs, target, photos.used, hr_patches)),
        "patch": inputs.patch,
        "marginals": drawing(folder / "marginals.svg"),
        "joint": drawing(folder / "joint.svg"),
        "trace": drawing(folder / "trace.svg"),
        "trade_off": drawing(folder / "trade_off.svg"),
        "certificate": certificate,
        "fit": learned.blind or fit_sentence(certificate),
        "fit_plot": drawing(folder / "fit.svg"),
        "found": list(most_of_the_weight(told)),
        "short": list(short_ranges(told)),
    }


def _sheets(inputs: ReportInputs, target: str, used: Sequence[str], hr_patches: int) -> Iterator[Picture]:
    """Patches of the reference photos, and patches of as many pixels that were drawn to train on, for the eye."""
    drawn = {"drawn from the crafted distribution": f"crafted-{target}", "drawn from the full range": "full"}
    known = {label: name for label, name in drawn.items() if name in inputs.distributions}
    if known:
        pairs = {label: inputs.results / "pairs" / f"{name}.h5" for label, name in known.items()}
        sheets = {label: drawn_patches(path, hr_patches, CROPS) for label, path in pairs.items()}
        photos = [inputs.references[target] / name for name in used]
        crops = reference_crops(photos, inputs.patch, CROPS, inputs.textured, inputs.seed)
        for label, patches in {"from the reference photos": crops, **sheets}.items():
            pixels = sheet(patches, CROP_COLUMNS)
            yield _picture(nearest(pixels, max(1, round(SHEET / pixels.shape[1]))), label)


def _picture(pixels: Uint8Image, label: str = "") -> Picture:
    return Picture(label, "", pixels)


def side_by_side(inputs: ReportInputs, target: str) -> list[Row]:
    """Crops of the test images that were kept as examples: LR, every distribution's model, HR.

    Raises:
        UserError: no example was kept.
    """
    lr_folder, hr_folder = inputs.tests[target]
    scores = {name: _measured(inputs, name, target) for name in _compared(inputs, target)}
    rows = []
    for file, photo in _test_photos(inputs, target):
        stem = Path(file).stem
        restored = {name: inputs.evaluation(name) / "examples" / target / f"{stem}.png" for name in scores}
        if all(path.is_file() for path in restored.values()):
            hr = read_cropped(hr_folder / photo, inputs.scale)
            place = textured_place(hr, CROP, inputs.scale)
            here = {name: table[file] for name, table in scores.items()}
            lr = Picture("LR", "", place.of(nearest(read_image(lr_folder / file), inputs.scale)))
            models = [_restored(name, path, place, here) for name, path in restored.items()]
            rows.append(Row(stem, (lr, *models, Picture("HR", "", place.of(hr)))))
    if not rows:
        raise UserError(f"{inputs.results / 'evaluation'}: no example images of {target}; run the rule evaluate again")
    return rows


def _compared(inputs: ReportInputs, target: str) -> list[str]:
    """Distributions that were measured on a target's own photos."""
    own = [name for name in inputs.distributions if Name.parse(name).target in ("", target)]
    return sorted(own, key=lambda name: Name.parse(name).rank)


def _measured(inputs: ReportInputs, distribution: str, target: str) -> dict[str, float]:
    """PSNR-Y of a distribution's model on each of a target's own photos, by LR file name."""
    table = pd.read_csv(inputs.evaluation(distribution) / f"{target}.csv", dtype={"file": str})
    return {str(file): float(value) for file, value in zip(table["file"], table["psnr_y"], strict=True)}


def _test_photos(inputs: ReportInputs, target: str) -> list[tuple[str, str]]:
    """LR and HR file names of a target's own test pairs."""
    table = pd.read_csv(inputs.evaluation("bicubic") / f"{target}.csv", dtype={"file": str, "photo": str})
    return list(zip(table["file"], table["photo"], strict=True))


def _restored(name: str, path: Path, place: Place, scores: Mapping[str, float]) -> Picture:
    """One restored image at a place, with its PSNR-Y."""
    best = round(scores[name], 2) == round(max(scores.values()), 2)
    known = Name.parse(name)
    label = f"{known.kind} {known.dial}".rstrip()
    return Picture(label, f"{scores[name]:.2f} dB", place.of(read_image(path)), known.kind == "crafted", best)


def _before_after(inputs: ReportInputs, target: str) -> list[Row] | None:
    """The first photos that were super-resolved, interpolated and super-resolved; none whose result is too large.

    None where other targets leave no room for any.
    """
    count = _share(BEFORE_AFTER, list(inputs.upscaled), target)
    if not count:
        return None
    originals = {path.stem: path for path in list_images(inputs.upscaled[target])}
    rows: list[Row] = []
    for path in list_images(inputs.results / "upscaled" / target):
        if len(rows) == min(count, BEFORE_AFTER_EACH):
            break
        if path.stem not in originals:
            continue
        try:
            restored = read_image(path)
        except ImageError:  # has more pixels than are read of any photo
            continue
        before, after = before_and_after(read_image(originals[path.stem]), restored)
        labels = ("before: bicubic interpolation", "after: the crafted model")
        pictures = (Picture(labels[0], "", before), Picture(labels[1], "", after, crafted=True))
        rows.append(Row(originals[path.stem].name, pictures))
    return rows
