"""A short rule that finds most members of a segment: the best node of a small surrogate tree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from segmentwerk.core.types import AccountTable
from segmentwerk.insight.words import number

DEPTH = 3


@dataclass(frozen=True)
class Rule:
    """A conjunction of conditions; precision and recall are shares of accounts, NaN for no rule."""

    text: str = ""
    precision: float = float("nan")
    recall: float = float("nan")


def membership_rule(table: AccountTable, labels: pd.Series, label: int) -> Rule:
    """Find the rule of at most three conditions with the best F1 for one segment.

    Uses raw numeric features and one-hot levels, so that it reads in original units.
    """
    data = table.features.loc[labels.index]
    numeric = data[table.names("numeric")]
    numeric = numeric.loc[:, numeric.notna().any()]
    matrix = numeric.fillna(numeric.median())
    levels = pd.get_dummies(data[table.names("categorical")], prefix_sep="=", dtype=float)
    matrix = pd.concat([matrix, levels], axis=1)
    member = (labels == label).to_numpy()
    if matrix.empty or member.all():
        return Rule()
    smallest = max(5, int(member.sum() * 0.1))
    tree = DecisionTreeClassifier(
        max_depth=DEPTH, class_weight="balanced", min_samples_leaf=smallest, random_state=0
    )
    # Inner nodes compete with leaves: a rule need not be longer than it is good for.
    reached = tree.fit(matrix, member).decision_path(matrix).toarray().astype(bool)
    best = int(np.argmax([_f1(found, member) for found in reached.T[1:]])) + 1 if reached.shape[1] > 1 else 0
    if best == 0:
        return Rule()
    found = reached[:, best]
    units = {feature.name: feature.unit for feature in table.catalogue}
    text = " and ".join(_conditions(tree, best, list(matrix.columns), units))
    return Rule(text, float(member[found].mean()), float(found[member].mean()))


def _f1(found: np.ndarray, member: np.ndarray) -> float:
    return float(2 * (found & member).sum() / max(found.sum() + member.sum(), 1))


def _conditions(
    tree: DecisionTreeClassifier, node: int, names: list[str], units: dict[str, str]
) -> list[str]:
    """Walk from the node to the root and word each split."""
    inner = tree.tree_
    parents = {}
    for parent in range(inner.node_count):
        for child, side in ((inner.children_left[parent], "low"), (inner.children_right[parent], "high")):
            parents[int(child)] = (parent, side)
    conditions = []
    while node in parents:
        node, side = parents[node]
        name, cut = names[inner.feature[node]], float(inner.threshold[node])
        if "=" in name:
            conditions.append(name if side == "high" else name.replace("=", " is not "))
        else:
            sign = "above" if side == "high" else "at most"
            conditions.append(f"{name} {sign} {number(cut, units.get(name, ''))}")
    return conditions[::-1]
