"""What the stage `measurement` can be told: which contacts, which window, and how sure it must be."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from segmentwerk.core.settings import Settings

Outcome = Literal["margin", "revenue", "converted", "responded"]
"""By what arms are chosen, the most telling first."""


CONTROL = ("control", "control group", "kontrolle", "kontrollgruppe", "holdout")
"""What the arm that was left alone is called, in lower case."""


def is_control(arm: str, control: str | None = None) -> bool:
    """Return whether an arm is the one of this name, or called as a control is where no name is given."""
    return arm.strip().casefold() in ((control.casefold(),) if control else CONTROL)


class MeasurementSettings(Settings):
    """How campaigns are measured, and how the next one is planned."""

    contacts: Literal["auto", "campaigns", "ledger"] = "auto"
    """Where contacts come from: the source's table, the ledger of `activate`, or both."""
    control: str | None = Field(default=None, min_length=1)
    """The arm that was left alone; null: the one that is called so (`CONTROL`)."""
    window_days: int = Field(default=90, ge=1, le=730)
    """Days after the contact in which orders count; the ledger's own duration comes first."""
    before_days: int = Field(default=365, ge=1, le=1095)
    """Days before the contact of which the revenue sharpens the comparison of money (CUPED)."""
    outcome: Outcome | None = None
    """By what arms are chosen; null: margin, else revenue, else conversion, else response."""
    ratio: dict[str, float] | None = None
    """Planned contacts by arm, relative to each other; null: as the ledger drew them, else alike."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of every interval."""
    permutations: int = Field(default=999, ge=39)
    """Draws of the arms that tell whether segments differ; of millions of contacts fewer are made."""
    effect: float = Field(default=0.02, gt=0, lt=1)
    """Plan: more accounts that order within the window, as a share of them all."""
    revenue_effect: float = Field(default=0.1, gt=0, le=10)
    """Plan: more revenue an account, as a share of the usual."""
    control_share: float = Field(default=0.1, gt=0, lt=1)
    """Plan: share of the accounts that is left alone."""
    ledger: str | None = Field(default=None, pattern=r"^(postgres(ql)?|duckdb)://.")
    """Address of the database that holds the ledger; null: the data directory does."""
    ledger_table: str = Field(default="segmentwerk_ledger", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")
