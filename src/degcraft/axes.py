"""What can be said of the parameters of a degradation space, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degcraft.errors import UserError
from degcraft.operators import OPERATORS, Operator, Parameter

SUM_TOLERANCE = 1e-6
RESIZING = ("resize", "rescale", "shuffle")
"""Operators after which an image may no longer be as large as the HR one."""


@dataclass(frozen=True)
class Range:
    """A continuous parameter's range, cut into ``bins`` intervals of equal width."""

    lower: float
    upper: float
    bins: int = 1


@dataclass(frozen=True)
class Choices:
    """A categorical parameter's choices, one bin each."""

    values: tuple[str, ...]

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """The choices with their probabilities, all alike."""
        return tuple((value, 1.0 / len(self.values)) for value in self.values)


@dataclass(frozen=True)
class Mixture:
    """A categorical parameter's choices with their probabilities, which sum to 1: one bin for all of them."""

    shares: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        """As in the tables of bins: ``isotropic:0.45 anisotropic:0.55``."""
        return " ".join(f"{choice}:{share!r}" for choice, share in self.shares)

    @staticmethod
    def parse(text: str) -> Mixture:
        """Read what `__str__` writes.

        Raises:
            ValueError: it is no such text.
        """
        shares = []
        for part in text.split():
            choice, _, share = part.partition(":")
            shares.append((choice, float(share)))
        return Mixture(tuple(shares))

    def ends(self, choices: Sequence[str]) -> tuple[float, float]:
        """Smallest and largest of the indices that its choices have among all of an axis."""
        codes = [choices.index(choice) for choice, share in self.shares if share > 0]
        return float(min(codes)), float(max(codes))


Setting = Range | Choices | Mixture


@dataclass(frozen=True)
class Step:
    """One operator of a space, as configured: which of its parameters vary, and how."""

    operator: str
    parameters: tuple[tuple[str, Setting], ...]


@dataclass(frozen=True)
class Axis:
    """One parameter of one step of a space.

    Attributes:
        name: ``<operator>_<parameter>``, with the pass's number from the second on (``blur2_sigma``).
        step: index of the operator among the space's operators.
        parameter: what the operator says of it.
        mixture: of a categorical axis that is nuisance: probabilities of the choices, the same in all bins.
    """

    name: str
    step: int
    parameter: Parameter
    mixture: Mixture | None = None

    @property
    def choices(self) -> tuple[str, ...] | None:
        """All values a categorical axis could take (parameters are stored as indices into them); None if continuous."""
        return self.parameter.choices

    def word(self, code: float) -> str:
        """A categorical axis's choice of that index, or its whole mixture."""
        assert self.choices is not None
        return str(self.mixture) if self.mixture else self.choices[int(code)]


def axis_operator(name: str) -> tuple[str, Operator, Parameter]:
    """The step, the operator and the parameter that an axis's name means: ``blur2_sigma`` is a blur's sigma.

    Raises:
        KeyError: it names no parameter of a known operator.
    """
    step, _, parameter = name.partition("_")
    operator = OPERATORS[step.rstrip("0123456789")]
    return step, operator, operator.parameter(parameter)


def axis_unit(name: str, axes: Sequence[str]) -> str:
    """Unit of an axis, perhaps empty: HR pixels only up to the first step that may make the image smaller.

    Args:
        name: of the axis.
        axes: names of all axes of the space, in their order.
    """
    step, _, parameter = axis_operator(name)
    for before in axes:
        other, operator, _ = axis_operator(before)
        if other == step:
            break
        if operator.name in RESIZING:
            return parameter.unit.removeprefix("HR ")
    return parameter.unit


def step_names(operators: Sequence[str]) -> list[str]:
    """Names of the steps: the operator's, with a number from its second pass on (``blur``, ``blur2``)."""
    return [
        name + (str(seen + 1) if (seen := list(operators[:i]).count(name)) else "") for i, name in enumerate(operators)
    ]


def check_mixture(mixture: Mixture, name: str, choices: Sequence[str]) -> None:
    """Refuse choices that an axis does not have, and probabilities that are none.

    Raises:
        UserError: with the axis's name.
    """
    check_choices([choice for choice, _ in mixture.shares], name, choices)
    shares = [share for _, share in mixture.shares]
    if not (shares and min(shares) >= 0 and abs(sum(shares) - 1.0) <= SUM_TOLERANCE):
        raise UserError(f"{name}: probabilities must be positive and sum to 1, they sum to {sum(shares):g}")


def check_choices(values: Sequence[str], name: str, choices: Sequence[str]) -> None:
    """Refuse choices that an axis does not have, or has twice.

    Raises:
        UserError: with the axis's name.
    """
    for value in values:
        if value not in choices:
            raise UserError(f"{name}: no {value!r}; there are {', '.join(choices)}")
        if list(values).count(value) > 1:
            raise UserError(f"{name}: {value!r} is there twice")


def check_grid(axis: Axis, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> None:
    """Refuse a bin that holds none of the values that an axis can take."""
    stride, default = axis.parameter.stride, axis.parameter.default
    if stride:
        _, count = on_grid(lower, upper, np.full(1, float(stride)), upper.max(keepdims=True))
        empty = (count < 1) & ~((lower == upper) & (lower == default))
        if empty.any():
            first = int(np.flatnonzero(empty)[0])
            kind = "odd" if axis.parameter.odd else "whole"
            where = f"[{lower[first]:g}, {upper[first]:g}]"
            raise UserError(f"{axis.name}: no {kind} number in the bin {where}; use fewer bins or a wider range")


def on_grid(
    lower: NDArray[np.float64], upper: NDArray[np.float64], stride: NDArray[np.float64], top: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First grid value in each interval and their number; the upper end counts only at the top of its axis, or alone.

    Grids of stride 1 hold the whole numbers, of stride 2 the odd ones.
    """
    offset = np.where(stride == 2, 1.0, 0.0)
    first = np.ceil((lower - offset) / stride) * stride + offset
    last = np.floor((upper - offset) / stride) * stride + offset
    last = np.where((last == upper) & (upper < top) & (lower < upper), last - stride, last)
    return first, np.floor((last - first) / stride) + 1.0


def choices_of(setting: Setting) -> set[str]:
    """Choices that a setting allows; none of a range."""
    return set() if isinstance(setting, Range) else {choice for choice, share in setting.shares if share > 0}


def needs(step: str, operator: Operator, given: Mapping[str, set[str]]) -> Iterator[str]:
    """Parameters that a step lacks, in words; ``given`` holds the choices of those that are there."""
    for parameter in operator.parameters:
        if parameter.mandatory and parameter.name not in given and _matters(parameter, operator, given):
            yield f"{step} needs {parameter.name!r}"


def useless(step: str, operator: Operator, given: Mapping[str, set[str]]) -> Iterator[str]:
    """Parameters that a step has without effect, in words; ``given`` as for `needs`."""
    for parameter in operator.parameters:
        if parameter.only is not None and parameter.name in given and not _matters(parameter, operator, given):
            selector, choices = parameter.only
            yield f"{step} {parameter.name!r} has no effect unless {selector!r} includes {' or '.join(choices)}"


def _matters(parameter: Parameter, operator: Operator, given: Mapping[str, set[str]]) -> bool:
    """Whether any choice made of another parameter makes this one count."""
    if parameter.only is None:
        return True
    selector, choices = parameter.only
    return bool(given.get(selector, {str(operator.parameter(selector).default)}) & set(choices))
