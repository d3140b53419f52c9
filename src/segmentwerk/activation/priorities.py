"""Which segments come first, how sure that is, which are in focus, and whom to call first within each.

Every figure is scaled over the segments to [0, 1]; the score is their mean by the goal's weights. How sure
the order is: under a bootstrap of the accounts (Efron and Tibshirani 1993, ch. 6; Poisson weights), and with
each weight halved and raised by half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from segmentwerk.activation.figures import SUMS, Book, figures
from segmentwerk.core.activation_settings import ActivationSettings, Stance
from segmentwerk.core.arrays import FloatArray, IntArray
from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.seeds import derive

RANKED = (
    "revenue",
    "margin",
    "margin_rate",
    "growth",
    "potential",
    "predicted",
    "retention",
    "response",
    "reachable",
    "prospects",
)
"""Figures that a goal can weigh."""
ATTRACTIVENESS = ("potential", "growth", "margin", "predicted")
POSITION = ("share_of_wallet", "retention", "response", "reachable")
"""What the axes of the matrix are the mean of, as far as it is known."""
HALF = 0.5
"""By how much of itself each weight is changed."""
WORTH_KEEPING = 0.25
"""Of its share of the accounts, the share of any money that a segment must hold to be kept."""
MOST_TRIED = 16
"""Segments up to which every choice of a focus is tried."""
BLOCK = 4_000_000
"""Random weights held at once."""


@dataclass(frozen=True)
class Ranking:
    """The segments in the order of their priority.

    Attributes
    ----------
    segments
        Index ``segment_id``, best first: ``rank`` from 1, ``score``, ``attractiveness`` and ``position`` in
        [0, 1]; ``rank_low`` and ``rank_high`` hold the rank in 90 of 100 resamples, ``first`` is the share
        of resamples in which it comes first, ``weights_low`` and ``weights_high`` its best and worst rank
        under changed weights.
    weights
        The goal's weights of the figures that are known.
    left_out
        Figures that the goal weighs and that are not known.
    """

    segments: pd.DataFrame
    weights: dict[str, float]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Focus:
    """What is to be done with each segment.

    ``stances`` by segment id; ``by`` is the figure of which the focus holds ``share`` (0 to 1), with
    ``accounts`` of it reachable. ``within`` says whether capacity and asked share are both met.
    """

    stances: dict[int, Stance]
    by: str
    share: float
    accounts: int
    within: bool


def rank(
    book: Book, segment_ids: pd.Series, weights: Mapping[str, float], *, n_bootstrap: int, seed: int
) -> Ranking:
    """Rank the segments by the goal's weights; a negative weight prefers a low figure.

    Raises
    ------
    ConfigError
        If a weight names no figure, or no weighed figure is known.
    InputError
        If no account has a segment.
    """
    known = segment_ids[segment_ids >= 0].sort_index()
    if known.empty:
        raise InputError(
            "The model knows too little of every account to give it a segment.", "Check the source's mapping."
        )
    ids, codes = np.unique(known.to_numpy(), return_inverse=True)
    names = [name for name in SUMS if name in book.accounts]
    values = book.accounts.loc[known.index, names].to_numpy(np.float64)
    sums = np.stack([values[codes == code].sum(axis=0) for code in range(len(ids))])
    found = figures({name: sums[:, place] for place, name in enumerate(names)})
    used, left_out = _usable(weights, found)
    drawn = _resampled(values, codes, len(ids), n_bootstrap, derive(seed, "priorities"))
    resamples = figures({name: drawn[..., place] for place, name in enumerate(names)})
    score = _score(found, used)
    ranks = _ranks(_score(resamples, used))
    changed = np.stack([_ranks(_score(found, other)) for other in _changed(used)])
    table = pd.DataFrame(
        {
            "rank": _ranks(score),
            "score": score,
            "attractiveness": _axis(found, ATTRACTIVENESS),
            "position": _axis(found, POSITION),
            "rank_low": np.quantile(ranks, 0.05, axis=0, method="inverted_cdf"),
            "rank_high": np.quantile(ranks, 0.95, axis=0, method="inverted_cdf"),
            "first": (ranks == 1).mean(axis=0),
            "weights_low": changed.min(axis=0),
            "weights_high": changed.max(axis=0),
        },
        index=pd.Index(ids, name="segment_id"),
    )
    return Ranking(table.sort_values("rank", kind="stable"), used, left_out)


def insist(weights: Mapping[str, float]) -> None:
    """Refuse weights of what is no figure.

    Raises
    ------
    ConfigError
        Naming the nearest one.
    """
    for name in weights:
        if name not in RANKED:
            raise ConfigError(f"goal.priorities names {name!r}, which is no figure.", nearest(name, RANKED))


def _usable(
    weights: Mapping[str, float], found: Mapping[str, FloatArray]
) -> tuple[dict[str, float], tuple[str, ...]]:
    insist(weights)
    asked = {name: weight for name, weight in weights.items() if weight}
    used = {name: weight for name, weight in asked.items() if name in found}
    if not used:
        raise ConfigError(
            f"This source tells nothing that goal.priorities weighs ({', '.join(asked) or 'it is empty'}).",
            f"Known: {', '.join(name for name in RANKED if name in found)}.",
        )
    return used, tuple(name for name in asked if name not in used)


def _resampled(values: FloatArray, codes: IntArray, k: int, n: int, seed: int) -> FloatArray:
    """Return sums over resampled accounts of each segment, (n, k, n_columns)."""
    rng = np.random.default_rng(seed)
    found = np.empty((n, k, values.shape[1]))
    for code in range(k):
        members = values[codes == code]
        step = max(1, BLOCK // len(members))
        for begin in range(0, n, step):
            size = (min(step, n - begin), len(members))
            found[begin : begin + step, code] = rng.poisson(1.0, size) @ members
    return found


def _scaled(values: FloatArray) -> FloatArray:
    """Scale along the segments (last axis) to [0, 1]; what is unknown or alike lies in the middle."""
    with np.errstate(invalid="ignore"):
        low = np.nanmin(np.where(np.isnan(values), np.inf, values), axis=-1, keepdims=True)
        high = np.nanmax(np.where(np.isnan(values), -np.inf, values), axis=-1, keepdims=True)
        spread = high - low
        scaled = np.divide(values - low, spread, out=np.full(values.shape, 0.5), where=spread > 0)
    return np.where(np.isnan(scaled), 0.5, scaled)


def _score(found: Mapping[str, FloatArray], weights: Mapping[str, float]) -> FloatArray:
    parts = [abs(weight) * _directed(_comparable(found, name), weight) for name, weight in weights.items()]
    return np.asarray(np.sum(parts, axis=0) / sum(abs(weight) for weight in weights.values()))


def _directed(values: FloatArray, weight: float) -> FloatArray:
    return values if weight > 0 else 1.0 - values


def _comparable(found: Mapping[str, FloatArray], name: str) -> FloatArray:
    """Scale a figure; growth from almost nothing counts as doubling does, not a thousand times as much."""
    values = found[name]
    return _scaled(values / (1.0 + values / 2.0) if name == "growth" else values)


def _axis(found: Mapping[str, FloatArray], names: tuple[str, ...]) -> FloatArray:
    known = [_comparable(found, name) for name in names if name in found]
    return np.asarray(np.mean(known, axis=0)) if known else np.full(len(found["accounts"]), 0.5)


def _ranks(score: FloatArray) -> FloatArray:
    """Return ranks from 1 for the highest; among equals the first segment comes first."""
    order = np.argsort(-score, axis=-1, kind="stable")
    return np.asarray(np.argsort(order, axis=-1, kind="stable") + 1.0)


def _changed(weights: dict[str, float]) -> list[dict[str, float]]:
    return [
        weights | {name: weight * factor}
        for name, weight in weights.items()
        for factor in (1 - HALF, 1 + HALF)
    ]


def focus(ranking: Ranking, segments: pd.DataFrame, settings: ActivationSettings) -> Focus:
    """Choose the fewest segments that hold the asked share of the potential within the capacity.

    Of as few, those with the highest scores. Where none will do, those that hold most of it within the
    capacity; where none fits the capacity, the one that ranks first: it is then worked on in part. The
    other segments are kept, but for those that hold less than a quarter of what their share of the
    accounts would be, in what they bring and in what they could bring.

    Parameters
    ----------
    segments
        Figures by segment (`figures.by_segment`).
    """
    table = segments.loc[ranking.segments.index]
    by = next(
        (name for name in ("potential", "revenue") if table.get(name, pd.Series([0.0])).sum() > 0), "accounts"
    )
    holds = table[by].clip(lower=0.0) / table[by].clip(lower=0.0).sum()
    work = table.get("reachable_accounts", table["accounts"])
    room = settings.capacity if settings.capacity and settings.capacity_unit == "accounts" else np.inf
    chosen, within = _choose(ranking.segments["score"], holds, work, settings.focus_share, room)
    stances: dict[int, Stance] = {
        id_: "focus" if id_ in chosen else "keep" if keeps else "let_go"
        for id_, keeps in zip(table.index.tolist(), _worth_keeping(table), strict=True)
    }
    return Focus(stances, by, float(holds[chosen].sum()), int(work[chosen].sum()), within)


def _choose(
    score: pd.Series, holds: pd.Series, work: pd.Series, share: float, room: float
) -> tuple[list[int], bool]:
    """Return the chosen ids, and whether they hold the asked share within the capacity."""
    ids = list(score.index[:MOST_TRIED])
    worth, held, needed = (values.loc[ids].to_numpy(np.float64) for values in (score, holds, work))
    fitting: list[tuple[float, float, list[int]]] = []
    for size in range(1, len(ids) + 1):
        some = np.array(list(combinations(range(len(ids)), size)))
        some = some[needed[some].sum(axis=1) <= room]
        chosen = [(held[one].sum(), worth[one].sum(), [ids[place] for place in one]) for one in some]
        enough = [choice for choice in chosen if choice[0] >= share - 1e-12]
        if enough:
            return max(enough, key=lambda choice: choice[1])[2], True
        fitting += chosen
    return (max(fitting, key=lambda choice: choice[:2])[2] if fitting else ids[:1]), False


def _worth_keeping(table: pd.DataFrame) -> pd.Series:
    """Tell which segments hold enough of any money there is, by their share of the accounts."""
    fair = table["accounts"] / table["accounts"].sum()
    keeps = pd.Series(False, index=table.index)
    known = [name for name in ("revenue", "margin", "potential", "predicted") if name in table]
    for name in known:
        money = table[name].clip(lower=0.0)
        if money.sum() > 0:
            keeps |= money / money.sum() >= WORTH_KEEPING * fair
    return keeps if known else ~keeps


def within(book: Book, segments: pd.DataFrame) -> pd.Series:
    """Return the place of each account within its segment, from 1: whom to call first.

    By the mean of three ranks: potential (else revenue), confidence, and how recently it ordered; among
    equals by id.

    Parameters
    ----------
    segments
        Index ``account_id``: ``segment_id`` and ``confidence``.
    """
    rows = segments[segments["segment_id"] >= 0].sort_index()
    mine = book.accounts.loc[rows.index]
    money = mine.get("potential", mine.get("revenue"))
    asked = [money, rows["confidence"], -mine["recency_days"] if "recency_days" in mine else None]
    groups = rows["segment_id"]
    ranks = [values.groupby(groups).rank(pct=True, na_option="top") for values in asked if values is not None]
    mean = sum(ranks, pd.Series(0.0, index=rows.index)).round(12)
    return mean.groupby(groups).rank(method="first", ascending=False).astype("int64").rename("priority")
