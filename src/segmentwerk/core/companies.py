"""What stands for an account, and what was joined where that is a company family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["account", "family"]
"""Whether accounts stand for themselves or for company families."""


@dataclass(frozen=True)
class Companies:
    """What was joined where accounts stand for company families.

    ``records`` accounts are ``families``, of which ``several`` have more than one account and the largest one
    ``largest``. ``unknown`` name a parent that is no account, ``endless`` have parents in a circle: those
    stand for themselves.
    """

    records: int
    families: int
    several: int
    largest: int
    unknown: int
    endless: int
