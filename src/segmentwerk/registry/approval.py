"""What speaks for a version as far as its tags tell: its scorecard, and how it did against the champion.

The tags are written when the version is registered, so that the answer is the same for whoever promotes
it, from wherever.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields

from segmentwerk.core.proposal import Comparison, Difference
from segmentwerk.core.types import Facts, Gate
from segmentwerk.registry.promotion import Registered

GATE = "gate."
COMPARED = "compared"
"""Tag of a version: how it did against the champion of its time (`Comparison` as JSON)."""
LEAST_HELD_OUT = 50
"""Accounts that neither was fitted on, needed to compare two versions."""
FORCE = "or use --force with a reason."


def kept(comparison: Comparison) -> str:
    """Return a comparison as the text of its tag."""
    return json.dumps(asdict(comparison))


def read(text: str) -> Comparison:
    """Read the tag's text; what only older or newer releases wrote is left out."""
    known = {field.name for field in fields(Comparison)}
    values = {name: value for name, value in json.loads(text).items() if name in known}
    values["differences"] = tuple(Difference(**one) for one in values.get("differences", ()))
    values["overall"] = Difference(**values["overall"]) if values.get("overall") else None
    return Comparison(**values)


def tags(gates: Sequence[Gate], comparison: Comparison | None) -> dict[str, str]:
    """Return the tags that a version is registered with."""
    by_key = {f"{GATE}{gate.code}": f"{_status(gate)}: {gate.title}. {gate.message}" for gate in gates}
    return by_key if comparison is None else by_key | {COMPARED: kept(comparison)}


def scorecard(version: Registered) -> Gate:
    """Ask whether the gates of the scorecard were passed (P001)."""
    title = "Passed its scorecard"
    known = {key.removeprefix(GATE): text for key, text in version.tags.items() if key.startswith(GATE)}
    failed = {code: text for code, text in sorted(known.items()) if text.startswith("failed:")}
    facts: Facts = {"failed": ", ".join(failed), "count": len(failed), "total": len(known)}
    if not known:
        return _gate("P001", title, False, "It carries no scorecard. Run `segmentwerk compare`.", facts)
    if failed:
        failures = " ".join(f"{code} {text}" for code, text in failed.items())
        return _gate("P001", title, False, f"{failures} Tune further, or change evaluation.*.", facts)
    return _gate("P001", title, True, f"None of its {len(known)} gates failed.", facts)


def succession(version: Registered, champion: Registered | None, max_loss: float) -> Gate:
    """Ask whether it is no worse than the champion on accounts that neither was fitted on (P002).

    A test of non-inferiority on the mean over the criteria: it passes where the 95% interval rules out that
    more than ``max_loss`` of the champion's scores is lost. Else it is worse where the interval lies below
    zero, and where it does not the accounts are too few to tell; both count as no.
    """
    title = "Not worse than the champion"
    comparison = _comparison("P002", title, version, champion)
    if isinstance(comparison, Gate):
        return comparison
    if comparison.moved == 0:
        words = f"All {comparison.accounts} accounts keep their segment of version {comparison.champion}."
        return _gate("P002", title, True, words, {"value": 0.0, "low": 0.0, "high": 0.0, "limit": -max_loss})
    if comparison.overall is None:
        words = (
            f"Cannot be told: only {comparison.held_out} accounts were held out from both, at least "
            f"{LEAST_HELD_OUT} are needed. Compare on more accounts, {FORCE}"
        )
        counts = {"held_out": comparison.held_out, "least": LEAST_HELD_OUT}
        return Gate("P002", title, "undecided", words, facts=counts)
    overall = comparison.overall
    listed = ", ".join(
        f"{d.key} {d.value:+.3f} ({d.low:+.3f} to {d.high:+.3f})" for d in comparison.differences
    )
    message = (
        f"Against version {comparison.champion} on {comparison.held_out} accounts held out from both: "
        f"{listed}; over all {overall.value:+.1%} ({overall.low:+.1%} to {overall.high:+.1%}) of the "
        "champion's scores."
    )
    facts = {"value": overall.value, "low": overall.low, "high": overall.high, "limit": -max_loss}
    if overall.low >= -max_loss:
        return _gate("P002", title, True, f"{message} No loss of more than {max_loss:.1%}.", facts)
    if overall.high < 0:
        return _gate("P002", title, False, f"{message} Tune further, or keep the champion.", facts)
    words = (
        f"Cannot be told: {message} A loss of more than {max_loss:.1%} cannot be ruled out. Compare on more "
        f"accounts, {FORCE}"
    )
    return Gate("P002", title, "undecided", words, facts=facts)


def churn(version: Registered, champion: Registered | None, max_moved: float) -> Gate:
    """Ask whether few enough accounts change segment (P003)."""
    title = "Few accounts change segment"
    comparison = _comparison("P003", title, version, champion)
    if isinstance(comparison, Gate):
        return comparison
    message = (
        f"{comparison.moved:.1%} of {comparison.accounts} accounts leave their segment of version "
        f"{comparison.champion}; at most {max_moved:.1%} may."
    )
    facts = {"moved": comparison.moved, "limit": max_moved}
    if comparison.moved > max_moved:
        return _gate("P003", title, False, f"{message} Raise registry.max_moved if that is wanted.", facts)
    return _gate("P003", title, True, message, facts)


def _comparison(code: str, title: str, version: Registered, champion: Registered | None) -> Comparison | Gate:
    """Return how the version did against the present champion, or why that cannot be told."""
    if champion is None or champion.version == version.version:
        return Gate(code, title, "not_applicable", "There is no other champion.")
    comparison = read(version.tags[COMPARED]) if COMPARED in version.tags else None
    if comparison is None or comparison.champion != champion.version:
        with_whom = "no champion" if comparison is None else f"version {comparison.champion}"
        message = (
            f"It was compared with {with_whom}, but version {champion.version} is the champion. Run "
            "`segmentwerk compare` again, or go back with `segmentwerk promote --rollback`."
        )
        return _gate(code, title, False, message)
    return comparison


def _gate(code: str, title: str, ok: bool, message: str, facts: Facts | None = None) -> Gate:
    return Gate(code, title, "passed" if ok else "failed", message, facts=facts or {})


def _status(gate: Gate) -> str:
    return "warning" if gate.status == "failed" and gate.severity == "warning" else gate.status
