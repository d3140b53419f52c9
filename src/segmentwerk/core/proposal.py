"""A new version as it is put before those who decide on it: plain data, told by `reporting.question`.

It is made once, when the version is registered, and told from here on the run's page, on the model's card, in
the report and on the terminal.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Literal

from segmentwerk.core.types import Gate

REASON = 'reason="WHY"'
"""What the commands leave to those who decide; it works as it stands."""


@dataclass(frozen=True)
class Difference:
    """One criterion of two versions, on accounts that neither was fitted on.

    ``value`` is ``challenger`` minus ``champion``, ``low`` and ``high`` bound its 95% bootstrap interval.
    ``key`` is ``family/name`` as in the scorecard.
    """

    key: str
    challenger: float
    champion: float
    value: float
    low: float
    high: float


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
    revenue, moved_revenue
        Revenue of all these accounts and of those that move, in the source's currency; None where the source
        tells none.
    differences
        One a criterion; empty where too few accounts were held out from both.
    overall
        The mean over the criteria of the differences in shares of the champion's scores; None without
        differences.
    """

    champion: int
    accounts: int
    held_out: int
    moved: float
    revenue: float | None = None
    moved_revenue: float | None = None
    differences: tuple[Difference, ...] = ()
    overall: Difference | None = None


@dataclass(frozen=True)
class Proposal:
    """What is to be decided about a version, and all that the decision stands on.

    Attributes
    ----------
    version
        None where nothing was registered.
    standing, cause
        What the version is now, and why: ``vacant`` there was no champion, ``always`` the policy
        `registry.promote` says so; ``off``, ``away`` and ``denied`` tell why nothing was registered; else
        empty.
    accounts, revenue
        Of all customers; revenue in the source's currency, None where the source tells none.
    comparison
        With the champion of the time; None where there was none.
    gates
        What `segmentwerk promote` asks, as it was answered at registration.
    options
        ``key=value`` of every command: where the registry is, and limits that differ from the defaults.
    """

    model: str
    version: int | None
    standing: Literal["champion", "challenger", "unregistered"]
    cause: Literal["vacant", "always", "off", "away", "denied", ""]
    accounts: int
    revenue: float | None
    comparison: Comparison | None = None
    gates: tuple[Gate, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def against(self) -> tuple[Gate, ...]:
        """The gates that refuse a promotion without force."""
        return tuple(gate for gate in self.gates if gate.refuses)

    @property
    def yes(self) -> str | None:
        """The command that makes the version champion; None where nothing is to be done."""
        if self.standing != "challenger":
            return None
        return self._command(*(["--force", REASON] if self.against else []))

    @property
    def no(self) -> str | None:
        """The command that rejects the version, be it the champion or not; None where there is none."""
        return None if self.version is None else self._command("--reject", REASON)

    def _command(self, *words: str) -> str:
        return " ".join(
            ["segmentwerk", "promote", str(self.version), *words, *map(shlex.quote, self.options)]
        )
