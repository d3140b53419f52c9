"""Factor analysis, whole: what variables have in common, and how many such things there are.

Maximum likelihood on the correlations (Lawley & Maxwell 1971), the number of factors by parallel analysis,
rotated by varimax (Kaiser 1958) or promax (Hendrickson & White 1964).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtri
from sklearn.decomposition import FactorAnalysis
from sklearn.exceptions import ConvergenceWarning

from segmentwerk.core.analysis_settings import FactorSettings
from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.parallel_analysis import ParallelAnalysis, parallel_analysis
from segmentwerk.core.seeds import derive

SMALLEST = 50
"""Rows needed."""
FEWEST = 4
"""Variables needed."""
WHY = {
    "sparse": "known in too few rows",
    "constant": "the same in all rows",
    "same": "told by one before it",
}
LISTED = 3
"""Variables that an error names at most."""
HEYWOOD = 0.995
"""Communality beyond which a variable has next to no variance of its own."""
SAME = 0.98
"""Correlation beyond which two variables say the same, and the later one is left out."""
LEADING = 0.4
"""Loading from which a variable belongs to a factor, for Cronbach's alpha and in figures."""
POWER = 4
"""Of promax, as in Hendrickson & White."""


@dataclass(frozen=True)
class FactorSolution:
    """What was found.

    Attributes
    ----------
    loadings
        (n_variables, n_factors) index: variables; columns 1 … n_factors, the one that explains most first.
    communalities
        (n_variables,) share of each variable's variance that the factors explain.
    correlations
        (n_factors, n_factors) of the factors; the identity after varimax.
    explained
        (n_factors,) share of all variance; after promax, overlaps are counted with the factor that has them.
    alpha
        (n_factors,) Cronbach's alpha of the variables that load at least `LEADING`; NaN of fewer than two.
    kmo, kmo_each
        Kaiser-Meyer-Olkin measure of all and of each variable: how much of the correlations is shared.
    parallel
        Why so many factors.
    left_out
        Variable and why: ``sparse``, ``constant`` or ``same``.
    n_rows, filled
        Rows used, and the share of their values that was unknown and set to the mean.
    """

    loadings: pd.DataFrame
    communalities: pd.Series
    correlations: FloatArray
    explained: FloatArray
    alpha: FloatArray
    kmo: float
    kmo_each: pd.Series
    parallel: ParallelAnalysis
    n_rows: int
    filled: float
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def heywood(self) -> list[str]:
        """Variables that the factors explain to the last bit (a Heywood case): a sign of a bad fit."""
        return [str(name) for name in self.communalities.index[self.communalities > HEYWOOD]]


def analyse(rows: pd.DataFrame, settings: FactorSettings, seed: int, *, ranks: bool) -> FactorSolution:
    """Find the factors of a table.

    Parameters
    ----------
    rows
        One row a respondent or account, numeric columns, NaN where unknown.
    ranks
        Whether values count by their rank (normal scores): for money and counts, whose tails would lead.

    Raises
    ------
    InputError
        If rows or variables are too few, or have nothing in common.
    """
    x, filled, left_out = usable(rows, settings.answered, ranks=ranks)
    parallel = parallel_analysis(x.to_numpy(), settings.copies, derive(seed, "parallel analysis"))
    number = min(parallel.n_factors, most_factors(x.shape[1]))
    if number == 0:
        raise InputError(
            f"The {x.shape[1]} variables have nothing in common that {len(x)} rows could show.",
            "Look whether they are what you meant: analysis.factors.of=surveys or accounts.",
        )
    correlation = np.corrcoef(x.to_numpy(), rowvar=False)
    plain = extract(correlation, number)
    loadings, correlations = rotate(plain, settings.rotation)
    loadings, correlations = _in_order(loadings, correlations)
    each, whole = kmo(correlation)
    frame = pd.DataFrame(loadings, index=x.columns, columns=range(1, number + 1))
    return FactorSolution(
        frame,
        pd.Series(np.square(plain).sum(axis=1), index=x.columns),
        correlations,
        np.asarray((loadings * (loadings @ correlations)).sum(axis=0) / len(loadings)),
        np.array([alpha(x.to_numpy(), loadings[:, place]) for place in range(number)]),
        whole,
        pd.Series(each, index=x.columns),
        parallel,
        len(x),
        filled,
        left_out,
    )


def usable(rows: pd.DataFrame, answered: float, *, ranks: bool) -> tuple[pd.DataFrame, float, dict[str, str]]:
    """Leave out what cannot be used; standardise the rest, unknown values at the mean.

    Raises
    ------
    InputError
        If fewer than `SMALLEST` rows or `FEWEST` variables are left.
    """
    left_out: dict[str, str] = {}
    rows = rows.dropna(how="all")
    for name in rows:
        if rows[name].notna().mean() < answered:
            left_out[str(name)] = "sparse"
    known = rows.drop(columns=list(left_out))
    known = known[known.notna().mean(axis=1) >= answered]
    left_out |= {str(name): "constant" for name in known if not known[name].std() > 0}
    known = known.drop(columns=[name for name in known if str(name) in left_out])
    known = _normal_scores(known) if ranks else known
    filled = float(known.isna().to_numpy().mean()) if known.size else 0.0
    x = ((known - known.mean()) / known.std(ddof=0)).fillna(0.0)
    for name in _same(x):
        left_out[name] = "same"
    x = x.drop(columns=[name for name in x if str(name) in left_out])
    if len(x) < SMALLEST or x.shape[1] < FEWEST:
        named = [f"{name!r} is left out: {WHY[why]}." for name, why in list(left_out.items())[:LISTED]]
        raise InputError(
            f"{len(x)} rows with {x.shape[1]} variables can be used; factors need {SMALLEST} with {FEWEST}. "
            + " ".join(named),
            "A variable is used that is known in analysis.factors.answered of the rows and varies; what only "
            "a few accounts answered is left out.",
        )
    return x, filled, left_out


