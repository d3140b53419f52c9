"""From a source to one row per account; shared by every verb that reads raw tables."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.settings import FeatureSettings, QualitySettings, SourceSettings
from segmentwerk.core.types import AccountTable, Companies, Level, Window
from segmentwerk.data import contracts, quality, sources
from segmentwerk.data.contracts import Checked
from segmentwerk.data.latest import latest
from segmentwerk.data.quality import QualityReport
from segmentwerk.features import rollup
from segmentwerk.features import table as features

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Accounts:
    """One source read, checked and turned into one row per account.

    Once the source is closed, the counts of ``checked`` can be read, but not the tables. ``absent`` says of
    each feature that could not be built why; ``quarantine`` is the file of all rejected rows,
    ``quality_pages`` the quality report as HTML and JSON. Where accounts stand for company families, so do
    the tables; ``families`` is the file that says which account belongs to which.
    """

    checked: Checked
    report: QualityReport
    table: AccountTable
    absent: dict[str, str]
    quarantine: Path
    quality_pages: tuple[Path, Path]
    families: Path | None = None


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
) -> Iterator[Accounts]:
    """Read a source, check it, and build its account table; its tables can be asked while the block runs.

    Parameters
    ----------
    learned
        What features learned when a model was trained; None: learn from these accounts.
    level
        Whether accounts stand for themselves or for company families.

    Raises
    ------
    InputError
        If the source is missing, breaks its contract beyond what the rules bear, or is too small.
    ConfigError
        If the mapping is wrong, or no as-of date is given and none can be taken from the orders.
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
            asked = _at_level(level, checked, source.name, context.output)
            absent = features.absent(asked.tables, wanted)
            table = features.build(
                asked.tables, window, wanted, source=source.name, digest=opened.digest, learned=learned
            )
            table = replace(table, joined=asked.joined, digest=_digest(opened.digest, level))
        with context.timed("quality"):
            report = quality.inspect(
                checked, as_of=window.as_of, source=source.name, raw=opened.raw, private=opened.private
            )
            pages = quality.write(report, context.output, opened.understood)
        _tell(table, absent)
        checked = replace(checked, tables=asked.tables)
        yield Accounts(checked, report, table, absent, quarantine, pages, asked.families)


@dataclass(frozen=True)
class _AtLevel:
    tables: dict[str, Any]
    joined: Companies | None = None
    families: Path | None = None


def _at_level(level: Level, checked: Checked, source: str, folder: Path) -> _AtLevel:
    """Roll subsidiaries up where that is asked, and write down who belongs to whom, on this machine."""
    if level == "account":
        return _AtLevel(checked.tables)
    tables, joined, belonging = rollup.rolled_up(checked.tables, source)
    path = folder / "families.parquet"
    with atomic_file(path) as draft:
        pq.write_table(belonging.order_by("account_id").to_pyarrow(), draft)
    log.info(
        "%d accounts are %d companies: %d families of several accounts, the largest of %d. "
        "Who belongs to whom: %s",
        joined.records,
        joined.families,
        joined.several,
        joined.largest,
        path,
    )
    if joined.unknown or joined.endless:
        log.warning(
            "%d accounts name a parent that is no account, and %d have parents in a circle: they stand for "
            "themselves.",
            joined.unknown,
            joined.endless,
        )
    return _AtLevel(tables, joined, path)


def _digest(digest: str, level: Level) -> str:
    """Tell the same files apart where they are looked at in another way."""
    if level == "account":
        return digest
    return hashlib.sha256(f"{digest} {level}".encode()).hexdigest()[: len(digest)]


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


def _tell(table: AccountTable, absent: dict[str, str]) -> None:
    prospects = len(table.orders) - len(table.customers)
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
