"""From a source and the ledger to one table of contacts, each with the segment of its day."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import pandas as pd
from rich.console import Console
from rich.progress import Progress

from segmentwerk.core.activation_settings import PlaybookSettings
from segmentwerk.core.errors import InputError, nearest
from segmentwerk.core.measurement_settings import MeasurementSettings
from segmentwerk.measurement import arm_sums, contacts
from segmentwerk.measurement.arm_sums import ArmSums
from segmentwerk.measurement.contacts import Spans
from segmentwerk.preparation.accounts import Accounts
from segmentwerk.preparation.contacted import PastSegments

log = logging.getLogger(__name__)

HISTORY = "history"
"""Campaign and arm of what accounts did without one."""


@dataclass(frozen=True)
class Gathered:
    """All contacts (`contacts.COLUMNS`); of the ledger's, measures by campaign and names of segments.

    ``drawn``: by campaign, how many accounts of each arm the ledger holds, whatever became of them.
    """

    contacts: ibis.Table
    measures: Mapping[str, str]
    names: Mapping[int, str]
    drawn: Mapping[str, Mapping[str, float]]


def spans(accounts: Accounts, settings: MeasurementSettings) -> Spans:
    """Return the days that are looked at: outcomes are known before the source's as-of date."""
    return Spans(settings.window_days, settings.before_days, accounts.table.window.as_of)


def gather(
    accounts: Accounts,
    past: PastSegments,
    recorded: pd.DataFrame,
    settings: MeasurementSettings,
    playbook: PlaybookSettings,
    *,
    campaign: str | None,
) -> Gathered:
    """Return the contacts of the source's own campaigns and of the ledger.

    Parameters
    ----------
    recorded
        What the ledger holds; of it, the accounts of this source count.
    playbook
        Whose measures' costs are those of the ledger's contacts.
    campaign
        The one whose segments are needed; None: all.

    Raises
    ------
    InputError
        If there is no such campaign, or no contact at all.
    """
    tables, span = accounts.checked.tables, spans(accounts, settings)
    days = _days(tables, span.until) if settings.contacts != "ledger" and "campaigns" in tables else {}
    mine = _known(accounts, recorded)
    _insist(set(days) | set(mine["campaign"]), campaign, accounts)
    parts = []
    if days:
        wanted = {name: day for name, day in days.items() if campaign in (None, name)}
        parts.append(contacts.from_campaigns(tables, _segments(past, tables, wanted), span))
    if len(mine):
        costs = {name: measure.cost for name, measure in playbook.measures.items()}
        parts.append(contacts.from_ledger(tables, mine, costs, span))
    return Gathered(
        contacts.kept(ibis.union(*parts) if len(parts) > 1 else parts[0]),
        dict(zip(mine["campaign"], mine["measure"], strict=True)),
        dict(zip(mine["segment_id"].astype(int), mine["segment"], strict=True)),
        {
            str(name): {str(arm): float(n) for arm, n in rows["arm"].value_counts().items()}
            for name, rows in recorded.groupby("campaign")
        },
    )


def history(accounts: Accounts, past: PastSegments, settings: MeasurementSettings) -> ArmSums:
    """Return what all accounts did in the last days, by the segment that they have now.

    Raises
    ------
    InputError
        If the source has no orders.
    """
    if "orders" not in accounts.checked.tables:
        raise InputError(
            f"Source {accounts.table.source!r} has no orders: no base rate is known.",
            "Map the table orders, or measure a campaign: segmentwerk measure.",
        )
    span = spans(accounts, settings)
    with _bar("Scoring") as step:
        segments = past.on(span.until, accounts.table.orders.index.astype(str), step)
    rows = segments.reset_index().assign(
        campaign=HISTORY,
        measure="",
        arm=HISTORY,
        from_date=span.until - timedelta(days=settings.window_days),
        until_date=span.until,
    )
    made = contacts.from_ledger(accounts.checked.tables, rows, {}, span)
    return arm_sums.read(
        made.mutate(known=ibis.literal(1)), HISTORY
    )  # also accounts that came within the days


def _days(tables: Mapping[str, ibis.Table], until: date) -> dict[str, date]:
    """Return the first day of each campaign that began before outcomes end."""
    rows = tables["campaigns"]
    first = rows.group_by("campaign_id").aggregate(first=rows.contacted_at.min()).to_pyarrow().to_pylist()
    days = {row["campaign_id"]: row["first"].date() for row in first}
    return {name: day for name, day in sorted(days.items()) if day < until}


def _known(accounts: Accounts, recorded: pd.DataFrame) -> pd.DataFrame:
    """Return what the ledger holds of this source's accounts, begun before outcomes end."""
    ids = set(accounts.table.orders.index.astype(str))
    begun = pd.to_datetime(recorded["from_date"]) < pd.Timestamp(accounts.table.window.as_of)
    mine = recorded[recorded["account_id"].isin(ids) & begun]
    if lost := int(begun.sum()) - len(mine):
        log.warning("%d contacts of the ledger are of accounts that the source does not have.", lost)
    return mine


def _insist(names: set[str], asked: str | None, accounts: Accounts) -> None:
    """Make sure that there is something to measure."""
    until = accounts.table.window.as_of
    if not names:
        raise InputError(
            f"Source {accounts.table.source!r} has no contact before {until}, and the ledger none of its "
            "accounts.",
            "Map the table campaigns, or plan measures first: segmentwerk activate.",
        )
    if asked is not None and asked not in names:
        raise InputError(f"There is no campaign {asked!r} before {until}.", nearest(asked, names))


def _segments(past: PastSegments, tables: Mapping[str, ibis.Table], days: Mapping[str, date]) -> pd.DataFrame:
    """Return the segment that each account had when each campaign began."""
    rows, found = tables["campaigns"], []
    with _bar("Scoring") as step:
        for name, day in days.items():
            ids = rows.filter(rows.campaign_id == name).select(rows.account_id.cast("string")).distinct()
            segments = past.on(day, ids.to_pyarrow().column(0).to_pylist(), step)
            found.append(segments.reset_index().assign(campaign=name))
    empty = pd.DataFrame({"account_id": [], "campaign": [], "segment_id": pd.array([], dtype="int64")})
    return pd.concat(found, ignore_index=True) if found else empty


@contextmanager
def _bar(words: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr while the block runs; yield what is told how much is done."""
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(words, total=None)
        yield lambda rows, total: bar.update(task, completed=rows, total=total)
