"""Whether a campaign can be trusted as an experiment: findings E001 to E013.

What each one means stands in docs/reference/experiment-checks.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import ibis
import numpy as np
from scipy import stats
from tea_tasting import SampleRatio
from tea_tasting.aggr import Aggregates

from segmentwerk.core.types import Facts, Gate
from segmentwerk.measurement import comparisons
from segmentwerk.measurement.arm_sums import ArmSums
from segmentwerk.measurement.contacts import OUTCOMES

RISK = 0.001
"""Of a false alarm: checks that are made again and again must not cry wolf."""
NEARLY = 0.9
"""Where every arm has at least this part of an equal share, equal shares are taken as the plan."""
FEW = 50
"""Contacts of an arm in a segment below which hardly any effect is seen."""


@dataclass(frozen=True)
class Evidence:
    """What is known of the contacts of one campaign, as counts; dates are those of contacts and windows."""

    contacts: int
    torn: int
    early: int
    unsegmented: int
    negative: int
    untold: int
    overlapping: int
    unfinished: int
    first: date
    last: date
    end: date


@dataclass(frozen=True)
class CampaignCase:
    """All that a check looks at."""

    cells: ArmSums
    evidence: Evidence
    control: str | None
    ratio: Mapping[str, float] | None
    until: date
    confidence: float


def look(contacts: ibis.Table, campaign: str, until: date) -> Evidence:
    """Count what is wrong with the contacts of a campaign, those left out of the comparison, too."""
    mine = contacts.filter(contacts.campaign == campaign)
    others = contacts.filter(contacts.campaign != campaign)
    mine_too = mine.select("account_id", "begin", "end")
    other = others.select(who=others.account_id, since=others.begin, till=others.end)
    meeting = mine_too.inner_join(other, mine_too.account_id == other.who)
    meeting = meeting.filter((meeting.since < meeting.end) & (meeting.till > meeting.begin))
    flags = {
        "torn": mine.arm.isnull(),
        "early": mine.known.cast("int64") == 0,
        "unsegmented": mine.segment_id < 0,
        "negative": (mine.revenue < 0) & mine.revenue.notnull(),
        "untold": _untold(mine),
        "unfinished": mine.end > ibis.timestamp(until.isoformat()),
    }
    asked = {name: flag.fill_null(False).ifelse(1, 0).sum() for name, flag in flags.items()}
    row = mine.aggregate(
        contacts=mine.count(), first=mine.begin.min(), last=mine.begin.max(), end=mine.end.max(), **asked
    )
    (found,) = row.to_pyarrow().to_pylist()
    first, last, end = (found.pop(name).date() for name in ("first", "last", "end"))
    (met,) = meeting.aggregate(n=meeting.account_id.nunique()).to_pyarrow().to_pylist()
    counts = {name: int(value or 0) for name, value in found.items()}
    return Evidence(**counts, overlapping=int(met["n"] or 0), first=first, last=last, end=end)


def _untold(mine: ibis.Table) -> Any:
    """Say of which contacts nothing at all is told."""
    nothing = ibis.literal(True)
    for name in OUTCOMES:
        nothing &= mine[name].isnull()
    return nothing


def check(case: CampaignCase) -> tuple[Gate, ...]:
    """Answer every question about a campaign, in the order of the codes."""
    return tuple(one(case) for one in CHECKS)


def _finding(
    code: str,
    title: str,
    ok: bool | None,
    message: str,
    severity: Literal["error", "warning"],
    **facts: float | str,
) -> Gate:
    status: Literal["passed", "failed", "not_applicable"]
    status = "not_applicable" if ok is None else "passed" if ok else "failed"
    return Gate(code, title, status, message, severity, facts)


def _ratio(case: CampaignCase) -> Gate:
    """E001: the sample ratio mismatch of Fabijan et al. (2019), the arms against all others together."""
    counts = {arm: case.cells.count(None, arm) for arm in case.cells.arms}
    total, planned = sum(counts.values()), case.ratio
    alike = len(counts) > 1 and min(counts.values()) >= NEARLY * total / len(counts)
    if planned is None and alike:
        planned = dict.fromkeys(counts, 1.0)
    if planned is None or len(counts) < 2 or not set(counts) <= set(planned):
        words = (
            "The planned shares of the arms are not told (measurement.ratio), and they are far from alike."
        )
        return _finding("E001", "The arms have their planned shares", None, words, "error")
    whole = sum(planned[arm] for arm in counts)
    risks = {
        arm: _mismatch(count, total - count, planned[arm] / (whole - planned[arm]))
        for arm, count in counts.items()
    }
    arm = min(risks, key=lambda name: (risks[name], name))
    pvalue = min(1.0, risks[arm] * (len(counts) if len(counts) > 2 else 1))
    share, asked = counts[arm] / total, planned[arm] / whole
    words = f"Arm {arm!r} has {share:.1%} of {total} contacts, planned {asked:.1%} (p = {pvalue:.2g})."
    facts: Facts = {"arm": arm, "share": share, "planned": asked, "contacts": total, "pvalue": pvalue}
    return _finding("E001", "The arms have their planned shares", pvalue >= RISK, words, "error", **facts)


def _mismatch(count: int, others: int, ratio: float) -> float:
    groups: dict[object, Aggregates] = {"one": Aggregates(count), "others": Aggregates(others)}
    return float(SampleRatio(ratio).analyze(groups, "others", "one").pvalue)


def _alike(case: CampaignCase) -> Gate:
    title = "Every segment has the same shares of the arms"
    cells = case.cells
    table = np.array([[cells.count(segment, arm) for arm in cells.arms] for segment in cells.segments])
    if table.size == 0 or min(table.shape) < 2:
        return _finding("E002", title, None, "There is one arm, or one segment, only.", "warning")
    pvalue = float(stats.chi2_contingency(table, correction=False).pvalue)
    words = f"By chance alone the arms' shares would differ as much between segments with p = {pvalue:.2g}."
    return _finding("E002", title, pvalue >= RISK, words, "warning", pvalue=pvalue)


def _control(case: CampaignCase) -> Gate:
    arms = case.cells.arms
    ok = case.control is not None and len(arms) > 1
    words = f"Arms: {', '.join(arms) or 'none'}; control: {case.control or 'none'}."
    if not ok:
        words += " Without an arm that was left alone nobody knows what would have come anyway."
    facts: Facts = {"arms": len(arms), "names": ", ".join(arms) or "-"}
    return _finding("E003", "There is a control to compare with", ok, words, "error", **facts)


def _counted(
    code: str, title: str, severity: Literal["error", "warning"], name: str, words: str
) -> Callable[[CampaignCase], Gate]:
    """Return a check that nothing of a kind is found; ``words`` say what is done with what is."""

    def one(case: CampaignCase) -> Gate:
        count, of = int(getattr(case.evidence, name)), case.evidence.contacts
        message = f"{count} of {of} contacts {words}." if count else f"None of {of} contacts."
        return _finding(code, title, count == 0, message, severity, count=count, contacts=of)

    return one


def _late(case: CampaignCase) -> Gate:
    """E006: whether treated accounts still order more than control in as many days after the window."""
    title, cells = "The effect ends with the window", case.cells
    if case.control is None or "late" not in cells.told:
        words = "When things were bought is not told, or there is no control."
        return _finding("E006", title, None, words, "warning")
    base = cells.by[None, case.control]
    found = {
        arm: comparisons.uplift_of_share(base, cells.by[None, arm], "late", case.confidence).absolute
        for arm in cells.arms
        if arm != case.control
    }
    told = {arm: one for arm, one in found.items() if not one.absent}
    if not told:
        return _finding("E006", title, None, "Nobody ordered after the window.", "warning")
    arm = min(told, key=lambda name: (told[name].pvalue, name))
    one, risk = told[arm], RISK / len(told)
    ok = not (one.pvalue < risk and one.value > 0)
    words = (
        f"After the window {100 * one.value:+.1f} points more of arm {arm!r} than of control ordered "
        f"(p = {one.pvalue:.2g})."
    )
    return _finding("E006", title, ok, words, "warning", arm=arm, points=100 * one.value, pvalue=one.pvalue)


def _window(case: CampaignCase) -> Gate:
    count, end = case.evidence.unfinished, case.evidence.end
    days = max((end - case.until).days, 0)
    words = (
        f"{count} of {case.evidence.contacts} contacts have {days} days to go at most: outcomes are known "
        f"before {case.until}, the last window ends on {end}. Looking early finds effects that are not there."
        if count
        else f"The last window ended on {end}, outcomes are known before {case.until}."
    )
    facts = {"count": count, "contacts": case.evidence.contacts, "days": days}
    return _finding("E007", "The window is over", count == 0, words, "warning", **facts)


def _converted(case: CampaignCase) -> Gate:
    title = "Something was converted"
    if "converted" not in case.cells.told:
        return _finding("E008", title, None, "Conversions are not told.", "warning")
    parts = [case.cells.by[None, arm] for arm in case.cells.arms]
    count = round(sum(one.mean("converted") * one.count() for one in parts))
    words = f"{count} of {case.evidence.contacts} contacts converted."
    facts = {"count": count, "contacts": case.evidence.contacts}
    return _finding("E008", title, count > 0, words, "warning", **facts)


def _negative(case: CampaignCase) -> Gate:
    title = "No contact brought negative revenue"
    if "revenue" not in case.cells.told:
        return _finding("E009", title, None, "Revenue is not told.", "warning")
    return _counted(
        "E009", title, "warning", "negative", "have returns above their orders; they count as such"
    )(case)


def _enough(case: CampaignCase) -> Gate:
    title, cells = "Every segment has enough contacts in every arm", case.cells
    counts = {(segment, arm): cells.count(segment, arm) for segment in cells.segments for arm in cells.arms}
    if not counts:
        return _finding("E013", title, None, "No contact has a segment.", "warning")
    (segment, arm), least = min(counts.items(), key=lambda item: (item[1], item[0]))
    few = len({segment for (segment, _), count in counts.items() if count < FEW})
    words = f"The smallest cell, arm {arm!r} in segment {segment}, has {least} contacts; {FEW} are asked."
    facts = {"least": least, "limit": FEW, "segments": few}
    return _finding("E013", title, least >= FEW, words, "warning", **facts)


CHECKS: tuple[Callable[[CampaignCase], Gate], ...] = (
    _ratio,
    _alike,
    _control,
    _counted(
        "E004",
        "Every account stands in one arm",
        "error",
        "torn",
        "are of accounts in several arms; they are left out",
    ),
    _counted(
        "E005",
        "Every account was in one campaign at a time",
        "warning",
        "overlapping",
        "are of accounts that another campaign reached in the same days",
    ),
    _late,
    _window,
    _converted,
    _negative,
    _counted(
        "E010",
        "Every account existed when it was contacted",
        "error",
        "early",
        "were made before the account was created; they are left out",
    ),
    _counted(
        "E011",
        "Every contact has a segment",
        "warning",
        "unsegmented",
        "are of accounts without a segment on that day; they count in the whole only",
    ),
    _counted(
        "E012",
        "Something is told of every contact",
        "warning",
        "untold",
        "have neither response nor conversion nor money; they count as nothing",
    ),
    _enough,
)
