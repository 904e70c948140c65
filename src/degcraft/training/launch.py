"""Start the processes of a training, pass on what they log, and end them together.

A process that is started gets what to do as JSON, as its only argument, and answers in lines of JSON: ``log`` and
``level``, or ``error``, in the user's words. It ends when its standard input does, that is, with the process that
started it, however that one ended.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

from degcraft.errors import UserError

_GRACE = 5.0  # seconds that the others get to end by themselves when one has failed


def launch(module: str, job: Mapping[str, Any], processes: int, nodes: int, cpus: int) -> None:
    """Run ``python -m module`` in several processes and wait for them.

    Args:
        module: its main program calls `answering` and `degcraft.training.group.joined`.
        job: what to do; plain values.
        processes: on each node.
        nodes: 1 is this machine; more are those of the Slurm job in which this runs.
        cpus: cores for each process.

    Raises:
        UserError: one of them raised it, or there is no Slurm job.
        RuntimeError: one of them failed otherwise.
    """
    command = [sys.executable, "-m", module, json.dumps(dict(job))]
    meeting = {"MASTER_ADDR": "localhost" if nodes == 1 else socket.gethostname(), "MASTER_PORT": str(_free_port())}
    if nodes > 1:
        if "SLURM_JOB_ID" not in os.environ:
            raise UserError(f"train.nodes: {nodes} nodes need a job of Slurm that has them; see docs/training.md")
        tasks = [f"--nodes={nodes}", f"--ntasks-per-node={processes}", f"--ntasks={nodes * processes}"]
        srun = ["srun", "--overlap", "--kill-on-bad-exit=1", f"--cpus-per-task={cpus}", *tasks]
        started = [_start([*srun, *command], meeting)]
    else:
        size = {"WORLD_SIZE": str(processes)}
        ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]
        started = [_start(command, {**meeting, **size, **rank}) for rank in ranks]
    _wait(started)


def answering() -> dict[str, Any]:
    """In a process that was started: what to do. Its log goes to the process that started it, and ends it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches every process; one traceback each would be many
    logging.basicConfig(handlers=[_Answers()], format="%(message)s", level=logging.INFO, force=True)
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    job: dict[str, Any] = json.loads(sys.argv[1])
    return job


def fail(error: Exception) -> NoReturn:
    """Say why this process fails, and end it there and then.

    What an interpreter does at its end may wait for the other processes, which may be waiting for this one.
    """
    if isinstance(error, UserError):
        answer(error=str(error))
    else:
        traceback.print_exception(error)
    os._exit(1)


def answer(**values: Any) -> None:
    """One line of JSON to the process that started this one."""
    print(json.dumps(values), flush=True)


class _Answers(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        answer(log=self.format(record), level=record.levelno)


def _end_with_the_other() -> None:
    # not sys.stdin: it is locked while one waits for it, and would be for ever in processes forked from this one
    while os.read(0, 1024):
        pass
    os._exit(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port


class _Started:
    """A process, what it answered as an error, and the thread that reads it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.errors: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                said = json.loads(line)
                message, level = said.get("log"), said.get("level")
            except (ValueError, AttributeError):
                print(line, end="", file=sys.stderr)  # of a library, or of srun
                continue
            if "error" in said:
                self.errors.append(said["error"])
            else:
                logging.getLogger("degcraft").log(level, "%s", message)


def _start(command: list[str], variables: Mapping[str, str]) -> _Started:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return _Started(subprocess.Popen(command, env={**os.environ, **variables}, **pipes))


def _wait(started: list[_Started]) -> None:
    """Wait for all of them, or for the first that fails."""
    processes = [one.process for one in started]
    try:
        while any(process.poll() is None for process in processes) and not any(p.returncode for p in processes):
            time.sleep(0.1)
        end = time.monotonic() + _GRACE
        while any(process.poll() is None for process in processes) and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        for process in processes:
            process.kill()  # nothing happens to those that have ended
            process.wait()
    for one in started:
        one.reader.join()
    errors = [error for one in started for error in one.errors]
    if errors:
        raise UserError(errors[0])
    codes = [process.returncode for process in processes if process.returncode]
    if codes:
        raise RuntimeError(
            f"a training process ended with exit status {codes[0]}; what it said is in this job's output"
        )
