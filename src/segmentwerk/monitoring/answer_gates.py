"""The gates that look at what the version says, and at whether it still holds (M009 … M014)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.monitored import MonitoringFinding
from segmentwerk.core.monitoring_settings import MonitoringSettings
from segmentwerk.core.reference import Measure
from segmentwerk.monitoring.answering import answer, unasked
from segmentwerk.monitoring.drift import homogeneous
from segmentwerk.monitoring.today import Today

Z = 1.96
CONFIDENCE, BASES = 0.05, 0.1
"""By how much the mean confidence may fall, and the bases' shares may differ."""
WITNESS = 10
"""How much likelier than `monitoring.alpha` chance may be where another gate tells of the same change."""


def ask(today: Today, settings: MonitoringSettings, *, moved: bool) -> list[MonitoringFinding]:
    """Ask all gates about answers and whether they still hold.

    Parameters
    ----------
    moved
        Whether features have moved, too (M002 to M007, where that is no fault).
    """
    return [
        shares(today, settings, moved),
        outliers(today, settings),
        sureness(today, settings),
        gain(today, settings),
        agreement(today, settings),
        outcome(today, settings),
    ]


def shares(today: Today, settings: MonitoringSettings, moved: bool) -> MonitoringFinding:
    """Ask whether segments hold the shares that they held (M009).

    Where features have moved, too, this one need not be as sure (`WITNESS`).
    """
    title = "Segments hold their shares"
    then, now = _counts(today)
    if not now.sum():
        return unasked("M009", title, "no_segment")
    p, q = then / then.sum(), now / now.sum()
    differing, chance = float(np.abs(p - q).sum() / 2), homogeneous(then, now)
    order = np.argsort(-np.abs(q - p) / np.sqrt(np.maximum(p * (1 - p), 1e-6)), kind="stable")
    first = today.segments[int(order[0])]
    message = (
        f"Segment {first} held {p[order[0]]:.1%} of the customers and holds {q[order[0]]:.1%}; "
        f"{differing:.1%} of all would have to change segment to undo it."
    )
    alpha = WITNESS * settings.alpha if moved else settings.alpha
    ok = not (chance < alpha and differing >= settings.shares)
    return answer(
        "M009", title, ok, message,
        word="real change", segments=[today.segments[int(place)] for place in order],
        facts={"differing": differing, "limit": settings.shares, "p": chance},
    )  # fmt: skip


def _counts(today: Today) -> tuple[FloatArray, FloatArray]:
    before, after = today.reference.answers.segments, today.answers.segments
    return (
        np.array([before.get(segment, 0) for segment in today.segments], dtype=np.float64),
        np.array([after.get(segment, 0) for segment in today.segments], dtype=np.float64),
    )


def outliers(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether more customers are unlike all that the version knows (M010)."""
    title = "No more customers are unlike all segments"
    then, now = today.reference.answers, today.answers
    if not now.answered or not then.answered:
        return unasked("M010", title, "no_segment")
    before, after = then.outliers / then.answered, now.outliers / now.answered
    table = [[then.outliers, now.outliers], [then.answered - then.outliers, now.answered - now.outliers]]
    chance = float(stats.fisher_exact(table, alternative="less").pvalue)
    known = today.said.loc[today.said.index.isin(today.customers)]
    outside = known[known["is_outlier"].astype(bool)]["segment_id"]
    counts = [int((outside == segment).sum()) for segment in today.segments]
    order = np.argsort(-np.array(counts), kind="stable")
    named = [today.segments[int(place)] for place in order if counts[int(place)]]
    ok = not (chance < settings.alpha and after >= settings.outliers and after >= 2 * before)
    message = (
        f"{after:.1%} of the customers are less typical than all but a hundredth were; before {before:.1%}."
    )
    if named:
        message += f" Most of them, {counts[int(order[0])]}, are counted to segment {named[0]}."
    return answer(
        "M010", title, ok, message, word="real change", segments=named,
        facts={"outliers": after, "then": before, "limit": settings.outliers},
    )  # fmt: skip


def sureness(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether answers are as sure, and stand on as much, as they did (M011)."""
    title = "Answers are as sure as before"
    then, now = today.reference.answers, today.answers
    if not now.answered:
        return unasked("M011", title, "no_segment")
    se = np.hypot(
        then.confidence_deviation / np.sqrt(max(then.answered, 1)),
        now.confidence_deviation / np.sqrt(now.answered),
    )
    fallen = then.confidence - now.confidence
    names = sorted({*then.bases, *now.bases})
    p, q = (np.array([each.bases.get(name, 0) for name in names], dtype=np.float64) for each in (then, now))
    differing = float(np.abs(p / p.sum() - q / q.sum()).sum() / 2)
    unsure = fallen >= CONFIDENCE and fallen > 4 * se
    ok = not unsure and not (differing >= BASES and homogeneous(p, q) < settings.alpha)
    return answer(
        "M011", title, ok,
        f"The mean confidence is {now.confidence:.2f}, it was {then.confidence:.2f}; what answers stand on "
        f"differs for {differing:.1%} of the customers.",
        severity="warning", word="real change", facts={"confidence": now.confidence, "bases": differing},
    )  # fmt: skip


def gain(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether segments still describe accounts better than one cloud does (M012)."""
    title = "Segments still describe the customers"
    then, now = today.reference.measures.get("gain"), today.measures.get("gain")
    if then is None or now is None:
        return unasked("M012", title, _unmeasured(then))
    limit = settings.kept * then.value
    ok = now.value + Z * _se(then, now, settings.kept) >= limit
    return answer(
        "M012", title, ok,
        f"Held-out gain {now.value:.3f} nats per variable, {then.value:.3f} at registration; "
        f"at least {settings.kept:.0%} of that is asked.",
        word="real change", facts={"gain": now.value, "then": then.value, "limit": limit},
    )  # fmt: skip


def agreement(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether a fresh fit would find the same segments (M013)."""
    title = "A fresh fit finds the same segments"
    then, now = today.reference.measures.get("agreement"), today.measures.get("agreement")
    if then is None or now is None:
        return unasked("M013", title, _unmeasured(then))
    fallen = then.value - now.value
    return answer(
        "M013", title, fallen < settings.agreement or fallen < 3 * _se(then, now, 1.0),
        f"A fresh fit agrees by {now.value:.2f} (adjusted Rand index) with the segments, {then.value:.2f} at "
        "registration.",
        severity="warning", word="real change", facts={"agreement": now.value, "then": then.value},
    )  # fmt: skip


def outcome(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether segments foretold what then happened (M014)."""
    title = "Segments foretold what happened"
    then, now = today.reference.measures.get("explained"), today.measures.get("explained")
    if then is None or now is None:
        return unasked("M014", title, today.no_outcome or "no_outcome")
    limit = settings.kept * then.value
    ok = now.value + Z * _se(then, now, settings.kept) >= limit
    return answer(
        "M014", title, ok,
        f"Segments explained {now.value:.0%} of the outcome's variance in the time just ended; promised were "
        f"{then.value:.0%}.",
        word="real change", facts={"explained": now.value, "promised": then.value, "limit": limit},
    )  # fmt: skip


def _unmeasured(then: Measure | None) -> str:
    return "not_measured_then" if then is None else "too_few_customers"


def _se(then: Measure, now: Measure, part: float) -> float:
    """Return the standard error of the difference to a part of what was."""
    return float(np.hypot(now.se or 0.0, part * (then.se or 0.0)))
