"""Where the neighbours of a segment's accounts lie, and what a reader must be warned of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

from segmentwerk.core.types import Scorecard
from segmentwerk.insight.language import ENGLISH, Language

N_NEIGHBORS = 10
ASKED = 5000
"""Accounts that look for neighbours among each other, at most; small segments keep at least their share."""
DOUBTFUL = 0.6
"""Hennig (2007): below this cluster-wise Jaccard a segment should not be trusted."""
OVERLAPPING = 0.2
"""Share of the neighbours in one other segment from which two segments run into each other."""


def neighbourhood(space: pd.DataFrame, labels: pd.Series, n_segments: int, seed: int = 0) -> pd.DataFrame:
    """Share of the nearest neighbours of each segment's accounts that lie in each segment: (k, k).

    Rows are the segments that ask, columns those that answer; rows sum to one, but for empty segments.

    Parameters
    ----------
    space
        Accounts in the reference space (n_accounts, n_columns), Euclidean.
    labels
        (n_accounts,) label 0 … k-1 with the same index.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(space))[:ASKED])
    x, kinds = space.to_numpy(dtype=np.float64)[rows], labels.to_numpy()[rows]
    n_neighbors = min(N_NEIGHBORS, len(rows) - 1)
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(x)
    neighbors = kinds[search.kneighbors(return_distance=False)]  # without the account itself
    every = range(n_segments)
    shares = [
        [(neighbors[kinds == one] == other).mean() if (kinds == one).any() else 0.0 for other in every]
        for one in every
    ]
    return pd.DataFrame(shares, index=pd.RangeIndex(n_segments), columns=pd.RangeIndex(n_segments))


def segment_warnings(
    card: Scorecard,
    near: pd.DataFrame,
    ids: Mapping[int, int],
    least_share: float,
    language: Language = ENGLISH,
) -> dict[int, tuple[str, ...]]:
    """Warn of segments that do not come back in refits, are too small, or run into another one.

    Parameters
    ----------
    card
        The scorecard whose ``per_segment`` holds accounts, shares and Jaccard overlaps by label.
    near
        The `neighbourhood`.
    ids
        Stable id of each label.
    least_share
        Share of the accounts from which a segment is large enough.
    """
    return {label: _warnings(card, near, ids, label, least_share, language) for label in sorted(ids)}


def _warnings(
    card: Scorecard,
    near: pd.DataFrame,
    ids: Mapping[int, int],
    label: int,
    least_share: float,
    language: Language,
) -> tuple[str, ...]:
    overlap, share = (float(card.per_segment[name].loc[label]) for name in ("jaccard", "share"))
    words = []
    if overlap < DOUBTFUL:
        words.append(language.text("words.unstable", overlap=overlap))
    if share < least_share:
        accounts = float(card.per_segment["accounts"].loc[label])
        words.append(language.text("words.small", accounts=accounts, share=share, least=least_share))
    for other, part in enumerate(near.to_numpy(dtype=np.float64)[label]):
        if other != label and part >= OVERLAPPING:
            words.append(language.text("words.overlapping", other=ids[other], share=float(part)))
    return tuple(words)
