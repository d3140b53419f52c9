"""What the analyst's methods read of a source: purchases, answers and choices, as frames that outlive it.

What fewer than `MIN_CELL_SIZE` accounts bought, answered or were asked about is left out: its name alone
could tell who they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

import ibis
import pandas as pd

from segmentwerk.analysis import affinity
from segmentwerk.insight.profiles import MIN_CELL_SIZE

CHOICES = ["account", "task_id", "alternative_id", "attribute", "value", "chosen"]


@dataclass(frozen=True)
class MethodRows:
    """Frames by what they tell; None where the source has no such table.

    ``bought`` as `analysis.affinity.counts` returns it, ``answers`` one row an account and one column an
    item, ``choices`` as `analysis.conjoint.analyse` takes them.
    """

    bought: pd.DataFrame | None = None
    answers: pd.DataFrame | None = None
    choices: pd.DataFrame | None = None

    @classmethod
    def of(cls, tables: Mapping[str, ibis.Table], as_of: date) -> Self:
        """Read whatever tables there are."""
        return cls(
            bought(tables["orders"], as_of) if "orders" in tables else None,
            answers(tables["surveys"]) if "surveys" in tables else None,
            choices(tables["choices"]) if "choices" in tables else None,
        )


def bought(orders: ibis.Table, as_of: date) -> pd.DataFrame:
    """Return what each account bought in the year before a date, ids as text."""
    return _of_several(affinity.counts(orders, as_of).astype({"account_id": str}), ["kind", "item"])


def answers(surveys: ibis.Table) -> pd.DataFrame:
    """Return one row an account and one column an item: its mean answer."""
    table = surveys.filter(surveys.score.notnull()).group_by(["account_id", "item"])
    long: pd.DataFrame = table.aggregate(score=surveys.score.cast("float64").mean()).to_pyarrow().to_pandas()
    long = _of_several(long, ["item"])
    return long.pivot_table(index="account_id", columns="item", values="score").sort_index()


def choices(table: ibis.Table) -> pd.DataFrame:
    """Return one row an attribute of an alternative, ids as text."""
    table = table.rename(account="account_id")
    text = {name: table[name].cast("string") for name in ("account", "task_id", "alternative_id")}
    long: pd.DataFrame = table.mutate(**text).select(CHOICES).to_pyarrow().to_pandas().dropna()
    long = _of_several(long.rename(columns={"account": "account_id"}), ["attribute"])
    return long.rename(columns={"account_id": "account"}).astype({"value": "float64", "chosen": "float64"})


def _of_several(rows: pd.DataFrame, named: list[str]) -> pd.DataFrame:
    accounts = rows.groupby(named)["account_id"].transform("nunique")
    return rows[accounts >= MIN_CELL_SIZE].reset_index(drop=True)
