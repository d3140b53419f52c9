"""The gate that asks whether measures bring in the segments what campaigns promised (M016)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from segmentwerk.core.monitored import MonitoringFinding, Promise, Ranged
from segmentwerk.core.monitoring_settings import MonitoringSettings
from segmentwerk.monitoring.answering import answer, unasked
from segmentwerk.monitoring.drift import unlikely
from segmentwerk.monitoring.today import Today

Z = 1.96


def keeping(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether the part that is to be kept may still be there of what was surely promised.

    What was promised of the best of several arms is too high on average, so only a loss of much of it counts.
    """
    title = "Measures bring what was promised"
    asked = [one for one in today.promises if (one.promised.low or 0.0) > 0]
    if not asked:
        return unasked("M016", title, "nothing_repeated")
    chances = {place: _chance(one, settings.kept) for place, one in enumerate(asked)}
    certain = unlikely({str(place): p for place, p in chances.items()}, settings.alpha)
    order = sorted(chances, key=lambda place: chances[place])
    broken = [asked[place] for place in order if str(place) in certain]
    first = asked[order[0]]
    return answer(
        "M016", title, not broken,
        f"{first.arm} brought {_ratio(first):.0%} of what was promised, in {_place(first)}.",
        severity="warning", word="real change",
        segments=[one.segment for one in broken or [first] if one.segment is not None], level=first.arm,
        facts={"ratio": _ratio(first), "broken": len(broken)},
    )  # fmt: skip


def _chance(one: Promise, kept: float) -> float:
    """Return the one-sided p-value of at least this part of the promise still being there."""
    se = float(np.hypot(_se(one.happened), kept * _se(one.promised)))
    return float(stats.norm.cdf((one.happened.value - kept * one.promised.value) / max(se, 1e-12)))


def _ratio(one: Promise) -> float:
    return one.happened.value / one.promised.value


def _se(one: Ranged) -> float:
    return 0.0 if one.low is None or one.high is None else (one.high - one.low) / (2 * Z)


def _place(one: Promise) -> str:
    return "all segments" if one.segment is None else f"segment {one.segment}"
