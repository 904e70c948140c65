"""A results folder as the report reads it, and what tests ask of a page."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
from certificates import UNJUDGED
from PIL import Image

from degcraft.report import ReportInputs, write_report
from degcraft.storage import creating_h5

SCALE = 2
ODD = "<b>&"  # a stem that is markup unless it is escaped
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="360.6pt" height="72pt" viewBox="0 0 360.6 72"></svg>'
VALUES = {"bicubic": 26.0, "clean": 26.5, "full": 27.0, "crafted-cam": 27.5}


class Page(HTMLParser):
    """What the tests ask of a page: its elements, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data.replace("\N{NO-BREAK SPACE}", " ")

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def write_table(path, columns, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


def write_scores(results, values, testsets=("cam", "full", "clean"), photos=2):
    """``summary.csv``: on ``full`` and ``clean`` a model scores one and two decibels less; ``differences.csv``."""
    rows = [
        (distribution, 0, testset, metric, (value - i) / (1 if metric.startswith("psnr") else 100), 0.1, 99.9, photos)
        for distribution, value in values.items()
        for i, testset in enumerate(testsets)
        for metric in ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
    ]
    write_table(
        results / "summary.csv", ["distribution", "seed", "testset", "metric", "value", "low", "high", "n"], rows
    )
    rows = [
        (distribution, "full", 0, testset, metric, value - values["full"], value - values["full"] - 0.2, 0.3, photos)
        for distribution, value in values.items()
        for testset in testsets
        for metric in ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb")
        if distribution != "full"
    ]
    columns = ["distribution", "against", "seed", "testset", "metric", "value", "low", "high", "n"]
    write_table(results / "differences.csv", columns, rows)


def results_tree(folder, make_photo):
    """What a report is about, and its files: one target ``cam`` with two reference photos and two test pairs."""
    results, photos = folder / "results", folder / "photos"
    stems = ["a", ODD]
    for index, stem in enumerate(stems):
        hr = make_photo(160, 144, index)
        save(hr, photos / "hr" / f"{stem}.png")
        save(hr[::SCALE, ::SCALE], photos / "lr" / f"{stem}.png")
        save(make_photo(40, 60, index), photos / "reference" / f"{stem}.png")
        save(make_photo(80, 120, index), results / "upscaled" / "cam" / f"{stem}.png")
        for distribution in VALUES:
            save(hr // 2, results / "evaluation" / distribution / "seed0" / "examples" / "cam" / f"{stem}.png")
    for distribution, value in VALUES.items():
        rows = [("cam", f"{stem}.png", f"{stem}.png", value + i) for i, stem in enumerate(stems)]
        measured = results / "evaluation" / distribution / "seed0" / "cam.csv"
        write_table(measured, ["target", "file", "photo", "psnr_y"], rows)
    write_scores(results, VALUES)
    columns = ["file", "width", "height", "used", "reason", "patches"]
    rows = [(f"{stem}.png", 60, 40, True, "", 16) for stem in stems]
    write_table(results / "targets" / "cam" / "reference.csv", columns, rows)
    rows = [("good.png", 200, 200, True, "", 9), ("<i>&.png", 3, 3, False, "smaller than a <patch>", 0)]
    write_table(results / "hr" / "photos.csv", columns, rows)
    columns = ["axis", "lower", "upper", "choice", "weight", "prior", "low", "high"]
    rows = [("noise_sigma", 0, 5, "", 0.9, 0.5, 0.8, 1.0), ("noise_sigma", 5, 10, "", 0.1, 0.5, 0.0, 0.2)]
    write_table(results / "targets" / "cam" / "marginals.csv", columns, rows)
    for distribution in ("full", "crafted-cam"):
        lr = np.stack([make_photo(16, 16, index) for index in range(30)])
        with creating_h5(results / "pairs" / f"{distribution}.h5") as file:
            file["lr"] = lr if distribution == "full" else lr // 2
    for plot in ("marginals", "joint", "trace", "trade_off", "fit"):
        (results / "targets" / "cam" / f"{plot}.svg").write_text(SVG)
    certificate = replace(UNJUDGED, distance_prior=20.8, distance=1.2, distance_low=1.3, distance_high=2.6)
    certificate = replace(certificate, relative_gap=9.7e-5, effective_bins=7.5, bins=216, kl=3.4)
    certificate = replace(certificate, generalization=0.003, auto=False, reference_photos=2, reference_patches=32)
    judged = {"fit": "ok", "fit_p": 0.43, "fit_simulations": 100, "fit_p_distance": 0.3, "fit_p_direction": 0.215}
    replace(certificate, **judged).write(results / "targets" / "cam" / "certificate.json")
    return ReportInputs(
        results=results,
        config={"hr": "photos", "scale": SCALE, "targets": {"cam": {"reference": "<script>&"}}},
        scale=SCALE,
        patch=16,
        textured=0.5,
        seed=0,
        distributions=list(VALUES),
        hr=photos / "hr",
        references={"cam": photos / "reference"},
        tests={"cam": (photos / "lr", photos / "hr")},
        upscaled={"cam": photos / "reference"},
    )


def written(inputs):
    """The page as text."""
    write_report(inputs)
    return (inputs.results / "report.html").read_text()
