"""A map of segments: the directions along which they differ most, by canonical discriminants (Rao 1948).

How well the directions tell segments apart is asked of accounts that were not used to find them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import chi2
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import InputError
from segmentwerk.core.seeds import derive
from segmentwerk.core.structure_coefficients import structure_coefficients, within

LEARNED_FROM = 20_000
"""Accounts used, at most."""
SMALLEST = 10
"""Accounts that a segment needs."""
FOLDS = 5
PERMUTATIONS = 19
LEVEL = 0.05


@dataclass(frozen=True)
class SegmentMap:
    """What was found.

    Attributes
    ----------
    centres
        Segments by number: place ``x``, ``y`` in standard deviations within segments, ``accounts``, and
        ``hits``, the share of its accounts that were told right when kept out.
    structure
        Variables (n_variables, n_axes): correlation with each axis within segments.
    shares
        (n_axes,) what each axis tells of the difference between segments, sum 1.
    wilks, p
        Wilks' lambda of all axes (1: segments are alike) and the p-value of Bartlett's test.
    hits, chance, hits_shuffled
        Share of held-out accounts told right; by guessing in proportion to size; and at most where segments
        were shuffled.
    left_out
        Segments with too few accounts.
    """

    centres: pd.DataFrame
    structure: pd.DataFrame
    shares: FloatArray
    wilks: float
    p: float
    hits: float
    chance: float
    hits_shuffled: float
    left_out: tuple[int, ...]

    @property
    def drawn(self) -> bool:
        """Whether the map is better than chance."""
        return self.hits > max(self.chance, self.hits_shuffled) and self.p < LEVEL


def analyse(features: pd.DataFrame, segment_ids: pd.Series, seed: int) -> SegmentMap:
    """Map segments.

    Parameters
    ----------
    features
        Numeric features by account id, NaN where unknown; they count by their ranks, unknown ones as the
        median.
    segment_ids
        Segment by account id; -1: none.

    Raises
    ------
    InputError
        If fewer than two segments or variables can be used.
    """
    known = segment_ids.reindex(features.index).fillna(-1).astype("int64")
    sizes = known[known >= 0].value_counts().sort_index()
    left_out = tuple(int(str(number)) for number in sizes.index[sizes < SMALLEST])
    members = known[known.isin(sizes.index[sizes >= SMALLEST])].sort_index()
    rng = np.random.default_rng(derive(seed, "accounts"))
    members = members.iloc[np.sort(rng.permutation(len(members))[:LEARNED_FROM])]
    x = normal_scores(features.loc[members.index])
    groups: IntArray = np.asarray(members.to_numpy(), dtype=np.int64)
    if len(np.unique(groups)) < 2 or x.shape[1] < 2:
        raise InputError(
            f"{len(np.unique(groups))} segments with {SMALLEST} accounts and {x.shape[1]} variables that "
            "vary; a map needs two of each.",
            "Score more accounts, or compare anew for more segments.",
        )
    return _mapped(x, groups, left_out, seed)


def normal_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Replace values by normal quantiles of their ranks; unknown by 0; what does not vary is left out."""
    ranks = (rows.rank() / (rows.notna().sum() + 1)).to_numpy()
    found = pd.DataFrame(ndtri(ranks), index=rows.index, columns=rows.columns).fillna(0.0)
    return found.loc[:, found.std() > 1e-9]


def _mapped(x: pd.DataFrame, groups: IntArray, left_out: tuple[int, ...], seed: int) -> SegmentMap:
    values = x.to_numpy()
    model = _model().fit(values, groups)
    scores = model.transform(values)[:, : min(len(np.unique(groups)) - 1, x.shape[1])]
    scores = scores / np.sqrt((within(scores, groups) ** 2).mean(axis=0))
    between = np.maximum(scores.var(axis=0) - 1.0, 0.0)  # eigenvalues: variance between over within
    wilks = float(np.prod(1.0 / (1.0 + between)))
    told = _told(values, groups, seed)
    structure = {
        place + 1: structure_coefficients(values, scores[:, place], groups)
        for place in range(scores.shape[1])
    }
    return SegmentMap(
        _centres(scores, groups, told == groups),
        pd.DataFrame(structure, index=x.columns),
        np.asarray(between / between.sum() if between.sum() > 0 else between),
        wilks,
        _bartlett(wilks, len(x), x.shape[1], len(np.unique(groups))),
        float((told == groups).mean()),
        float(np.square(np.unique(groups, return_counts=True)[1] / len(groups)).sum()),
        _shuffled(values, groups, seed),
        left_out,
    )


def _model() -> LinearDiscriminantAnalysis:
    # Shrinkage (Ledoit & Wolf 2004), because features say the same in part.
    return LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")


def _told(x: FloatArray, groups: IntArray, seed: int) -> IntArray:
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=derive(seed, "folds"))
    return np.asarray(cross_val_predict(_model(), x, groups, cv=folds))


def _shuffled(x: FloatArray, groups: IntArray, seed: int) -> float:
    """Return the best hit rate of segments that were shuffled: what chance can reach."""
    rng = np.random.default_rng(derive(seed, "shuffled"))
    found = []
    for copy in range(PERMUTATIONS):
        mixed = rng.permutation(groups)
        found.append(float((_told(x, mixed, derive(seed, copy)) == mixed).mean()))
    return max(found)


def _bartlett(wilks: float, n: int, n_variables: int, n_groups: int) -> float:
    """Return the p-value of Bartlett's chi-square approximation (1938)."""
    statistic = -(n - 1 - (n_variables + n_groups) / 2) * np.log(max(wilks, 1e-300))
    return float(chi2.sf(statistic, n_variables * (n_groups - 1)))


def _centres(scores: FloatArray, groups: IntArray, right: FloatArray) -> pd.DataFrame:
    """Place the segments' means; with two segments there is one axis, and all lie on it."""
    xy = np.column_stack([scores, np.zeros(len(scores))])[:, :2]
    table = pd.DataFrame(xy, columns=["x", "y"]).assign(segment_id=groups, hits=right.astype("float64"))
    found = table.groupby("segment_id").mean()
    return found.assign(accounts=table.groupby("segment_id").size())
