"""Whether then and now can be told apart: a classifier's area under the curve on accounts held out from it.

A classifier two-sample test (Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests", ICLR): what no
single feature shows, all of them together may. An account that was there both times stays on one side of a
split, so that nothing is told by recognising it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.seeds import derive

FOLDS = 3
LEAST_KNOWN = 30
"""Accounts of both dates of whom a feature must be known: trees cannot be grown on what a fold lacks."""
SHOWN = 8
"""Features that are named at most."""


@dataclass(frozen=True)
class Told:
    """How well then and now are told apart: mean area over the folds, its standard error, and by what.

    ``features``: by how much the area shrinks when a feature is shuffled, the most first.
    """

    auc: float
    se: float
    features: dict[str, float]


def tell(
    then: pd.DataFrame, now: pd.DataFrame, *, max_rows: int, seed: int, without: Sequence[str] = ()
) -> Told:
    """Learn to tell two tables of features apart.

    Parameters
    ----------
    then, now
        (n, n_features) each; index: account ids.
    max_rows
        Accounts of each that are learned from at most.
    without
        Features that are left out, such as those that grow with the date by themselves.
    """
    rng = np.random.default_rng(derive(seed, "telling"))
    names = [name for name in then if name in now and name not in without]
    halves = [_some(half[names], max_rows, rng) for half in (then, now)]
    both = pd.concat(halves)
    names = [name for name in names if both[name].notna().sum() >= LEAST_KNOWN]
    x, categorical = _numbers(both[names])
    y = np.repeat([0, 1], [len(half) for half in halves])
    areas, lost = [], np.zeros(len(names))
    for fitted, asked in GroupKFold(FOLDS).split(x, y, both.index):
        model = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=15, categorical_features=categorical, random_state=seed
        )
        model.fit(x[fitted], y[fitted])
        areas.append(roc_auc_score(y[asked], model.predict_proba(x[asked])[:, 1]))
        lost += _lost(model, x[asked], y[asked], areas[-1], rng) / FOLDS
    order = np.argsort(-lost, kind="stable")[:SHOWN]
    return Told(
        float(np.mean(areas)),
        float(np.std(areas, ddof=1) / np.sqrt(FOLDS)),
        {names[place]: float(lost[place]) for place in order if lost[place] > 0},
    )


def _some(rows: pd.DataFrame, most: int, rng: np.random.Generator) -> pd.DataFrame:
    return rows.iloc[np.sort(rng.permutation(len(rows))[:most])]


def _numbers(rows: pd.DataFrame) -> tuple[FloatArray, list[bool]]:
    """Return numbers as they are and categories as codes, the rare ones as one."""
    columns, categorical = [], []
    for name in rows:
        column = rows[name]
        is_text = not pd.api.types.is_numeric_dtype(column)
        if is_text:
            common = column.value_counts().index[:60]
            codes = pd.Index(common).get_indexer(column).astype(np.float64)
            columns.append(np.where(column.isna(), np.nan, np.where(codes < 0, len(common), codes)))
        else:
            columns.append(column.to_numpy(dtype=np.float64))
        categorical.append(is_text)
    return np.column_stack(columns), categorical


def _lost(
    model: HistGradientBoostingClassifier, x: FloatArray, y: IntArray, area: float, rng: np.random.Generator
) -> FloatArray:
    """Return by how much the area shrinks when one feature after the other is shuffled."""
    found = np.zeros(x.shape[1])
    for place in range(x.shape[1]):
        kept = x[:, place].copy()
        x[:, place] = rng.permutation(kept)
        found[place] = area - roc_auc_score(y, model.predict_proba(x)[:, 1])
        x[:, place] = kept
    return found
