"""Arguments of the programs, and the command that runs the workflow."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"photos": "folder of sharp photos", "work": "folder that keeps all that is made"}


def arguments(description: str, *folders: str) -> argparse.ArgumentParser:
    """A parser that shows a program's docstring, with some of `FOLDERS` as arguments that must be given."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in folders:
        parser.add_argument(f"--{name}", type=Path, required=True, help=FOLDERS[name])
    return parser


def workflow(folder: Path, *options: object) -> list[str]:
    """The command that runs the workflow in a folder."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder, *options]
    return [str(word) for word in command]
