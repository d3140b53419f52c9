"""The gate that looks at accounts without history (M015): how many there are, and what is said of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.monitored import MonitoringFinding
from segmentwerk.core.monitoring_settings import MonitoringSettings
from segmentwerk.core.reference import AnswersReference
from segmentwerk.monitoring.answering import answer, unasked
from segmentwerk.monitoring.drift import homogeneous
from segmentwerk.monitoring.fault_gates import MOST_MISSING
from segmentwerk.monitoring.today import Today

CODE, TITLE = "M015", "Prospects are of the kind that they were"
LEAST = 30
"""Prospects that are needed then and now."""
ASKED = 3
"""Questions of the gate."""


class _Prospects(NamedTuple):
    """Counts at one date: all accounts, prospects, those with a segment, and these by segment."""

    accounts: int
    prospects: int
    answered: int
    segments: FloatArray

    @classmethod
    def of(cls, said: AnswersReference, accounts: int, order: tuple[int, ...]) -> _Prospects:
        counts = np.array([said.prospect_segments.get(one, 0) for one in order], dtype=np.float64)
        return cls(accounts, said.prospects, int(counts.sum()), counts)

    @property
    def silent(self) -> float:
        """Share of the prospects of whom too little is known for a segment."""
        return 1 - self.answered / self.prospects


def looking_alike(today: Today, settings: MonitoringSettings) -> MonitoringFinding:
    """Ask whether prospects are as many, as well known, and in the segments that they were.

    The first that is not is named. Too little known of many more of them is a fault of the records.
    """
    then = _Prospects.of(today.reference.answers, today.reference.accounts, today.segments)
    now = _Prospects.of(today.answers, len(today.features), today.segments)
    if min(then.prospects, now.prospects) < LEAST:
        return unasked(CODE, TITLE, "few_prospects")
    alpha = settings.alpha / ASKED
    return (
        _unanswered(then, now, settings.missing, alpha)
        or _elsewhere(then, now, today.segments, settings.shares, alpha)
        or _more(then, now, settings.shares, alpha)
        or answer(CODE, TITLE, True, "Prospects are as many, and in the segments that they were.")
    )


def _unanswered(then: _Prospects, now: _Prospects, least: float, alpha: float) -> MonitoringFinding | None:
    risen = now.silent - then.silent
    table = [[each.prospects - each.answered, each.answered] for each in (now, then)]
    if risen < least or float(stats.fisher_exact(table, alternative="greater").pvalue) > alpha:
        return None
    fault = risen >= MOST_MISSING
    return answer(
        CODE, TITLE, False,
        f"Of {now.silent:.0%} of the prospects too little is known for a segment, {then.silent:.0%} before.",
        severity="error" if fault else "warning", word="data fault" if fault else "real change",
        facts={"unanswered": now.silent, "then": then.silent},
    )  # fmt: skip


def _elsewhere(
    then: _Prospects, now: _Prospects, segments: tuple[int, ...], least: float, alpha: float
) -> MonitoringFinding | None:
    if not then.answered or not now.answered:
        return None
    gap = now.segments / now.answered - then.segments / then.answered
    differing = float(np.abs(gap).sum() / 2)
    if differing < least or homogeneous(then.segments, now.segments) > alpha:
        return None
    first = int(np.abs(gap).argmax())
    return answer(
        CODE, TITLE, False,
        f"{differing:.1%} of the prospects would have to change segment to bring their shares back.",
        severity="warning", word="real change", segments=[segments[first]], facts={"differing": differing},
    )  # fmt: skip


def _more(then: _Prospects, now: _Prospects, least: float, alpha: float) -> MonitoringFinding | None:
    share, before = now.prospects / now.accounts, then.prospects / then.accounts
    counts = [np.array([each.prospects, each.accounts - each.prospects], float) for each in (then, now)]
    if abs(share - before) < least or homogeneous(*counts) > alpha:
        return None
    return answer(
        CODE, TITLE, False, f"{share:.0%} of the accounts are prospects, {before:.0%} before.",
        severity="warning", word="real change", facts={"share": share, "then": before},
    )  # fmt: skip
