"""What the stage `activation` can be told: its playbook, and how much can be done."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from segmentwerk.core.settings import Settings
from segmentwerk.core.types import Basis

Channel = Literal["email", "phone", "post", "visit", "portal", "ads"]
Stance = Literal["focus", "keep", "let_go"]
"""What is meant to be done with a segment: work on it, look after it, or spend nothing on it."""


def _finite(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        raise ValueError("it is no number")
    return value


Amount = Annotated[float, BeforeValidator(_finite), Field(ge=0, allow_inf_nan=False)]
Effect = Annotated[float, Field(ge=-1, le=1)]


class Words(Settings):
    """One text in the languages of the plan."""

    en: str
    de: str


class TraitSettings(Settings):
    """A trait that a segment must have: an effect size in [-1, 1] (docs/how-to/activate.md).

    ``feature`` is a feature's name, with the ``level`` of a category; the effect lies ``above`` or
    ``below`` a limit.
    """

    feature: str
    level: str = ""
    above: Effect | None = None
    below: Effect | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("give either above or below")
        return self


class WhenSettings(Settings):
    """When a measure applies: everything that is given must hold."""

    all: list[TraitSettings] = Field(default_factory=list)
    any: list[TraitSettings] = Field(default_factory=list)
    segments: list[int] = Field(default_factory=list)
    """Ids; empty: every segment."""
    basis: list[Basis] = Field(default=["full", "partial"])
    """What the segment of an account stands on; `firmographic` are prospects."""
    goals: list[str] = Field(default_factory=list)
    """Names of goals; empty: every goal."""
    stances: list[Stance] = Field(default=["focus", "keep"])


class KpiSettings(Settings):
    """What tells whether a measure worked, and by how much it should.

    `order_rate` is the share of the accounts that order within the duration, its target in points of the
    share (0.05: five in a hundred more); `revenue` is money an account, its target a share of the usual.
    """

    metric: Literal["order_rate", "revenue"]
    target: float = Field(gt=0, le=10)


class MeasureSettings(Settings):
    """One measure of a playbook: for whom, what to say, by which way, what it costs and should bring."""

    name: Words
    when: WhenSettings = WhenSettings()
    message: Words
    """Jinja over the segment's facts (docs/how-to/activate.md)."""
    offer: Words
    channels: list[Channel] = Field(default_factory=list)
    """In the order of preference: each account gets the first by which it may be reached; none: nothing is
    done."""
    owner: str
    cost: Amount = 0.0
    """Money an account, in the playbook's currency."""
    hours: Amount = 0.0
    """Hours of work an account; a measure that takes none needs no capacity."""
    kpi: KpiSettings
    days: int = Field(ge=1, le=365)
    """How long it runs, and how long its effect is watched."""


class PlaybookSettings(Settings):
    """The measures that a company has, by their keys."""

    name: str
    description: str = ""
    currency: str = "EUR"
    measures: dict[str, MeasureSettings] = Field(min_length=1)


class ActivationSettings(Settings):
    """How much can be done, for how many, and how carefully it is learned from."""

    capacity: float | None = Field(default=None, gt=0)
    """What can be worked on in a quarter; null: the source's own capacity, else no limit."""
    capacity_unit: Literal["accounts", "hours"] = "accounts"
    focus_share: float = Field(default=0.6, gt=0, le=1)
    """Share of the potential that the segments in focus hold."""
    holdout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the accounts of each measure that is left alone, to compare with."""
    measures: int = Field(default=1, ge=1)
    """Measures that an account gets at most, of those that fit its segment best."""
    begin: date | None = None
    """First day of the measures; null: the as-of date."""
    max_age_days: int = Field(default=365, ge=0)
    """How much older than the data the model may be."""
    unknown_consent: Literal["refuse", "allow"] = "refuse"
    """Whether an account of which no consent is known may be addressed."""
    contacts: Literal["source", "tool"] = "source"
    """Who holds addresses and numbers; `tool`: a source without such a column closes no channel."""
    n_bootstrap: int = Field(default=200, ge=20)
    """Resamples of the accounts that tell how sure the order of the segments is."""
    ledger: str | None = Field(default=None, pattern=r"^(postgres(ql)?|duckdb)://.")
    """Address of the database that holds the ledger; null: the data directory does."""
    ledger_table: str = Field(default="segmentwerk_ledger", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")
