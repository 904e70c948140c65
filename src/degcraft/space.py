"""Degradation spaces cut into bins: one row a bin, and for every axis a lower and an upper value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from degcraft.axes import (
    Axis,
    Choices,
    Mixture,
    Range,
    Setting,
    Step,
    check_choices,
    check_grid,
    check_mixture,
    choices_of,
    needs,
    on_grid,
    step_names,
)
from degcraft.errors import UserError
from degcraft.operators import OPERATORS, Operator, Value
from degcraft.operators.shuffle import arrange

if TYPE_CHECKING:  # half a second that reading a configuration can do without, and every job of a workflow reads it
    import pandas as pd

MOST_BINS = 100_000  # their moments alone take a gigabyte
AppliedStep = tuple[Operator, dict[str, Value]]
"""An operator with the values of all its parameters."""


@dataclass(frozen=True, eq=False)
class _StepValues:
    """Where one step has the values of its parameters from.

    Attributes:
        operator: of the step.
        fixed: values that no axis sets.
        drawn: an axis's index, the parameter that it sets, and the choices of it.
        alike: a parameter that no axis sets, and the one whose value it takes.
    """

    operator: Operator
    fixed: dict[str, Value]
    drawn: list[tuple[int, str, tuple[str, ...] | None]]
    alike: list[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class Space:
    """Operators in order, their axes, and the bins.

    Attributes:
        operators: names of the steps, in the order in which they are applied unless a shuffle changes it.
        axes: in the order of the steps.
        lower, upper: (bins, axes) float64; for a categorical axis both are the index of the choice, or the smallest and
            the largest of a mixture.

    Raises:
        UserError: a shuffle without a number of steps, or with more of them than follow.
    """

    operators: tuple[str, ...]
    axes: tuple[Axis, ...]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def __post_init__(self) -> None:
        for step, end in self.shuffled.items():
            name = step_names(self.operators)[step]
            if end > len(self.operators):
                raise UserError(f"{name}_steps: only {len(self.operators) - step - 1} steps follow")
            if "shuffle" in self.operators[step + 1 : end]:
                raise UserError(f"{name}_steps: a shuffle cannot hold another")

    def __len__(self) -> int:
        return len(self.lower)

    @property
    def names(self) -> list[str]:
        """Names of the axes."""
        return [axis.name for axis in self.axes]

    @property
    def binned(self) -> NDArray[np.bool_]:
        """(axes,) whether an axis has more than one bin; the others are nuisance, drawn but not crafted."""
        return np.asarray(((self.lower != self.lower[0]) | (self.upper != self.upper[0])).any(axis=0))

    @cached_property
    def shuffled(self) -> dict[int, int]:
        """For every shuffle, by its index among the operators: the index after the last step that it shuffles."""
        found = {}
        for step, name in enumerate(self.operators):
            if name == "shuffle":
                column = [i for i, axis in enumerate(self.axes) if (axis.step, axis.parameter.name) == (step, "steps")]
                counts = {*self.lower[:, column].flat, *self.upper[:, column].flat}
                if len(counts) != 1 or counts != set(map(round, counts)):
                    raise UserError(f"{step_names(self.operators)[step]}_steps: must be one whole number")
                found[step] = step + 1 + int(counts.pop())
        return found

    @cached_property
    def _by_step(self) -> list[_StepValues]:
        """Where every step has its values from."""
        steps = []
        for step, name in enumerate(self.operators):
            operator = OPERATORS[name]
            fixed = {p.name: p.default for p in operator.parameters if p.default is not None}
            drawn = [(i, axis.parameter.name, axis.choices) for i, axis in enumerate(self.axes) if axis.step == step]
            given = {parameter for _, parameter, _ in drawn}
            alike = [(p.name, p.like) for p in operator.parameters if p.like and p.name not in given]
            steps.append(_StepValues(operator, fixed, drawn, [pair for pair in alike if pair[1] in given]))
        return steps

    @cached_property
    def _mixed(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Axes of mixtures; for each of them its choices as indices, and the upper ends of their shares of [0, 1)."""
        mixed = [
            (i, [(axis.choices.index(choice), share) for choice, share in axis.mixture.shares if share > 0])
            for i, axis in enumerate(self.axes)
            if axis.mixture is not None and axis.choices is not None
        ]
        codes = np.zeros((len(mixed), max((len(used) for _, used in mixed), default=1)))
        ends = np.full(codes.shape, np.inf)
        for row, (_, used) in enumerate(mixed):
            codes[row, : len(used)] = [code for code, _ in used]
            ends[row, : len(used) - 1] = np.cumsum([share for _, share in used])[:-1]  # the last one takes what is left
        return np.array([i for i, _ in mixed], np.int64), codes, ends

    @cached_property
    def _values(self) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """(axes,) which axes are drawn on a grid; (bins, axes) the number of its values, the first, and the stride.

        Any other axis has one value, from which the stride leads to the upper end of the bin.
        """
        grid = np.array([axis.parameter.stride > 0 for axis in self.axes], np.bool_)
        count, first, stride = np.ones(self.lower.shape), self.lower.copy(), self.upper - self.lower
        strides = np.array([axis.parameter.stride for axis in self.axes], np.float64)[grid]
        lower, upper = self.lower[:, grid], self.upper[:, grid]
        start, number = on_grid(lower, upper, strides, upper.max(axis=0, initial=-np.inf))
        first[:, grid], count[:, grid] = np.where(number > 0, start, lower), np.maximum(number, 1.0)
        stride[:, grid] = strides
        return grid, count, first, stride

    def draw(self, index: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """Draw parameters inside bin ``index``: (axes,) float32, categorical ones as indices of choices.

        Uniformly over the interval, or over the whole (odd) numbers in it, where a parameter takes no others: an edge
        between two bins belongs to the upper one. Mixtures are drawn by their probabilities.
        """
        uniform = generator.random(len(self.axes))
        grid, count, first, stride = self._values
        values = uniform * count[index]
        np.floor(values, out=values, where=grid)
        values *= stride[index]
        values += first[index]
        mixed, codes, ends = self._mixed
        if len(mixed):
            below = np.count_nonzero(ends <= uniform[mixed, None], axis=1)
            values[mixed] = codes[np.arange(len(mixed)), below]
        return np.asarray(values, np.float32)

    @cached_property
    def selected(self) -> dict[int, tuple[int, NDArray[np.bool_]]]:
        """Axes that only some choices of another axis let matter: that axis, and for each of its choices whether so."""
        place = {(axis.step, axis.parameter.name): i for i, axis in enumerate(self.axes)}
        found = {}
        for i, axis in enumerate(self.axes):
            if axis.parameter.only is not None:
                selector, choices = axis.parameter.only
                other = place.get((axis.step, selector))
                if other is not None:
                    found[i] = other, np.array([choice in choices for choice in self.axes[other].choices or ()])
        return found

    def effective(self, parameters: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(n, axes) which of n vectors of parameters (n, axes) an axis has an effect in: Poisson noise has no sigma."""
        result = np.ones(parameters.shape, np.bool_)
        for axis, (other, matters) in self.selected.items():
            result[:, axis] = matters[parameters[:, other].astype(np.int64)]
        return result

    def mattering(self, weight: NDArray[np.float64], index: int) -> NDArray[np.float64]:
        """(bins,) the weights of the bins, (bins,), where an axis has an effect; they sum to how often it has one."""
        if index not in self.selected:
            return weight
        place, matters = self.selected[index]
        other = self.axes[place]
        if other.mixture is not None and other.choices is not None:
            often = sum(share for choice, share in other.mixture.shares if matters[other.choices.index(choice)])
            return np.asarray(weight * often)
        return np.asarray(weight * matters[self.lower[:, place].astype(np.int64)])

    def steps(self, parameters: NDArray[np.float32]) -> list[AppliedStep]:
        """The operators with the values that a vector of parameters (as `draw` returns it) means, as they are applied.

        Shuffles are carried out: their steps are in the order drawn, and they themselves are gone.
        """
        result: list[AppliedStep] = []
        numbers = parameters.tolist()
        for step in self._by_step:
            values = dict(step.fixed)
            for i, parameter, choices in step.drawn:
                values[parameter] = choices[int(numbers[i] + 0.5)] if choices else numbers[i]
            for name, other in step.alike:
                values[name] = values[other]
            result.append((step.operator, values))
        for at, end in self.shuffled.items():
            order = arrange(self.operators[at + 1 : end], result[at][1])
            result[at + 1 : end] = [result[at + 1 + place] for place in order]
        return [applied for applied in result if applied[0].name != "shuffle"]

    def readable(self, parameters: NDArray[np.float32]) -> dict[str, float | str]:
        """A vector of parameters by the names of the axes, categorical ones as words."""
        return {
            axis.name: axis.choices[int(value)] if axis.choices else float(value)
            for axis, value in zip(self.axes, parameters, strict=True)
        }

    def table(self) -> pd.DataFrame:
        """One row a bin: ``<axis>_lower`` and ``<axis>_upper``, or ``<axis>`` for a categorical one."""
        import pandas as pd

        columns: dict[str, object] = {"bin": np.arange(len(self))}
        for i, axis in enumerate(self.axes):
            if axis.choices is None:
                columns[f"{axis.name}_lower"] = self.lower[:, i]
                columns[f"{axis.name}_upper"] = self.upper[:, i]
            else:
                columns[axis.name] = [axis.word(code) for code in self.lower[:, i]]
        return pd.DataFrame(columns)


def build(steps: Sequence[Step]) -> Space:
    """Cut a degradation space into bins: the product of all axes' intervals and choices, the last axis fastest.

    Raises:
        UserError: an operator or parameter that does not exist, lacks a value, or leaves its limits; more than
            `MOST_BINS`.
    """
    try:
        return _build(steps)
    except UserError as error:
        raise UserError(f"degradation: {error}") from None


def _build(steps: Sequence[Step]) -> Space:
    names = step_names([step.operator for step in steps])
    axes: list[Axis] = []
    cells: list[list[tuple[float, float]]] = []
    for index, (name, step) in enumerate(zip(names, steps, strict=True)):
        operator = OPERATORS.get(step.operator)
        if operator is None:
            raise UserError(f"no operator {step.operator!r}; there are {', '.join(OPERATORS)}")
        settings: dict[str, Setting] = dict(step.parameters)
        known = [p.name for p in operator.parameters]
        for given in settings:
            if given not in known:
                raise UserError(f"{name} has no parameter {given!r}; it has {', '.join(known)}")
        if not settings:
            settings = _defaults(operator)
        for parameter in operator.parameters:
            if parameter.name in settings:
                setting = settings[parameter.name]
                mixture = setting if isinstance(setting, Mixture) else None
                axes.append(Axis(f"{name}_{parameter.name}", index, parameter, mixture))
                cells.append(_cells(axes[-1], setting))
        for problem in needs(name, operator, {key: choices_of(setting) for key, setting in settings.items()}):
            raise UserError(problem)
        if not settings:
            raise UserError(f"{name}: a step without a parameter cannot be named in the tables of bins; give it one")
    count = math.prod(len(cell) for cell in cells)
    if count > MOST_BINS:
        raise UserError(
            f"{count} bins are more than {MOST_BINS}; give fewer 'bins' or choices to some axes, and let 'refine' "
            "split those that matter"
        )
    bins = np.array(list(product(*cells)), dtype=np.float64).reshape(-1, len(axes), 2)
    return Space(tuple(s.operator for s in steps), tuple(axes), bins[..., 0], bins[..., 1])


def _defaults(operator: Operator) -> dict[str, Setting]:
    """What a step without settings has in the table of bins, where a step without a column would be lost."""
    defaults = [(p.name, p.default) for p in operator.parameters if p.default is not None]
    words: dict[str, Setting] = {name: Choices((value,)) for name, value in defaults if isinstance(value, str)}
    return words or {name: Range(value, value) for name, value in defaults if not isinstance(value, str)}


def _cells(axis: Axis, setting: Setting) -> list[tuple[float, float]]:
    """(lower, upper) of each interval or choice of one axis."""
    parameter = axis.parameter
    if isinstance(setting, Range):
        return _intervals(axis, setting)
    if parameter.choices is None:
        raise UserError(f"{axis.name} is a number; give a range, not choices")
    if isinstance(setting, Mixture):
        check_mixture(setting, axis.name, parameter.choices)
        return [setting.ends(parameter.choices)]
    check_choices(setting.values, axis.name, parameter.choices)
    return [(float(c), float(c)) for c in map(parameter.choices.index, setting.values)]


def _intervals(axis: Axis, setting: Range) -> list[tuple[float, float]]:
    """(lower, upper) of each interval of a continuous axis."""
    parameter = axis.parameter
    if parameter.choices is not None:
        raise UserError(f"{axis.name} takes choices ({', '.join(parameter.choices)}), not a range")
    if not parameter.lower <= setting.lower <= setting.upper <= parameter.upper:
        one = setting.lower == setting.upper
        given = f"{setting.lower:g} must" if one else f"range [{setting.lower:g}, {setting.upper:g}] must rise and"
        raise UserError(f"{axis.name}: {given} stay within {parameter.limits}")
    edges = np.linspace(setting.lower, setting.upper, setting.bins + 1)
    check_grid(axis, edges[:-1], edges[1:])
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
