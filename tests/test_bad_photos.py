"""Bad photos wherever photos enter: listed with a reason, or named in an error; never a traceback or a hang."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import unicodedata
import zlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from workflow_runs import ROOT, program

from degcraft.config import parse_config
from degcraft.degrade import degrade_folder
from degcraft.errors import UserError
from degcraft.evaluate import bicubic, evaluate
from degcraft.evaluation_pairs import own_pairs
from degcraft.images import list_images, name_problem, read_image
from degcraft.networks import NetworkSpec, save_network
from degcraft.photos import cut_hr_patches
from degcraft.reference import describe_reference
from degcraft.settings import PhotoSettings, ReferenceSettings, UpscaleSettings
from degcraft.target import make_target
from degcraft.upscale import upscale_folder

SIDE = 48
FINE = {"outward.png": "", "a b.png": "", "it's.png": "", 'say "a".png': "", "-dash.png": "", "tile_*?[x].png": ""}
FINE |= {f"{unicodedata.normalize(form, 'é')}.png": "" for form in ("NFC", "NFD")}
FINE |= {f"{'x' * 196}.png": "", "cmyk.jpg": "", "palette.png": "", "deep.png": "", "bilevel.tif": "", "alpha.png": ""}
FINE |= {"mpo.jpg": "", "png.jpg": ""}
SMALL = {"pixel.png": "smaller than"}  # for all but super-resolving
BAD = {
    "empty.png": "is not a PNG, JPEG, WebP or TIFF image",
    "text.jpg": "is not a PNG, JPEG, WebP or TIFF image",
    "gif.png": "is not a PNG, JPEG, WebP or TIFF image",
    "truncated.png": "cannot be read",
    "truncated.jpg": "cannot be read",
    "bomb.png": "pixels; cut it into smaller photos",
    "wide.png": "cannot be read",
    "animated.webp": "several frames or pages",
    "animated.png": "several frames or pages",
    "pages.tif": "several frames or pages",
    "float.tif": "save it with 8 or 16 bits",
    "dangling.png": "cannot be read (no file, or a link to none)",
    "loop.png": "cannot be read (no file, or a link to none)",
    "pipe.png": "cannot be read (no file, or a link to none)",
    "device.png": "cannot be read (no file, or a link to none)",
    "huge.tif": "a file of more than 1024 MiB",
}


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"0")),
    ):
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return content


def make_zoo(folder, photo, outside):
    """Every kind of photo that people have, by name; the reasons why some of them are none are in `BAD`."""
    image = Image.fromarray(photo)
    image.save(outside / "outside.png")
    (folder / "outward.png").symlink_to(outside / "outside.png")
    for name in FINE:
        if name.endswith(".png") and not (folder / name).is_symlink():
            image.save(folder / name)
    image.convert("CMYK").save(folder / "cmyk.jpg")
    image.quantize(8).save(folder / "palette.png")
    cv2.imwrite(str(folder / "deep.png"), photo.astype(np.uint16) * 257)
    image.convert("1").save(folder / "bilevel.tif")
    image.convert("RGBA").save(folder / "alpha.png")
    image.save(folder / "mpo.jpg", format="MPO", save_all=True, append_images=[image.resize((8, 8))])
    image.save(folder / "png.jpg", format="PNG")
    Image.new("RGB", (1, 1)).save(folder / "pixel.png")
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("no photo")
    image.save(folder / "gif.png", format="GIF", save_all=True, append_images=[image])
    for name in ("truncated.png", "truncated.jpg"):
        image.save(folder / name)
        (folder / name).write_bytes((folder / name).read_bytes()[:500])
    (folder / "bomb.png").write_bytes(png_header(100_000, 100_000))
    (folder / "wide.png").write_bytes(png_header(30_000, 10))
    frames = {"save_all": True, "append_images": [image.rotate(90)]}
    for name in ("animated.webp", "animated.png", "pages.tif"):
        image.save(folder / name, **frames)
    tifffile.imwrite(folder / "float.tif", photo[..., 0].astype(np.float32) / 255)
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "loop.png").symlink_to("loop.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "device.png").symlink_to("/dev/zero")
    with (folder / "huge.tif").open("wb") as file:
        file.truncate((1 << 30) + 1)  # of holes
    (folder / "folder.png").mkdir()
    (folder / "notes.txt").touch()


@pytest.fixture(scope="module")
def zoo(tmp_path_factory, make_photo):
    root = tmp_path_factory.mktemp("zoo")
    (root / "photos").mkdir()
    make_zoo(root / "photos", make_photo(SIDE, SIDE), root)
    return root / "photos"


def check_table(path):
    """Every photo has a row; those that are fine are used, the others have the reason."""
    table = pd.read_csv(path, keep_default_na=False).set_index("file")
    assert set(table.index) == {*FINE, *BAD, *SMALL}
    for name, row in table.iterrows():
        assert bool(row["used"]) == (name in FINE), name
        assert {**FINE, **BAD, **SMALL}[name] in row["reason"]


@pytest.fixture
def unique(zoo, tmp_path):
    """Links to the zoo's photos without those whose results would have one name."""
    folder = tmp_path / "unique"
    folder.mkdir()
    for path in zoo.iterdir():
        if path.name not in ("truncated.jpg", "animated.webp"):
            (folder / path.name).symlink_to(path)
    return folder


