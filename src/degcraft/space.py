"""Degradation spaces cut into bins, and distributions over those bins.

A space is a table: one row a bin, and for every axis a lower and an upper value. Inside a bin parameters are uniform.
The table is what the CSV files of the workflow hold, so a distribution can be sampled from its file alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from degcraft.errors import UserError
from degcraft.operators import OPERATORS, Operator, Parameter, Value

if TYPE_CHECKING:  # half a second that reading a configuration can do without, and every job of a workflow reads it
    import pandas as pd

AppliedStep = tuple[Operator, dict[str, Value]]
"""An operator with the values of all its parameters."""


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


@dataclass(frozen=True)
class Step:
    """One operator of a space, as configured: which of its parameters vary, and how."""

    operator: str
    parameters: tuple[tuple[str, Range | Choices], ...]


@dataclass(frozen=True)
class Axis:
    """One parameter of one step of a space.

    Attributes:
        name: ``<operator>_<parameter>``, with the pass's number from the second on (``blur2_sigma``).
        step: index of the operator among the space's operators.
        parameter: what the operator says of it.
    """

    name: str
    step: int
    parameter: Parameter

    @property
    def choices(self) -> tuple[str, ...] | None:
        """All values a categorical axis could take (parameters are stored as indices into them); None if continuous."""
        return self.parameter.choices


def axis_operator(name: str) -> tuple[str, Operator, Parameter]:
    """The step, the operator and the parameter that an axis's name means: ``blur2_sigma`` is a blur's sigma.

    Raises:
        KeyError: it names no parameter of a known operator.
    """
    step, _, parameter = name.partition("_")
    operator = OPERATORS[step.rstrip("0123456789")]
    return step, operator, operator.parameter(parameter)


@dataclass(frozen=True, eq=False)
class Space:
    """Operators in order, their axes, and the bins.

    Attributes:
        operators: names of the steps, in the order they are applied.
        axes: in the order of the steps.
        lower, upper: (bins, axes) float64; for a categorical axis both are the index of the choice.
    """

    operators: tuple[str, ...]
    axes: tuple[Axis, ...]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.lower)

    @property
    def names(self) -> list[str]:
        """Names of the axes."""
        return [axis.name for axis in self.axes]

    @cached_property
    def _by_step(self) -> list[tuple[Operator, dict[str, Value], list[tuple[int, Parameter]]]]:
        """For every step: the operator, the values that no axis sets, and the axes that set the others."""
        steps = []
        for step, name in enumerate(self.operators):
            operator = OPERATORS[name]
            fixed = {p.name: p.default for p in operator.parameters if p.default is not None}
            drawn = [(i, axis.parameter) for i, axis in enumerate(self.axes) if axis.step == step]
            steps.append((operator, fixed, drawn))
        return steps

    def draw(self, index: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw parameters uniformly inside bin ``index``: (axes,) float32, categorical ones as indices of choices."""
        lower, upper = self.lower[index], self.upper[index]
        values = lower + (upper - lower) * generator.random(len(self.axes))
        for i, axis in enumerate(self.axes):
            if axis.parameter.integer:
                values[i] = np.rint(values[i])
        return np.asarray(values, np.float32)

    def steps(self, parameters: NDArray[np.float32]) -> list[AppliedStep]:
        """The operators with the values that a vector of parameters (as `draw` returns it) means."""
        result = []
        for operator, fixed, drawn in self._by_step:
            values = dict(fixed)
            for i, parameter in drawn:
                number = float(parameters[i])
                values[parameter.name] = parameter.choices[round(number)] if parameter.choices else number
            result.append((operator, values))
        return result

    def table(self) -> pd.DataFrame:
        """One row a bin: ``<axis>_lower`` and ``<axis>_upper``, or ``<axis>`` for a categorical one."""
        import pandas as pd

        columns: dict[str, object] = {"bin": np.arange(len(self))}
        for i, axis in enumerate(self.axes):
            if axis.choices is None:
                columns[f"{axis.name}_lower"] = self.lower[:, i]
                columns[f"{axis.name}_upper"] = self.upper[:, i]
            else:
                columns[axis.name] = [axis.choices[int(c)] for c in self.lower[:, i]]
        return pd.DataFrame(columns)


