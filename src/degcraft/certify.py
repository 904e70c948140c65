"""Goodness of fit: whether what crafting leaves could be chance, or shows a degradation that the space lacks.

The distance left means something only beside what it would be by chance: for photos that *were* degraded with the
crafted distribution. Such reference sets are simulated from HR photos, crafted for in the same way, and the observed
distance is placed among theirs (a parametric bootstrap; Davison and Hinkley, Bootstrap Methods, 1997, section 4.2).
So is a second measure that does not pass through the extractor: how much the photos' spectra depend on direction.

Contents of reference photos never describe the bins, so those of simulated ones must not either: HR photos are dealt
out to folds, and half of the folds is simulated with while the other half describes the bins.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from degcraft.bootstrap import interval
from degcraft.certificate import Certificate, CraftFacts
from degcraft.degrade import degrade
from degcraft.directions import directions
from degcraft.distribution import Distribution
from degcraft.extractor import Extractor
from degcraft.fit_words import fit_sentence
from degcraft.moments import Array, Moments
from degcraft.progress import announce, track
from degcraft.seeds import stream
from degcraft.settings import CertifySettings
from degcraft.sharing import FOLDS, LEAST_TO_JUDGE, spread, turns
from degcraft.solver import FrechetObjective, solve
from degcraft.storage import reading_h5, write_table

ALERT = 0.05
"""A misfit is reported where p is no larger: photos that the space does explain are called a misfit no more often."""


@dataclass(frozen=True, eq=False)
class MeasuredPhotos:
    """Reference photos, or photos simulated in their place.

    Attributes:
        moments: of each photo's features.
        direction: (photos, k) float64, mean over each photo's patches of `degcraft.directions.directions`.
    """

    moments: Sequence[Moments]
    direction: Array


@dataclass(frozen=True, eq=False)
class Simulated(MeasuredPhotos):
    """HR photos degraded with the crafted distribution.

    Attributes:
        content: (photos,) which HR photo it is of; contents are dealt out to the folds of `degcraft.sharing.folds`.
    """

    content: NDArray[np.int64]

    @property
    def fold(self) -> NDArray[np.int64]:
        """(photos,) the fold of the content."""
        return self.content % FOLDS


@dataclass(frozen=True, eq=False)
class Fit:
    """The reference photos among simulated ones.

    Attributes:
        distance: what crafting left for the reference photos.
        distances: (simulations,) float64, what it leaves for simulated sets; empty if none could be simulated.
        direction: (simulations,) float64, how conspicuous the reference photos' directions are, by the photos that
            describe the bins in that simulation.
        directions: (simulations,) float64, the same for the simulated set.
    """

    distance: float
    distances: Array
    direction: Array
    directions: Array

    @property
    def p_distance(self) -> float | None:
        """Share of the simulated distances that are as large, the observed one among them; None without any."""
        return _share(self.distances >= self.distance)

    @property
    def p_direction(self) -> float | None:
        """The same of the directions."""
        return _share(self.directions >= self.direction)

    @property
    def p(self) -> float | None:
        """Twice the smaller of the two (Bonferroni): two looks have two chances to raise a false alarm."""
        if self.p_distance is None or self.p_direction is None:
            return None
        return min(1.0, 2 * min(self.p_distance, self.p_direction))

    @property
    def verdict(self) -> str | None:
        """``ok``, ``misfit``, or None where there was too little to judge by, simulations for a small p among it."""
        if self.p is None or 2 / (1 + len(self.distances)) > ALERT:
            return None
        return "misfit" if self.p <= ALERT else "ok"

    def certificate(self, crafted: CraftFacts, drawn: Array) -> Certificate:
        """What ``certificate.json`` says: what crafting wrote, how sure the distance is, and the fit.

        Args:
            crafted: what crafting wrote.
            drawn: (n,) distances for reference photos drawn anew, of `degcraft.bootstrap`.
        """
        distance_low, distance_high = map(float, interval(crafted.distance, drawn))
        low, median, high = np.quantile(self.distances, [0.025, 0.5, 0.975]) if len(self.distances) else [None] * 3
        return Certificate(
            **asdict(crafted),
            distance_low=distance_low,
            distance_high=distance_high,
            fit=self.verdict,
            fit_p=self.p,
            fit_p_distance=self.p_distance,
            fit_p_direction=self.p_direction,
            fit_simulations=len(self.distances),
            fit_above=int(np.sum(self.distances < self.distance)),
            fit_low=low,
            fit_median=median,
            fit_high=high,
        )

    @property
    def table(self) -> pd.DataFrame:
        """``simulation, distance, direction, direction_observed``: simulation 0 is the reference photos, in the middle
        of their directions; ``direction_observed`` is what a simulation's ``direction`` is held against.
        """
        columns = {"distance": self.distances, "direction": self.directions, "direction_observed": self.direction}
        table = pd.DataFrame(columns, index=pd.RangeIndex(1, len(self.distances) + 1, name="simulation"))
        middle = float(np.median(self.direction)) if len(self.direction) else np.nan
        observed = pd.DataFrame([[self.distance, middle, middle]], columns=list(columns), index=[0])
        return pd.concat([observed, table]).rename_axis("simulation").reset_index()


def _share(as_large: NDArray[np.bool_]) -> float | None:
    return (1 + int(as_large.sum())) / (1 + len(as_large)) if len(as_large) else None


def simulate_photos(
    crafted: Distribution,
    patches: str | os.PathLike[str],
    extractor: str | os.PathLike[str],
    references: int,
    per_photo: int,
    disjoint: int,
    settings: CertifySettings,
    scale: int,
    seed: int,
) -> Simulated:
    """Degrade HR photos with the crafted distribution, every photo with one draw of parameters, as real ones have.

    Args:
        crafted: from which parameters are drawn.
        patches: HDF5 file of the HR patches.
        extractor: its file.
        references: how many photos the sets will hold. Three times as many are simulated at least: sets drawn from a
            few would hold those again and again, and vary no less for being large.
        per_photo: patches of each photo, at most.
        disjoint: how many of them its directions are the mean of: patches of reference photos overlap, and overlapping
            ones average out less of what a content's own directions are; see `degcraft.patches.disjoint`.
        settings: how many photos, at least.
        scale: SR scale.
        seed: of the draws.
    """
    apply = Extractor(extractor, settings.threads)
    moments, direction = [], []
    with reading_h5(patches, "patches", "photo") as file:
        content_of = turns(file["photo"][:])
        fewest = 3 * references if settings.photos >= LEAST_TO_JUDGE else 0
        content = contents(int(content_of.max()) + 1, max(settings.photos, fewest))
        for index in track(range(len(content)), len(content), "certify: photos"):
            generator = stream(seed, "certify-photo", index)
            own = np.flatnonzero(content_of == content[index])
            chosen = generator.choice(own, min(per_photo, len(own)), replace=False)
            parameters = crafted.space.draw(crafted.sample_bin(generator), generator)
            hr = (file["patches"][row] for row in chosen)  # HDF5 is slow with a list of rows
            lr = np.stack([degrade(patch, crafted.space, parameters, scale, generator) for patch in hr])
            moments.append(Moments.of(apply(lr)))
            direction.append(directions(lr[:disjoint]).mean(axis=0))
    return Simulated(moments, np.stack(direction), content)


def contents(available: int, wanted: int) -> NDArray[np.int64]:
    """(wanted,) which HR photos to simulate with: each in turn; of more than are wanted, some from all over the folder.

    Either way, the folds have alike many.
    """
    turns_of_folds = -(-wanted // FOLDS)
    if available // FOLDS <= turns_of_folds:
        return np.arange(wanted) % available
    return (spread(available // FOLDS, turns_of_folds)[:, None] * FOLDS + np.arange(FOLDS)).ravel()[:wanted]


def typical_counts(references: MeasuredPhotos, disjoint: Sequence[int] | NDArray[np.int64]) -> tuple[int, int, int]:
    """How many photos, and the medians of their patches, and of how many of these overlap none."""
    patches = int(np.median([moments.count for moments in references.moments]))
    return len(references.moments), patches, int(np.median(disjoint))


def judge(
    references: MeasuredPhotos,
    crafted: Distribution,
    facts: CraftFacts,
    bins: Sequence[Sequence[Moments]],
    simulated: Simulated | None,
    settings: CertifySettings,
    seed: int,
) -> Fit:
    """Place reference photos among simulated sets of as many photos.

    Args:
        references: the photos.
        crafted: the weights chosen for them; crafting for simulated sets starts near these.
        facts: what crafting wrote.
        bins: for each fold, the moments of each bin, see `degcraft.moments_file.read_folds`.
        simulated: photos to draw sets from; None for no simulation.
        settings: how many simulations.
        seed: of the draws.
    """
    if simulated is None or not _enough(bins, simulated):
        return Fit(facts.distance, *np.empty((3, 0)))
    rounds = settings.simulations
    # in a set, a photo counts as its patches do, and a set that hangs on a few photos varies more
    counts = [moments.count for moments in references.moments]
    halves = [_Half(bins, simulated, pair) for pair in combinations(range(FOLDS), FOLDS // 2)]
    found = []
    for index in track(range(rounds), rounds, "certify: simulations"):
        half = halves[index % len(halves)]
        chosen = stream(seed, "certify-set", index).choice(half.held, len(references.moments))
        pooled = Moments.pooled([replace(simulated.moments[i], count=n) for i, n in zip(chosen, counts, strict=True)])
        objective = half.objective.with_reference(pooled)
        solution = solve(objective, crafted.prior, facts.generalization, facts.tolerance, start=crafted.weight)
        directed = half.conspicuous(references.direction), half.conspicuous(simulated.direction[chosen])
        found.append((solution.final.distance, *directed))
    return Fit(facts.distance, *np.array(found, np.float64).reshape(-1, 3).T)


def _enough(bins: Sequence[Sequence[Moments]], simulated: Simulated) -> bool:
    """Whether every fold has two contents, and patches."""
    return len(set(simulated.content)) >= LEAST_TO_JUDGE and all(fold[0].count for fold in bins)


class _Half:
    """One way to share out the folds: some photos are held for simulated sets, the others describe what is normal.

    Attributes:
        held: (n,) int64, indices of the simulated photos of the folds held.
        objective: distance from the bins, as the other folds describe them, to all simulated photos.
    """

    def __init__(self, bins: Sequence[Sequence[Moments]], simulated: Simulated, held: Sequence[int]) -> None:
        others = [fold for k, fold in enumerate(bins) if k not in held]
        pooled = [Moments.pooled(parts) for parts in zip(*others, strict=True)]
        self.objective = FrechetObjective.of(pooled, Moments.pooled(simulated.moments))
        inside = np.isin(simulated.fold, held)
        self.held = np.flatnonzero(inside)
        normal = simulated.direction[~inside]
        covariance = np.cov(normal.T, bias=True)
        # few photos tell little of a covariance: a tenth of it is replaced by its mean variance
        ridge = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        self._centre, self._precision = normal.mean(axis=0), np.linalg.pinv(0.9 * covariance + 0.1 * ridge)

    def conspicuous(self, direction: Array) -> float:
        """Lower quartile of photos' squared Mahalanobis distances (photos, k) from what is normal.

        What the source does shows in all of its photos, also in the least conspicuous ones; a brick wall is one photo.
        """
        off = direction - self._centre
        return float(np.quantile(np.einsum("ni,ij,nj->n", off, self._precision, off), 0.25))


def write_fit(fit: Fit, facts: CraftFacts, drawn: Array, folder: Path, blind: str | None = None) -> None:
    """Write ``fit.csv`` (`Fit.table`) and ``certificate.json``, and say in the log what was found.

    Args:
        fit: what `judge` found.
        facts: what crafting wrote.
        drawn: see `Fit.certificate`.
        folder: of the target.
        blind: what is said in place of the fit where the encoder learned too little for a judgement.
    """
    write_table(fit.table, folder / "fit.csv")
    certificate = fit.certificate(facts, drawn)
    certificate.write(folder / "certificate.json")
    say = logging.getLogger("degcraft").warning if fit.verdict == "misfit" else announce
    say(blind or fit_sentence(certificate))
