"""A short rule that finds most members of a segment: the best leaf of a small surrogate tree."""

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
    leaves = tree.fit(matrix, member).apply(matrix)
    scored = [(_f1(leaves == leaf, member), leaf) for leaf in np.unique(leaves)]
    best_f1, best = max(scored)
    if best_f1 <= 0:
        return Rule()
    found = leaves == best
    units = {feature.name: feature.unit for feature in table.catalogue}
    text = " and ".join(_conditions(tree, int(best), list(matrix.columns), units))
    return Rule(text, float(member[found].mean()), float(found[member].mean()))


def _f1(found: np.ndarray, member: np.ndarray) -> float:
    return float(2 * (found & member).sum() / max(found.sum() + member.sum(), 1))


def _conditions(
    tree: DecisionTreeClassifier, leaf: int, names: list[str], units: dict[str, str]
) -> list[str]:
    """Walk from the leaf to the root and word each split."""
    inner = tree.tree_
    parents = {}
    for node in range(inner.node_count):
        for child, side in ((inner.children_left[node], "low"), (inner.children_right[node], "high")):
            parents[int(child)] = (node, side)
    conditions = []
    while leaf in parents:
        leaf, side = parents[leaf]
        name, cut = names[inner.feature[leaf]], float(inner.threshold[leaf])
        if "=" in name:
            conditions.append(name if side == "high" else name.replace("=", " is not "))
        else:
            sign = "above" if side == "high" else "at most"
            conditions.append(f"{name} {sign} {number(cut, units.get(name, ''))}")
    return conditions[::-1]
