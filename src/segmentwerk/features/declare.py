"""How a feature is declared: by an Ibis expression, or as a step that is learned first and kept with a model.

Expressions use only what DuckDB, PostgreSQL and Spark share, and sum with `core.exact`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import pandas as pd

from segmentwerk.core.types import Feature, Kind
from segmentwerk.core.units import LARGEST

Tables = Mapping[str, ibis.Table]
Expression = Callable[[ibis.Table, date], Any]

EVER = "all before the date"
YEAR = "365 days before the date"
NOW = "as of the date"

NOT_NEGATIVE = (0.0, LARGEST)
"""Limits of money that flows one way only."""


@dataclass(frozen=True)
class Definition:
    """A feature, the level it is aggregated from, and its expression there.

    ``level`` names a relation of `features.levels`; ``express`` takes that relation and the as-of date
    and gives one value an account. ``needs`` lists the optional columns it reads, as ``table.column``.
    """

    feature: Feature
    level: str
    express: Expression
    needs: tuple[str, ...] = ()


def define(
    name: str,
    unit: str,
    description: str,
    express: Expression,
    *,
    approach: str,
    table: str,
    level: str,
    window: str,
    kind: Kind = "numeric",
    needs: tuple[str, ...] = (),
    prospect: bool = False,
    limits: tuple[float, float] | None = None,
) -> Definition:
    """Declare one feature."""
    feature = Feature(name, kind, unit, approach, table, window, description, prospect, limits)
    return Definition(feature, level, express, needs)


def count(condition: Any) -> Any:
    """Count the rows where a condition holds; an unknown condition does not."""
    return ibis.ifelse(condition, 1, 0).sum()


def ratio(part: Any, base: Any) -> Any:
    """Divide as floating point; unknown where the base is zero."""
    return part.cast("float64") / base.cast("float64").nullif(0.0)


def days_before(as_of: date, day: Any) -> Any:
    """Count the days from ``day`` to the as-of date."""
    return ibis.date(as_of).delta(day, unit="day")


def relative_change(before: Any, after: Any) -> Any:
    """Compare two amounts symmetrically: -2 (ceased) … 0 (equal) … 2 (new); 0 where both are zero.

    The growth rate of Davis and Haltiwanger (1992, Quarterly Journal of Economics 107:3, section II), which
    stays finite when an amount is zero.
    """
    scale = (before.abs() + after.abs()).nullif(0.0)
    return ibis.coalesce(2.0 * (after - before) / scale, 0.0)


Learned = dict[str, Any]
"""What a step learned, ready for JSON."""
Relation = tuple[ibis.Table, dict[str, str]]


class CannotLearnError(Exception):
    """The accounts are too few or too alike to learn from; the message says so."""


@dataclass(frozen=True)
class Step:
    """Features computed in Python from one row an account.

    Parameters
    ----------
    name
        Key in `AccountTable.definitions`.
    features
        Every feature it may give.
    reads, prefers, needs
        Features that it is computed from, features that it uses where there are any, and columns of
        tables (``table.column``).
    learn
        From one row an account (declared features, ``orders``, and what ``relate`` adds) to `Learned`;
        raises `CannotLearnError`.
    apply
        From the same rows and `Learned` to the features' columns.
    package, extra
        The package that ``learn`` needs, and the extra that installs it.
    describe
        The features that `Learned` gives, in column order.
    relate
        A relation with one row an account that it needs besides the features it reads, and the names
        of its columns in those rows; it is given what was learned, where that is known already.
    """

    name: str
    features: tuple[Feature, ...]
    learn: Callable[[pd.DataFrame], Learned]
    apply: Callable[[pd.DataFrame, Learned], pd.DataFrame]
    reads: tuple[str, ...] = ()
    prefers: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    package: str = ""
    extra: str = ""
    describe: Callable[[Learned], tuple[Feature, ...]] | None = None
    relate: Callable[[Tables, Learned | None], Relation] | None = None

    def uninstalled(self) -> str:
        """Say that the package to learn with is not installed; empty where it is or none is needed."""
        if not self.package or importlib.util.find_spec(self.package):
            return ""
        return f"{self.package} is not installed (pip install 'segmentwerk[{self.extra}]')"

    def given(self, learned: Mapping[str, Any]) -> tuple[Feature, ...]:
        """Return the features that this step gives with what it learned."""
        return self.features if self.describe is None else self.describe(dict(learned))
