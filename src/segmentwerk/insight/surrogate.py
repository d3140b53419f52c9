"""A short rule that finds most members of a segment: the best node of a small surrogate tree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from segmentwerk.core.space_columns import ColumnKind, SpaceColumn
from segmentwerk.core.types import AccountTable
from segmentwerk.insight.language import ENGLISH, Language
from segmentwerk.insight.words import label as label_of
from segmentwerk.insight.words import level_of

DEPTH = 3
LEARNED_FROM = 10_000
"""Accounts that a tree is grown on, at most; precision and recall are of all."""


@dataclass(frozen=True)
class MembershipRule:
    """A conjunction of conditions; precision and recall are shares of accounts, NaN for no rule."""

    text: str = ""
    precision: float = float("nan")
    recall: float = float("nan")


def membership_rules(
    table: AccountTable, labels: pd.Series, language: Language = ENGLISH
) -> dict[int, MembershipRule]:
    """Find, for each segment, the rule of at most three conditions with the best F1.

    Uses raw numeric features and one-hot levels, so that it reads in original units.
    """
    data = table.features.loc[labels.index]
    numeric = data[table.names("numeric")]
    numeric = numeric.loc[:, numeric.notna().any()]
    levels = (_indicators(data[name]) for name in table.names("categorical"))
    numeric = numeric.rename(columns=lambda name: SpaceColumn.number(name).name)
    matrix = pd.concat([numeric.fillna(numeric.median()), *levels], axis=1).astype(np.float32)
    units = {feature.name: feature.unit for feature in table.catalogue}
    return {
        int(label): _rule(matrix, (labels == label).to_numpy(), units, language)
        for label in np.unique(labels)
    }


def _indicators(values: pd.Series) -> pd.DataFrame:
    """Return a column of 0 and 1 for each level, named as in the reference space."""
    dummies = pd.get_dummies(values, dtype=float)
    columns = [SpaceColumn.of_level(str(values.name), str(level)).name for level in dummies]
    return dummies.set_axis(columns, axis=1)


def _rule(
    matrix: pd.DataFrame, member: np.ndarray, units: dict[str, str], language: Language
) -> MembershipRule:
    if matrix.empty or member.all():
        return MembershipRule()
    chosen = np.random.default_rng(0).permutation(len(matrix))[:LEARNED_FROM]
    smallest = max(5, int(member[chosen].sum() * 0.1))
    tree = DecisionTreeClassifier(
        max_depth=DEPTH, class_weight="balanced", min_samples_leaf=smallest, random_state=0
    ).fit(matrix.iloc[chosen], member[chosen])
    # Inner nodes compete with leaves: a rule need not be longer than it is good for.
    reached = tree.decision_path(matrix).toarray().astype(bool)
    best = (
        int(np.argmax([_f1(chosen_rows, member) for chosen_rows in reached.T[1:]])) + 1
        if reached.shape[1] > 1
        else 0
    )
    if best == 0:
        return MembershipRule()
    chosen_rows = reached[:, best]
    conditions = [_words(*split, units, language) for split in _splits(tree, best, list(matrix.columns))]
    text = f" {language.text('words.and')} ".join(conditions)
    return MembershipRule(text, float(member[chosen_rows].mean()), float(chosen_rows[member].mean()))


def _f1(predicted: np.ndarray, member: np.ndarray) -> float:
    return float(2 * (predicted & member).sum() / max(predicted.sum() + member.sum(), 1))


def _splits(tree: DecisionTreeClassifier, node: int, names: list[str]) -> list[tuple[str, float, bool]]:
    """Walk from the root to the node: column, cut, and whether the way goes above it."""
    inner = tree.tree_
    parents = {}
    for parent in range(inner.node_count):
        for child, above in ((inner.children_left[parent], False), (inner.children_right[parent], True)):
            parents[int(child)] = (parent, above)
    splits = []
    while node in parents:
        node, above = parents[node]
        splits.append((names[inner.feature[node]], float(inner.threshold[node]), above))
    return splits[::-1]


def _words(column: str, cut: float, above: bool, units: dict[str, str], language: Language) -> str:
    read = SpaceColumn.read(column)
    if read.kind is ColumnKind.LEVEL:
        key = "words.is" if above else "words.is_not"
        feature = label_of(read.variable, language)
        return language.text(key, feature=feature, level=level_of(read.level, language))
    key = "words.above" if above else "words.at_most"
    if cut % 1 == 0.5:  # halfway between two whole numbers, so the lower one says the same
        cut -= 0.5
    shown = language.number(cut, units.get(read.variable, ""))
    return language.text(key, feature=label_of(read.variable, language), cut=shown)
