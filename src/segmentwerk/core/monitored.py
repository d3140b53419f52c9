"""What was found at one monitored date: aggregates only, typed, written as JSON and read again.

No row, no id and no value of a single account stands here, so that it can be kept and logged.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Word = Literal["data fault", "real change", "ageing", ""]
"""What is behind a finding: wrong records, a business that changed, a model that grew old; empty: nothing."""
GENERAL = ("M006", "M008")
"""Gates that say that something has moved, not what."""
Advice = Literal["keep", "repair", "refresh"]
"""What to do: nothing, correct the records before anything else, or compare anew."""


class _Kept(BaseModel):
    """Base of what is kept: frozen; a key of a later release is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Unasked(_Kept):
    """Why a question could not be asked: a key of the texts (`monitoring_reasons`), and what it names."""

    reason: str
    named: dict[str, str] = Field(default_factory=dict)


class MonitoringFinding(_Kept):
    """The answer of one gate.

    Attributes
    ----------
    code, title
        ``M001`` …, and the question (docs/reference/gates.md).
    status
        ``not_applicable`` says that the question could not be asked.
    severity
        A failed gate of severity ``error`` calls for something to be done.
    word
        What is behind a failure.
    features, segments, level
        What is meant, the most telling first; ``level`` is the part of the accounts that it holds for, such
        as ``country=LU``.
    facts
        What was measured and the limit, by name.
    unasked
        Why the question could not be asked; None where it was.
    """

    code: str
    title: str
    status: Literal["passed", "failed", "not_applicable"]
    severity: Literal["error", "warning"] = "error"
    word: Word = ""
    message: str = ""
    features: tuple[str, ...] = ()
    segments: tuple[int, ...] = ()
    level: str = ""
    facts: dict[str, float] = Field(default_factory=dict)
    unasked: Unasked | None = None

    @property
    def calls(self) -> bool:
        """Whether something is to be done about it."""
        return self.status == "failed" and self.severity == "error"


class FeatureDrift(_Kept):
    """How far one feature of today's customers lies from the training's.

    ``psi`` is the population stability index over the frozen bins; ``p`` the p-value of the chi-square test
    of homogeneity; ``missing`` the share of customers of whom it is unknown; ``unknown`` of those whose level
    the model does not know, ``gone`` what share the levels had that nobody has any more; ``factor`` by what
    the numbers are multiplied (None where that says nothing); ``beyond`` the share outside of what training
    saw; ``lowest`` the share in the two lowest bins.
    """

    name: str
    psi: float
    p: float
    missing: float
    missing_then: float
    unknown: float = 0.0
    gone: float = 0.0
    beyond: float = 0.0
    lowest: float = 0.0
    lowest_then: float = 0.0
    factor: float | None = None


class Ranged(_Kept):
    """A number with the ends of its 95% interval; None where it has none."""

    value: float
    low: float | None = None
    high: float | None = None


class Promise(_Kept):
    """What one arm brings a contact against control: as campaigns promised it, and as a later one found it.

    ``segment`` is None for all customers together; ``outcome`` says in what it is counted, money or a share.
    """

    segment: int | None
    measure: str
    arm: str
    outcome: str
    campaign: str
    contacts: int
    promised: Ranged
    happened: Ranged


class Monitored(_Kept):
    """All that is kept of one date.

    Attributes
    ----------
    model, version, digest
        The version that was asked, and the digest of its files.
    source, source_digest
        The records that were looked at.
    figures
        Numbers by ``family/name``, with intervals where they have one; what MLflow draws over the dates.
    drifts
        One a feature, those that tell most first.
    telling
        Features by which a classifier tells then and now apart, with their importance, first things first.
    promises
        What campaigns promised of the segments beside what later ones found.
    movement
        Who changed segment since the kept date before (`monitoring.movement.Movement.kept`); None for the
        first.
    """

    format: int = 1
    model: str
    version: str = ""
    digest: str = ""
    trained_as_of: str = ""
    as_of: date
    source: str
    source_digest: str = ""
    accounts: int = 0
    customers: int = 0
    findings: tuple[MonitoringFinding, ...] = ()
    figures: dict[str, Ranged] = Field(default_factory=dict)
    drifts: tuple[FeatureDrift, ...] = ()
    telling: dict[str, float] = Field(default_factory=dict)
    promises: tuple[Promise, ...] = ()
    movement: dict[str, Any] | None = None

    @property
    def failed(self) -> tuple[MonitoringFinding, ...]:
        """What failed: first what is to be done about, of that the faults of the data, and the special first.

        That features have moved somehow is the least that can be said of a change, and often follows from it.
        """
        order = {"data fault": 0, "real change": 1, "ageing": 2, "": 3}
        found = [one for one in self.findings if one.status == "failed"]
        return tuple(sorted(found, key=lambda one: (not one.calls, order[one.word], one.code in GENERAL)))

    @property
    def advice(self) -> Advice:
        """What to do; with wrong records a refresh would learn them."""
        calling = [one for one in self.failed if one.calls]
        if any(one.word == "data fault" for one in calling):
            return "repair"
        return "refresh" if calling else "keep"
