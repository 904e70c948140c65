"""What the encoder is asked to tell of a patch, and how much of it it tells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from degcraft.errors import UserError
from degcraft.space import Space

RADIUS = 6**-0.5
"""Of the circle on which a period lies: its coordinates then vary as evenly drawn numbers from 0 to 1 do, by 1/12."""


class ParameterLoss:
    """What the encoder learns to tell: a number for each continuous axis with bins, scores for each categorical one.

    Of an axis that holds more than half of its period, it is a place on a circle: two numbers. Nuisance axes are not
    asked for: what the weights do not choose, the features need not tell. Nor is an axis where it has no effect: what
    cannot be told is noise, of which half a batch would hide the other half's signal.

    Args:
        space: the degradation space.
        axes: those that are asked for, by index; by default all with more than one bin.

    Attributes:
        width: how many outputs a network needs.

    Raises:
        UserError: no axis has more than one bin.
    """

    def __init__(self, space: Space, axes: Sequence[int] | None = None) -> None:
        self._space = space
        lower, upper = space.lower.min(axis=0), space.upper.max(axis=0)
        asked = np.flatnonzero(space.binned) if axes is None else np.asarray(axes)
        categorical = np.array([space.axes[i].choices is not None for i in asked], np.bool_)
        periods = np.array([space.axes[i].parameter.period or np.inf for i in asked])
        cyclic = ~categorical & ((upper - lower)[asked] > periods / 2)
        self._numbers, self._cycles = asked[~categorical & ~cyclic], asked[cyclic]
        self._classes = asked[categorical]
        self._periods = torch.tensor(periods[cyclic], dtype=torch.float32)
        self._lower = torch.tensor(lower[self._numbers], dtype=torch.float32)
        self._width = torch.tensor((upper - lower)[self._numbers], dtype=torch.float32)
        self._sizes = [len(space.axes[i].choices or ()) for i in self._classes]
        self._columns = [*self._numbers, *self._cycles.repeat(2)]  # the axis of each output that is a number
        self.width = len(self._columns) + sum(self._sizes)
        if not self.width:
            raise UserError(
                "degradation: no axis has more than one bin, so there is nothing to craft; give a range 'bins'"
            )

    def loss(self, predicted: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
        """Mean squared error of the scaled numbers plus a tenth of the cross-entropy of each categorical axis.

        Means over the samples in which an axis has an effect.

        Args:
            predicted: (n, width) outputs of the network.
            parameters: (n, axes) float32, as they were drawn, on the CPU.
        """
        count = len(self._columns)
        effect = self._effect(parameters).to(predicted.device)
        total = predicted.new_zeros(())
        if count:
            wanted = self._wanted(parameters).to(predicted.device)
            errors = functional.mse_loss(predicted[:, :count], wanted, reduction="none")
            total = _mean(errors, effect[:, self._columns])
        parameters = parameters.to(predicted.device)
        scores = torch.split(predicted[:, count:], self._sizes, dim=1) if self._sizes else ()
        for column, score in zip(self._classes, scores, strict=True):
            errors = functional.cross_entropy(score, parameters[:, column].long(), reduction="none")
            total = total + 0.1 * _mean(errors, effect[:, column])
        return total

    def guess(self, parameters: torch.Tensor) -> float:
        """Loss of the answer that is best without a look at the patches: mean numbers, and classes by their shares."""
        effect = self._effect(parameters)
        shown = effect[:, self._columns]
        answer = [(self._wanted(parameters) * shown).sum(dim=0) / shown.sum(dim=0).clamp(min=1)]
        for column, size in zip(self._classes, self._sizes, strict=True):
            counts = torch.bincount(parameters[:, column].long(), effect[:, column], minlength=size)
            answer.append((counts / counts.sum().clamp(min=1)).clamp(min=1e-9).log())
        return float(self.loss(torch.cat(answer).expand(len(parameters), -1), parameters))

    def explained(self, predicted: torch.Tensor, parameters: torch.Tensor) -> pd.DataFrame:
        """How much of each axis is told: a table ``axis, explained`` in the order of the axes.

        ``explained`` is 1 minus the axis's loss over that of a guess, so 1 for all of it and 0 for nothing. Of a number
        it is the share of the variance. An axis without an effect in any sample has 0.
        """
        parts = torch.split(predicted, [1] * len(self._numbers) + [2] * len(self._cycles) + self._sizes, dim=1)
        found = {}
        for axis, part in zip([*self._numbers, *self._cycles, *self._classes], parts, strict=True):
            alone = ParameterLoss(self._space, [axis])
            guess = alone.guess(parameters)
            found[axis] = 1 - float(alone.loss(part, parameters)) / guess if guess else 0.0
        rows = [(self._space.names[axis], found[axis]) for axis in sorted(found)]
        return pd.DataFrame(rows, columns=["axis", "explained"])

    def _wanted(self, parameters: torch.Tensor) -> torch.Tensor:
        """(n, columns) float32: numbers scaled to 0..1 over the space, then the two coordinates of each cycle."""
        scaled = (parameters[:, self._numbers] - self._lower) / self._width
        turned = 2 * torch.pi * parameters[:, self._cycles] / self._periods
        places = RADIUS * torch.stack([turned.cos(), turned.sin()], dim=2)
        return torch.cat([scaled, places.flatten(1)], dim=1)

    def _effect(self, parameters: torch.Tensor) -> torch.Tensor:
        """(n, axes) float32: 1 where an axis has an effect, 0 elsewhere."""
        return torch.from_numpy(self._space.effective(parameters.numpy()).astype(np.float32))


def _mean(errors: torch.Tensor, counted_in: torch.Tensor) -> torch.Tensor:
    """Mean of the errors where ``counted_in`` is 1; 0 where it nowhere is."""
    return (errors * counted_in).sum() / counted_in.sum().clamp(min=1)
