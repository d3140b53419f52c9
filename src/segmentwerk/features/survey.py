"""Psychographic features: survey items condensed to factor scores.

Items are standardised; the number of factors comes from parallel analysis (Horn 1965, Psychometrika
30:179), the loadings from maximum likelihood with varimax rotation. Items worded the other way round
need no hint: they load negatively on a factor that is turned to point along most of its items.
Unanswered items are left out of a respondent's score, not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ibis
import numpy as np
import pandas as pd
from sklearn.decomposition import FactorAnalysis

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.exact import total, whole
from segmentwerk.core.parallel_analysis import parallel_analysis
from segmentwerk.core.seeds import derive
from segmentwerk.core.types import Feature
from segmentwerk.features.declare import EVER, CannotLearnError, Learned, Relation, Step, Tables

MAX_ITEMS = 60
MAX_FACTORS = 6
SMALLEST = 100
"""Respondents needed at least."""
ANSWERED = 0.5
"""Share of the items that a respondent, and of the respondents that an item, must have."""
SAMPLE = 5000
"""Respondents learned from at most, evenly spread over the sorted ids."""
COPIES = 40
"""Random tables of the parallel analysis."""
ROUNDS = 10
"""Times that gaps are filled from the factors and the factors fitted anew."""
POINT = 1e-9
"""Answers are summed in billionths of a point."""
PREFIX = "item:"
DESCRIBED, NAMED = 3, 2
"""Items that describe a factor, and of those the ones that it is called by."""

_FEATURES = tuple(
    Feature(
        f"survey_factor_{number}",
        "numeric",
        "standard deviations",
        "psychographic",
        "surveys",
        EVER,
        f"Survey factor {number}, by the share of answers that it explains.",
    )
    for number in range(1, MAX_FACTORS + 1)
)


def relate(tables: Tables, learned: Learned | None) -> Relation:
    """Return one row an account and one column an item: its mean answer, on 0…1 where scales are given."""
    surveys = tables["surveys"]
    score = surveys.score.cast("float64")
    if {"scale_min", "scale_max"} <= set(surveys.columns):
        low, high = surveys.scale_min.cast("float64"), surveys.scale_max.cast("float64")
        score = ibis.coalesce((score - low) / (high - low).nullif(0.0), score)
    answers = surveys.select("account_id", "item", points=whole(score, POINT))
    items = learned["items"] if learned else _most_answered(answers)
    names = {f"item_{number}": f"{PREFIX}{item}" for number, item in enumerate(items)}
    means = {
        name: total(answers.points, answers.item == item, POINT)
        / answers.points.count(where=answers.item == item).cast("float64").nullif(0.0)
        for name, item in zip(names, items, strict=True)
    }
    return answers.group_by("account_id").agg(**means), names


def _most_answered(answers: ibis.Table) -> list[str]:
    counts = answers.group_by("item").agg(n=answers.count())
    ranked = counts.order_by(ibis.desc("n"), "item").limit(MAX_ITEMS).to_pyarrow()
    return sorted(ranked["item"].to_pylist())


def learn(rows: pd.DataFrame) -> Learned:
    """Learn items' means and spreads, loadings (n_factors, n_items) and unique variances (n_items,)."""
    answers = rows.filter(like=PREFIX).astype("float64").dropna(how="all")
    answers = answers.loc[:, (answers.notna().mean() >= ANSWERED) & (answers.std() > 0)]
    answers = answers[answers.notna().mean(axis=1) >= ANSWERED]
    n, n_items = answers.shape
    if n < SMALLEST or n_items < 3:
        raise CannotLearnError(f"{n} respondents with {n_items} items; {SMALLEST} with 3 are needed")
    answers = answers.iloc[np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(int))]
    x = answers.to_numpy()
    mean, spread = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
    loadings, unique = _factors((x - mean) / spread)
    return {
        "items": [str(name).removeprefix(PREFIX) for name in answers],
        "mean": mean.tolist(),
        "spread": spread.tolist(),
        "loadings": loadings.tolist(),
        "unique": unique.tolist(),
    }


def _factors(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fit factors to standardised answers with gaps (NaN), filling the gaps by what the factors expect."""
    known = ~np.isnan(x)
    filled = np.where(known, x, 0.0)
    number = n_factors(filled)
    model = _fit(filled, number)
    for _ in range(0 if known.all() else ROUNDS):
        expected = scores(x, model.components_, model.noise_variance_) @ model.components_
        model = _fit(np.where(known, x, expected), number)
    loadings = model.components_
    loadings = loadings * np.where(loadings.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    order = np.argsort(-np.square(loadings).sum(axis=1), kind="stable")
    return loadings[order], model.noise_variance_


def _fit(x: FloatArray, number: int) -> Any:
    model = FactorAnalysis(number, rotation="varimax" if number > 1 else None, svd_method="lapack")
    return model.fit(x)


def n_factors(x: FloatArray) -> int:
    """Count the leading eigenvalues of the correlations above the 95% quantile of those of random tables."""
    leading = parallel_analysis(x, COPIES, derive(0, "parallel analysis")).n_factors
    if leading == 0:
        raise CannotLearnError("the items have nothing in common")
    return min(leading, MAX_FACTORS)


def scores(x: FloatArray, loadings: FloatArray, unique: FloatArray) -> FloatArray:
    """Return the posterior means of the factors given the answered items (regression scores).

    ``x`` (n, n_items) standardised with NaN for gaps; returns (n, n_factors).
    """
    weighted = loadings / unique
    precision = np.einsum("ni,fi,gi->nfg", ~np.isnan(x), weighted, loadings, optimize=True)
    precision += np.eye(len(loadings))
    evidence = np.nan_to_num(x) @ weighted.T
    return np.asarray(np.linalg.solve(precision, evidence[..., None])[..., 0])


def apply(rows: pd.DataFrame, learned: Learned) -> pd.DataFrame:
    """Score accounts that answered at least half of the items."""
    answers = rows[[f"{PREFIX}{item}" for item in learned["items"]]].astype("float64")
    x = (answers - learned["mean"]) / learned["spread"]
    enough = answers.notna().mean(axis=1) >= ANSWERED
    scores_by_name = pd.DataFrame(np.nan, index=rows.index, columns=[f.name for f in describe(learned)])
    scores_by_name.loc[enough] = scores(
        x[enough].to_numpy(), np.asarray(learned["loadings"]), np.asarray(learned["unique"])
    )
    return scores_by_name


def describe(learned: Learned) -> tuple[Feature, ...]:
    """Name each factor by its strongest items, reversed ones with a minus."""
    leaders = [_leaders(learned["items"], loadings) for loadings in learned["loadings"]]
    return tuple(
        replace(feature, description=f"Survey factor of {', '.join(items)}.", parts=items[:NAMED])
        for feature, items in zip(_FEATURES, leaders, strict=False)
    )


def _leaders(items: Sequence[str], loadings: Sequence[float]) -> tuple[str, ...]:
    strongest = np.argsort(-np.abs(loadings), kind="stable")[:DESCRIBED]
    return tuple(f"{'-' if loadings[i] < 0 else ''}{items[i]}" for i in strongest)


STEP = Step(
    name="survey",
    features=_FEATURES,
    learn=learn,
    apply=apply,
    needs=("surveys",),
    describe=describe,
    relate=relate,
)
