"""The words of a plan: what both its whole and its segments are told with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from segmentwerk.activation.plans import Plan, SegmentPlan, Task
from segmentwerk.core.activation_settings import PlaybookSettings, Stance
from segmentwerk.insight.language import UNKNOWN, Language
from segmentwerk.insight.profiles import MIN_CELL_SIZE
from segmentwerk.measurement.learned_effects import LearnedCampaign

Rows = list[list[str]]

FIGURES = {
    "accounts": "",
    "customers": "",
    "prospects": "",
    "revenue": "money",
    "growth": "percent",
    "margin": "money",
    "margin_rate": "percent",
    "potential": "money",
    "predicted": "money",
    "share_of_wallet": "percent",
    "retention": "percent",
    "response": "percent",
    "reachable": "percent",
}
"""Figures in the order of the table, with their form."""
MOST_GROWTH = 10.0
"""Growth beyond which a number says no more than that it came from almost nothing."""


@dataclass(frozen=True)
class PlanOrigin:
    """Where the plan comes from: source and digest of its data, the model's address, the measures.

    ``learned`` is what earlier campaigns taught of the model's segments.
    """

    source: str
    digest: str
    model: str
    playbook: PlaybookSettings
    learned: tuple[LearnedCampaign, ...] = ()


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.to_numpy(dtype=object).tolist()]


@dataclass(frozen=True)
class PlanWords:
    """A plan in one language; ``key`` is the secret of the pseudonyms."""

    plan: Plan
    about: PlanOrigin
    language: Language
    key: bytes = b""

    def t(self, key: str, **values: object) -> str:
        """Return a text of the plan."""
        return self.language.text(f"plan.{key}", **values)

    def figure(self, name: str) -> str:
        """Name a figure."""
        return self.language.text(f"plan_figures.{name}")

    def listed(self, names: Sequence[str]) -> str:
        """Name figures in a sentence."""
        return self.language.listed([self.figure(name) for name in names]) if names else UNKNOWN

    def value(self, segment: SegmentPlan, name: str, *, unit: bool = False) -> str:
        """Return a figure of a segment; of few accounts it would tell of single ones."""
        form, value = FIGURES[name], segment.figures[name]
        if value != value or (form and segment.figures["accounts"] < MIN_CELL_SIZE):
            return UNKNOWN
        if form != "percent":
            return self.language.number(round(value), "money" if unit and form == "money" else "")
        shown = self.language.percent(min(value, MOST_GROWTH))
        return self.t("over", limit=shown) if value > MOST_GROWTH else shown

    def measure(self, key: str) -> str:
        """Return the name of a measure."""
        words = self.about.playbook.measures[key].name
        return words.de if self.language.code == "de" else words.en

    def effect(self, task: Task, value: float) -> str:
        """Write an effect in the unit of a measure's KPI."""
        if value != value:
            return UNKNOWN
        if task.measure.kpi.metric == "order_rate":
            return self.t("points", value=self.language.decimal(100 * value, 1))
        return self.language.number(value, "money")

    def named(self, stance: Stance) -> str:
        """List the segments that one thing is meant for."""
        return named(self.plan, stance, self.language)


def named(plan: Plan, stance: Stance, language: Language) -> str:
    """List the segments that one thing is meant for."""
    names = [f"{one.id} ({one.name})" for one in plan.segments if one.stance == stance]
    return language.listed(names) if names else language.text("plan.none")
