"""Scores as sentences and tables show them: averaged over seeds, by distribution, test set and metric."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from degcraft.names import Name

LOWER = ("lpips",)  # metrics that are the better the lower they are
REFERENCES = 8  # photos that find the degradation well (docs/retrieval.md); with fewer, people are told so
TELLING = 6  # photos whose differences, all of one sign, are chance in less than 5% of cases


@dataclass(frozen=True)
class Score:
    """One metric of one distribution on one test set: the mean over photos and its interval.

    Attributes:
        value: mean over the seeds.
        low, high: ends of the 95% interval; mean over the seeds.
        photos: how many photos the mean is over.
        seeds: how many models were trained.
    """

    value: float
    low: float
    high: float
    photos: int
    seeds: int

    @property
    def has_interval(self) -> bool:
        """Whether an interval was measured: one photo has none, nor has anything with ``evaluate.bootstrap`` 0."""
        return self.photos > 1 and not self.low == self.value == self.high

    @property
    def certain(self) -> bool:
        """Whether a difference is more than chance: the interval leaves out 0, and photos are no fewer than `TELLING`.

        Where n photos all have differences of one sign, a bootstrap interval leaves out 0, however few they are. By
        chance they have with probability 2^(1 - n) (sign test), which is 6% for five photos and 3% for six.
        """
        return self.photos >= TELLING and self.has_interval and (self.low > 0 or self.high < 0)

    def ends(self, decimals: int) -> str:
        """The interval of a difference, ``+0.12 to +0.50``.

        It has more decimals where it leaves out 0 and would not seem to, or would seem to have no width.
        """
        if self.low > 0 or self.high < 0:
            tell = min(2 * abs(self.low), 2 * abs(self.high), (self.high - self.low) or 1.0)
            while tell < 10.0**-decimals and decimals < 6:
                decimals += 1
        return f"{self.low:+z.{decimals}f} to {self.high:+z.{decimals}f}"


@dataclass(frozen=True)
class Summary:
    """``summary.csv`` or ``differences.csv``, averaged over seeds.

    Attributes:
        scores: by distribution, test set and metric.
    """

    scores: Mapping[tuple[str, str, str], Score]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Summary:
        """Read ``distribution,seed,testset,metric,value,low,high,n`` and more; a table without rows is allowed."""
        names = {"distribution": str, "testset": str, "metric": str}
        table = pd.read_csv(path, dtype=names, keep_default_na=False)
        scores = {}
        for (distribution, testset, metric), rows in table.groupby(list(names), sort=False):
            value, low, high = (float(rows[column].astype(float).mean()) for column in ("value", "low", "high"))
            key = str(distribution), str(testset), str(metric)
            scores[key] = Score(value, low, high, int(rows["n"].iloc[0]), len(rows))
        return cls(scores)

    @cached_property
    def distributions(self) -> list[str]:
        """Distributions from interpolation to the oracles."""
        found = dict.fromkeys(distribution for distribution, _, _ in self.scores)
        return sorted(found, key=lambda name: Name.parse(name).rank)

    @cached_property
    def testsets(self) -> list[str]:
        """Test sets: the targets' own first, then ``full`` and ``clean``."""
        found = dict.fromkeys(testset for _, testset, _ in self.scores)
        return sorted(found, key=lambda name: ("full", "clean").index(name) + 1 if name in ("full", "clean") else 0)

    @property
    def seeds(self) -> int:
        """How many seeds the trained models have."""
        return max((score.seeds for score in self.scores.values()), default=1)

    def get(self, distribution: str, testset: str, metric: str = "psnr_y") -> Score | None:
        """A score, or None if it was not measured."""
        return self.scores.get((distribution, testset, metric))

    def photos(self, testset: str) -> int:
        """How many photos a test set has."""
        return max(score.photos for (_, name, _), score in self.scores.items() if name == testset)

    def is_best(self, distribution: str, testset: str, metric: str, decimals: int) -> bool:
        """Whether a score, as it is shown, is the best of those on the same photos of its test set.

        With several targets, models for one of them are measured on its photos alone, on fewer than ``full`` is.
        """
        score = self.get(distribution, testset, metric)
        if score is None:
            return False
        column = [
            other.value
            for (name, on, kind), other in self.scores.items()
            if (on, kind, other.photos) == (testset, metric, score.photos) and _of_one_target(distribution, name)
        ]
        best = min if metric in LOWER else max
        return round(score.value, decimals) == round(best(column), decimals)


def _of_one_target(*distributions: str) -> bool:
    """Whether distributions belong to no more than one target."""
    return len({Name.parse(name).target for name in distributions} - {""}) < 2
