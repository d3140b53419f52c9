"""A small world of customers, what a version remembers of it, and the same world changed."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from segmentwerk.core.monitoring_settings import MonitoringSettings
from segmentwerk.core.reference import Measure, Reference
from segmentwerk.core.types import Feature
from segmentwerk.monitoring import freezing
from segmentwerk.monitoring.today import Today

SETTINGS = MonitoringSettings()
EVER = "all before the date"
CATALOGUE = (
    Feature("revenue_12m", "numeric", "money", "value", "orders", "365 days before the date", ""),
    Feature("monetary", "numeric", "money", "value", "orders", EVER, ""),
    Feature("margin_rate", "numeric", "share", "value", "orders", EVER, ""),
    Feature("frequency", "numeric", "orders", "behavioural", "orders", EVER, ""),
    Feature("tenure_days", "numeric", "days", "behavioural", "orders", EVER, ""),
    Feature("main_category", "categorical", "category", "behavioural", "orders", EVER, ""),
    Feature("web_recency_days", "numeric", "days", "engagement", "activities", EVER, ""),
    Feature("employees", "numeric", "people", "firmographic", "accounts", "as of the date", ""),
    Feature("country", "categorical", "place", "geographic", "accounts", "as of the date", ""),
    Feature("survey_factor_1", "numeric", "standard deviations", "psychographic", "surveys", EVER, ""),
)
SEGMENTS = (11, 12, 13)


def customers(seed: int, n: int = 2000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    country = rng.choice(["DE", "AT", "LU"], n, p=[0.6, 0.3, 0.1])
    rows = pd.DataFrame(
        {
            "revenue_12m": np.exp(rng.normal(7, 1, n)),
            "monetary": np.exp(rng.normal(8, 1, n)),
            "margin_rate": rng.beta(20, 60, n),
            "frequency": 1.0 + rng.poisson(6, n),
            "tenure_days": rng.uniform(30, 900, n),
            "main_category": rng.choice(["tools", "safety", "garden"], n).astype(object),
            "web_recency_days": rng.exponential(60, n).round(),
            "employees": np.exp(rng.normal(3, 1, n)).round() + 1,
            "country": country.astype(object),
            "survey_factor_1": rng.standard_normal(n),
        },
        index=pd.Index([f"c{place:05d}" for place in range(n)], name="account_id"),
    )
    rows.loc[rng.random(n) < 0.05, "employees"] = np.nan
    return rows


def answers(rows: pd.DataFrame, seed: int, shares=(0.5, 0.3, 0.2), outliers: float = 0.01) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "segment_id": rng.choice(SEGMENTS, len(rows), p=shares),
            "confidence": rng.uniform(0.7, 1.0, len(rows)),
            "basis": "full",
            "is_outlier": rng.random(len(rows)) < outliers,
        },
        index=rows.index,
    )


def reference(rows: pd.DataFrame | None = None) -> Reference:
    rows = customers(0) if rows is None else rows
    return Reference(
        as_of="2026-01-01",
        outcome_days=181,
        outcome="log_future_revenue",
        accounts=len(rows),
        customers=len(rows),
        numbers=freezing.numbers(rows, CATALOGUE),
        levels=freezing.levels(rows, CATALOGUE),
        parts=freezing.parts(rows, CATALOGUE),
        answers=freezing.answers(answers(rows, 0), rows.index, SEGMENTS),
        columns=("x0",),
        discrete={},
        measures={name: Measure(value=0.3, se=0.01) for name in ("gain", "agreement", "explained")},
    )


REFERENCE = reference()


def today(rows: pd.DataFrame | None = None, said: pd.DataFrame | None = None, **more) -> Today:
    rows = customers(1) if rows is None else rows
    said = answers(rows, 1) if said is None else said
    return Today(rows, rows.index, said, CATALOGUE, SEGMENTS, REFERENCE, **more)


AS_OF = date(2026, 4, 1)