def build(steps: Sequence[Step]) -> Space:
    """Cut a degradation space into bins: the product of all axes' intervals and choices, the last axis fastest.

    Raises:
        UserError: an operator or parameter that does not exist, lacks a value, or leaves its limits.
    """
    names = step_names([step.operator for step in steps])
    axes: list[Axis] = []
    cells: list[list[tuple[float, float]]] = []
    for index, (name, step) in enumerate(zip(names, steps, strict=True)):
        operator = OPERATORS.get(step.operator)
        if operator is None:
            raise UserError(f"degradation: no operator {step.operator!r}; there are {', '.join(OPERATORS)}")
        settings = dict(step.parameters)
        for parameter in operator.parameters:
            setting = settings.pop(parameter.name, None)
            if setting is None:
                if parameter.default is None:
                    raise UserError(f"degradation: {name} needs {parameter.name!r}")
                if step.parameters or parameter.choices is None:
                    continue
                setting = Choices((str(parameter.default),))  # a step without settings still shows in the table
            axis = Axis(f"{name}_{parameter.name}", index, parameter)
            axes.append(axis)
            cells.append(_cells(axis, setting))
        if settings:
            known = ", ".join(p.name for p in operator.parameters)
            raise UserError(f"degradation: {name} has no parameter {next(iter(settings))!r}; it has {known}")
    bins = np.array(list(product(*cells)), dtype=np.float64).reshape(-1, len(axes), 2)
    return Space(tuple(s.operator for s in steps), tuple(axes), bins[..., 0], bins[..., 1])


def step_names(operators: Sequence[str]) -> list[str]:
    """Names of the steps: the operator's, with a number from its second pass on (``blur``, ``blur2``)."""
    return [
        name + (str(seen + 1) if (seen := list(operators[:i]).count(name)) else "") for i, name in enumerate(operators)
    ]


