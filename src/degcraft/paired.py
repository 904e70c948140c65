"""Degraded photos beside their HR photos, in the layout that training programs read: folders, a list, and LMDB."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from degcraft.degrade import PARAMETERS
from degcraft.errors import UserError
from degcraft.extras import Extra
from degcraft.images import PNG_LEVEL, crop_to_multiple, image_size, read_image, write_image
from degcraft.progress import announce
from degcraft.storage import link_or_copy, replacing
from degcraft.words import counted, quoted, some

META_INFO = "meta_info.txt"
TOGETHER = 1 << 28  # bytes a transaction, which is held in memory until it is written
LMDB = Extra(
    ("lmdb",),
    "degrade.lmdb: needs the package {packages}; install it with .venv/bin/pip install -e '.[lmdb]', or set "
    "'lmdb: false'",
)


def pair_folders(
    photos: str | os.PathLike[str],
    degraded: str | os.PathLike[str],
    output: str | os.PathLike[str],
    scale: int,
    lmdb: bool = False,
) -> None:
    """Put a degraded folder beside the HR photos it was made from.

    Writes ``lr/`` and ``hr/``, PNG files of the same names, HR sides being ``scale`` times the LR ones;
    ``meta_info.txt``, a line ``name (height,width,3)`` for each HR file; and, if wanted, ``lr.lmdb`` and ``hr.lmdb``
    (see `write_lmdb`). LR files are hard links where the file system has them.

    Args:
        photos: folder of HR photos.
        degraded: what `degcraft.degrade.degrade_folder` made of it.
        output: folder to write into.
        scale: SR scale.
        lmdb: write the databases too.

    Raises:
        UserError: a photo is gone, databases are wanted and names do not suit them, or ``lmdb`` is missing.
    """
    import pandas as pd  # see degcraft.space

    table = pd.read_csv(Path(degraded) / PARAMETERS, dtype={"file": str, "photo": str}, keep_default_na=False)
    names = table["file"].tolist()
    if lmdb and (problem := key_problem(names, photos)):
        raise UserError(problem)
    lr, hr = Path(output) / "lr", Path(output) / "hr"
    lines = []
    for name, photo in zip(names, table["photo"], strict=True):
        link_or_copy(Path(degraded) / name, lr / name)
        image = crop_to_multiple(read_image(Path(photos) / photo), scale)
        with replacing(hr / name) as partial:
            write_image(partial, image)
        lines.append(f"{name} {_shape(image.shape[:2])}\n")
    if any(" " in name for name in names):
        logging.getLogger("degcraft").warning(
            "%s is left out: it ends names at the first space, and some have one; rename them in %s, or let the "
            "training program scan the folders",
            *(META_INFO, photos),
        )
    else:
        with replacing(Path(output) / META_INFO) as partial:
            partial.write_text("".join(lines), encoding="utf-8")
    if lmdb:
        for folder in (lr, hr):
            write_lmdb([folder / name for name in names], folder.with_suffix(".lmdb"))
    announce(f"{counted(len(names), 'pair')} in {output}")


def write_lmdb(files: Sequence[Path], output: Path) -> None:
    """Write PNG files into a database as BasicSR lays it out.

    A folder with ``data.mdb``, in which a file's bytes have its stem as key, and ``meta_info.txt``, a line
    ``name (height,width,3) level`` for each. The same files give the same bytes.

    Raises:
        UserError: the package ``lmdb`` is missing, or the database cannot be written.
    """
    LMDB.require()
    import lmdb

    output.mkdir(parents=True, exist_ok=True)
    # pages of 4096 bytes, and as much again for the index and pages in use twice
    room = 2 * sum(-(-file.stat().st_size // 4096) * 4096 for file in files) + (1 << 24)
    try:
        with lmdb.open(str(output), map_size=room, lock=False) as database:
            for part in _parts(files):
                with database.begin(write=True) as transaction:
                    for file in part:
                        transaction.put(file.stem.encode("ascii"), file.read_bytes())
    except lmdb.Error as error:  # which is one of input and output where a disk is full, or not quite
        raise UserError(
            f"{output}: cannot be written ({error}); see that there is room on the disk, and run again"
        ) from None
    with replacing(output / META_INFO) as partial:
        lines = [f"{file.name} {_shape(image_size(file)[::-1])} {PNG_LEVEL}\n" for file in files]
        partial.write_text("".join(lines), encoding="utf-8")


def _parts(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """Files of one transaction each."""
    part: list[Path] = []
    size = 0
    for file in files:
        if part and size + file.stat().st_size > TOGETHER:
            yield part
            part, size = [], 0
        part.append(file)
        size += file.stat().st_size
    yield part


def _shape(sides: tuple[int, ...]) -> str:
    return f"({sides[0]},{sides[1]},3)"


def key_problem(names: Iterable[str], photos: str | os.PathLike[str]) -> str | None:
    """Which photos of a folder a database cannot hold because of their names, in words; None if it can hold all.

    BasicSR takes what is before the first dot of a name for the key, in ASCII.
    """
    stems = [Path(name).stem for name in names]
    unfit = [quoted(stem) for stem in stems if "." in stem or not stem.isascii()]
    if not unfit:
        return None
    return (
        f"degrade.lmdb: a database has no place for {some(unfit)} in {photos}: before its suffix, a name may hold no "
        f"dot, and ASCII characters only; rename {'them' if unfit[1:] else 'it'}, or set 'lmdb: false'"
    )
