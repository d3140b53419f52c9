"""Which variables tell a segment from all others: linear discriminant analysis, one segment at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from segmentwerk.core.structure_coefficients import structure_coefficients, within

LEARNED_FROM = 20_000
"""Accounts used, at most."""
LEAST_LOADING = 0.2
SHOWN = 5


@dataclass(frozen=True)
class Discriminant:
    """The direction of the reference space along which one segment stands out most.

    ``loadings``: variables and their correlation with the direction within the groups, largest first
    ("structure coefficients"; Huberty & Olejnik 2006, *Applied MANOVA and Discriminant Analysis*, ch. 5).
    ``explained``: share of the variance along the direction that lies between the segment and the rest.
    """

    loadings: tuple[tuple[str, float], ...]
    explained: float


def discriminants(space: pd.DataFrame, labels: pd.Series) -> dict[int, Discriminant]:
    """Analyse each segment against the rest.

    Parameters
    ----------
    space
        Accounts in the reference space (n_accounts, n_columns).
    labels
        (n_accounts,) label 0 … k-1 with the same index.
    """
    chosen = np.random.default_rng(0).permutation(len(space))[:LEARNED_FROM]
    x, kinds = space.to_numpy(dtype=np.float64)[chosen], labels.to_numpy()[chosen]
    varying = x.std(axis=0) > 0
    names = [str(name) for name in space.columns[varying]]
    x = (x[:, varying] - x[:, varying].mean(axis=0)) / x[:, varying].std(axis=0)
    return {
        int(label): _against_the_rest(x, kinds == label, names)
        for label in np.unique(labels)
        if 1 < (kinds == label).sum() < len(kinds) - 1
    }


def _against_the_rest(x: np.ndarray, member: np.ndarray, names: list[str]) -> Discriminant:
    # Shrinkage (Ledoit & Wolf 2004), because the levels of a category sum to one.
    analysis = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(x, member)
    scores = x @ analysis.coef_[0]
    groups = member.astype(np.int64)
    loadings = structure_coefficients(x, scores, groups)
    order = np.argsort(-np.abs(loadings), kind="stable")[:SHOWN]
    largest = tuple((names[i], float(loadings[i])) for i in order if abs(loadings[i]) >= LEAST_LOADING)
    return Discriminant(largest, float(1 - (within(scores, groups) ** 2).mean() / scores.var()))
