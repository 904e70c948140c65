"""Results of earlier configurations that lie among those of this one."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Collection, Iterator
from pathlib import Path

from degcraft.names import DISTRIBUTION, TARGET

WIDTH = 100  # columns of the text
OF_TARGETS = ("targets", "upscaled", "testsets")
OF_DISTRIBUTIONS = ("pairs", "models", "degraded", "paired")


def leftovers(
    results: str | os.PathLike[str],
    targets: Collection[str],
    distributions: Collection[str],
    shown: str | os.PathLike[str],
) -> str:
    """A sentence on the results of targets and distributions that a configuration does not name; empty without any.

    Args:
        results: the folder.
        targets: names of the configuration's targets.
        distributions: names of all its distributions, such as ``crafted-album``.
        shown: the folder as the user would write it.
    """
    found = [str(Path(shown, *path)) for path in _left(Path(results), targets, distributions)]
    if not found:
        return ""
    text = f"of other configurations, and as they left it: {', '.join(found)}"
    return "\n" + "\n".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def _left(results: Path, targets: Collection[str], distributions: Collection[str]) -> Iterator[tuple[str, str]]:
    """Folder and name of each; what is no name of a target or a distribution is left out."""
    for folders, pattern, known in (
        (OF_TARGETS, TARGET, targets),
        (OF_DISTRIBUTIONS, rf"(?:{DISTRIBUTION})", distributions),
    ):
        for folder in folders:
            names = sorted(path.name for path in (results / folder).glob("[!.]*"))
            for name in names:
                stem = name.removesuffix(".h5")
                if re.fullmatch(pattern, stem) and stem not in known:
                    yield folder, name
