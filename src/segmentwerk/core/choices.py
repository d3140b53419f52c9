"""Conjoint choices: from one row an attribute to one row an alternative."""

from __future__ import annotations

import pandas as pd

INDEX = ["account", "task_id", "alternative_id"]
NONE = "none"
"""The alternative "none of these", and the attribute that says how much it is liked."""
BASE = "base"
"""The alternative that a design in difference form leaves out."""


def alternatives(long: pd.DataFrame) -> pd.DataFrame:
    """Return one row an alternative: index (account, task_id, alternative_id), attributes, last ``chosen``.

    An attribute that an alternative does not have is 0.

    Parameters
    ----------
    long
        Columns ``account``, ``task_id``, ``alternative_id``, ``attribute``, ``value``, ``chosen`` (0, 1).
    """
    wide = long.pivot_table(index=INDEX, columns="attribute", values="value", aggfunc="mean", fill_value=0.0)
    return wide.astype("float64").assign(chosen=long.groupby(INDEX)["chosen"].max().astype("float64"))


def lacking(long: pd.DataFrame) -> pd.Series:
    """Return the share of alternatives that lack each attribute that others have; only where some do.

    What a design adds (`BASE`, `NONE`) lacks them all, and does not count.
    """
    shown = long[~long["alternative_id"].isin([BASE, NONE]) & (long["attribute"] != NONE)]
    known = shown.drop_duplicates([*INDEX, "attribute"]).groupby("attribute").size()
    share: pd.Series = 1.0 - known / len(shown.drop_duplicates(INDEX))
    return share[share > 0]


def decided(wide: pd.DataFrame) -> pd.DataFrame:
    """Leave out the tasks in which not exactly one alternative of several was chosen."""
    task = wide.groupby(level=["account", "task_id"])["chosen"]
    return wide[(task.transform("sum") == 1.0) & (task.transform("size") > 1)]
