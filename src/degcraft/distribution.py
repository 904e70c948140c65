"""Distributions over the bins of degradation spaces, and their files.

A space is a table: one row a bin, and for every axis a lower and an upper value. Inside a bin parameters are uniform.
The table is what the CSV files of the workflow hold, so a distribution can be sampled from its file alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from degcraft.axes import Axis, Mixture, axis_operator, check_choices, check_grid, check_mixture, choices_of, needs
from degcraft.errors import UserError
from degcraft.operators import OPERATORS, Operator
from degcraft.space import Space
from degcraft.storage import write_table

if TYPE_CHECKING:  # half a second that reading a configuration can do without, and every job of a workflow reads it
    import pandas as pd


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
        write_table(table, path)

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
        except FileNotFoundError:
            raise UserError(f"{path}: no such file") from None
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
    steps: dict[str, Operator] = {}
    axes: list[Axis] = []
    lower: list[NDArray[np.float64]] = []
    upper: list[NDArray[np.float64]] = []
    given: dict[str, dict[str, set[str]]] = {}
    for column in (str(c) for c in table.columns):
        if column in ("bin", "weight", "prior", "parent", "new"):
            continue
        if column.endswith("_upper") and f"{column.removesuffix('_upper')}_lower" in table:
            continue
        name = column.removesuffix("_lower")
        try:
            step, operator, parameter = axis_operator(name)
        except KeyError:
            known = ", ".join(OPERATORS)
            raise UserError(f"{path}: column {column!r} is no axis of a known operator ({known})") from None
        steps.setdefault(step, operator)
        axis, cells, words = _column(table, Axis(name, list(steps).index(step), parameter), path)
        given.setdefault(step, {})[parameter.name] = words
        axes.append(axis)
        lower.append(cells[0])
        upper.append(cells[1])
    if not axes or table.empty:
        raise UserError(f"{path}: holds no bins")
    for step, operator in steps.items():
        for problem in needs(step, operator, given[step]):
            raise UserError(f"{path}: {problem}")
    try:
        operators = tuple(operator.name for operator in steps.values())
        return Space(operators, tuple(axes), np.stack(lower, axis=1), np.stack(upper, axis=1))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _column(
    table: pd.DataFrame, axis: Axis, path: str | os.PathLike[str]
) -> tuple[Axis, Sequence[NDArray[np.float64]], set[str]]:
    """One axis of a table: with its mixture, if it has one; lower and upper ends of the bins; and the choices used."""
    name, choices = axis.name, axis.choices
    try:
        if choices is None:
            ends = [_numbers(table, f"{name}_{end}", path) for end in ("lower", "upper")]
            limits = axis.parameter
            if not ((limits.lower <= ends[0]) & (ends[0] <= ends[1]) & (ends[1] <= limits.upper)).all():
                raise UserError(f"{name} must rise from lower to upper, within {limits.limits}")
            check_grid(axis, *ends)
            return axis, ends, set()
        cells = [str(value) for value in table[name]]
        if any(":" in cell for cell in cells):
            mixture = _mixture(cells, name)
            check_mixture(mixture, name, choices)
            low, high = mixture.ends(choices)
            ends = [np.full(len(table), low), np.full(len(table), high)]
            return replace(axis, mixture=mixture), ends, choices_of(mixture)
        check_choices(list(dict.fromkeys(cells)), name, choices)
        return axis, [np.array([choices.index(cell) for cell in cells], np.float64)] * 2, set(cells)
    except UserError as error:
        raise UserError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from None


def _mixture(cells: list[str], name: str) -> Mixture:
    """The one mixture that all rows of a column hold."""
    if len(set(cells)) > 1:
        raise UserError(f"{name}: probabilities must be the same in all bins")
    try:
        return Mixture.parse(cells[0])
    except ValueError:
        raise UserError(f"{name}: {cells[0]!r} must be choices with their probabilities, like 'a:0.5 b:0.5'") from None


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
