"""Description of held-out accounts, as one cloud and segment by segment.

Both descriptions have the same form: a t density for the numbers (`density`), times, for each categorical
variable in turn, the probability of its level given the numbers and the categorical variables before it.
The cloud learns those probabilities by logistic regression; a segment multiplies the odds of the levels by
factors of its own, fitted so that the expected frequencies in the segment are those observed (iterative
proportional fitting, Deming & Stephan 1940). So a segment is paid for what its label adds to what the other
variables tell already, never for mere correlation.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.evaluation import density
from segmentwerk.evaluation.resampling import common_rows, ratio
from segmentwerk.evaluation.view import View

PRIOR_ROWS = 5.0
"""What is known of all accounts weighs in a segment's frequencies, in rows."""
REGRESSION_C = 1.0
"""Inverse penalty of the logistic regressions."""
REGRESSION_STEPS = 25
"""Twice as many change the gain by at most 0.001 nats per variable on the demo world."""
ROUNDS = 5
"""Rounds of proportional fitting."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """All accounts as one cloud.

    ``log_density`` (n_test,) of the held-out accounts, in nats. ``odds``: for each categorical variable
    the probabilities of its levels given the other variables, for everyone (n, n_levels).
    """

    log_density: FloatArray
    odds: dict[str, FloatArray]


@lru_cache(maxsize=32)  # with few accounts each fold has a cloud of its own
def single_cloud(view: View, max_rows: int, seed: int) -> Cloud:
    """Describe everyone as one cloud, learned on ``max_rows`` accounts; the same for all candidates."""
    n_train = len(view.train)
    learned, judged = common_rows(n_train, max_rows, seed), np.arange(n_train, len(view.everyone))
    one = np.zeros(len(view.everyone), dtype=np.int64)
    total = density.log_densities(view.spread[learned], one[learned], 1, view.spread[judged], one[judged])
    scale = view.spread[learned].std(axis=0)
    known, odds = view.spread / np.where(scale > 0, scale, 1.0), {}
    for name, levels in view.levels.items():
        n_levels = len(view.discrete[name]) + 1
        odds[name] = _odds(known, levels, learned, judged, n_levels)
        total = total + np.log(odds[name][judged, levels[judged]])
        known = np.column_stack([known, np.eye(n_levels)[levels]])
    return Cloud(total, odds)


def _odds(known: FloatArray, levels: IntArray, learned: IntArray, judged: IntArray, k: int) -> FloatArray:
    """Probabilities of a variable's levels given what is known (n, d), for everyone (n, k).

    Plain frequencies where the regression does not describe the held-out accounts better.
    """
    counts = np.bincount(levels[learned], minlength=k) + 0.5
    plain = np.tile(counts / counts.sum(), (len(levels), 1))
    if known.shape[1] == 0 or len(np.unique(levels[learned])) < 2:
        return plain
    with warnings.catch_warnings():
        # An unfinished regression is judged by what it tells, like a finished one.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=REGRESSION_C, max_iter=REGRESSION_STEPS)
        model.fit(known[learned], levels[learned])
    share = PRIOR_ROWS / (len(learned) + PRIOR_ROWS)
    conditional = share * plain
    conditional[:, model.classes_] += (1 - share) * model.predict_proba(known)
    own = levels[judged]
    return conditional if np.log(conditional[judged, own] / plain[judged, own]).mean() > 0 else plain


def by_segment(
    view: View, cloud: Cloud, learned: IntArray, labels: IntArray, k: int, judged: IntArray, own: IntArray
) -> FloatArray:
    """Log densities of accounts in the blocks of their own segments, (m,).

    Parameters
    ----------
    learned, labels
        Positions in ``view.everyone`` of the accounts to learn from (n,) and their segments (n,).
    k
        Number of segments.
    asked, own
        Positions of the accounts to describe (m,) and their segments (m,).
    """
    total = density.log_densities(view.spread[learned], labels, k, view.spread[judged], own)
    for name, levels in view.levels.items():
        factors = _factors(cloud.odds[name][learned], levels[learned], labels, k)
        likelihoods = _tilted(cloud.odds[name][judged], factors[own])
        total = total + np.log(likelihoods[np.arange(len(judged)), levels[judged]])
    return total


def _factors(odds: FloatArray, levels: IntArray, labels: IntArray, k: int) -> FloatArray:
    """Fit each segment's factors on the odds of the levels, (k, n_levels)."""
    n_levels = odds.shape[1]
    prior = PRIOR_ROWS * odds.mean(axis=0)
    observed = np.bincount(labels * n_levels + levels, minlength=k * n_levels).reshape(k, n_levels) + prior
    member = np.eye(k)[labels]
    factors = np.ones((k, n_levels))
    for _ in range(ROUNDS):
        expected = member.T @ _tilted(odds, factors[labels]) + prior
        factors *= ratio(observed, expected)
    return factors


def _tilted(odds: FloatArray, factors: FloatArray) -> FloatArray:
    tilted = odds * factors
    return np.asarray(tilted / tilted.sum(axis=1, keepdims=True), dtype=np.float64)
