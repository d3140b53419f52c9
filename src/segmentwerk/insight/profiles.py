"""What sets each segment apart, in effect sizes and original units.

Numeric features: Cliff's delta of a segment against the rest (Cliff 1993, *Dominance statistics*):
the probability that a member lies above a non-member minus the reverse, in [-1, 1]; it needs no
distribution and does not care about skewed money. Categorical levels: Cohen's h (Cohen 1988, ch. 6),
the difference of arcsine-transformed shares, scaled to [-1, 1] by pi.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from segmentwerk.core.types import AccountTable, Feature, Name, Segment, Trait
from segmentwerk.insight.language import ENGLISH, Language
from segmentwerk.insight.surrogate import MembershipRule, membership_rules
from segmentwerk.insight.words import called, difference, trait

TRAITS, TRAITS_IN_NAME = 5, 3
TRAITS_TOLD = 8
"""In the line about a segment, those that only describe it included."""
MIN_EFFECT = 0.1
"""Effects below this are noise to a reader; they name no segment."""

MIN_CELL_SIZE = 5
"""Numbers of fewer accounts are not told: they would say what single accounts are like."""


@dataclass(frozen=True)
class Effect:
    """How far one feature (or one level of it) sets one segment apart.

    ``effect`` lies in [-1, 1]; ``inside`` and ``outside`` are medians in the feature's unit, or
    shares of the level, of the members and of all others.
    """

    label: int
    feature: Feature
    level: str
    effect: float
    inside: float
    outside: float

    @property
    def trait(self) -> Trait:
        """What the segment is known by, in keys."""
        direction: Literal["high", "low"] = "high" if self.effect > 0 else "low"
        return Trait(self.feature.name, direction, self.level, self.feature.parts)


def effects(table: AccountTable, labels: pd.Series) -> list[Effect]:
    """Measure how each feature sets each segment apart, where at least `MIN_CELL_SIZE` members are known.

    Parameters
    ----------
    table
        The account table; rows not in ``labels`` are ignored.
    labels
        (n_accounts,) label 0 … k-1 by account id.
    """
    data = table.features.loc[labels.index]
    measured: list[Effect] = []
    for feature in table.catalogue:
        measure = _numeric if feature.kind == "numeric" else _levels
        known = data[feature.name].dropna()
        measured += measure(feature, known, labels.loc[known.index])
    return measured


def _numeric(feature: Feature, known: pd.Series, labels: pd.Series) -> list[Effect]:
    order = np.argsort(known.to_numpy(dtype=np.float64), kind="stable")
    values, kinds = known.to_numpy(dtype=np.float64)[order], labels.to_numpy()[order]
    ranks = rankdata(values)
    effects_found = []
    for label in np.unique(kinds):
        inside = kinds == label
        if inside.all() or inside.sum() < MIN_CELL_SIZE:
            continue
        delta = 2 * (ranks[inside].mean() - ranks[~inside].mean()) / len(values)
        medians = _middle(values[inside]), _middle(values[~inside])
        effects_found.append(Effect(int(label), feature, "", float(delta), *medians))
    return effects_found


def _middle(values: np.ndarray) -> float:
    """Return the median of sorted values, without looking at all of them."""
    return float((values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2)


def _levels(feature: Feature, known: pd.Series, labels: pd.Series) -> list[Effect]:
    counts = pd.crosstab(labels, known)
    effects_found = []
    for label in counts.index[counts.sum(axis=1) >= MIN_CELL_SIZE]:
        mine, others = counts.loc[label], counts.drop(index=label).sum()
        inside, outside = mine / mine.sum(), others / max(others.sum(), 1)
        distance = 2 * (np.arcsin(np.sqrt(inside)) - np.arcsin(np.sqrt(outside))) / np.pi
        effects_found += [
            Effect(int(label), feature, str(level), float(h), float(p), float(q))
            for level, h, p, q in zip(counts.columns, distance, inside, outside, strict=True)
        ]
    return effects_found


def top_effects(measured: list[Effect], label: int, count: int) -> list[Effect]:
    """Return the ``count`` features that set one segment apart most, each once."""
    mine = [
        effect
        for effect in measured
        if effect.label == label
        and abs(effect.effect) >= MIN_EFFECT
        and (not effect.level or effect.effect > 0)  # "not in Italy" names nobody
    ]
    best: dict[str, Effect] = {}
    for effect in sorted(mine, key=lambda one: (-abs(one.effect), one.feature.name)):
        best.setdefault(effect.feature.name, effect)
    return list(best.values())[:count]


def by_lead(table: AccountTable, measured: Iterable[Effect]) -> tuple[list[Effect], list[Effect]]:
    """Part the effects into those of the features that segments are made of, and those that describe."""
    leading, effects_found = set(table.leading), list(measured)
    return (
        [effect for effect in effects_found if effect.feature.name in leading],
        [effect for effect in effects_found if effect.feature.name not in leading],
    )


def describe(
    table: AccountTable,
    labels: pd.Series,
    ids: Mapping[int, int],
    *,
    names: Mapping[int, Name] | None = None,
    measured: list[Effect] | None = None,
    language: Language = ENGLISH,
) -> tuple[Segment, ...]:
    """Describe every segment for people, in the order of the labels.

    Parameters
    ----------
    table
        The account table.
    labels
        (n_accounts,) label 0 … k-1 by account id.
    ids
        Stable id of each label.
    names
        Names that known ids keep; a new id gets a name from its most telling traits, of the features that
        segments are made of.
    measured
        The effects, where they were measured already.
    language
        Of all words.
    """
    measured = effects(table, labels) if measured is None else measured
    revenue = _revenue_shares(table, labels)
    rules = membership_rules(table, labels, language)
    leading, describing = by_lead(table, measured)
    taken = dict(names or {})
    segments = []
    for label in sorted(ids):
        strongest, number = top_effects(leading, label, TRAITS), ids[label]
        told = (*strongest, *top_effects(describing, label, TRAITS))[:TRAITS_TOLD]
        if number not in taken:
            taken[number] = _name(strongest, taken.values(), number, language)
        members, rule = labels == label, rules.get(label, MembershipRule())
        segments.append(
            Segment(
                id=number,
                name=called(taken[number], language),
                label=label,
                accounts=int(members.sum()),
                share=float(members.mean()),
                traits=tuple(trait(effect.trait, language) for effect in strongest),
                summary=_summary(told if describing else strongest, language),
                rule=rule.text,
                rule_precision=rule.precision,
                rule_recall=rule.recall,
                revenue_share=revenue.get(label, float("nan")),
                called=taken[number],
            )
        )
    return tuple(segments)


def _summary(strongest: Iterable[Effect], language: Language) -> str:
    """Say in a line how a segment differs most from the rest."""
    differences = [difference(e.feature, e.level, e.inside, e.outside, language) for e in strongest]
    return "; ".join(differences) or language.text("words.not_apart")


def annotate(
    segments: Iterable[Segment], warnings: Mapping[int, tuple[str, ...]], exemplars: Mapping[int, str]
) -> tuple[Segment, ...]:
    """Add what to warn of, and what a typical account is like, both by label."""
    return tuple(
        replace(one, warnings=warnings.get(one.label, ()), exemplar=exemplars.get(one.label, ""))
        for one in segments
    )


def _revenue_shares(table: AccountTable, labels: pd.Series) -> dict[int, float]:
    if "monetary" not in table.features:
        return {}
    revenue = table.features.loc[labels.index, "monetary"].fillna(0.0).clip(lower=0.0)
    total = float(revenue.sum())
    sums = revenue.groupby(labels).sum()
    return {int(label): float(part) / total for label, part in sums.items()} if total > 0 else {}


def _name(strongest: list[Effect], taken: Iterable[Name], number: int, language: Language) -> Name:
    """Name a new id by its most telling traits; where another id is called so, by its number, too."""
    name = Name(tuple(effect.trait for effect in strongest[:TRAITS_IN_NAME]))
    words = called(name, language)
    alike = any(words == other.text if other.text else name.traits == other.traits for other in taken)
    return replace(name, number=number) if alike else name
