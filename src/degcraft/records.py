"""Records of what jobs wrote, kept beside it, by which damage between two stages is noticed.

The record of ``folder/name`` is ``folder/.name.sha256``, in the format of the command sha256sum: a line for the file
or, where the output is a folder, one for each file in it that is not hidden.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from degcraft.errors import UserError
from degcraft.storage import discard_partials, replacing, sha256

_Stamps = dict[Path, tuple[int, int]]
"""Time of the last change (ns) and size of some files."""


@contextmanager
def recorded(inputs: Sequence[str | os.PathLike[str]], outputs: Sequence[str | os.PathLike[str]]) -> Iterator[None]:
    """Do a job's work: check its inputs, see that they stay as they are meanwhile, and record its outputs.

    Args:
        inputs: files and folders; those without a record, such as the user's photos, are not compared with one.
        outputs: files and folders that the block writes.

    Raises:
        UserError: an input is gone or is not what its record says, or it changed while the block ran.
    """
    for path in map(Path, outputs):
        record_of(path).unlink(missing_ok=True)
        discard_partials(path)
    before = _stamps(inputs)
    for path in map(Path, inputs):
        check(path)
    try:
        yield
    finally:  # if the block failed, that may be why
        _refuse_changes(before, _stamps(inputs))
    for path in map(Path, outputs):
        with replacing(record_of(path)) as partial:
            partial.write_text(_lines(path), encoding="utf-8")


def record_of(path: str | os.PathLike[str]) -> Path:
    """Where the record of a file or a folder is."""
    return Path(path).with_name(f".{Path(path).name}.sha256")


def check(path: str | os.PathLike[str]) -> None:
    """Compare a file or a folder with its record, if it has one.

    Raises:
        UserError: they differ, or it is gone and its record is not.
    """
    record = record_of(path)
    if not record.is_file():
        return
    if not Path(path).exists():
        raise UserError(f"{path}: gone since it was written there; run again")
    found, expected = _lines(Path(path)), record.read_text(encoding="utf-8", errors="replace")
    if found == expected:
        return
    differing = sorted({line[66:] for line in set(found.splitlines()) ^ set(expected.splitlines())})
    name = f"{Path(path).parent / differing[0]}: " if differing else f"{path}: "
    raise UserError(
        f"{name}damaged, or changed by hand: it is not what was written there; delete {path} and run again (if the "
        f"change was meant, delete {record} instead)"
    )


def forget(folder: str | os.PathLike[str]) -> None:
    """Delete the records of what is no longer there, of temporary files for one, in a folder and below."""
    for record in list(Path(folder).rglob(".?*.sha256")):
        if not record.with_name(record.name.removeprefix(".").removesuffix(".sha256")).exists():
            record.unlink(missing_ok=True)
            with suppress(OSError):
                record.parent.rmdir()  # where nothing else is left


def _lines(path: Path) -> str:
    """What the record of a file or a folder has to be."""
    return "".join(f"{sha256(file)}  {file.relative_to(path.parent).as_posix()}\n" for file in _files(path))


def _files(path: Path) -> list[Path]:
    """The file itself, or all files in the folder but hidden ones, among which Snakemake's time stamp is."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("[!.]*") if file.is_file())


def _stamps(paths: Sequence[str | os.PathLike[str]]) -> _Stamps:
    """Of all files, those in folders too; one that is gone has zeros."""
    stamps = {}
    for file in (file for path in paths for file in _files(Path(path))):
        try:
            status = file.stat()
            stamps[file] = status.st_mtime_ns, status.st_size
        except FileNotFoundError:
            stamps[file] = 0, 0
    return stamps


def _refuse_changes(before: _Stamps, after: _Stamps) -> None:
    for file in sorted(before.keys() | after.keys()):
        if after.get(file, (0, 0)) == (0, 0):
            raise UserError(f"{file}: is gone, and was there when the run began; put it back, or run again without it")
        if before.get(file) != after[file]:
            raise UserError(f"{file}: changed while this job was reading it; run again")