def _normal_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Replace values by the normal quantiles of their ranks (van der Waerden)."""
    ranks = rows.rank() / (rows.notna().sum() + 1)
    return ranks.apply(lambda column: pd.Series(ndtri(column.to_numpy()), index=column.index))


def _same(x: pd.DataFrame) -> list[str]:
    """Return the variables that an earlier one tells, each with all that stay."""
    correlation = np.abs(np.corrcoef(x.to_numpy(), rowvar=False)) if x.shape[1] > 1 else np.ones((1, 1))
    stay: list[int] = []
    gone = []
    for place, name in enumerate(x):
        if any(correlation[place, other] > SAME for other in stay):
            gone.append(str(name))
        else:
            stay.append(place)
    return gone


def most_factors(n_variables: int) -> int:
    """Return how many factors can be told from so many variables (Ledermann 1937)."""
    return max(1, int((2 * n_variables + 1 - np.sqrt(8 * n_variables + 1)) / 2))


def extract(correlation: FloatArray, number: int) -> FloatArray:
    """Return loadings (n_variables, number) of maximum likelihood, not rotated.

    scikit-learn takes rows, and needs no more of them than their correlations: these rows have them exactly.
    """
    size = len(correlation)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    exact = np.vstack([root.T, -root.T]) * np.sqrt(size)
    with warnings.catch_warnings():  # where a variable has nothing of its own, the likelihood creeps on
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = FactorAnalysis(number, svd_method="lapack", tol=1e-9, max_iter=20_000).fit(exact)
    return np.asarray(model.components_.T)


def rotate(loadings: FloatArray, rotation: str) -> tuple[FloatArray, FloatArray]:
    """Return rotated loadings and the correlations of the factors."""
    number = loadings.shape[1]
    if number == 1:
        return loadings, np.eye(1)
    turned = varimax(loadings)
    return promax(turned) if rotation == "promax" else (turned, np.eye(number))


def varimax(loadings: FloatArray) -> FloatArray:
    """Turn factors so that each variable loads on few; variables count alike (Kaiser's normalisation)."""
    length = np.sqrt(np.square(loadings).sum(axis=1, keepdims=True))
    x = loadings / np.where(length > 0, length, 1.0)
    turn, last = np.eye(x.shape[1]), 0.0
    for _ in range(1000):
        now = x @ turn
        u, values, v = np.linalg.svd(x.T @ (now**3 - now * np.square(now).mean(axis=0)))
        turn = u @ v
        if values.sum() <= last * (1 + 1e-10):
            break
        last = float(values.sum())
    return np.asarray(loadings @ turn)


def promax(loadings: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Let factors correlate: the turn that comes nearest to the loadings' own powers."""
    target = loadings * np.abs(loadings) ** (POWER - 1)
    turn = np.linalg.lstsq(loadings, target, rcond=None)[0]
    turn = turn * np.sqrt(np.diag(np.linalg.inv(turn.T @ turn)))
    inverse = np.linalg.inv(turn)
    return np.asarray(loadings @ turn), np.asarray(inverse @ inverse.T)


def _in_order(loadings: FloatArray, correlations: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Put the factor first that explains most, each pointing along most of its variables."""
    order = np.argsort(-np.square(loadings).sum(axis=0), kind="stable")
    signs = np.where((loadings**3).sum(axis=0) < 0, -1.0, 1.0)
    turned = correlations * np.outer(signs, signs)
    return (loadings * signs)[:, order], turned[np.ix_(order, order)]


def alpha(x: FloatArray, loadings: FloatArray) -> float:
    """Return Cronbach's alpha (1951) of the variables that load, those that load negatively reversed."""
    members = np.abs(loadings) >= LEADING
    n = int(members.sum())
    if n < 2:
        return float("nan")
    items = x[:, members] * np.sign(loadings[members])
    return float(n / (n - 1) * (1 - items.var(axis=0).sum() / items.sum(axis=1).var()))


def kmo(correlation: FloatArray) -> tuple[FloatArray, float]:
    """Return the Kaiser-Meyer-Olkin measure (Kaiser 1974) of each variable and of all."""
    inverse = np.linalg.pinv(correlation, hermitian=True)
    scale = np.sqrt(np.diag(inverse))
    apart = 1.0 - np.eye(len(correlation))
    partial = np.square(inverse / np.outer(scale, scale)) * apart
    plain = np.square(correlation) * apart
    each = plain.sum(axis=0) / (plain.sum(axis=0) + partial.sum(axis=0))
    return np.asarray(each), float(plain.sum() / (plain.sum() + partial.sum()))
