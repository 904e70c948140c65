"""Count, mean and second moment of feature vectors, and the Fréchet distance between two such sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degcraft.errors import UserError

Array = NDArray[np.float64]
IN_WORDS = "the bins' moments", "the reference photos' moments"


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of a set of d-dimensional feature vectors.

    Attributes:
        count: number of vectors.
        mean: (d,) float64.
        second: (d, d) float64, E[f f'], not centred, so that moments of mixtures are mixtures of moments.
    """

    count: int
    mean: Array
    second: Array

    @staticmethod
    def of(features: NDArray[np.floating]) -> Moments:
        """Moments of (n, d) features; all zero if there are none."""
        values = np.asarray(features, np.float64)
        count = max(len(values), 1)
        return Moments(len(values), values.sum(axis=0) / count, values.T @ values / count)

    @staticmethod
    def pooled(parts: Sequence[Moments]) -> Moments:
        """Moments of the union of several sets, each weighted by its count."""
        counts = np.array([part.count for part in parts], np.float64)
        share = counts / counts.sum()
        mean = np.tensordot(share, np.stack([part.mean for part in parts]), axes=1)
        second = np.tensordot(share, np.stack([part.second for part in parts]), axes=1)
        return Moments(int(counts.sum()), mean, second)

    @property
    def covariance(self) -> Array:
        """(d, d) population covariance (divided by n, not n - 1)."""
        return self.second - np.outer(self.mean, self.mean)


def frechet_distance(a: Moments, b: Moments) -> float:
    """Squared Fréchet (2-Wasserstein) distance between the Gaussians of two sets.

    ``|m_a - m_b|^2 + tr C_a + tr C_b - 2 tr (C_a^1/2 C_b C_a^1/2)^1/2`` (Dowson and Landau, J. Multivariate Anal. 12,
    1982; the FID of Heusel et al., 2017). Covariances may be singular.
    """
    root = psd_root(a.covariance)
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ b.covariance @ root), 0.0, None)).sum()
    gap = a.mean - b.mean
    return float(gap @ gap + np.trace(a.covariance) + np.trace(b.covariance) - 2.0 * cross)


def psd_root(matrix: Array) -> Array:
    """Symmetric square root of a positive semidefinite matrix; negative eigenvalues (rounding) count as zero."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T)


def require_fit(
    bins: int, moments: Sequence[Moments], references: Sequence[Moments], files: tuple[object, object] = IN_WORDS
) -> None:
    """Refuse moments that cannot be crafted with.

    Args:
        bins: how many there are.
        moments: of each bin.
        references: moments of reference photos.
        files: where the moments of the bins, and those of the reference photos, are from.

    Raises:
        UserError: they are of another number of bins, or both are not of one extractor.
    """
    if len(moments) != bins:
        raise UserError(f"{files[0]}: of {len(moments)} bins instead of {bins}; delete it and run again")
    lengths = len(moments[0].mean), len(references[0].mean)
    if lengths[0] != lengths[1]:
        raise UserError(
            f"{files[1]}: of {lengths[1]} features, and {files[0]} of {lengths[0]}: described by different extractors; "
            "delete both and run again"
        )
