"""What crafting came to for one target, in numbers: ``craft.json``, and ``certificate.json``, which adds the fit."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from degcraft.errors import UserError
from degcraft.storage import REMEDY, write_json


@dataclass(frozen=True)
class CraftFacts:
    """What ``craft.json`` holds, in its order; docs/artifacts.md has the units.

    Attributes:
        bins, features, reference_photos, reference_patches: how many there are.
        generalization: the dial that was used.
        auto: whether it was chosen by held-out photos.
        distance_prior, distance: squared Fréchet distance to the reference photos before and after.
        objective, gap, relative_gap, iterations, kl: of the last iteration, see `degcraft.solver`.
        tolerance: what the relative gap was to come down to.
        effective_bins: how many equally weighted bins spread as widely.
    """

    bins: int
    features: int
    reference_photos: int
    reference_patches: int
    generalization: float
    auto: bool
    distance_prior: float
    distance: float
    objective: float
    gap: float
    relative_gap: float
    tolerance: float
    iterations: int
    kl: float
    effective_bins: float

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `write` wrote.

        Raises:
            UserError: the file holds something else.
        """
        try:
            return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}: does not hold what it should ({error}); {REMEDY}") from None

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a flat JSON object."""
        write_json(path, asdict(self))


@dataclass(frozen=True)
class Certificate(CraftFacts):
    """What ``certificate.json`` holds, in its order.

    Attributes:
        distance_low, distance_high: ends of the distance's 95% interval, see `degcraft.bootstrap`.
        fit: ``ok``, ``misfit``, or None where there was too little to judge by.
        fit_p, fit_p_distance, fit_p_direction: shares of simulated sets, see `degcraft.certify.Fit`; None without any.
        fit_simulations: how many sets were simulated.
        fit_above: how many of their distances that of the reference photos is above.
        fit_low, fit_median, fit_high: quantiles 0.025, 0.5 and 0.975 of their distances.
    """

    distance_low: float
    distance_high: float
    fit: str | None
    fit_p: float | None
    fit_p_distance: float | None
    fit_p_direction: float | None
    fit_simulations: int
    fit_above: int
    fit_low: float | None
    fit_median: float | None
    fit_high: float | None
