"""Identifiability: whether a prospect's segment can be told from what is known before the first order.

The model that a release ships for prospects (`segmenters.prospect`) learns the segments of the training
accounts from their prospect features and predicts those of the held-out accounts. Dolnicar, Grün & Leisch
(2018) count 'identifiable' among the knock-out criteria of a segment.

``identifiability/balanced_accuracy``: mean recall over segments, each account put where the predicted
probability over the segment's share is largest; chance is one over the number of segments.
``identifiability/auc``: mean area under the curve of each segment against the rest; chance is 0.5.
``identifiability/above_majority``: share of accounts put right by the largest probability, less the
share of the largest segment.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.seeds import derive
from segmentwerk.evaluation.crossvalidation import everyone, folds
from segmentwerk.evaluation.resampling import Measured, Sample, measured, ratio, sample
from segmentwerk.evaluation.view import Case
from segmentwerk.segmenters import prospect

FAMILY = "identifiability"


def measure(case: Case) -> list[Measured]:
    """Measure the family; empty without prospect features or with one filled segment only."""
    known = case.view.prospect_train
    if known is None or known.shape[1] == 0 or len(np.unique(case.labels_train)) < 2:
        return []
    seed = derive(case.seed, FAMILY)
    own, probabilities, judged = _predictions(case, seed)
    learned = case.labels_train[_learned(case, seed)]
    shares = np.bincount(learned, minlength=case.n_segments) / len(learned)
    balanced = ratio(probabilities, np.broadcast_to(shares, probabilities.shape)).argmax(axis=1)
    majority = judged.mean((own == shares.argmax()).astype(np.float64))
    hits = judged.mean((probabilities.argmax(axis=1) == own).astype(np.float64))
    return [
        measured(FAMILY, "balanced_accuracy", _mean_recall(balanced == own, own, judged)),
        measured(FAMILY, "auc", _mean_auc(probabilities, own, judged)),
        measured(FAMILY, "above_majority", hits - majority),
    ]


def _predictions(case: Case, seed: int) -> tuple[IntArray, FloatArray, Sample]:
    """Return segments (m,) and their probabilities (m, k) of the accounts asked, and these accounts.

    They are the held-out half, or all accounts, each asked when it is held out, where there are few.
    """
    settings, view = case.settings, case.view
    if not case.folds:
        judged = sample(case.labels_test, settings.max_rows, settings.n_bootstrap, derive(seed, "test"))
        return case.labels_test[judged.rows], _probabilities(case, judged.rows, seed), judged
    probabilities = np.zeros((len(view.everyone), case.n_segments))
    labels = pd.Series(case.labels, index=view.everyone.index)
    for part in folds(view, 1, case.seed):
        inside, outside = (labels.loc[half.index].to_numpy() for half in (part.train, part.test))
        rows = view.everyone.index.get_indexer(part.test.index)
        fold = Case(part, inside, outside, case.n_segments, settings, case.seed)
        probabilities[rows] = _probabilities(fold, np.arange(len(rows)), seed)
    return (
        case.labels,
        probabilities,
        everyone(len(probabilities), settings.n_bootstrap, derive(seed, "test")),
    )


def _probabilities(case: Case, rows: IntArray, seed: int) -> FloatArray:
    """Learn from the training accounts; return the probabilities of some held-out ones (m, k)."""
    train, test = case.view.prospect_train, case.view.prospect_test
    assert train is not None
    assert test is not None
    learned = _learned(case, seed)
    return _predict(train.iloc[learned], case.labels_train[learned], test.iloc[rows], case.n_segments, seed)


def _learned(case: Case, seed: int) -> IntArray:
    return sample(case.labels_train, case.settings.max_rows, 0, derive(seed, "train")).rows


def _predict(train: pd.DataFrame, labels: IntArray, test: pd.DataFrame, k: int, seed: int) -> FloatArray:
    """Probabilities of the segments for held-out accounts, shape (m, k)."""
    numeric = train.select_dtypes("number").columns.tolist()
    categorical = train.columns.drop(numeric).tolist()
    places, segments = pd.factorize(labels)  # by appearance: what segments are called must not matter
    with warnings.catch_warnings():
        # A model whose fit is unfinished is shipped, too.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = prospect.learn(
            train,
            pd.Series(places, train.index),
            numeric=numeric,
            categorical=categorical,
            used=train.columns.tolist(),
            seed=seed,
        )
    probabilities = np.zeros((len(test), k))
    probabilities[:, segments] = fitted.predict_proba(test)
    return probabilities


def _mean_recall(hit: IntArray, own: IntArray, judged: Sample) -> FloatArray:
    members = [own == segment for segment in np.unique(own)]
    recalls = [ratio(hit[m] @ judged.weights[m], judged.weights[m].sum(axis=0)) for m in members]
    return np.asarray(np.mean(recalls, axis=0))


def _mean_auc(probabilities: FloatArray, own: IntArray, judged: Sample) -> FloatArray:
    segments = [segment for segment in np.unique(own) if (own != segment).any()]
    if not segments:
        return np.full(judged.weights.shape[1], 0.5)
    areas = [weighted_auc(probabilities[:, j], own == j, judged.weights) for j in segments]
    return np.asarray(np.mean(areas, axis=0))


def weighted_auc(scores: FloatArray, positive: IntArray, weights: FloatArray) -> FloatArray:
    """Area under the curve for each column of ``weights`` (m, n_columns): P(positive above negative).

    Equal scores count half; 0.5 where a column holds one kind only.
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    above = np.add.reduceat(np.where(positive[:, None], weights, 0)[order], starts, axis=0)
    below = np.add.reduceat(np.where(positive[:, None], 0, weights)[order], starts, axis=0)
    won = (above * (below.cumsum(axis=0) - below / 2)).sum(axis=0)
    pairs = above.sum(axis=0) * below.sum(axis=0)
    return np.asarray(np.where(pairs > 0, ratio(won, pairs), 0.5))
