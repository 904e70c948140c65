"""One run at a time in a folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from degcraft.errors import UserError

_held: list[int] = []  # open for as long as the process lives: closing the file would give the lock back


def lock_folder(path: str | os.PathLike[str]) -> None:
    """Hold a lock until this process ends, however it ends; its own child processes do not hold it.

    Where the file system has no locks, nothing is held.

    Args:
        path: file to lock; made if missing.

    Raises:
        UserError: another process holds it.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        folder = Path(path).resolve().parents[1]
        raise UserError(
            f"another run is going on in {folder}; wait for it, or give this one a folder of its own with --directory"
        ) from None
    except OSError:  # the file system has none
        os.close(file)
        return
    _held.append(file)
