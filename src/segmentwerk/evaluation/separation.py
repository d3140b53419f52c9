"""Separation: whether the segments differ from each other on accounts that no fit has seen.

``separation/gain`` G, nats per variable and account. Held-out accounts x with segment l(x) are
described by one block a segment b_j with share w_j, all learned on the training accounts, and by one
cloud b_0 for all of them (`description`):

    G = mean over held-out x of [log w_l(x) + log b_l(x)(x) - log b_0(x)] / number of variables.

It is the classification likelihood (Celeux & Govaert 1992; Biernacki, Celeux & Govaert 2000) on held-out
accounts. It needs labels only, so it compares any two algorithms; a cut through one cloud pays the
entropy of its shares and gains less than that, so that G <= 0 where there are no groups.

``separation/purity`` P: with q the mean share of the nearest neighbours (Euclidean, reference space)
that lie in an account's own segment and p_j the segments' shares,

    P = (q - sum p_j^2) / (1 - sum p_j^2),

0 for labels thrown at random and 1 for segments that never touch.

``separation/silhouette``: mean of (b - a) / max(a, b) with a the distance to the centre of the own
segment and b to the nearest other centre (simplified silhouette; Vendramin, Campello & Hruschka 2010).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.seeds import derive
from segmentwerk.evaluation.crossvalidation import Value, held_out
from segmentwerk.evaluation.description import by_segment, single_cloud
from segmentwerk.evaluation.resampling import Measured, Sample, measured, ratio, sample
from segmentwerk.evaluation.view import Case, View

FAMILY = "separation"
N_NEIGHBORS = 10
"""Neighbours asked by the purity."""


def measure(case: Case) -> list[Measured]:
    """Measure gain, purity and simplified silhouette with their intervals."""
    return [
        gain(case),
        measured(FAMILY, "purity", _mean(case, _purities)),
        measured(FAMILY, "silhouette", _mean(case, _silhouettes)),
    ]


def gain(case: Case) -> Measured:
    """Measure the held-out gain alone."""
    return measured(FAMILY, "gain", _mean(case, gains_of), unit="nats per variable")


def _mean(case: Case, value: Value) -> FloatArray:
    """Mean of a value over the held-out accounts and its bootstrap draws, shape (1 + n_draws,)."""
    chosen, values = held_out(case, derive(case.seed, FAMILY, "held-out"), value)
    return chosen.mean(values)


def _sample(case: Case, labels: IntArray, purpose: str) -> Sample:
    settings = case.settings
    return sample(labels, settings.max_rows, settings.n_bootstrap, derive(case.seed, FAMILY, purpose))


def gains_of(case: Case, chosen: Sample) -> FloatArray:
    """Held-out gain of each chosen account in nats per variable, shape (m,)."""
    view, k, settings, seed = case.view, case.n_segments, case.settings, derive(case.seed, FAMILY, "training")
    learned = sample(case.labels_train, settings.max_rows, 0, seed).rows
    judged, own = len(view.train) + chosen.rows, case.labels_test[chosen.rows]
    cloud = single_cloud(view, settings.max_rows, seed)
    described = by_segment(view, cloud, learned, case.labels_train[learned], k, judged, own)
    shares = (np.bincount(case.labels_train, minlength=k) + 1) / (len(case.labels_train) + k)
    gains = np.log(shares)[own] + described - cloud.log_density[chosen.rows]
    return np.asarray(gains / (len(view.continuous) + len(view.discrete)))


def _purities(case: Case, asking: Sample) -> FloatArray:
    """Chance-corrected purity of each chosen account, shape (m,): it asks, all accounts answer."""
    known = _sample(case, case.labels, "neighbours").rows
    labels = case.labels[known]
    questions = len(case.labels_train) + asking.rows
    n_neighbors = min(N_NEIGHBORS, len(known) - 2)
    if n_neighbors < 1:
        return np.zeros(len(questions))
    neighbors = _neighbors(case.view, known.tobytes(), questions.tobytes(), n_neighbors + 1)
    same = (labels[neighbors] == case.labels[questions][:, None]) & (known[neighbors] != questions[:, None])
    own = (known[neighbors] == questions[:, None]).any(axis=1)
    q = same.sum(axis=1) / np.where(own, n_neighbors, n_neighbors + 1)
    chance = float((case.shares**2).sum())
    return ratio(q - chance, np.full_like(q, 1 - chance))


@lru_cache(maxsize=4)  # few candidates need other rows than the common ones of a sample
def _neighbors(view: View, known: bytes, questions: bytes, count: int) -> IntArray:
    """Return the places in ``known`` of the rows nearest to each of ``questions``; both positions, int64."""
    everyone = view.everyone.to_numpy()
    answering, asking = (np.frombuffer(rows, dtype=np.int64) for rows in (known, questions))
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(everyone[answering])
    found: IntArray = search.kneighbors(everyone[asking], return_distance=False)
    return found


def _silhouettes(case: Case, chosen: Sample) -> FloatArray:
    """Simplified silhouette of each chosen account, shape (m,); 0 where only one segment is filled."""
    filled = np.unique(case.labels_train)
    own = np.searchsorted(filled, case.labels_test[chosen.rows]).clip(max=len(filled) - 1)
    if len(filled) < 2:
        return np.zeros(len(own))
    centres = case.view.train.groupby(case.labels_train).mean().to_numpy()
    # In one piece: cut up for threads, the last digits would depend on the number of cores.
    distances = pairwise_distances(case.view.test.to_numpy()[chosen.rows], centres, n_jobs=1)
    a = distances[np.arange(len(own)), own]
    distances[np.arange(len(own)), own] = np.inf
    b = distances.min(axis=1)
    return ratio(b - a, np.maximum(a, b))
