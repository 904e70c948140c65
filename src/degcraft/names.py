"""Names of distributions: what a model was trained on, and for whom."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("bicubic", "clean", "full", "crafted", "oracle")
"""In the order in which they are listed; ``bicubic`` is interpolation, which was trained on nothing."""
TARGET = r"[A-Za-z0-9][A-Za-z0-9_.]*"
"""Regular expression of a target's name; the schema holds it too."""
DIAL = r"[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?"
"""Regular expression of a dial in a name; the schema holds it too."""
DISTRIBUTION = f"full|clean|(?:crafted|oracle)-{TARGET}|crafted-{TARGET}-{DIAL}"
"""Regular expression of everything that can be trained on."""


@dataclass(frozen=True)
class Name:
    """A distribution's name, taken apart.

    Attributes:
        kind: one of `KINDS`.
        target: the target that it was crafted for, or whose truth it is; empty for all others.
        dial: ``craft.generalization``, where it is another than the configuration's; empty otherwise.
    """

    kind: str
    target: str = ""
    dial: str = ""

    @staticmethod
    def parse(name: str) -> Name:
        """Take ``full``, ``oracle-<target>``, ``crafted-<target>`` or ``crafted-<target>-<dial>`` apart."""
        return Name(*name.split("-", 2))

    @property
    def rank(self) -> int:
        """Place of its kind in every list."""
        return KINDS.index(self.kind)

    def __str__(self) -> str:
        return "-".join(filter(None, (self.kind, self.target, self.dial)))


def asked_for(word: str) -> Name:
    """A word in a list of distributions, such as ``oracle`` or ``crafted-0.1``, as a name without a target."""
    kind, _, dial = word.partition("-")
    return Name(kind, dial=_canonical(float(dial)) if dial else "")


def _canonical(dial: float) -> str:
    """One word for every number, with all its digits; `DIAL` matches it up to 1e16."""
    return repr(dial).removesuffix(".0")
