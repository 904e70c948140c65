"""Packages that only some configurations need, and what is said where they are not installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from degcraft.errors import UserError


@dataclass(frozen=True)
class Extra:
    """An optional extra of this package.

    Attributes:
        packages: what is imported.
        sentence: what is said where some cannot be; ``{packages}`` stands for these, ``{error}`` for why.
    """

    packages: tuple[str, ...]
    sentence: str

    def problem(self) -> str | None:
        """The sentence, if packages are not installed; nothing is imported, which can take seconds."""
        missing = self._missing()
        return self._said(missing, "not installed") if missing else None

    def require(self, **words: object) -> None:
        """Import the packages.

        Args:
            words: what else stands in braces in the sentence.

        Raises:
            UserError: one cannot be imported.
        """
        for package in self.packages:
            try:
                import_module(package)
            except ImportError as error:
                raise UserError(self._said(self._missing() or [package], error, **words)) from None

    def _missing(self) -> list[str]:
        return [package for package in self.packages if find_spec(package) is None]

    def _said(self, packages: Sequence[str], error: object, **words: object) -> str:
        return self.sentence.format(packages=", ".join(packages), error=error, **words)
