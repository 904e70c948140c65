"""Files that appear complete or not at all, digests, and HDF5 files that say what is wrong with them."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import mmap
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from degcraft.errors import UserError

if TYPE_CHECKING:  # see degcraft.space
    import pandas as pd

REMEDY = "delete it and run again, or, if it is a file of your own, give a whole one"
_TICK = 1_000_000_000  # nanoseconds; a file that changed twice within one of a clock shows the same time
_PARTIAL = re.compile(r"\.(.+)\.[0-9]+\.partial(\.[^.]*)?")  # a name that `replacing` gives
_REFUSALS = {
    errno.ENOSPC: "the disk is full; make room on it and run again",
    errno.EDQUOT: "your quota on the disk is used up; make room and run again",
    errno.EROFS: "the disk can only be read; make it writable, or run in a folder elsewhere",
}


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path``; move it there when the block ends well, delete it when it does not.

    What was written is on the disk before it gets its name, so that a power cut leaves no empty file under it either.

    Raises:
        UserError: the disk is full or can only be read, or a quota is used up.
    """
    final = Path(path)
    partial = final.with_name(f".{final.stem}.{os.getpid()}.partial{final.suffix}")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            _to_disk(partial)
            partial.replace(final)
        finally:
            partial.unlink(missing_ok=True)
    except Exception as error:
        if (refusal := _refusal(error)) is not None:
            raise UserError(f"{final}: cannot be written, {refusal}") from error
        raise


def _to_disk(path: Path) -> None:
    """Wait until a file is on the disk; some network file systems say only now that there is no room for it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _refusal(error: BaseException | None) -> str | None:
    """Why a disk did not take what was written; None if an error means something else.

    Libraries wrap what the system said into errors of their own.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _REFUSALS:
            return _REFUSALS[error.errno]
        error = error.__cause__ or error.__context__
    return None


def discard_partials(path: str | os.PathLike[str]) -> None:
    """Delete what kills in the middle of `replacing` a file have left beside it."""
    final = Path(path)
    for partial in final.parent.glob(".*.partial*"):
        if final_name(partial.name) == final.name:
            partial.unlink(missing_ok=True)


def final_name(name: str) -> str:
    """The name that a file will have which is in the middle of `replacing`; of any other its own."""
    found = _PARTIAL.fullmatch(name)
    return found[1] + (found[2] or "") if found else name


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system has no such thing."""
    with replacing(target) as partial:
        try:
            partial.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, partial)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is a regular file or a link to one; false where nobody may look, or a name is too long."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether there is a folder or a link to one; otherwise as `is_file`."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def sha256(path: str | os.PathLike[str]) -> str:
    """Hexadecimal digest of a file's bytes, which are read once a process, as long as the file is the same."""
    path = Path(path).absolute()
    status = path.stat()
    if time.time_ns() - status.st_ctime_ns < _TICK:
        return _digest(path)
    return _known_digest(path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=256)
def _known_digest(path: Path, *_status: int) -> str:
    return _digest(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_table(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table as a CSV with a line of names, whole or not at all."""
    with replacing(path) as partial:
        table.to_csv(partial, index=False)


def write_json(path: str | os.PathLike[str], facts: Mapping[str, object]) -> None:
    """Write a flat JSON object, indented."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


@contextmanager
def creating_h5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Write an HDF5 file that appears under its name when the block ends well.

    Raises:
        UserError: see `replacing`.
    """
    with replacing(path) as partial, _Written(partial, "w+") as raw:
        try:
            with h5py.File(raw, "w", libver=("earliest", "v110")) as file:
                yield file
        finally:
            if raw.error is not None:
                raise raw.error


class _Written(io.FileIO):
    """A file that remembers the first error of writing and goes on as if there had been none.

    HDF5 crashes the process when it cannot write, while it closes a file, what it still has in memory.
    """

    error: OSError | None = None

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while len(left) and self.error is None:
                left = left[super().write(left) :]
        except OSError as error:
            self.error = error
        return size


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
        raise UserError(f"{path}: {what}; {REMEDY}") from None
    with file:
        for name in datasets:
            if name not in file:
                raise UserError(f"{path}: has no dataset {name!r}; {REMEDY}")
        yield file


_HELD = 96_000_000  # bytes of pages that a process keeps of a file, about
_AROUND = 1 << 16  # bytes that the system maps with a row


class MappedRows:
    """Rows of an uncompressed HDF5 dataset as views of the file's pages, many times faster to index than through HDF5.

    Args:
        path: of the file, which must not change while this is used.
        dataset: name; of one row a chunk, as everything large is stored here, or of one contiguous block.

    Raises:
        UserError: the file or the dataset is missing, damaged, or stored in another way.
    """

    def __init__(self, path: str | os.PathLike[str], dataset: str) -> None:
        self._source = path, dataset
        with reading_h5(path, dataset) as file:
            stored = file[dataset]
            self._shape, self._type = stored.shape[1:], stored.dtype
            self._size = int(np.prod(self._shape)) * self._type.itemsize
            offsets = _row_offsets(stored, self._size)
        if offsets is None:
            raise UserError(f"{path}: {dataset!r} is not stored as one row a chunk; {REMEDY}")
        self._offsets = offsets
        with Path(path).open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._bytes: NDArray[np.uint8] = np.frombuffer(self._map, np.uint8)
        self._taken = 0

    def __reduce__(self) -> tuple[type[MappedRows], tuple[str | os.PathLike[str], str]]:
        """A process that gets a copy maps the file by itself."""
        return MappedRows, self._source

    def __getitem__(self, row: int) -> NDArray[Any]:
        """One row, read-only."""
        self._taken += self._size + _AROUND
        if self._taken > _HELD:  # mapped pages count as this process's memory; let go, they stay in the system's cache
            self._map.madvise(mmap.MADV_DONTNEED)
            self._taken = 0
        start = self._offsets[row]
        values: NDArray[Any] = self._bytes[start : start + self._size].view(self._type).reshape(self._shape)
        return values


def _row_offsets(stored: h5py.Dataset, size: int) -> NDArray[np.int64] | None:
    """Where each row begins in the file; None where rows are compressed, never written, or chunked otherwise."""
    offsets: NDArray[np.int64] = np.full(len(stored), -1, np.int64)
    if stored.chunks is None:
        start = stored.id.get_offset()
        return None if start is None else start + size * np.arange(len(stored))
    if stored.chunks != (1, *stored.shape[1:]) or stored.id.get_create_plist().get_nfilters():
        return None

    def note(chunk: h5py.h5d.StoreInfo) -> None:
        offsets[chunk.chunk_offset[0]] = chunk.byte_offset

    stored.id.chunk_iter(note)
    return offsets if (offsets >= 0).all() else None
