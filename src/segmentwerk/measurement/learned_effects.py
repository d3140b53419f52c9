"""What campaigns taught, kept for the next plan and the next comparison: sums by segment, never an account.

One file a campaign below the data directory, by model, since a segment keeps its number from version to
version of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from segmentwerk.core.errors import InputError
from segmentwerk.core.files import atomic_file

BELOW_HOME = "measurement"


@dataclass(frozen=True)
class LearnedEffect:
    """What one arm brought in one segment, against control; ``segment`` is None for the whole.

    Attributes
    ----------
    effect, low, high
        A contact, in the unit of ``outcome``: money, or a share.
    chosen
        Whether this arm is the one that is advised for the segment.
    needed
        Contacts that the next test takes to tell; 0 where this one did.
    name
        Of the segment.
    """

    segment: int | None
    arm: str
    effect: float
    low: float
    high: float
    contacts: int
    chosen: bool
    needed: int = 0
    name: str = ""


@dataclass(frozen=True)
class LearnedCampaign:
    """One measured campaign; ``measure`` is that of the playbook, empty where it is none of it."""

    campaign: str
    source: str
    model: str
    version: str
    measure: str
    outcome: str
    currency: str
    first: date
    until: date
    verdict: str
    effects: tuple[LearnedEffect, ...]

    def of(self, segment: int | None) -> tuple[LearnedEffect, ...]:
        """Return the effects of one segment."""
        return tuple(one for one in self.effects if one.segment == segment)


def folder(home: Path, model: str) -> Path:
    """Return where the campaigns of a model are kept."""
    return home / BELOW_HOME / _safe(model)


def keep(campaigns: Iterable[LearnedCampaign], home: Path) -> None:
    """Write what was learned; a campaign that is measured again replaces what was known of it.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    for one in campaigns:
        path = folder(home, one.model) / f"{_safe(f'{one.source} {one.campaign}')}.json"
        with atomic_file(path) as draft:
            text = json.dumps(asdict(one), indent=1, default=str, ensure_ascii=False)
            draft.write_text(text + "\n", encoding="utf-8")


def recall(home: Path, model: str, source: str) -> tuple[LearnedCampaign, ...]:
    """Return what is known of a source's segments under a model, the earliest campaign first.

    Raises
    ------
    InputError
        If a file is damaged.
    """
    found = [_read(path) for path in sorted(folder(home, model).glob("*.json"))]
    mine = [one for one in found if one.source == source]
    return tuple(sorted(mine, key=lambda one: (one.first, one.campaign)))


def _read(path: Path) -> LearnedCampaign:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        days = {name: date.fromisoformat(plain[name]) for name in ("first", "until")}
        effects = tuple(LearnedEffect(**one) for one in plain["effects"])
        return LearnedCampaign(**{**plain, **days, "effects": effects})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not hold what a campaign taught, or is damaged.",
            "Remove it, and measure again: segmentwerk measure.",
        ) from error


def _safe(name: str) -> str:
    """Return a file's name that any system takes, unlike for unlike names."""
    plain = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in name)[:60]
    return f"{plain}-{sha256(name.encode()).hexdigest()[:8]}"
