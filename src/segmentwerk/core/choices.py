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


def decided(wide: pd.DataFrame) -> pd.DataFrame:
    """Leave out the tasks in which not exactly one alternative of several was chosen."""
    task = wide.groupby(level=["account", "task_id"])["chosen"]
    return wide[(task.transform("sum") == 1.0) & (task.transform("size") > 1)]


def from_differences(wide: pd.DataFrame) -> pd.DataFrame:
    """Add to each row, the first profile less the second, the second one: nothing of each attribute.

    ``chosen`` 1 says that the first profile was chosen.
    """
    return _with(wide, BASE, {})


def with_none(wide: pd.DataFrame) -> pd.DataFrame:
    """Add to each task the alternative `NONE`, chosen where no other one was."""
    return _with(wide.assign(**{NONE: 0.0}), NONE, {NONE: 1.0})


def _with(wide: pd.DataFrame, name: str, attributes: dict[str, float]) -> pd.DataFrame:
    chosen = wide.groupby(level=["account", "task_id"])["chosen"].sum()
    added = pd.DataFrame(0.0, index=chosen.index, columns=wide.columns)
    added = added.assign(chosen=1.0 - chosen.clip(upper=1.0), **attributes)
    added["alternative_id"] = name
    both = pd.concat([wide, added.set_index("alternative_id", append=True)])
    attributes_first = [column for column in both if column != "chosen"]
    return both[[*attributes_first, "chosen"]].sort_index()
