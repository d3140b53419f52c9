"""Targeting: what a segmentation is worth to whoever may treat its segments differently.

Where the source has past campaigns whose arms were drawn at random, each candidate is judged by the policy
that it allows (`policy`): arms chosen segment by segment, and valued on contacts that did not choose them.

``targeting/gain``: value a contact over the best arm for all, which needs no segments.
``targeting/uplift``: the same over control; left out where a campaign has none.

A contact counts in the segment that the account had on the eve of the campaign: its features are those of
that day. With those of today, segments would be made of what the campaign brought about, and comparing arms
within them would say nothing. Several campaigns count by their contacts.

Contacts are valued in the same orders for all candidates, and values are means over these orders. Draws
resample accounts, as they do for other scores, and are then stretched to the standard error of the value,
which a resampling that takes the chosen arms as given does not reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency

from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Interval
from segmentwerk.evaluation.policy import NORMAL_95, ORDERS, PARTS, PolicyValue, value
from segmentwerk.evaluation.randomised import RandomisedCampaign
from segmentwerk.evaluation.resampling import Measured, measured

FAMILY = "targeting"
LEAST_CONTACTS = 200
"""Contacts that a campaign must have to be judged on."""
LEAST_IN_ARM = 20
MOST_CONTACTS = 50_000
"""Contacts that a candidate is judged on at most, a campaign."""
ALARM = 0.001
"""p below which arms were not drawn at random (Fabijan et al. 2019, "Diagnosing sample ratio mismatch in
online controlled experiments", KDD)."""
N_BINS = 4


@dataclass(frozen=True, eq=False)
class PastCampaign:
    """One past campaign: who was contacted, as they were known on its eve, with what, and what came of it.

    ``rows`` (m, d): the accounts in the shared reference space, their ids as index; ``arm`` (m,) codes of
    ``arms``; ``outcome`` (m,) in ``unit``; ``control``: code of the arm that was left alone, if there is one.
    """

    name: str
    rows: pd.DataFrame
    arm: IntArray
    outcome: FloatArray
    arms: tuple[str, ...]
    control: int | None
    unit: str


def imbalance(rows: pd.DataFrame, arm: IntArray) -> float:
    """Return the p-value of "each arm has its share everywhere", jointly over all columns (Bonferroni).

    The shares by which arms were meant to be drawn are not in the data. But whatever they were, accounts in
    the upper quarter of a feature must have been given each arm as often as those in the lower one.
    """
    found = [p for name in rows if (p := _ratio_mismatch(rows[name].to_numpy(), arm)) is not None]
    return min(1.0, min(found, default=1.0) * len(found))


def _ratio_mismatch(column: FloatArray, arm: IntArray) -> float | None:
    edges = np.unique(np.quantile(column, np.arange(1, N_BINS) / N_BINS))
    bins = np.searchsorted(edges, column, side="right")
    counts = pd.crosstab(bins, arm).to_numpy()
    if counts.shape[0] < 2 or counts.shape[1] < 2:
        return None
    return float(chi2_contingency(counts, correction=False)[1])


def usable(campaign: PastCampaign) -> str:
    """Say why a campaign cannot be judged on; empty where it can."""
    counts = np.bincount(campaign.arm, minlength=len(campaign.arms))
    if len(counts) < 2 or counts.min() < LEAST_IN_ARM or counts.sum() < LEAST_CONTACTS:
        return f"fewer than {LEAST_CONTACTS} contacts of known accounts, or {LEAST_IN_ARM} in an arm"
    if np.ptp(campaign.outcome) == 0:
        return "its outcome is the same for all"
    if imbalance(campaign.rows, campaign.arm) < ALARM:
        return "its arms were not drawn at random: they differ in what was known before"
    return ""


def measure(
    labels: Sequence[IntArray], n_segments: int, campaigns: Sequence[PastCampaign], n_draws: int, seed: int
) -> list[Measured]:
    """Measure the family; empty where there is no campaign.

    Parameters
    ----------
    labels
        For each campaign the segment of each of its rows.
    n_draws
        Bootstrap draws.
    seed
        The same for all candidates.
    """
    if not campaigns:
        return []
    found = [
        _one(label, n_segments, campaign, derive(seed, FAMILY, campaign.name))
        for label, campaign in zip(labels, campaigns, strict=True)
    ]
    sizes = np.array([len(campaign.rows) for campaign in campaigns], dtype=np.float64)
    values = [np.array([getattr(one, name).value for one in found]) for name in ("gain", "uplift")]
    scores = []
    for name, each in zip(("gain", "uplift"), values, strict=True):
        if not np.isfinite(each).all():
            continue
        draws = _draws([one.contributions[name] for one in found], campaigns, n_draws, seed)
        errors = np.array([_error(getattr(one, name)) for one in found])
        stretched = np.stack([_stretched(d, v, e) for d, v, e in zip(draws, each, errors, strict=True)])
        total = np.average(np.column_stack([each, stretched]), axis=0, weights=sizes)
        scores.append(measured(FAMILY, name, total, unit=campaigns[0].unit))
    return scores


def thinned(campaign: PastCampaign, seed: int) -> PastCampaign:
    """Return at most `MOST_CONTACTS` of a campaign's contacts, the same ones for every candidate."""
    n = len(campaign.rows)
    if n <= MOST_CONTACTS:
        return campaign
    rng = np.random.default_rng(derive(seed, FAMILY, campaign.name, "thinned"))
    chosen = np.sort(rng.permutation(n)[:MOST_CONTACTS])
    return PastCampaign(
        campaign.name, campaign.rows.iloc[chosen], campaign.arm[chosen], campaign.outcome[chosen],
        campaign.arms, campaign.control, campaign.unit,
    )  # fmt: skip


def _one(labels: IntArray, n_segments: int, past: PastCampaign, seed: int) -> PolicyValue:
    assert len(labels) >= PARTS
    campaign = RandomisedCampaign(labels, past.arm, past.outcome, n_segments, len(past.arms), past.control)
    return value(campaign, seed, orders=ORDERS)


def _draws(
    contributions: Sequence[FloatArray], campaigns: Sequence[PastCampaign], n_draws: int, seed: int
) -> list[FloatArray]:
    """Bootstrap means of contributions by campaign; an account weighs the same in each of them."""
    ids = pd.Index(np.unique(np.concatenate([campaign.rows.index.to_numpy() for campaign in campaigns])))
    rng = np.random.default_rng(derive(seed, FAMILY, "draws"))
    places = [ids.get_indexer(campaign.rows.index) for campaign in campaigns]
    found = np.empty((len(campaigns), n_draws))
    for draw in range(n_draws):
        weights = rng.poisson(1.0, len(ids)).astype(np.float64)
        for number, (part, place) in enumerate(zip(contributions, places, strict=True)):
            own = weights[place]
            found[number, draw] = own @ part / max(own.sum(), 1.0)
    return list(found)


def _error(interval: Interval) -> float:
    return (interval.high - interval.low) / 2 / NORMAL_95


def _stretched(draws: FloatArray, mean: float, error: float) -> FloatArray:
    """Draws with their deviation from the mean brought to a standard error."""
    spread = float(draws.std())
    return mean + (draws - mean) * (error / spread if spread > 0 else 0.0)
