"""What is wrong with the files and folders that a configuration names, as far as their names tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from degcraft.errors import UserError
from degcraft.evaluation_pairs import own_pairs
from degcraft.images import distinct_stems, list_images, name_problem, no_photos
from degcraft.paired import key_problem
from degcraft.storage import is_file, is_folder
from degcraft.words import quoted

if TYPE_CHECKING:
    from degcraft.config import Config


def file_problems(config: Config) -> Iterator[str]:
    """Files that are missing."""
    if config.checkpoint is not None and not is_file(config.checkpoint):
        yield f"extractor: {quoted(config.checkpoint)} is neither 'encoder', 'srgan' nor an existing file"
    backbone, linear = config.lpips or (None, None)
    files: dict[str, str | Path | None] = {"lpips.backbone": backbone, "lpips.linear": linear}
    files |= {"train.start": config.train.start, "train.perceptual": config.train.perceptual}
    for key, file in files.items():
        if file is not None and not is_file(file):
            yield f"{key}: no file {quoted(file)}; give an existing one, relative to the working directory"
    for key in ("train.start", "train.perceptual"):
        if (file := files[key]) is not None and Path("results", "models").resolve() in Path(file).resolve().parents:
            yield f"{key}: {quoted(file)} is a result of runs in this folder; copy it out of results/ first"
    for key, file in {"extractor": config.checkpoint, **files}.items():
        if file is not None and is_file(file) and (problem := name_problem(file)):
            yield f"{key}: {problem}"


def folder_problems(config: Config) -> Iterator[str]:
    """Folders that are missing or hold no photos, names that clash or do not suit, and test photos without partner."""
    listed: dict[str, list[Path]] = {}
    for key, folder in _folders(config):
        if is_file(folder):
            yield f"{key}: {quoted(folder)} is a file; give the folder it is in"
            continue
        if not is_folder(folder):
            where = "" if folder.is_absolute() else f", relative to {Path.cwd()}"
            pattern = " (patterns are not expanded: name the folder alone)" if "*" in str(folder) else ""
            yield f"{key}: no folder {quoted(folder)}; give an existing one{where}{pattern}"
            continue
        try:
            listed[key] = list_images(folder)
        except UserError as error:
            yield f"{key}: {error}"
            continue
        if not listed[key]:
            yield f"{key}: {quoted(folder)} {no_photos(folder)}"
        yield from (f"{key}: {problem}" for path in listed[key] if (problem := name_problem(path)))
    checks: dict[str, Callable[[], object]] = {
        key: partial(distinct_stems, listed[key]) for key in _naming(config) if key in listed
    }
    for name, target in config.targets.items():
        if target.photos is not None and len(listed.get(key := f"targets.{name}.photos", ())) == 1:
            yield f"{key}: {quoted(target.photos)} holds one photo; it takes two, one for reference and one to test on"
        if target.test is not None and all(listed.get(f"targets.{name}.test.{side}") for side in ("lr", "hr")):
            checks[f"targets.{name}.test"] = partial(own_pairs, name, *target.test)
    if config.degrade_photos is not None and config.degrade_pairs and config.degrade_lmdb:
        names = [path.name for path in listed.get("degrade.photos", [])]
        if problem := key_problem(names, config.degrade_photos):
            yield problem
    for key, check in checks.items():
        try:
            check()
        except UserError as error:
            yield f"{key}: {error}"


def _folders(config: Config) -> Iterator[tuple[str, Path]]:
    """Key and path of every folder of photos."""
    folders: dict[str, Path | None] = {"hr": config.hr, "degrade.photos": config.degrade_photos}
    for name, target in config.targets.items():
        key = f"targets.{name}"
        folders[f"{key}.reference"], folders[f"{key}.photos"] = target.reference, target.photos
        folders[f"{key}.test.lr"], folders[f"{key}.test.hr"] = target.test or (None, None)
        folders[f"{key}.upscale"] = target.upscale
    return ((key, folder) for key, folder in folders.items() if folder is not None)


def _naming(config: Config) -> Iterator[str]:
    """Keys of folders of which results have the photos' names, without the suffix."""
    yield "degrade.photos"
    for name, target in config.targets.items():
        yield f"targets.{name}.photos"
        if "crafted" in config.distributions:
            yield f"targets.{name}.{'reference' if target.upscale is None else 'upscale'}"
