"""`segmentwerk data`: generate the demo, check a source, list the features, fetch public data."""

from __future__ import annotations

import logging
import shutil
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from segmentwerk.activation import exporting
from segmentwerk.config import DataSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError
from segmentwerk.data import contracts, privacy, quality, sources
from segmentwerk.data.forget import forget
from segmentwerk.features import table as features

log = logging.getLogger(__name__)

WIDE = 200
"""Characters in a line where there is no terminal."""
SHOWN = 40
"""Columns of a raw table that are shown."""


def run(settings: DataSettings, context: Context) -> dict[str, Any]:
    """Carry out one action on the data; nothing is trained.

    Raises
    ------
    InputError, ConfigError
        If the source cannot be used; for `check`, what is wrong is reported instead where it can be.
    """
    return _ACTIONS[settings.action](settings, context)


def _check(settings: DataSettings, context: Context) -> dict[str, Any]:
    """Say what was understood of a source and what is wrong with it."""
    console = _console()
    log.info("Reading source %s ...", settings.source.name)
    with context.timed("read"):
        source = sources.open_source(settings.source, settings.home / "cache")
        checked = contracts.check(source.tables, settings.quality)
        quarantine = contracts.write_quarantine(checked, context.output / "quarantine.parquet")
    log.info("Looking for what is wrong ...")
    with context.timed("inspect"):
        report = quality.inspect(
            checked,
            as_of=settings.source.as_of,
            source=source.name,
            raw=source.raw,
            private=source.private,
        )
        page, _ = quality.write(report, context.output, source.understood)
    console.print("[bold]Understood[/]")
    for line in source.understood:
        console.print(f"  {line}", markup=False)
    for name, table in source.raw.items():
        more = len(table.columns) - SHOWN
        rest = f"; {more} more columns" if more > 0 else ""
        console.print(f"\n[bold]First rows of {escape(name)}[/] (ids and personal data masked{rest})")
        shown = privacy.preview(table.select(table.columns[:SHOWN]), source.private)
        console.print(shown.to_string(index=False), markup=False, soft_wrap=True)
    console.print(_rows(checked))
    console.print(_findings(report))
    console.print(f"Rejected rows, with reasons: {quarantine}", markup=False)
    console.print(f"Quality report: {page}", markup=False)
    return {
        "inputs": {"source": source.name, "digest": source.digest},
        "rows": checked.rows,
        "quarantined": checked.rejected,
        "quality": report.to_dict(),
    }


def _console() -> Console:
    """Return a console that cuts nothing where it writes into a file or another program."""
    return Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else WIDE)


def _rows(checked: contracts.Checked) -> Table:
    table = Table("table", "rows", "used", "quarantined", title="Rows", title_justify="left")
    for name, rows in checked.rows.items():
        rejected = checked.rejected[name]
        table.add_row(name, f"{rows:,}", f"{rows - rejected:,}", f"{rejected:,}")
    return table


def _findings(report: quality.QualityReport) -> Table:
    table = Table("code", "severity", "table", "finding", "rows", title="Findings", title_justify="left")
    for finding in report.failed:
        rows = f"{finding.rows:,}" + (f" of {finding.of:,}" if finding.of else "")
        table.add_row(finding.code, finding.severity, finding.table, finding.message, rows)
    return table


def _demo(settings: DataSettings, context: Context) -> dict[str, Any]:
    """Generate the demo world and say where its tables lie."""
    from segmentwerk.data import demo  # only this action needs it

    accounts = settings.source.accounts
    if accounts is None:
        raise ConfigError("source.accounts has no value.", "Set source.accounts=5000.")
    with context.timed("generate"):
        folder = demo.generate(
            settings.home / "cache" / "demo" / f"{accounts}-{settings.source.seed}",
            accounts=accounts,
            seed=settings.source.seed,
        )
    log.info("The demo world lies in %s", folder)
    return {"folder": folder}


def _features(_settings: DataSettings, _context: Context) -> dict[str, Any]:
    """Print the catalogue of all features."""
    table = Table("feature", "unit", "approach", "from", "window", "description", title="Features")
    for feature in features.catalogue():
        table.add_row(
            feature.name,
            feature.unit,
            feature.approach,
            feature.table,
            feature.window,
            feature.description,
        )
    _console().print(table)
    return {"features": [vars(feature) for feature in features.catalogue()]}


def _fetch(settings: DataSettings, _context: Context) -> dict[str, Any]:
    """Download a public data set, verified by its digest."""
    from segmentwerk.data.fetch import fetch  # only this action needs the downloader

    if settings.subject is None:
        raise ConfigError("Say what to fetch.", "For instance: segmentwerk data fetch online_retail")
    path = fetch(settings.subject, settings.home / "cache")
    log.info("Use it: segmentwerk compare +experiments=%s source.path=%s", settings.subject, path)
    return {"path": path}


def _forget(settings: DataSettings, context: Context) -> dict[str, Any]:
    """Remove an account from everything below home, and say what cannot be reached."""
    if settings.subject is None:
        raise ConfigError("Say which account.", "For instance: segmentwerk data forget A-17")
    _unsay(context)
    exports = exporting.forget(settings.subject, settings.home / exporting.BELOW_HOME)
    done = forget(settings.subject, settings.home, privacy.key(settings.home))
    for path, rows in done.removed.items():
        log.info("%d rows removed from %s", rows, path)
    for path in exports:
        log.info("Removed from the export %s", path)
    for tool in sorted({path.parent.name for path in exports}):
        log.warning("It was handed over to %s: delete it there, too.", tool)
    for path in done.left:
        log.warning("Still named in %s, which is no table: delete the file.", path)
    for words in done.unreachable:
        log.info("Not reached: %s", words)
    return {
        "removed": {str(path): rows for path, rows in done.removed.items()},
        "exports": exports,
        "left": done.left,
    }


def _unsay(context: Context) -> None:
    """Keep the account's id out of what this run itself leaves behind."""
    shutil.rmtree(context.output / ".hydra", ignore_errors=True)
    context.overrides = [text for text in context.overrides if not text.startswith("subject=")]


_ACTIONS = {"check": _check, "demo": _demo, "features": _features, "fetch": _fetch, "forget": _forget}
