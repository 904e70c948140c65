"""Results that earlier runs left among those of a configuration."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Collection, Iterator
from pathlib import Path

from degcraft.names import DIAL, DISTRIBUTION, TARGET

WIDTH = 100  # columns of the text
# What is looked at, and the names that results have there; folders before what is in them.
PLACES = {
    "targets/*": TARGET,
    "targets/*/dial/*": rf"(?:{DIAL})\.csv",
    "targets/*/rounds*": r"rounds|rounds\.csv",
    "targets/*/rounds/*": r"\d+",
    "*": r"perceptual\.csv",
    "upscaled/*": TARGET,
    "checkpoints/upscale/*": TARGET,
    "testsets/*": TARGET,
    "pairs/*": rf"(?:{DISTRIBUTION})\.h5",
    "models/*": DISTRIBUTION,
    "models/*/*": r"seed\d+",
    "models/*/*/*": r"model\.onnx",
    "monitor/*": rf"(?:{DISTRIBUTION})-seed\d+",
    "evaluation/*": rf"bicubic|{DISTRIBUTION}",
    "evaluation/*/*": r"seed\d+",
    "evaluation/examples/*": rf"{TARGET}\.png",
    "degraded/*": DISTRIBUTION,
    "paired/*": DISTRIBUTION,
    "exported/*": DISTRIBUTION,
}


def leftovers(results: str | os.PathLike[str], made: Collection[str], shown: str | os.PathLike[str]) -> str:
    """A sentence on results that a configuration does not make; empty without any.

    Args:
        results: the folder.
        made: files and folders that the configuration makes, relative to ``results``.
        shown: the folder as the user would write it.
    """
    found = [str(Path(shown, path)) for path in _left(Path(results), made)]
    if not found:
        return ""
    text = f"not of this configuration, and as an earlier run left it: {', '.join(found)}"
    return "\n" + "\n".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def _left(results: Path, made: Collection[str]) -> Iterator[str]:
    """Their paths; what has no name of a result is left out, and so is what is in a folder that is named itself."""
    known = {path for file in made for path in (Path(file), *Path(file).parents)}
    left: set[Path] = set()
    for pattern, names in PLACES.items():
        for path in sorted(found.relative_to(results) for found in results.glob(pattern)):
            if re.fullmatch(names, path.name) and path not in known and left.isdisjoint(path.parents):
                left.add(path)
                yield str(path)