def inside(folder):
    """All files below a folder, by their path."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def names_of(folder):
    return {path.name for path in folder.iterdir()}


def test_hr_photos(zoo, tmp_path):
    cut_hr_patches(zoo, tmp_path / "patches.h5", tmp_path / "photos.csv", PhotoSettings(size=32, per_photo=1), 2, 0)
    check_table(tmp_path / "photos.csv")


def test_reference_photos(zoo, encoder, tmp_path):
    settings = ReferenceSettings(per_photo=1)
    describe_reference(zoo, encoder, tmp_path / "a.h5", tmp_path / "reference.csv", settings, 16, 0.5, 0)
    check_table(tmp_path / "reference.csv")


def check_skipped(caplog, folder, names):
    """What was left out has a line with the reason, and nothing else has one."""
    lines = [r.getMessage().partition(": ") for r in caplog.records if r.getMessage().startswith("skipped ")]
    reasons = {Path(path.removeprefix("skipped ")).name: reason for path, _, reason in lines}
    assert set(reasons) == {path.name for path in list_images(folder)} & set(names)
    for name, reason in reasons.items():
        assert names[name] in reason


def test_photos_to_degrade(unique, uniform, tmp_path, caplog):
    degrade_folder(unique, uniform, tmp_path / "out", 2, 0)
    assert names_of(tmp_path / "out") == {*(f"{Path(name).stem}.png" for name in FINE), "parameters.csv"}
    check_skipped(caplog, unique, {**BAD, **SMALL})


@pytest.fixture
def model(tmp_path):
    spec = NetworkSpec.of("compact", channels=2, blocks=0, scale=2)
    save_network(tmp_path / "model.safetensors", spec.build(), spec)
    return tmp_path / "model.safetensors"


def test_photos_to_upscale(unique, model, tmp_path, caplog):
    upscale_folder(unique, model, tmp_path / "out", tmp_path / "kept", UpscaleSettings())
    assert names_of(tmp_path / "out") == {f"{Path(name).stem}.png" for name in {**FINE, **SMALL}}
    check_skipped(caplog, unique, BAD)


def test_every_stage_that_reads_a_folder_names_what_it_passes_over(
    folder_of, make_photo, encoder, uniform, model, tmp_path, caplog
):
    folder = folder_of("album", a=make_photo(SIDE, SIDE))
    (folder / "IMG_3.HEIC").touch()
    folder_of("album/2019", b=make_photo(SIDE, SIDE))
    reference = ReferenceSettings(per_photo=1)
    stages = [
        lambda: cut_hr_patches(folder, tmp_path / "a.h5", tmp_path / "a.csv", PhotoSettings(size=32), 2, 0),
        lambda: describe_reference(folder, encoder, tmp_path / "b.h5", tmp_path / "b.csv", reference, 16, 0.5, 0),
        lambda: degrade_folder(folder, uniform, tmp_path / "degraded", 2, 0),
        lambda: upscale_folder(folder, model, tmp_path / "upscaled", tmp_path / "kept", UpscaleSettings()),
    ]
    for stage in stages:
        caplog.clear()
        stage()
        lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert lines == [f"passed over: 2019/, IMG_3.HEIC (in {folder}; no PNG, JPEG, WebP or TIFF by name)"]


@pytest.mark.parametrize("name", [*BAD, *SMALL])
def test_photos_of_a_made_target_and_test_pairs(name, zoo, make_photo, uniform, tmp_path):
    folders = [tmp_path / "lr", tmp_path / "hr"]
    for folder, side in zip(folders, (SIDE, 2 * SIDE), strict=True):
        folder.mkdir()
        Image.fromarray(make_photo(side, side)).save(folder / "a.png")
        Image.fromarray(make_photo(side, side)).save(folder / f"{Path(name).stem}.png")
    for folder in folders:
        bad = folder / f"{Path(name).stem}.png"
        whole = bad.read_bytes()
        bad.unlink()
        (folder / name).symlink_to(zoo / name)
        with pytest.raises(UserError, match=name.replace(".", r"\.")):
            evaluate(bicubic(2), own_pairs("t", *folders), 2, tmp_path / "examples", 1)
        with pytest.raises(UserError, match=name.replace(".", r"\.")):
            make_target(folder, uniform, tmp_path / "made", 2, 0)
        (folder / name).unlink()
        bad.write_bytes(whole)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_what_may_not_be_read(make_photo, tmp_path):
    Image.fromarray(make_photo(8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(UserError, match=r"a\.png: cannot be read"):
        read_image(tmp_path / "a.png")
    tmp_path.chmod(0)
    with pytest.raises(UserError, match=r"cannot be listed|no such folder"):
        list_images(tmp_path)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    "name", ["{brace}.png", "<results>.png", "a\nb.png", "a\tb.png", os.fsdecode(b"\xff.png"), "x" * 197 + ".png"]
)
def test_names_that_no_stage_can_work_with(name, raw, schema, make_photo):
    Image.fromarray(make_photo(8, 8)).save("a.png")
    for key, folder in (("hr", "hr"), ("targets.demo.reference", "reference")):
        shutil.copy("a.png", Path(folder) / name)
        with pytest.raises(UserError) as error:
            parse_config(raw, schema)
        assert str(error.value).startswith(f"{key}: ") and "; " in str(error.value)
        assert repr(name)[1:-1] in str(error.value)
        str(error.value).encode()
        (Path(folder) / name).unlink()
    shutil.copy("a.png", name)
    for key in ("start", "perceptual"):
        settings = {**raw["train"], key: name, "adversarial_steps": 1}
        with pytest.raises(UserError, match=rf"^train\.{key}: "):
            parse_config({**raw, "train": settings}, schema)
    with pytest.raises(UserError, match=r"^extractor: "):
        parse_config({**raw, "extractor": name}, schema)


@pytest.mark.parametrize("name", FINE)
def test_names_that_are_fine(name):
    assert name_problem(Path("folder") / name) is None


@pytest.mark.parametrize(
    "target", ["..", "../a", "/tmp/a", "a/b", "a/../..", ".a", "a\n", "", "é", "a b", "a" * 65, "-a"]
)
def test_no_target_is_named_so_that_it_would_lie_elsewhere(target, raw, schema):
    raw["targets"] = {target: {"reference": "reference"}}
    with pytest.raises(UserError, match=r"^targets: .* cannot be a name"):
        parse_config(raw, schema)


def test_an_extractor_is_kept_under_its_stem(raw, schema, make_photo, tmp_path):
    (tmp_path / "a").mkdir()
    for path in ("../a.b.pth", str(tmp_path / "x.pth"), "hr/../a/...pth"):
        Path(path).touch()
        config = parse_config({**raw, "extractor": path}, schema)
        assert config.extractor == f"checkpoint-{Path(path).stem}" and "/" not in config.extractor


LARGE = """
import resource, sys
from pathlib import Path
from degcraft.photos import cut_hr_patches
from degcraft.settings import PhotoSettings
folder = Path(sys.argv[1])
cut_hr_patches(folder / "hr", folder / "patches.h5", folder / "photos.csv", PhotoSettings(per_photo=2), 4, 0)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_a_photo_of_thirty_thousand_columns_stays_within_the_rules_memory(make_photo, tmp_path):
    (tmp_path / "hr").mkdir()
    part = make_photo(300, 300)
    Image.fromarray(np.tile(part, (9, 100, 1))).save(tmp_path / "hr/wide.jpg")  # 81 of 89 megapixels
    process = subprocess.run([sys.executable, "-c", LARGE, tmp_path], capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    (row,) = pd.read_csv(tmp_path / "photos.csv").to_dict("records")
    assert (row["width"], row["height"], row["patches"]) == (30_000, 2700, 2)
    rule = (ROOT / "workflow/rules/photos.smk").read_text()
    assert int(process.stdout) < int(rule.split("mem_mb=memory(")[1].split(")")[0])


def test_the_workflow_goes_through_all_of_it(zoo, unique, tmp_path):
    config = {
        "scale": 2,
        "hr": str(zoo),
        "photos": {"size": 32, "per_photo": 1},
        "degradation": [{"blur": {"sigma": {"range": [0.2, 2], "bins": 2}}}, {"resize": {"kind": "area"}}],
        "targets": {"demo": {"reference": str(zoo)}},
        "train": {"distributions": ["full"], "crop": 8},
        "degrade": {"photos": str(unique), "distributions": ["full"]},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    run = tmp_path / "run"
    run.mkdir()
    before = inside(zoo.parent)
    command = program("results/hr/photos.csv", "results/degraded/full", "--directory", run, "--cores", "1")
    command += ["--configfile", tmp_path / "config.json"]
    process = subprocess.run(command, capture_output=True, text=True, cwd=run, timeout=600)
    assert process.returncode == 0, process.stderr[-3000:]
    check_table(run / "results/hr/photos.csv")
    assert len(pd.read_csv(run / "results/degraded/full/parameters.csv")) == len(FINE)
    assert inside(zoo.parent) == before and names_of(run) == {".snakemake", "results"}
