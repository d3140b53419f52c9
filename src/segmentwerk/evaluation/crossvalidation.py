"""Repeated cross-validation: with few accounts, each of them is held out in turn.

One split of a hundred accounts holds some thirty out, and an interval that rests on thirty accounts can
exclude nothing. So below ``EvaluationSettings.cross_validate_below`` accounts what is measured on
held-out accounts is measured fold by fold (Stone 1974; Kim 2009, "Estimating classification error rate:
repeated cross-validation, repeated hold-out and bootstrap"): the algorithm is fitted to the other folds,
and each account's value is its mean over the repetitions. All candidates are judged on the same folds, and
intervals resample accounts as they do on one split. The reference space is not fitted anew in each fold;
it knows no segments and no outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import KFold

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import FitError
from segmentwerk.core.seeds import derive
from segmentwerk.evaluation.resampling import Sample, sample
from segmentwerk.evaluation.view import Case, Refit, View

FAMILY = "cross-validation"
FOLDS = 5
REPETITIONS = 3

Value = Callable[[Case, Sample], FloatArray]
"""Gives one number for each chosen held-out account of a case, shape (m,)."""


def held_out_in_turn(case: Case, refit: Refit, *, repetitions: int = REPETITIONS) -> Case:
    """Return the case with its fits on folds, where it has few accounts; else the case as it is.

    A fold that cannot be fitted counts as one segment, which tells nothing: a gain of 0.

    Parameters
    ----------
    refit
        Fits the candidate's algorithm with its parameters to other rows.
    repetitions
        How often all accounts are divided into folds anew.
    """
    if len(case.view.everyone) >= case.settings.cross_validate_below:
        return case
    views = folds(case.view, repetitions, case.seed)
    done = Parallel()(delayed(_fitted)(case, refit, view, number) for number, view in enumerate(views))
    return replace(case, folds=tuple(done))


@lru_cache(maxsize=8)
def folds(view: View, repetitions: int, seed: int) -> tuple[View, ...]:
    """Divide all accounts of a view into `FOLDS` folds, ``repetitions`` times; a view holds each out."""
    view, found = view.ordered, []
    for number in range(repetitions):
        state = derive(seed, FAMILY, number) % 2**32
        parts = KFold(FOLDS, shuffle=True, random_state=state).split(view.everyone)
        found += [view.divided(learned, asked) for learned, asked in parts]
    return tuple(found)


def _fitted(case: Case, refit: Refit, view: View, number: int) -> Case:
    seed = derive(case.seed, FAMILY, "fit", number)
    try:
        return Case.of(refit(view.train, seed), view, case.settings, case.seed)
    except FitError:
        one, other = (np.zeros(len(half), dtype=np.int64) for half in (view.train, view.test))
        return Case(view, one, other, 1, case.settings, case.seed)


def held_out(case: Case, seed: int, value: Value) -> tuple[Sample, FloatArray]:
    """Return the accounts that were held out and a value for each of them.

    Returns
    -------
    Sample
        Of the held-out half, at most ``max_rows`` accounts; with folds all accounts, in the order of
        ``view.everyone``.
    array
        The values (m,), with folds the means over the repetitions.
    """
    settings = case.settings
    if not case.folds:
        chosen = sample(case.labels_test, settings.max_rows, settings.n_bootstrap, seed)
        return chosen, value(case, chosen)
    n = len(case.view.everyone)
    total, times = np.zeros(n), np.zeros(n)
    for fold in case.folds:
        rows = case.view.everyone.index.get_indexer(fold.view.test.index)
        total[rows] += value(fold, everyone(len(rows), 0, seed))
        times[rows] += 1
    return everyone(n, settings.n_bootstrap, seed), total / times


def everyone(n: int, n_draws: int, seed: int) -> Sample:
    """Return a sample of all ``n`` accounts in their order, each with weight 1, and its draws."""
    return sample(np.zeros(n, dtype=np.int64), n, n_draws, seed)
