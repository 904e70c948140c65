"""Files that appear complete or not at all, digests, and HDF5 files that say what is wrong with them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from degcraft.errors import UserError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path``; move it there when the block ends well, delete it when it does not."""
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_name(f".{final.stem}.{os.getpid()}.partial{final.suffix}")
    try:
        yield partial
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system has no such thing."""
    with replacing(target) as partial:
        try:
            partial.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, partial)


def sha256(path: str | os.PathLike[str]) -> str:
    """Hexadecimal digest of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def creating_h5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Write an HDF5 file that appears under its name when the block ends well."""
    with replacing(path) as partial, h5py.File(partial, "w", libver=("earliest", "v110")) as file:
        yield file


@contextmanager
def reading_h5(path: str | os.PathLike[str], *datasets: str) -> Iterator[h5py.File]:
    """Open an HDF5 file and make sure that it holds some datasets.

    Raises:
        UserError: the file is missing or damaged, or lacks a dataset.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        what = "no such file" if not Path(path).exists() else f"not a whole HDF5 file ({error})"
        raise UserError(f"{path}: {what}; delete it and run again") from None
    with file:
        for name in datasets:
            if name not in file:
                raise UserError(f"{path}: has no dataset {name!r}; delete it and run again")
        yield file
