"""Whether a new version is worth the change: what speaks for it, and when the champion stays.

A change of version costs: people learn new segments, campaigns and hold-outs refer to old ones. So the
champion stays unless the new version is surely better by enough, or the champion was found wanting at the
last monitored date: then a change is due, and not being worse suffices. With wrong records nothing is decided
at all: a new version would learn the faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from segmentwerk.core.monitored import Monitored, MonitoringFinding
from segmentwerk.core.proposal import Comparison, Difference
from segmentwerk.core.types import Gate
from segmentwerk.monitoring.assessing import THEN
from segmentwerk.monitoring.keeping import KeptDates

Cause = Literal["better", "failed", "faulty", "unfit", "worse", "same", "no_better", "untold"]
"""Why: surely better; the champion failed a gate; the records are faulty; the new version fails its own
gates; it is surely worse; no account changes; it is not surely better; too few accounts to tell."""

JOINED = 0.25
"""Share of what all segments have gained that one must have gained to count as joined by newcomers."""
FAULT = "data fault"
"""What `MonitoringFinding.word` says of wrong records."""


@dataclass(frozen=True)
class Renewal:
    """What is to be done with a new version.

    Attributes
    ----------
    findings
        The gates that the champion failed at the last monitored date and that call for something.
    monitored
        That date; None where the champion was not monitored.
    overall
        How the new version does against the champion, in shares of the champion's scores.
    against
        The gates of its scorecard that the new version fails.
    least_gain
        By how much it was asked to be better.
    """

    cause: Cause
    findings: tuple[MonitoringFinding, ...] = ()
    monitored: date | None = None
    overall: Difference | None = None
    against: tuple[Gate, ...] = ()
    least_gain: float = 0.0

    @property
    def propose(self) -> bool:
        """Whether the new version is put before those who decide."""
        return self.cause in ("better", "failed")


def decide(
    comparison: Comparison,
    gates: tuple[Gate, ...],
    monitored: Monitored | None,
    *,
    as_of: date,
    least_gain: float,
) -> Renewal:
    """Decide whether a new version is proposed.

    Parameters
    ----------
    comparison
        The new version beside the champion.
    gates
        Of the new version's scorecard.
    monitored
        What was found at the champion's last monitored date; None where there is none.
    as_of
        Of the comparison.
    least_gain
        Share of the champion's scores by which the new version must be better at the lower end of the 95%
        interval.
    """
    findings = calling(monitored, as_of)
    against = tuple(gate for gate in gates if gate.refuses)
    seen = monitored.as_of if monitored else None
    cause = _cause(comparison, findings, against, least_gain)
    return Renewal(cause, findings, seen, comparison.overall, against, least_gain)


def calling(monitored: Monitored | None, as_of: date) -> tuple[MonitoringFinding, ...]:
    """Return what calls for something to be done as of a date.

    Faults of records that were looked at before it are passed over: whether they were repaired since is not
    known.
    """
    if monitored is None:
        return ()
    old = monitored.as_of < as_of
    return tuple(one for one in monitored.failed if one.calls and not (old and one.word == FAULT))


def changed(monitored: Monitored | None) -> bool:
    """Tell whether a gate called for a refresh at the last monitored date, not for a repair of records."""
    return monitored is not None and any(one.calls and one.word != FAULT for one in monitored.failed)


def joined(monitored: Monitored) -> list[int]:
    """Return the segments that newcomers have joined at the last monitored date; none where no gate tells.

    Where shares called (M009), those that have gained at least `JOINED` of what all together have gained;
    else the one that most of the customers who are unlike all segments are counted to (M010).
    """
    named = {one.code: one.segments for one in monitored.failed if one.calls}
    if "M009" not in named:
        return list(named.get("M010", ()))[:1]
    gained = {segment: max(_gain(monitored, segment), 0.0) for segment in named["M009"]}
    least = JOINED * sum(gained.values())
    return [segment for segment, share in gained.items() if share > 0 and share >= least]


def _gain(monitored: Monitored, segment: int) -> float:
    """Return the share of the customers that a segment holds beyond what it held."""
    now, then = (monitored.figures[f"{when}share/segment_{segment}"].value for when in ("", THEN))
    return now - then


def faulty(findings: tuple[MonitoringFinding, ...]) -> bool:
    """Tell whether the records are wrong."""
    return any(one.word == FAULT for one in findings)


def _cause(
    comparison: Comparison,
    findings: tuple[MonitoringFinding, ...],
    against: tuple[Gate, ...],
    least_gain: float,
) -> Cause:
    overall = comparison.overall
    if faulty(findings):
        return "faulty"
    if against:
        return "unfit"
    if comparison.moved == 0:
        return "same"
    if overall is not None and overall.high < 0:
        return "worse"
    if overall is not None and overall.low > least_gain:
        return "better"
    if findings:
        return "failed"
    return "untold" if overall is None else "no_better"


def last_monitored(folder: Path, digest: str, source: str) -> Monitored | None:
    """Return what was found at the last date at which a version was monitored on a source.

    Parameters
    ----------
    folder
        Where all monitored dates lie.
    digest
        Of the version.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    found = [one for one in _kept(folder, digest, source) if one.digest == digest]
    return max(found, key=lambda one: one.as_of, default=None)


def _kept(folder: Path, digest: str, source: str) -> Iterator[Monitored]:
    for place in sorted(folder.glob(f"*-{digest[:8]}")):
        model = place.name.removesuffix(f"-{digest[:8]}")
        yield from KeptDates(folder, model, digest, source).read()
