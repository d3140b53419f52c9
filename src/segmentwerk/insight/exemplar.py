"""A typical account of a segment, made of many so that nobody can be told from it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segmentwerk.core.types import AccountTable, Feature
from segmentwerk.insight.language import ENGLISH, Language
from segmentwerk.insight.words import label as label_of
from segmentwerk.insight.words import level_of

ACCOUNTS = 25
"""Accounts nearest to the centre that one exemplar is made of."""
LEAST_ACCOUNTS = 10
"""A smaller segment gets no exemplar: too few accounts to hide among."""
FACTS = (
    "industry",
    "size_class",
    "country",
    "employees",
    "frequency",
    "revenue_12m",
    "monetary",
    "recency_days",
    "main_category",
)
"""What is told, in this order, where the table has it; of the two revenues the first."""
SHOWN = 7


def exemplars(
    table: AccountTable, space: pd.DataFrame, labels: pd.Series, language: Language = ENGLISH
) -> dict[int, str]:
    """Describe a typical account of each segment: medians and most frequent levels of its central accounts.

    Numbers are rounded to two digits, and a level is told only if at least half of them share it.

    Parameters
    ----------
    space
        Accounts in the reference space (n_accounts, n_columns).
    labels
        (n_accounts,) label 0 … k-1 with the same index.
    """
    known = {feature.name: feature for feature in table.catalogue}
    features = [known[name] for name in FACTS if name in known]
    if {"revenue_12m", "monetary"} <= known.keys():
        features.remove(known["monetary"])
    return {
        int(label): _exemplar(table, space[labels == label], features[:SHOWN], language)
        for label in np.unique(labels)
    }


def _exemplar(table: AccountTable, members: pd.DataFrame, features: list[Feature], language: Language) -> str:
    if len(members) < LEAST_ACCOUNTS:
        return ""
    distances = ((members - members.mean()) ** 2).sum(axis=1)
    central = table.features.loc[distances.nsmallest(ACCOUNTS).index]
    facts = [fact for feature in features if (fact := _fact(central[feature.name], feature, language))]
    if not facts:
        return ""
    return language.text("words.typical", accounts=len(central), facts=", ".join(facts))


def _fact(values: pd.Series, feature: Feature, language: Language) -> str:
    """Say what most of the accounts have in common; empty where that is nothing."""
    values = values.dropna()
    if len(values) < LEAST_ACCOUNTS:
        return ""
    name = label_of(feature.name, language)
    if feature.kind == "numeric":
        middle = float(f"{values.median():.2g}")
        return language.text("words.about", feature=name, value=language.number(middle, feature.unit))
    shares = values.value_counts(normalize=True).sort_index()
    if shares.max() < 0.5:
        return ""
    level = level_of(str(shares.idxmax()), language)
    return language.text("words.mostly", feature=name, level=level, share=shares.max())
