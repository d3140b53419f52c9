"""What the run of a measurement tells, what is written to its summary, and what the next plan is to know."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from segmentwerk.config import MeasuringSettings
from segmentwerk.contest import run_records
from segmentwerk.core.records import Description, Metric, Param, Record, Tag, Text
from segmentwerk.insight.language import Language
from segmentwerk.measurement.advice import Advice
from segmentwerk.measurement.campaign_result import CampaignResult
from segmentwerk.measurement.intervals import Reading
from segmentwerk.measurement.kpis import ArmReadings
from segmentwerk.measurement.learned_effects import LearnedCampaign, LearnedEffect
from segmentwerk.measurement.sample_sizes import SampleSize
from segmentwerk.preparation.accounts import Accounts
from segmentwerk.reporting import measured
from segmentwerk.reporting.measured_words import MeasuredOrigin, figure_of
from segmentwerk.reporting.plan_records import Version
from segmentwerk.tracking import provenance

CURVES = (
    "response",
    "conversion",
    "revenue",
    "margin",
    "uplift_response",
    "uplift_conversion",
    "uplift_revenue",
    "uplift_margin",
    "return_on_cost",
)
"""Figures whose course over campaigns MLflow draws."""
WHOLE = "all"
SIGNS = set("_-. /")
"""What a metric's name may hold besides letters and digits."""


def records(
    results: Sequence[CampaignResult],
    accounts: Accounts,
    settings: MeasuringSettings,
    language: Language,
    model: Version,
) -> Iterator[Record]:
    """List what is logged of a measurement: every campaign is one step, the earliest the first."""
    yield from _common(accounts, settings, model)
    yield Param("campaigns", len(results))
    for step, result in enumerate(results, 1):
        yield Tag(f"campaign.{step}", result.campaign)
        yield Tag(f"verdict.{step}", result.advice.verdict if result.advice else f"none: {result.why_not}")
        for finding in result.findings:
            yield Tag(f"finding.{step}.{finding.code}", f"{finding.status}: {finding.message}")
        yield from _curves(result, step)
    yield Description(measured.summary(results, language, model.shown))


def of_plan(
    sizes: Sequence[SampleSize], accounts: Accounts, settings: MeasuringSettings, model: Version
) -> Iterator[Record]:
    """List what is logged of a test plan."""
    yield from _common(accounts, settings, model)
    for size in sizes:
        place = WHOLE if size.segment is None else f"segment_{size.segment}"
        for name in ("accounts", "usual", "wanted", "visible", "needed"):
            value = getattr(size, name)
            if value is not None and math.isfinite(value):
                yield Metric(f"{place}/{size.metric}_{name}", float(value))


def _common(accounts: Accounts, settings: MeasuringSettings, model: Version) -> Iterator[Record]:
    yield from run_records.of_table(accounts.table)
    yield from provenance.tags()
    yield Param("model", model.shown)
    yield Param("window_days", settings.measurement.window_days)
    yield Text("config.yaml", run_records.shareable(settings))


def _curves(result: CampaignResult, step: int) -> Iterator[Record]:
    for one in result.readings:
        place = WHOLE if one.segment is None else f"segment_{one.segment}"
        arm = "".join(sign if sign.isalnum() or sign in SIGNS else "_" for sign in one.arm)
        yield Metric(f"{place}/contacts {arm}", one.contacts, step)
        for name in CURVES:
            reading = one.readings.get(name)
            if reading is None or reading.absent:
                continue
            for end in ("value", "low", "high"):
                value = getattr(reading, end)
                if math.isfinite(value):
                    yield Metric(f"{place}/{name} {arm}{'' if end == 'value' else f' {end}'}", value, step)


def summary(result: CampaignResult) -> dict[str, Any]:
    """Return a campaign as plain data; what is absent has its reason in place of a value."""
    advice = result.advice
    return {
        "first": result.evidence.first,
        "last": result.evidence.last,
        "until": result.evidence.end,
        "contacts": result.evidence.contacts,
        "control": result.control,
        "outcome": result.outcome,
        "measure": result.measure or None,
        "verdict": advice.verdict if advice else None,
        "why_not": result.why_not or None,
        "best": advice.best if advice else None,
        "needed": advice.needed if advice else None,
        "values": {name: _ends(one) for name, one in advice.values.items()} if advice else {},
        "arms": {one.segment: one.arm if one.sure else None for one in advice.arms} if advice else {},
        "differs": {
            "pvalue": _plain(advice.pvalue),
            "q": _plain(advice.q),
            "q_pvalue": _plain(advice.q_pvalue),
        }
        if advice
        else {},
        "findings": {one.code: {"status": one.status, "message": one.message} for one in result.findings},
        "readings": [_reading(one) for one in result.readings],
    }


def _reading(one: ArmReadings) -> dict[str, Any]:
    counts = {name: getattr(one, name) for name in ("contacts", "responses", "leads", "conversions")}
    figures = {name: _figure(reading) for name, reading in one.readings.items()}
    return {"segment": one.segment, "arm": one.arm, **counts, "figures": figures}


def _figure(reading: Reading) -> dict[str, Any]:
    if reading.absent:
        return {"absent": reading.absent, "n": reading.n}
    found: dict[str, Any] = {**_ends(reading), "n": reading.n}
    if reading.pvalue == reading.pvalue:
        found |= {"pvalue": reading.pvalue, "adjusted": _plain(reading.adjusted)}
    return found


def _ends(one: Any) -> dict[str, float | None]:
    return {name: _plain(getattr(one, name)) for name in ("value", "low", "high")}


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def learned(results: Sequence[CampaignResult], about: MeasuredOrigin) -> list[LearnedCampaign]:
    """Return what the next plan is to know of each campaign that has a control."""
    return [
        LearnedCampaign(
            campaign=result.campaign,
            source=about.source,
            model=about.name,
            version=about.version,
            measure=result.measure,
            outcome=str(result.outcome),
            currency=about.currency,
            first=result.evidence.first,
            until=about.until,
            verdict=result.advice.verdict,
            effects=tuple(_effects(result)),
        )
        for result in results
        if result.advice is not None and result.control is not None
    ]


def _effects(result: CampaignResult) -> Iterator[LearnedEffect]:
    advice = result.advice
    assert advice is not None
    chosen = {one.segment: one for one in advice.arms}
    name = figure_of(str(result.outcome))
    for one in result.of(None):
        reading = one.readings.get(name)
        if reading is not None and not reading.absent:
            spent = one.readings["cost"].value if result.net and not one.readings["cost"].absent else 0.0
            net = replace(
                reading, value=reading.value - spent, low=reading.low - spent, high=reading.high - spent
            )
            yield _effect(None, one.arm, net, one.arm == _best(advice), advice.needed or 0)
    for (segment, arm), reading in sorted(advice.together.items()):
        mine = chosen.get(segment)
        is_chosen = mine is not None and mine.sure and mine.arm == arm
        found = _effect(segment, arm, reading, is_chosen, mine.needed if mine else 0)
        yield replace(found, name=result.names.get(segment, ""))


def _best(advice: Advice) -> str:
    """Return the arm that is advised for all; empty where none is."""
    return advice.best if advice.verdict == "one_arm" else ""


def _effect(segment: int | None, arm: str, reading: Reading, chosen: bool, needed: int) -> LearnedEffect:
    effect, low, high = (float(end) for end in (reading.value, reading.low, reading.high))
    return LearnedEffect(segment, arm, effect, low, high, reading.n, chosen, needed)
