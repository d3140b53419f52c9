"""The gates that look for faults of the records: units, gaps, categories, silence, scales (M001 … M005)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from segmentwerk.core.monitored import FeatureDrift, MonitoringFinding
from segmentwerk.core.monitoring_settings import MonitoringSettings
from segmentwerk.monitoring.answering import answer, unasked
from segmentwerk.monitoring.freezing import logs
from segmentwerk.monitoring.shifts import ShiftedPart, apart, shift
from segmentwerk.monitoring.today import Today

GONE, RECENT = 0.01, "recency_days"
"""Share of the lowest bins that is next to nothing, and how features of the last contact are called."""
LEARNED = "standard deviations"
"""Unit of features that are learned from answers on a scale."""
BEYOND = 0.02
"""Share of answers beyond all of the training's, ten times what there were."""
SURE = 6.0
"""Standard errors from which on a part's factor is no chance, however many parts are looked at."""
MOST_MISSING = 0.15
"""By how much more a feature of any table must be unknown to be a fault, not a habit."""


def ask(today: Today, settings: MonitoringSettings) -> list[MonitoringFinding]:
    """Ask all gates for faults of the records."""
    return [
        units(today, settings),
        gaps(today, settings),
        categories(today, settings),
        silence(today),
        scales(today, settings),
    ]


def units(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether money is still in the unit that it was in, everywhere and in each part (M001)."""
    title = "Money keeps its unit"
    if not today.reference.parts:
        return unasked("M001", title, "no_money_parts")
    limit = np.log(settings.unit)
    found = [
        part
        for part in apart(today.reference.parts, today.parts)
        if abs(part.shift.value) >= limit and abs(part.shift.z) >= SURE
    ]
    everywhere = _everywhere(today, limit)
    if everywhere:
        name, factor = everywhere[0]
        return answer(
            "M001", title, False,
            f"{name} is {factor:,.4g} times what it was, over all accounts: another unit or currency.",
            word="data fault", features=[each for each, _ in everywhere], facts={"factor": factor},
        )  # fmt: skip
    if not found:
        return answer("M001", title, True, f"No part's money is {settings.unit:g} times what it was.")
    first = max(found, key=lambda part: abs(part.shift.z))
    return answer(
        "M001", title, False,
        f"{first.feature} of {first.accounts} customers with {first.category} = {first.level} is "
        f"{_factor(first):,.4g} times what it was, elsewhere it is not: another unit.",
        word="data fault", features=_named(found, first), level=f"{first.category}={first.level}",
        facts={"factor": first.shift.factor, "accounts": first.accounts},
    )  # fmt: skip


def _everywhere(today: Today, limit: float) -> list[tuple[str, float]]:
    found = []
    for feature in today.catalogue:
        then = today.reference.numbers.get(feature.name)
        if then is None or feature.unit != "money" or feature.name not in today.rows:
            continue
        moved = shift(then.logs, logs(today.rows[feature.name].to_numpy(dtype=np.float64)))
        if moved is not None and abs(moved.value) >= limit and abs(moved.z) >= SURE:
            found.append((feature.name, moved.factor))
    return sorted(found, key=lambda one: -abs(np.log(one[1])))


def _factor(part: ShiftedPart) -> float:
    return part.shift.factor


def _named(found: list[ShiftedPart], first: ShiftedPart) -> list[str]:
    """Name the features of the first part, those that have moved farthest first."""
    theirs = [part for part in found if (part.category, part.level) == (first.category, first.level)]
    return [part.feature for part in sorted(theirs, key=lambda part: -abs(part.shift.z))]


def gaps(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether features are filled in as they were (M002)."""
    title, least = "Features are filled in as before", settings.missing
    found = [one for one in today.drifts if one.missing - one.missing_then >= least and _sure(one, today)]
    if not found:
        return answer("M002", title, True, f"No feature is unknown of {least:.0%} more of the customers.")
    found.sort(key=lambda one: one.missing_then - one.missing)
    first = found[0]
    fault = first.missing - first.missing_then >= MOST_MISSING or today.table_of.get(first.name) == "accounts"
    return answer(
        "M002", title, False,
        f"{first.name} is unknown of {first.missing:.0%} of the customers, {first.missing_then:.0%} before.",
        severity="error" if fault else "warning", word="data fault" if fault else "real change",
        features=[one.name for one in found], facts={"missing": first.missing, "then": first.missing_then},
    )  # fmt: skip


def _sure(one: FeatureDrift, today: Today) -> bool:
    n, m = len(today.customers), today.reference.customers
    share = (one.missing * n + one.missing_then * m) / (n + m)
    se = np.sqrt(share * (1 - share) * (1 / n + 1 / m))
    return bool(se > 0 and (one.missing - one.missing_then) / se > stats.norm.isf(0.0001))


def categories(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether levels are those that the version knows (M003)."""
    title, least = "Categories are those of the training", settings.unknown
    found = [one for one in today.drifts if one.unknown - _rare(today, one.name) >= least]
    if not found:
        return answer("M003", title, True, f"At most {least:.0%} of the customers have a new level.")
    found.sort(key=lambda one: -one.unknown)
    first = found[0]
    renamed = least <= first.gone and 0.5 <= first.gone / first.unknown <= 2
    why = (
        f"and levels that {first.gone:.0%} had are gone: they were renamed"
        if renamed
        else "and the old levels are still there: something new"
    )
    return answer(
        "M003", title, False,
        f"{first.name} of {first.unknown:.0%} of the customers is a level not known to the version, {why}.",
        severity="error" if renamed else "warning", word="data fault" if renamed else "real change",
        features=[one.name for one in found], facts={"unknown": first.unknown, "gone": first.gone},
    )  # fmt: skip


def _rare(today: Today, name: str) -> float:
    then = today.reference.levels.get(name)
    return 0.0 if then is None else then.other / max(today.reference.customers, 1)


def silence(today: Today) -> MonitoringFinding:
    """Ask whether contacts are still recorded (M004)."""
    title = "No record has fallen silent"
    asked = [one for one in today.drifts if one.name.endswith(RECENT)]
    if not asked:
        return unasked("M004", title, "no_contacts")
    found = [one for one in asked if one.lowest <= GONE and one.lowest_then >= 5 * GONE and one.p < 1e-6]
    if not found:
        return answer("M004", title, True, "Contacts are as recent as they were.")
    first = max(found, key=lambda one: one.psi)
    return answer(
        "M004", title, False,
        f"{first.name}: hardly a customer is as recent as {first.lowest_then:.0%} were before. "
        "What is recorded has stopped, or does not arrive.",
        word="data fault", features=[first.name, *(one.name for one in found if one is not first)],
        facts={"recent": first.lowest, "then": first.lowest_then},
    )  # fmt: skip


def scales(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether answers lie on the scale that they were given on (M005)."""
    title = "Answers stay on their scale"
    learned = {feature.name for feature in today.catalogue if feature.unit == LEARNED}
    asked = [one for one in today.drifts if one.name in learned]
    if not asked:
        return unasked("M005", title, "no_scale")
    found = [
        one for one in asked if one.beyond >= BEYOND and one.psi >= settings.psi_warning and one.p < 1e-6
    ]
    if not found:
        return answer("M005", title, True, "Answers lie within what the training saw.")
    first = found[0]
    return answer(
        "M005", title, False,
        f"{first.name} of {first.beyond:.0%} of the customers lies beyond all that the training saw: "
        "the scale of the answers has changed.",
        word="data fault", features=[one.name for one in found], facts={"beyond": first.beyond},
    )  # fmt: skip
