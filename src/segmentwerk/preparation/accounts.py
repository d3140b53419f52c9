"""From a source to one row per account; shared by every verb that reads raw tables."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import ibis

from segmentwerk.core.companies import Level
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.settings import FeatureSettings, QualitySettings, SourceSettings
from segmentwerk.core.types import AccountTable, Window
from segmentwerk.data import choice_sets, contracts, quality, sources
from segmentwerk.data.contracts import Checked
from segmentwerk.data.latest import latest
from segmentwerk.data.quality import QualityReport
from segmentwerk.data.sources import Source
from segmentwerk.features import table as features
from segmentwerk.preparation import some_accounts
from segmentwerk.preparation.rolled_up import RolledUp, roll_up

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Accounts:
    """One source read, checked and turned into one row per account.

    Once the source is closed, the counts of ``checked`` can be read, but not the tables. ``absent`` says of
    each feature that could not be built why; ``quarantine`` is the file of all rejected rows,
    ``quality_pages`` the quality report as HTML and JSON. Where accounts stand for company families, so do
    the tables; ``families`` is the file that says which account belongs to which. Where a sample of the
    accounts was drawn, the tables of ``checked`` are theirs, ``whole`` are those of all, and ``population``
    is the number of all.
    """

    checked: Checked
    report: QualityReport
    table: AccountTable
    absent: dict[str, str]
    quarantine: Path
    quality_pages: tuple[Path, Path]
    whole: Mapping[str, ibis.Table]
    population: int | None = None
    families: Path | None = None


@dataclass(frozen=True)
class Records:
    """One source read and checked, before features are made of it.

    ``read`` are the tables as they were read, ``checked`` those of the accounts that are looked at
    (themselves, or company families), ``window`` the dates to look at.
    """

    opened: Source
    read: Checked
    checked: Checked
    window: Window
    quarantine: Path
    companies: RolledUp


def read_accounts(
    source: SourceSettings,
    rules: QualitySettings,
    wanted: FeatureSettings,
    context: Context,
    *,
    home: Path,
    level: Level = "account",
) -> Accounts:
    """Read a source as `open_accounts` does, and close it."""
    with open_accounts(source, rules, wanted, context, home=home, level=level) as accounts:
        return accounts


@contextmanager
def open_accounts(
    source: SourceSettings,
    rules: QualitySettings,
    wanted: FeatureSettings,
    context: Context,
    *,
    home: Path,
    learned: dict[str, Any] | None = None,
    level: Level = "account",
    most: int | None = None,
) -> Iterator[Accounts]:
    """Read a source, check it, and build its account table; its tables can be asked while the block runs.

    Parameters
    ----------
    learned
        What features learned when a model was trained; None: learn from these accounts.
    level
        Whether accounts stand for themselves or for company families.
    most
        Accounts that are looked at; of more, a sample is drawn (`some_accounts.sample`). None: all.

    Raises
    ------
    InputError
        If the source is missing, breaks its contract beyond what the rules bear, or is too small.
    ConfigError
        If the mapping is wrong, or no as-of date is given and none can be taken from the orders.
    """
    with open_records(source, rules, context, home=home, level=level) as records:
        checked, window, population = records.checked, records.window, None
        with context.timed("features"):
            if most is not None and (n := some_accounts.count(checked, most)) > most:
                checked = replace(checked, tables=some_accounts.sample(checked.tables, most / n))
                population = n
            absent = features.absent(checked.tables, wanted)
            table = features.build(
                checked.tables,
                window,
                wanted,
                source=source.name,
                digest=records.companies.digest,
                learned=learned,
                whole=records.checked.tables,
            )
            table = replace(table, joined=records.companies.joined)
        report, pages = inspect(records, context)
        _tell(table, absent, population)
        yield Accounts(
            checked,
            report,
            table,
            absent,
            records.quarantine,
            pages,
            records.checked.tables,
            population,
            records.companies.families,
        )


@contextmanager
def open_records(
    source: SourceSettings,
    rules: QualitySettings,
    context: Context,
    *,
    home: Path,
    level: Level = "account",
) -> Iterator[Records]:
    """Read a source and check it; its tables can be asked while the block runs.

    Raises
    ------
    InputError, ConfigError
        As `open_accounts`.
    """
    with ExitStack() as closing:
        with context.timed("read"):
            log.info("Reading source %s ...", source.name)
            opened = closing.enter_context(sources.open_source(source, home / "cache"))
            checked = contracts.check(opened.tables, rules)
            contracts.insist(checked, rules)
            quarantine = contracts.write_quarantine(checked, context.output / "quarantine.parquet")
        with context.timed("features"):
            window = _window(source, checked)
            whole = replace(checked, tables=choice_sets.completed(checked.tables, source.choices))
            companies = roll_up(whole, level, opened, context.output)
            at_level = replace(checked, tables=companies.tables)
        yield Records(opened, checked, at_level, window, quarantine, companies)


def inspect(records: Records, context: Context) -> tuple[QualityReport, tuple[Path, Path]]:
    """Write the quality report into the output folder; return it and the paths of its pages."""
    opened = records.opened
    with context.timed("quality"):
        report = quality.inspect(
            records.read,
            as_of=records.window.as_of,
            source=opened.name,
            raw=opened.raw,
            private=opened.private,
        )
        return report, quality.write(report, context.output, opened.understood)


def _window(source: SourceSettings, checked: Checked) -> Window:
    """Take the dates from the config; without one, the day after the last plausible order."""
    if source.as_of is not None:
        return Window(source.as_of, source.outcome_until)
    if "orders" not in checked.tables:
        raise ConfigError(f"Source {source.name!r} has no as-of date.", "Set source.as_of=YYYY-MM-DD.")
    last = latest(checked)
    window = Window(last.day + timedelta(days=1), None)
    if last.odd:
        log.warning(
            "%s row %s: the order is of the year %d, long after all others (%d such orders). "
            "The segmentation stands as of %s, without them. Correct the dates, or set source.as_of.",
            last.file,
            last.row,
            last.year,
            last.odd,
            window.as_of,
        )
    return window


def _tell(table: AccountTable, absent: dict[str, str], population: int | None) -> None:
    prospects = len(table.orders) - len(table.customers)
    if population is not None:
        log.info("A sample of the %d accounts is looked at, drawn by a hash of their ids.", population)
    log.info(
        "%d accounts as of %s (%d customers, %d prospects), %d features.",
        len(table.orders),
        table.window.as_of,
        len(table.customers),
        prospects,
        len(table.catalogue),
    )
    for reason in sorted(set(absent.values())):
        names = [name for name, why in absent.items() if why == reason]
        log.info("Not built, because %s: %s", reason, ", ".join(names))