def _cells(axis: Axis, setting: Range | Choices) -> list[tuple[float, float]]:
    """(lower, upper) of each interval or choice of one axis."""
    parameter = axis.parameter
    if isinstance(setting, Choices):
        if parameter.choices is None:
            raise UserError(f"degradation: {axis.name} is a number; give a range, not choices")
        for value in setting.values:
            if value not in parameter.choices:
                raise UserError(f"degradation: {axis.name}: no {value!r}; there are {', '.join(parameter.choices)}")
        return [(float(c), float(c)) for c in map(parameter.choices.index, setting.values)]
    if parameter.choices is not None:
        raise UserError(f"degradation: {axis.name} takes choices ({', '.join(parameter.choices)}), not a range")
    if not parameter.lower <= setting.lower <= setting.upper <= parameter.upper:
        raise UserError(
            f"degradation: {axis.name}: range [{setting.lower:g}, {setting.upper:g}] must rise and stay within "
            f"{_limits(parameter)}"
        )
    edges = np.linspace(setting.lower, setting.upper, setting.bins + 1)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Distribution:
    """Weights over the bins of a space.

    Attributes:
        space: the bins.
        weight: (bins,) float64, non-negative, sums to 1.
        prior: (bins,) float64, the weights of the whole range (``full``), sums to 1.
    """

    space: Space
    weight: NDArray[np.float64]
    prior: NDArray[np.float64]

    @staticmethod
    def uniform(space: Space) -> Distribution:
        """Every bin alike; since bins of one axis are equally wide, uniform over the space."""
        weight = np.full(len(space), 1.0 / len(space))
        return Distribution(space, weight, weight)

    def sample_bin(self, generator: np.random.Generator) -> int:
        """Draw a bin by its weight."""
        return int(np.searchsorted(self._cumulative, generator.random(), side="right"))

    @cached_property
    def _cumulative(self) -> NDArray[np.float64]:
        """Upper ends of the bins' shares of [0, 1); the last bin of positive weight ends at exactly 1."""
        cumulative = np.cumsum(self.weight)
        cumulative[np.flatnonzero(self.weight)[-1] :] = 1.0
        return cumulative

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the CSV that `read` reads: ``bin, weight, prior`` and the axes."""
        table = self.space.table()
        table.insert(1, "weight", self.weight)
        table.insert(2, "prior", self.prior)
        table.to_csv(path, index=False)

    @staticmethod
    def read(path: str | os.PathLike[str]) -> Distribution:
        """Read a distribution from a CSV such as ``weights.csv`` or ``bins.csv``.

        Without ``weight`` it is the prior; without ``prior``, that is uniform over the bins.

        Raises:
            UserError: no such table, columns that name no axis, values outside its limits, weights that are negative or
                do not sum to 1.
        """
        import pandas as pd

        try:
            table = pd.read_csv(path)
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read as a table ({error})") from None
        space = _from_table(table, path)
        uniform = np.full(len(space), 1.0 / len(space))
        prior = _numbers(table, "prior", path) if "prior" in table else uniform
        weight = _numbers(table, "weight", path) if "weight" in table else prior
        for name, values in (("weights", weight), ("prior", prior)):
            if not ((values >= 0).all() and abs(values.sum() - 1) < 1e-6):
                raise UserError(f"{path}: {name} must be non-negative and sum to 1, they sum to {values.sum():g}")
        return Distribution(space, weight, prior)


def _from_table(table: pd.DataFrame, path: str | os.PathLike[str]) -> Space:
    """The space that a table of bins describes; its steps follow the order of the columns."""
    steps: dict[str, str] = {}
    axes: list[Axis] = []
    lower: list[NDArray[np.float64]] = []
    upper: list[NDArray[np.float64]] = []
    for column in (str(c) for c in table.columns):
        if column in ("bin", "weight", "prior", "parent", "new") or column.endswith("_upper"):
            continue
        name = column.removesuffix("_lower")
        try:
            step, operator, parameter = axis_operator(name)
        except KeyError:
            known = ", ".join(OPERATORS)
            raise UserError(f"{path}: column {column!r} is no axis of a known operator ({known})") from None
        steps.setdefault(step, operator.name)
        axis = Axis(name, list(steps).index(step), parameter)
        axes.append(axis)
        if axis.choices is None:
            ends = [_numbers(table, f"{name}_{end}", path) for end in ("lower", "upper")]
            if not ((axis.parameter.lower <= ends[0]) & (ends[0] <= ends[1]) & (ends[1] <= axis.parameter.upper)).all():
                raise UserError(f"{path}: {name} must rise from lower to upper, within {_limits(axis.parameter)}")
        else:
            unknown = sorted({str(value) for value in table[name]} - set(axis.choices))
            if unknown:
                raise UserError(f"{path}: {name}: no {unknown[0]!r}; there are {', '.join(axis.choices)}")
            ends = [np.array([axis.choices.index(str(value)) for value in table[name]], np.float64)] * 2
        lower.append(ends[0])
        upper.append(ends[1])
    if not axes or table.empty:
        raise UserError(f"{path}: holds no bins")
    return Space(tuple(steps.values()), tuple(axes), np.stack(lower, axis=1), np.stack(upper, axis=1))


def _numbers(table: pd.DataFrame, column: str, path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """A column of finite numbers."""
    try:
        values = table[column].to_numpy(np.float64)
    except KeyError:
        raise UserError(f"{path}: has no column {column!r}") from None
    except ValueError:
        values = np.array([np.nan])
    if not np.isfinite(values).all():
        raise UserError(f"{path}: column {column!r} must hold numbers only")
    return values


def _limits(parameter: Parameter) -> str:
    """``[1, 100]``."""
    return f"[{parameter.lower:g}, {parameter.upper:g}]"
