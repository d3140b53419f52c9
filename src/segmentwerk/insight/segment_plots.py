"""The figures of the winner's segments: each title says the finding, each axis its unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from segmentwerk.core.types import Scorecard, Segment
from segmentwerk.insight.figure import Bars, Figure, Heat
from segmentwerk.insight.language import ENGLISH, Language
from segmentwerk.insight.overlap import DOUBTFUL, N_NEIGHBORS
from segmentwerk.insight.profiles import MIN_CELL_SIZE, MIN_EFFECT, Effect
from segmentwerk.insight.words import label, level_of

HEAT_FEATURES = 14
STABLE = 0.75
"""Hennig (2007): Jaccard overlap from which a segment is stable."""


def _short(segment: Segment) -> str:
    """Name a segment on an axis: its id and the first of its traits."""
    return f"{segment.id} {segment.name.split(', ')[0]}"


def sizes(segments: Sequence[Segment], language: Language = ENGLISH) -> Figure:
    """Share of accounts and of revenue by segment."""
    series = {language.text("figures.accounts"): [segment.share for segment in segments]}
    known = all(np.isfinite(segment.revenue_share) for segment in segments)
    if known:
        series[language.text("figures.revenue")] = [segment.revenue_share for segment in segments]
    top = max(segments, key=lambda segment: segment.revenue_share if known else segment.share)
    title = "figures.sizes_revenue" if known else "figures.sizes"
    return Figure(
        "sizes",
        language.text(title, id=top.id, share=top.share, revenue=top.revenue_share),
        language.text("figures.segment"),
        language.text("figures.share"),
        Bars([_short(segment) for segment in segments], series, percent=True),
    )


def stability(segments: Sequence[Segment], card: Scorecard, language: Language = ENGLISH) -> Figure:
    """Overlap of each segment with its like in refits."""
    overlaps = [float(card.per_segment["jaccard"].loc[segment.label]) for segment in segments]
    weak = [str(s.id) for s, value in zip(segments, overlaps, strict=True) if value < DOUBTFUL]
    title = "figures.weak" if weak else "figures.comes_back"
    lines = {language.text("figures.doubtful_below"): DOUBTFUL, language.text("figures.stable_above"): STABLE}
    jaccard = language.text("figures.jaccard")
    return Figure(
        "stability",
        language.text(title, ids=weak),
        language.text("figures.segment"),
        jaccard,
        Bars([_short(segment) for segment in segments], {jaccard: overlaps}, lines),
    )


def separation(segments: Sequence[Segment], near: pd.DataFrame, language: Language = ENGLISH) -> Figure:
    """How many of the nearest neighbours lie in the own segment, next to what chance would give."""
    shares_own = np.diag(near.to_numpy(dtype=np.float64))
    own = {segment.id: float(shares_own[segment.label]) for segment in segments}
    best, worst = max(own, key=lambda one: own[one]), min(own, key=lambda one: own[one])
    series = {
        language.text("figures.own"): list(own.values()),
        language.text("figures.by_chance"): [segment.share for segment in segments],
    }
    return Figure(
        "separation",
        language.text("figures.apart", best=best, worst=worst, high=own[best], low=own[worst]),
        language.text("figures.segment"),
        language.text("figures.neighbours", count=N_NEIGHBORS),
        Bars([_short(segment) for segment in segments], series, percent=True),
    )


def profile(
    measured: Sequence[Effect],
    segments: Sequence[Segment],
    language: Language = ENGLISH,
    describing: Collection[str] = (),
) -> Figure:
    """Deviation of each segment from all others, for the features that tell most.

    Features that only describe segments stand below those that they are made of.
    """
    size: dict[tuple[str, str], float] = defaultdict(float)
    for effect in measured:
        size[effect.feature.name, effect.level] += abs(effect.effect)
    chosen = sorted(size, key=lambda key: (key[0] in describing, -size[key], key))[:HEAT_FEATURES]
    cell = {(effect.label, effect.feature.name, effect.level): effect for effect in measured}
    grid = [[cell.get((segment.label, *key)) for segment in segments] for key in chosen]
    rows = [f"{label(name, language)} {level_of(level, language)}".strip() for name, level in chosen]
    values = [[0.0 if effect is None else effect.effect for effect in row] for row in grid]
    texts = [["" if effect is None else _inside(effect, language) for effect in row] for row in grid]
    columns = [_short(segment) for segment in segments]
    return Figure(
        "profile",
        language.text("figures.profile", feature=rows[0]) if rows else language.text("figures.no_profile"),
        language.text("figures.cells"),
        "",
        Heat(
            rows,
            columns,
            np.array(values).reshape(len(rows), len(columns)),
            texts,
            language.text("figures.effect"),
        ),
    )


def _inside(effect: Effect, language: Language) -> str:
    """Write a cell; the arrow says the direction, which greyscale does not show."""
    shown = effect.inside, "share" if effect.level else effect.feature.unit
    arrow = "" if abs(effect.effect) < MIN_EFFECT else "▲ " if effect.effect > 0 else "▼ "
    return arrow + language.number(*shown)


def outcome(
    values: pd.Series,
    labels: pd.Series,
    segments: Sequence[Segment],
    unit: str = "share",
    language: Language = ENGLISH,
) -> Figure:
    """Draw the mean of a later outcome by segment, and of all accounts: how far the segments tell it.

    Parameters
    ----------
    values, labels
        Outcome and label of the same accounts (n,).
    unit
        ``money``, or ``share`` where the outcome is a yes or no.
    """
    groups = values.groupby(labels).agg(["mean", "count"])
    means = groups["mean"].where(groups["count"] >= MIN_CELL_SIZE)
    shown = [float(means.get(segment.label, np.nan)) for segment in segments]
    words = language.currency if unit == "money" else language.text("figures.outcome_share")
    best = int(np.nanargmax(shown))
    everyone = float(values.mean())
    value, mean = language.number(shown[best], unit), language.number(everyone, unit)
    return Figure(
        "outcome",
        language.text("figures.outcome", id=segments[best].id, value=value, mean=mean),
        language.text("figures.segment"),
        language.text("figures.outcome_mean", unit=words),
        Bars(
            [_short(segment) for segment in segments],
            {language.text("figures.outcome_segment"): shown},
            {language.text("figures.outcome_all"): everyone},
        ),
    )
