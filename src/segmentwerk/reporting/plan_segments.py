"""The page of one segment: who they are, what to do and to say, what to offer, and whom to call first."""

from __future__ import annotations

import math

import pandas as pd

from segmentwerk.activation.plans import SegmentPlan, Task
from segmentwerk.activation.playbook import Reason
from segmentwerk.core.types import Trait
from segmentwerk.data.privacy import pseudonymise
from segmentwerk.insight.cards import grade
from segmentwerk.insight.language import UNKNOWN
from segmentwerk.insight.words import trait
from segmentwerk.reporting import earned
from segmentwerk.reporting.plan_words import FIGURES, PlanWords, records
from segmentwerk.reporting.tables import Grid


class OfSegments(PlanWords):
    """What is told of single segments."""

    def facts(self, segment: SegmentPlan) -> list[tuple[str, str]]:
        """Return the figures of a segment with their names."""
        return [
            (self.figure(name), self.value(segment, name, unit=True))
            for name in FIGURES
            if name in segment.figures
        ]

    def why(self, task: Task) -> str:
        """Say why a measure fits."""
        if not task.match.reasons:
            return self.t("for_all")
        return self.t("because", reasons="; ".join(map(self._reason, task.match.reasons)))

    def _reason(self, reason: Reason) -> str:
        return self.t(
            "reason",
            trait=trait(Trait(reason.feature, reason.direction, reason.level), self.language),
            effect=self.language.decimal(reason.effect),
            grade=self.language.text(f"grades.{grade(reason.effect)}"),
            limit=self.language.decimal(reason.limit),
        )

    def details(self, task: Task) -> list[tuple[str, str]]:
        """Return what a measure is made of, by its names."""
        number = self.language.number
        ways = [f"{self.t(way)} {number(count)}" for way, count in task.channels.items()]
        return [
            (self.t("channel"), ", ".join(ways) or self.t("nobody")),
            (self.t("owner"), task.measure.owner),
            (
                self.t("runs"),
                self.t(
                    "runs_text",
                    begin=self.language.day(task.begin),
                    until=self.language.day(task.until),
                    days=task.measure.days,
                ),
            ),
            (self.t("kpi"), self._kpi(task)),
            (self.t("groups"), f"{number(task.treated)} + {number(task.control)}"),
            (
                self.t("effort"),
                self.t(
                    "effort_text",
                    cost=number(round(task.cost), "money"),
                    hours=number(round(task.hours, 1)),
                ),
            ),
            (self.t("learn"), self._power(task)),
        ]

    def _kpi(self, task: Task) -> str:
        kpi, usual = task.measure.kpi, task.power.usual if task.power else math.nan
        if kpi.metric == "order_rate":
            return self.t(
                "kpi_order_rate",
                days=task.measure.days,
                target=self.language.decimal(100 * kpi.target, 0),
                usual=self.language.percent(usual),
            )
        return self.t(
            "kpi_revenue",
            days=task.measure.days,
            target=self.language.percent(kpi.target),
            usual=self.language.number(usual, "money"),
        )

    def _power(self, task: Task) -> str:
        power = task.power
        if power is None or power.visible != power.visible or power.wanted != power.wanted:
            return self.t("power_none")
        more = (
            {"share": self.language.percent(power.share), "days": power.days}
            if power.verdict == "more"
            else {}
        )
        return self.t(
            f"power_{power.verdict}",
            visible=self.effect(task, power.visible),
            wanted=self.effect(task, power.wanted),
            **more,
        )

    def learned(self, segment: SegmentPlan) -> list[str]:
        """Say what earlier campaigns taught of a segment."""
        measures = [task.match.measure for task in segment.tasks]
        return earned.lines(self.about.learned, segment.id, measures, self.language)

    def waiting(self, task: Task) -> str:
        """Say who is not addressed although the measure is for them."""
        counts = {"waiting": task.postponed, "closed": task.unreachable}
        return " ".join(
            self.t(key, count=self.language.number(count)) for key, count in counts.items() if count
        )

    def also(self, segment: SegmentPlan) -> str:
        """Name the measures that fit, too."""
        taken = {task.match.measure for task in segment.tasks}
        others = [self.measure(one.measure) for one in segment.matches if one.measure not in taken]
        return self.t("also", names=", ".join(others)) if others else ""

    def offers(self, segment: SegmentPlan, most: int = 5) -> Grid:
        """Return what its like buys and others of it do not."""
        heads = ("item", "lift", "buyers", "without", "money")
        rows = [
            [
                f"{row['item']} ({self.t('kind_' + row['kind'])})",
                f"{self.language.decimal(row['lift'])} {self._interval(row['low'], row['high'])}",
                f"{self.language.number(row['buyers'])} / {self.language.number(row['customers'])}",
                self.language.number(row["without"]),
                self.language.number(round(row["money"]), "money"),
            ]
            for row in records(segment.offers.head(most))
        ]
        return Grid([self.t(head) for head in heads], rows, caption=self.t("what_to_offer"))

    def _interval(self, low: float, high: float) -> str:
        return f"[{self.language.decimal(low)}; {self.language.decimal(high)}]"

    def first(self, segment: SegmentPlan) -> Grid:
        """Return whom to call first, under pseudonym."""
        heads = [self.t("account"), self.figure("potential"), self.t("confidence"), self.t("item")]
        accounts = segment.first
        names = pseudonymise(accounts["account_id"], self.key)
        rows = [
            [
                name,
                self.language.number(_rounded(row["potential"]), "money"),
                self.language.percent(row["confidence"]),
                str(row["item"]) or UNKNOWN,
            ]
            for name, row in zip(names, records(accounts), strict=True)
        ]
        return Grid(heads, rows, caption=self.t("call_first"))


def _rounded(value: float) -> float:
    """Return two significant digits: enough to compare with, too few to find an account by."""
    return float(f"{value:.1e}") if pd.notna(value) else math.nan
