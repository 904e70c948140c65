"""What an operator is, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from degcraft.images import FloatImage

Value = float | str
Size = tuple[int, int]
"""Height and width, pixels."""
Apply = Callable[[FloatImage, Mapping[str, Value], Size, np.random.Generator], FloatImage]
Reach = Callable[[Mapping[str, Value], int], int]


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operator.

    Attributes:
        name: as in the configuration; the axis is ``<operator>_<name>``.
        unit: for tables, axis labels and messages.
        lower, upper: values that make sense, both included; without meaning for a categorical parameter.
        choices: values of a categorical parameter; None for a continuous one.
        default: taken where the configuration does not name the parameter; None makes it mandatory.
        like: the parameter whose value it takes instead of a default; empty for none.
        odd: drawn values are odd numbers.
        whole: drawn values are whole numbers.
        only: another parameter's name and those of its choices to which this one matters; None if it always does.
        period: values this far apart are the same, as 0 and 180 degrees are of a line; None where none are.
    """

    name: str
    unit: str = ""
    lower: float = 0.0
    upper: float = 0.0
    choices: tuple[str, ...] | None = None
    default: Value | None = None
    like: str = ""
    odd: bool = False
    whole: bool = False
    only: tuple[str, tuple[str, ...]] | None = None
    period: float | None = None

    @property
    def mandatory(self) -> bool:
        """Whether the configuration has to name it, as far as it matters at all."""
        return self.default is None and not self.like

    @property
    def limits(self) -> str:
        """``[1, 100]``."""
        return f"[{self.lower:g}, {self.upper:g}]"

    @property
    def stride(self) -> int:
        """Distance between the values that can be drawn; 0 if all between the limits can."""
        return 2 if self.odd else int(self.whole)


@dataclass(frozen=True)
class Operator:
    """A degradation step.

    Attributes:
        name: as in the configuration.
        parameters: what can be set.
        apply: ``apply(image, values, lr, generator)``, where ``lr`` is the size of the LR image.
        reach: ``reach(values, scale)``: how many pixels away a pixel of the result can depend on one of the image, for
            an operator that draws nothing and does the same everywhere, so that large images can be taken apart; None
            for any other.
    """

    name: str
    parameters: tuple[Parameter, ...]
    apply: Apply
    reach: Reach | None = None

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name; KeyError if there is none."""
        return {p.name: p for p in self.parameters}[name]

    def __reduce__(self) -> tuple[Callable[[str], Operator], tuple[str]]:
        """Pickled by name: what was registered here is registered in the other process, too."""
        return _registered, (self.name,)


OPERATORS: dict[str, Operator] = {}


def _registered(name: str) -> Operator:
    return OPERATORS[name]


def operator(*parameters: Parameter, reach: Reach | None = None) -> Callable[[Apply], Apply]:
    """Register a function as the operator of its own name."""

    def register(apply: Apply) -> Apply:
        OPERATORS[apply.__name__] = Operator(apply.__name__, parameters, apply, reach)
        return apply

    return register
