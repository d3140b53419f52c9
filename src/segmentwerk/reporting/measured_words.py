"""The words of a measured campaign: figures with their intervals, verdict and findings in one language."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from segmentwerk.core.activation_settings import PlaybookSettings
from segmentwerk.core.measurement_settings import MeasurementSettings
from segmentwerk.core.types import Gate
from segmentwerk.insight.language import NO_BREAK, UNKNOWN, Language
from segmentwerk.measurement.campaign_result import CampaignResult
from segmentwerk.measurement.intervals import Reading

SHARES = ("response", "lead_rate", "conversion")
POINTS = ("uplift_response", "uplift_conversion")
RATES = (
    "uplift_response_relative",
    "uplift_conversion_relative",
    "uplift_revenue_relative",
    "uplift_margin_relative",
    "return_on_cost",
    "margin_return_on_cost",
)
LIKELY = 0.05
"""A corrected p-value below which a difference is marked."""
UPLIFT = {"converted": "uplift_conversion", "responded": "uplift_response"}
"""Figure that compares an outcome with control, where it is not called after it."""


@dataclass(frozen=True)
class MeasuredOrigin:
    """Where the figures come from; ``name`` and ``version`` are the model's, empty for a folder."""

    source: str
    digest: str
    model: str
    name: str
    version: str
    currency: str
    until: date
    settings: MeasurementSettings
    playbook: PlaybookSettings


def figure_of(outcome: str) -> str:
    """Return the figure that compares an outcome with control."""
    return UPLIFT.get(outcome, f"uplift_{outcome}")


@dataclass(frozen=True)
class MeasuredWords:
    """Writes what was measured in one language."""

    language: Language

    def t(self, key: str, **values: object) -> str:
        """Return a text of the page."""
        return self.language.text(f"measured.{key}", **values)

    def figure(self, name: str) -> str:
        """Name a figure."""
        return self.language.text(f"measured_figures.{name}")

    def reason(self, key: str) -> str:
        """Say why a figure is absent."""
        return self.language.text(f"measured_absent.{key}")

    def number(self, name: str, value: float) -> str:
        """Write a value of a figure in its unit."""
        if not math.isfinite(value):
            return UNKNOWN
        if name in POINTS:
            return self.language.write(100 * value, "±.1")
        if name in SHARES:
            return self.language.write(value, "%1")
        if name in RATES:
            return self.language.write(value, "±%")
        sign = "±" if name.startswith(("uplift_", "incremental_")) else ""
        digits = 2 if abs(value) < 100 else 0
        return self.language.write(value, f"{sign}.{digits}")

    def cell(self, name: str, reading: Reading | None) -> str:
        """Write a figure with its interval; a dash where it is absent."""
        if reading is None or reading.absent:
            return UNKNOWN
        value, low, high = (self.number(name, part) for part in (reading.value, reading.low, reading.high))
        star = "*" if reading.adjusted < LIKELY else ""
        if not math.isfinite(reading.low) or low == high:
            return value + star
        return f"{value}{star} ({low}{NO_BREAK}…{NO_BREAK}{high})"

    def amount(self, outcome: str, value: float) -> str:
        """Write an effect on an outcome: points of a share, or money."""
        if not math.isfinite(value):
            return UNKNOWN
        if outcome in UPLIFT:
            return self.t("points", value=100 * value)
        return self.number("uplift_revenue", value) + NO_BREAK + self.language.currency

    def segment(self, result: CampaignResult, number: int | None) -> str:
        """Name a segment, or all contacts."""
        if number is None:
            return self.t("all")
        name = result.names.get(number, "")
        return f"{number} {name}".rstrip()

    def verdict(self, result: CampaignResult) -> str:
        """Say in a sentence what a campaign taught."""
        advice = result.advice
        if advice is None:
            return self.t("not_comparable", reason=self.t(f"reason_{result.why_not}"))
        outcome, best = str(result.outcome), advice.best
        if advice.verdict == "by_segment":
            return self.t("by_segment", gain=self.amount(outcome, advice.values["gain"].value), best=best)
        if advice.verdict == "one_arm":
            if result.control is None:
                return self.t("one_arm_alone", best=best)
            uplift = self.amount(outcome, advice.values["best_uplift"].value)
            return self.t("one_arm", best=best, uplift=uplift)
        if advice.verdict == "not_enough":
            return self.enough("not_enough", advice.needed)
        return self.t("nothing")

    def enough(self, key: str, needed: int | None) -> str:
        """Say that there are too few contacts, and how many it would take if that is known."""
        return self.t(key, needed=needed) if needed else self.t(f"{key}_unknown")

    def steps(self, result: CampaignResult) -> Iterator[str]:
        """List what to do next."""
        failed = {finding.code for finding in result.findings if finding.status == "failed"}
        for code, key in (("E001", "next_ratio"), ("E003", "next_control"), ("E007", "next_wait")):
            if code in failed:
                yield self.t(key)
        advice = result.advice
        if advice is None:
            if result.why_not == "same":
                yield self.t("next_same")
            return
        if advice.verdict == "not_enough":
            yield self.enough("next_not_enough", advice.needed)
        else:
            yield self.t(
                f"next_{advice.verdict}", **({"best": advice.best} if advice.verdict == "one_arm" else {})
            )

    def title(self, finding: Gate) -> str:
        """Name a finding with its code."""
        return f"{finding.code} {self.language.text(f'experiment_checks.{finding.code}')}"

    def found(self, finding: Gate) -> str:
        """Say what a finding looked at; a dash where it does not apply."""
        if not finding.facts:
            return UNKNOWN
        return self.language.text(f"experiment_checks.{finding.code}_found", **finding.facts)

    def trust(self, result: CampaignResult) -> str:
        """Name the findings that speak against a campaign; empty where there are none."""
        failed = [self.title(finding) for finding in result.findings if finding.status == "failed"]
        return self.t("trust", findings="; ".join(failed)) if failed else ""

    def absent(self, result: CampaignResult) -> list[str]:
        """Say which figures are missing for all contacts, by reason."""
        reasons: dict[str, list[str]] = {}
        for one in result.of(None):
            for name, reading in one.readings.items():
                if reading.absent and not (name.startswith("cost") and one.arm == result.control):
                    names = reasons.setdefault(reading.absent, [])
                    if self.figure(name) not in names:
                        names.append(self.figure(name))
        return [
            self.t("absent_line", names=names, reason=self.reason(reason))
            for reason, names in reasons.items()
        ]


def shown(names: Sequence[str], result: CampaignResult) -> list[str]:
    """Return the figures that are there for at least one arm."""
    return [
        name
        for name in names
        if any(name in one.readings and not one.readings[name].absent for one in result.readings)
    ]
