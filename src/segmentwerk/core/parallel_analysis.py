"""How many factors there are: parallel analysis (Horn 1965, Psychometrika 30:179)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segmentwerk.core.arrays import FloatArray

QUANTILE = 0.95


@dataclass(frozen=True)
class ParallelAnalysis:
    """Eigenvalues of the correlations (n_variables,), largest first, and what tables of noise reach."""

    eigenvalues: FloatArray
    limits: FloatArray

    @property
    def n_factors(self) -> int:
        """Leading eigenvalues above what noise reaches."""
        above = self.eigenvalues > self.limits
        return len(above) if above.all() else int(np.argmin(above))


def parallel_analysis(x: FloatArray, copies: int, seed: int) -> ParallelAnalysis:
    """Compare the eigenvalues of ``x`` (n, n_variables) with the 95% quantile of those of random tables."""
    rng = np.random.default_rng(seed)
    random = [_eigenvalues(rng.standard_normal(x.shape)) for _ in range(copies)]
    return ParallelAnalysis(_eigenvalues(x), np.quantile(random, QUANTILE, axis=0))


def _eigenvalues(x: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.eigvalsh(np.corrcoef(x, rowvar=False))[::-1], dtype=np.float64)
