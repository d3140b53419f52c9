"""Lists of accounts, such as those that left the best segment, for the tools of sales: by the same sinks.

A list says whom to look at, not by which channel: that is for those who look. So a row stands in the files
whatever contact there is, and contacts stand only where the channel was agreed to, as in every export.
Accounts in a campaign that is under way are left out: what they are told and not told is decided there, and a
call to one who is held back would spoil what the campaign is to teach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from segmentwerk.activation import consent, exporting, sink
from segmentwerk.activation.exporting import Exported
from segmentwerk.core.activation_settings import ActivationSettings
from segmentwerk.core.sink_settings import SinkSettings

PREFIX = "lists-"
"""Before the sink's name: what a tool holds of lists is kept apart from what it holds of campaigns."""
CHANNEL = "portal"
"""The one that needs neither contact nor consent: it is our own people who read the list."""


@dataclass(frozen=True)
class ListWords:
    """What the lists are called in the tool, by their keys, and what the whole is called."""

    campaign: str
    names: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class ListContext:
    """What is known of the accounts as of the date of the lists.

    ``people`` is the table ``accounts``; ``segments`` are those of each account, by ``account_id``, as
    `sink.prepare` takes them; ``ledger`` is what `ledger.read` returns; ``currency`` is the source's.
    """

    as_of: date
    people: pd.DataFrame
    segments: pd.DataFrame
    ledger: pd.DataFrame
    currency: str


@dataclass(frozen=True)
class HandedOver:
    """What was exported; ``busy`` counts accounts left out because a campaign is under way."""

    exported: Exported
    rows: int
    busy: int


def hand_over(
    rows: pd.DataFrame, known: ListContext, settings: SinkSettings, words: ListWords, root: Path
) -> HandedOver:
    """Write the files of a sink for some lists; what changed since the last lists, as every export does.

    Parameters
    ----------
    rows
        ``account_id`` and ``list``, one row an account and list.
    root
        The folder of all exports, which holds customers' data.

    Raises
    ------
    ConfigError, InputError
        As `sink.prepare` and `exporting.export`.
    """
    free = rows[~rows["account_id"].isin(underway(known.ledger, known.as_of))]
    mine = known.segments.loc[known.segments.index.astype(str).isin(free["account_id"])]
    answered = mine.index[mine["segment_id"] >= 0].astype(str)
    ready = sink.prepare(
        settings.model_copy(update={"name": f"{PREFIX}{settings.name}"}),
        assignments(free[free["account_id"].isin(answered)], words, known.as_of),
        known.people,
        mine,
        consent.reachable(known.people, ActivationSettings()),
        currency=known.currency,
    )
    return HandedOver(exporting.export(ready, root), len(free), len(rows) - len(free))


def underway(ledger: pd.DataFrame, as_of: date) -> set[str]:
    """Return the accounts of campaigns that began and are not over, treated and held back alike."""
    if ledger.empty:
        return set()
    begun, over = (pd.to_datetime(ledger[name]).dt.date for name in ("from_date", "until_date"))
    return set(ledger.loc[(begun <= as_of) & (over >= as_of), "account_id"].astype(str))


def assignments(rows: pd.DataFrame, words: ListWords, as_of: date) -> pd.DataFrame:
    """Return lists as a sink takes measures: one row an account and list."""
    return pd.DataFrame(
        {
            "account_id": rows["account_id"].astype(str),
            "arm": "treated",
            "channel": CHANNEL,
            "campaign": words.campaign,
            "measure": rows["list"].map(dict(words.names)).fillna(rows["list"]),
            "message": "",
            "offer": "",
            "owner": "",
            "from_date": as_of,
            "until_date": None,
            "priority": None,
            "potential": None,
        }
    )
