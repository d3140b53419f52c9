"""What speaks for a version as far as its tags tell: its scorecard, and how it did against the champion.

The tags are written when the version is registered, so that the answer is the same for whoever promotes
it, from wherever.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from segmentwerk.core.types import Gate, Score
from segmentwerk.registry.promotion import Registered

GATE = "gate."
COMPARED = "compared"
"""Tag of a version: how it did against the champion of its time (`Comparison` as JSON)."""
_KEPT = ("family", "name", "value", "low", "high")


@dataclass(frozen=True)
class Comparison:
    """A version next to the champion of its time.

    Attributes
    ----------
    champion
        The champion's version.
    accounts
        Number of accounts that both assigned.
    held_out
        Number of accounts that neither was fitted on; the differences are measured on them.
    moved
        Share of the accounts whose segment id changes.
    ahead
        Challenger minus champion by criterion, with intervals.
    """

    champion: int
    accounts: int
    held_out: int
    moved: float
    ahead: tuple[Score, ...] = ()

    def to_json(self) -> str:
        """Return the tag's text; standard errors are not kept."""
        ahead = [{key: vars(score)[key] for key in _KEPT} for score in self.ahead]
        return json.dumps({**vars(self), "ahead": ahead})

    @classmethod
    def from_json(cls, text: str) -> Comparison:
        """Read the tag's text."""
        fields = json.loads(text)
        return cls(**{**fields, "ahead": tuple(Score(**score) for score in fields["ahead"])})


def tags(gates: Sequence[Gate], comparison: Comparison | None) -> dict[str, str]:
    """Return the tags that a version is registered with."""
    found = {f"{GATE}{gate.code}": f"{_status(gate)}: {gate.title}. {gate.message}" for gate in gates}
    return found if comparison is None else found | {COMPARED: comparison.to_json()}


def scorecard(version: Registered) -> Gate:
    """Ask whether the gates of the scorecard were passed (P001)."""
    title = "Passed its scorecard"
    known = {key.removeprefix(GATE): text for key, text in version.tags.items() if key.startswith(GATE)}
    failed = [f"{code} {text}" for code, text in sorted(known.items()) if text.startswith("failed:")]
    if not known:
        return _gate("P001", title, False, "It carries no scorecard. Run `segmentwerk compare`.")
    if failed:
        return _gate("P001", title, False, f"{' '.join(failed)} Tune further, or change evaluation.*.")
    return _gate("P001", title, True, f"None of its {len(known)} gates failed.")


def succession(version: Registered, champion: Registered | None) -> Gate:
    """Ask whether it is no worse than the champion on accounts that neither was fitted on (P002).

    It is worse where the interval of some difference lies below zero and that of none above zero.
    """
    title = "Not worse than the champion"
    found = _comparison("P002", title, version, champion)
    if isinstance(found, Gate):
        return found
    if not found.ahead:
        words = f"Only {found.held_out} accounts were held out from both, too few to compare on."
        return Gate("P002", title, "not_applicable", words)
    worse, better = [s for s in found.ahead if s.high < 0], [s for s in found.ahead if s.low > 0]
    words = ", ".join(f"{s.key} {s.value:+.3f} ({s.low:+.3f} to {s.high:+.3f})" for s in found.ahead)
    message = f"Against version {found.champion} on {found.held_out} accounts held out from both: {words}."
    if worse and not better:
        return _gate("P002", title, False, f"{message} Tune further, or keep the champion.")
    return _gate("P002", title, True, message)


def churn(version: Registered, champion: Registered | None, max_moved: float) -> Gate:
    """Ask whether few enough accounts change segment (P003)."""
    title = "Few accounts change segment"
    found = _comparison("P003", title, version, champion)
    if isinstance(found, Gate):
        return found
    message = (
        f"{found.moved:.1%} of {found.accounts} accounts leave their segment of version {found.champion}; "
        f"at most {max_moved:.1%} may."
    )
    if found.moved > max_moved:
        return _gate("P003", title, False, f"{message} Raise registry.max_moved if that is wanted.")
    return _gate("P003", title, True, message)


def _comparison(code: str, title: str, version: Registered, champion: Registered | None) -> Comparison | Gate:
    """Return how the version did against the present champion, or why that cannot be told."""
    if champion is None or champion.version == version.version:
        return Gate(code, title, "not_applicable", "There is no other champion.")
    found = Comparison.from_json(version.tags[COMPARED]) if COMPARED in version.tags else None
    if found is None or found.champion != champion.version:
        with_whom = "no champion" if found is None else f"version {found.champion}"
        message = (
            f"It was compared with {with_whom}, but version {champion.version} is the champion. Run "
            "`segmentwerk compare` again, or go back with `segmentwerk promote --rollback`."
        )
        return _gate(code, title, False, message)
    return found


def _gate(code: str, title: str, ok: bool, message: str) -> Gate:
    return Gate(code, title, "passed" if ok else "failed", message)


def _status(gate: Gate) -> str:
    return "warning" if gate.status == "failed" and gate.severity == "warning" else gate.status
