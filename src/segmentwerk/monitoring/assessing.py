"""All gates at one date, in order: faults of the records first, since changes may follow from them."""

from __future__ import annotations

from segmentwerk.core.monitored import MonitoringFinding, Ranged
from segmentwerk.core.monitoring_settings import MonitoringSettings
from segmentwerk.core.reference import Measure
from segmentwerk.monitoring import answer_gates, change_gates, fault_gates, promise_gate, prospect_gate
from segmentwerk.monitoring.answering import unasked
from segmentwerk.monitoring.telling import Told
from segmentwerk.monitoring.today import CLOCKS, Today

Z = 1.96
THEN = "then/"
"""Begins the names of what the version remembers of its training."""


def assess(today: Today, settings: MonitoringSettings) -> tuple[MonitoringFinding, ...]:
    """Ask every gate.

    Examples
    --------
    The order of the answers is that of the codes; `core.monitored.Monitored.failed` orders by what is to be
    done.
    """
    faults = fault_gates.ask(today, settings)
    faulty = {
        today.table_of.get(name, "")
        for one in faults
        if one.status == "failed" and one.word == "data fault"
        for name in one.features
    }
    changes = change_gates.ask(today, settings, faulty)
    moved = any(_is_witness(one) for one in (*faults, *changes))
    return (
        *faults,
        *changes,
        *answer_gates.ask(today, settings, moved=moved),
        prospect_gate.looking_alike(today, settings),
        promise_gate.keeping(today, settings),
    )


def _is_witness(finding: MonitoringFinding) -> bool:
    """Tell whether features have moved; a classifier tells then from now in every business that grows."""
    return finding.status == "failed" and finding.word == "real change" and finding.code != "M008"


def passed_over(findings: tuple[MonitoringFinding, ...]) -> tuple[MonitoringFinding, ...]:
    """Take back what gates answered for a date before the training: a version cannot have aged by then.

    Such a date shows where customers were before; that features which look back have less to look at is no
    fault.
    """
    return tuple(unasked(one.code, one.title, "before_training") for one in findings)


def figures(today: Today) -> dict[str, Ranged]:
    """Return the numbers of a date by ``family/name``, with intervals where they have one."""
    now = today.answers
    found = {
        "accounts/all": float(len(today.features)),
        "accounts/customers": float(len(today.customers)),
        "accounts/prospects": float(now.prospects),
        "answers/confidence": now.confidence,
        "answers/outliers": now.outliers / max(now.answered, 1),
        "drift/psi_largest": max((one.psi for one in today.drifts if one.name not in CLOCKS), default=0.0),
        "drift/unknown_largest": max((one.unknown for one in today.drifts), default=0.0),
    }
    for segment in today.segments:
        found[f"share/segment_{segment}"] = now.segments[segment] / max(now.answered, 1)
    for basis, count in now.bases.items():
        found[f"basis/{basis.replace(' ', '_')}"] = count / max(len(today.customers), 1)
    ranged = {name: Ranged(value=value) for name, value in (found | _then(today)).items()}
    ranged |= {f"still_true/{name}": _ranged(one) for name, one in today.measures.items()}
    ranged |= {f"{THEN}still_true/{name}": _ranged(one) for name, one in today.reference.measures.items()}
    if isinstance(today.told, Told):
        ranged["drift/auc"] = _ranged(Measure(value=today.told.auc, se=today.told.se))
    return ranged


def _then(today: Today) -> dict[str, float]:
    """Return the same numbers of the training's accounts."""
    answers = today.reference.answers
    shares = {f"share/segment_{one}": answers.segments.get(one, 0) for one in today.segments}
    found = {name: count / max(answers.answered, 1) for name, count in shares.items()} | {
        "accounts/customers": float(today.reference.customers),
        "accounts/prospects": float(answers.prospects),
        "answers/confidence": answers.confidence,
        "answers/outliers": answers.outliers / max(answers.answered, 1),
    }
    return {THEN + name: value for name, value in found.items()}


def _ranged(one: Measure) -> Ranged:
    if one.se is None:
        return Ranged(value=one.value)
    return Ranged(value=one.value, low=one.value - Z * one.se, high=one.value + Z * one.se)
