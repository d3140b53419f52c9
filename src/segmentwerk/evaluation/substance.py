"""Substance: how many segments there are, how large, and how much revenue each holds.

``substance/n_segments``: segments with at least one account.
``substance/smallest_share`` and ``substance/largest_share``: shares of all accounts.
``substance/evenness``: entropy of the shares over its maximum (Pielou 1966), 1 for equal sizes.
``substance/largest_revenue_share``: share of the positive revenue held by the segment with most of it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import entr

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.seeds import derive
from segmentwerk.evaluation.resampling import Measured, Sample, measured, ratio, sample
from segmentwerk.evaluation.view import Case

FAMILY = "substance"


def measure(case: Case) -> list[Measured]:
    """Measure the family on the accounts of both halves."""
    settings = case.settings
    chosen = sample(case.labels, settings.max_rows, settings.n_bootstrap, derive(case.seed, FAMILY))
    filled = np.flatnonzero(case.shares)
    shares = _shares(case, chosen, np.ones(len(chosen.rows)))[filled]
    evenness = ratio(entr(shares).sum(axis=0), np.full(shares.shape[1], np.log(max(len(filled), 2))))
    scores = [
        measured(FAMILY, "n_segments", np.array([float(len(filled))]), higher_is_better=False),
        measured(FAMILY, "smallest_share", shares.min(axis=0)),
        measured(FAMILY, "largest_share", shares.max(axis=0), higher_is_better=False),
        measured(FAMILY, "evenness", evenness),
    ]
    revenue = _revenue(case)
    if revenue is not None:
        held = _shares(case, chosen, revenue[chosen.rows]).max(axis=0)
        scores.append(measured(FAMILY, "largest_revenue_share", held, higher_is_better=False))
    return scores


def revenue_shares(case: Case) -> FloatArray:
    """Share of the positive revenue in each segment (n_segments,); NaN without revenue."""
    revenue = _revenue(case)
    if revenue is None:
        return np.full(case.n_segments, np.nan)
    return np.asarray(np.bincount(case.labels, revenue, minlength=case.n_segments) / revenue.sum())


def _revenue(case: Case) -> FloatArray | None:
    train, test = case.view.revenue_train, case.view.revenue_test
    if train is None or test is None:
        return None
    revenue = pd.concat([train, test]).fillna(0.0).clip(lower=0.0).to_numpy(dtype=np.float64)
    return revenue if revenue.sum() > 0 else None


def _shares(case: Case, chosen: Sample, amounts: FloatArray) -> FloatArray:
    """Share of the amounts in each segment, (n_segments, 1 + n_draws)."""
    member = case.labels[chosen.rows][None, :] == np.arange(case.n_segments)[:, None]
    held = (member * amounts) @ chosen.weights
    return ratio(held, np.broadcast_to(held.sum(axis=0), held.shape))
