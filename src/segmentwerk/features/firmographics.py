"""Firmographic and organisational features: what an account is."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import ibis

from segmentwerk.core.exact import MONEY
from segmentwerk.features.declare import NOT_NEGATIVE, NOW, YEAR, define

SIZE_CLASSES = ((10, "micro"), (50, "small"), (250, "medium"))
"""Employees below which a company counts as …; from 250 on it is large (EU Recommendation 2003/361/EC)."""

_account = partial(
    define, approach="firmographic", table="accounts", level="accounts", window=NOW, prospect=True
)


_family = partial(_account, level="families", needs=("accounts.parent_account_id",))


def _size_class(t: ibis.Table, _: date) -> Any:
    employees = t.employees.cast("float64")
    smaller = [(employees < limit, name) for limit, name in SIZE_CLASSES]
    return ibis.cases((employees.isnull(), ibis.null("string")), *smaller, else_="large")


def _age(t: ibis.Table, as_of: date) -> Any:
    age = float(as_of.year) - t.founded_year.cast("float64")
    return ibis.ifelse(age >= 0, age, ibis.null("float64"))


DEFINITIONS = (
    _account(
        "employees",
        "people",
        "Number of employees.",
        lambda t, _: t.employees.cast("float64"),
        needs=("accounts.employees",),
    ),
    _account(
        "annual_revenue",
        "money",
        "The company's own annual revenue.",
        lambda t, _: t.annual_revenue.cast("float64"),
        limits=NOT_NEGATIVE,
        needs=("accounts.annual_revenue",),
    ),
    _account("age_years", "years", "Years since foundation.", _age, needs=("accounts.founded_year",)),
    _account(
        "payment_terms_days",
        "days",
        "Agreed days of payment.",
        lambda t, _: t.payment_terms_days.cast("float64"),
        needs=("accounts.payment_terms_days",),
    ),
    _family(
        "subsidiaries",
        "accounts",
        "Accounts that it is the direct parent of.",
        lambda t, _: t.subsidiaries,
    ),
    _family(
        "family_size",
        "accounts",
        "Accounts of its company family, itself included.",
        lambda t, _: t.members,
    ),
    _family(
        "family_revenue_12m",
        "money",
        "Revenue, net of returns, of the other accounts of its company family.",
        lambda t, _: (t.all_12m.fill_null(0) - t.own_12m.fill_null(0)).cast("float64") * MONEY,
        window=YEAR,
        needs=("accounts.parent_account_id", "orders"),
    ),
    _account(
        "size_class",
        "class",
        "Size class by employees: micro, small, medium, large.",
        _size_class,
        kind="categorical",
        needs=("accounts.employees",),
    ),
    _account(
        "industry",
        "industry",
        "Industry, coarse.",
        lambda t, _: t.industry,
        kind="categorical",
        needs=("accounts.industry",),
    ),
    _account(
        "subindustry",
        "industry",
        "Industry, fine.",
        lambda t, _: t.subindustry,
        kind="categorical",
        needs=("accounts.subindustry",),
    ),
    _account(
        "ownership",
        "form",
        "Form of ownership.",
        lambda t, _: t.ownership,
        kind="categorical",
        needs=("accounts.ownership",),
    ),
)
