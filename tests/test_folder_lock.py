"""One run at a time in a folder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from degcraft.errors import UserError
from degcraft.folder_lock import lock_folder

HOLD = """\
import subprocess, sys
from degcraft.folder_lock import lock_folder
lock_folder(sys.argv[1])
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=sys.stdin)
print("held", flush=True)
input()
"""


def test_it_is_held_until_the_process_ends_and_not_by_its_children(tmp_path):
    path = tmp_path / "run" / ".snakemake" / "lock"
    path.parent.mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"^another run is going on in {tmp_path / 'run'};"):
            lock_folder(path)
        process.kill()
        process.wait()
        lock_folder(path)  # although its child is still there


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    lock_folder(tmp_path / "lock")
