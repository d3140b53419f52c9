"""Open a company's data where it lies and map it to our tables; nothing but samples reaches Python."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.settings import ChoicesSettings, DemoSettings, SourceSettings, TableSettings
from segmentwerk.data import connection, discovery, fence, inputs, mapping
from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.inputs import Opened
from segmentwerk.data.loading import UNUSED
from segmentwerk.data.mapping import Private, RawInput

log = logging.getLogger(__name__)

WIDE = 40
"""Columns from which the unused ones of a raw table stand last."""


@dataclass(frozen=True)
class Source:
    """One company's data; a context manager that closes its connection.

    Attributes
    ----------
    tables
        Our tables, mapped but unchecked, lazy; with hidden columns (names start
        with an underscore) that `contracts.check` consumes.
    raw
        The company's own tables, lazy, by input name; of a wide one the columns that the mapping reads first.
    understood
        One line for each thing that was understood of the files: dialects, types, absent tables.
    digest
        Changes when the data or its mapping changes.
    private
        The raw columns that hold ids or personal data by the mapping, beside those that look like it.
    """

    name: str
    tables: dict[str, ibis.Table]
    raw: dict[str, ibis.Table] = field(default_factory=dict)
    understood: tuple[str, ...] = ()
    digest: str = ""
    private: Private = field(default_factory=Private)
    connection: Any = None

    def close(self) -> None:
        """Close the connection; the tables cannot be read any more."""
        if self.connection is not None:
            self.connection.disconnect()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def open_source(settings: SourceSettings, cache: Path) -> Source:
    """Open the source that ``settings`` describe.

    Parameters
    ----------
    cache
        A local folder for generated and converted tables; it may hold customers' data.

    Raises
    ------
    InputError
        If a file, table or column is missing, unreadable or misspelt.
    ConfigError
        If the mapping is wrong.
    """
    root = None if settings.url else _root(settings, cache)
    con = (
        connection.files(root, cache, settings.memory)
        if root
        else connection.database(str(settings.url), cache, settings.memory)
    )
    try:
        return _opened(con, settings, root, cache)
    except BaseException:
        con.disconnect()
        raise


def _opened(con: Any, settings: SourceSettings, root: Path | None, cache: Path) -> Source:
    settings = settings.model_copy(update={"tables": mapping.in_words(settings.tables, settings.words)})
    hints, used = mapping.hints(settings.tables, COLUMNS), mapping.used(settings.tables, COLUMNS)
    opened: dict[str, Opened] = {}
    for name, given in settings.inputs.items():
        try:
            opened[name] = inputs.renamed(
                _open(con, name, settings, root, hints, used, connection.spill(cache)), name, given.aliases
            )
        except discovery.MissingInputError as error:
            if given.required or error.close:
                raise
    raw = {name: one.raw for name, one in opened.items()}
    tables, missing = _tables(con, settings, raw)
    return Source(
        name=settings.name,
        tables=tables,
        raw={name: _shown(inputs.sql(con, name, one.query), one, used) for name, one in raw.items()},
        understood=tuple(note for one in opened.values() for note in one.notes) + missing,
        digest=_digest(settings, opened, tables),
        private=mapping.private(settings.tables, COLUMNS),
        connection=con,
    )


def _shown(table: ibis.Table, raw: RawInput, used: frozenset[str]) -> ibis.Table:
    """Return the columns that are looked at: of a wide table those that the mapping reads, and then some."""
    if len(raw.columns) <= WIDE:
        return table.select(raw.columns)
    read = [name for name in raw.columns if name.lower() in used]
    return table.select(*read, *[name for name in raw.columns if name.lower() not in used][:UNUSED])


def _root(settings: SourceSettings, cache: Path) -> Path:
    if settings.accounts is not None:
        return _generated(settings, settings.accounts, cache)
    root = (settings.path or cache / settings.name).resolve()
    if settings.path is None and not root.exists():
        from segmentwerk.data.fetch import SETS  # only this message needs the downloader

        fetch = f", or run: segmentwerk data fetch {settings.name}" if settings.name in SETS else ""
        raise InputError(f"Source {settings.name!r} has no path.", f"Set source.path=FOLDER{fetch}.")
    if not root.exists():
        raise discovery.missing_path(root)
    return root


def _generated(settings: SourceSettings, accounts: int, cache: Path) -> Path:
    """Return the folder of the generated world, made once for each size, seed, date and scenario."""
    from segmentwerk.data import demo  # only this source needs it

    seed, as_of, scenario = settings.seed, settings.demo.as_of, settings.demo.scenario
    name = "-".join(str(part) for part in (accounts, seed, as_of, scenario) if part is not None)
    return demo.generate(cache / "demo" / name, accounts=accounts, seed=seed, as_of=as_of, scenario=scenario)


def _open(
    con: Any,
    name: str,
    settings: SourceSettings,
    root: Path | None,
    hints: Mapping[str, mapping.Hint],
    used: frozenset[str],
    scratch: Path,
) -> Opened:
    given = settings.inputs[name]
    if root is None and con.name == "pyspark" and given.file is not None and settings.path is not None:
        found = discovery.find(settings.path.resolve(), given.file, alone=len(settings.inputs) == 1)
        return inputs.open_on_cluster(con, name, found)
    if root is None:
        return inputs.open_table(con, name, given)
    if given.file is None:
        raise ConfigError(
            f"inputs.{name} names no file.", "Set file, or a url for the source and a table here."
        )
    files = discovery.find(root, given.file, alone=len(settings.inputs) == 1)
    if discovery.suffix(files[0]) in discovery.PARQUET:
        return inputs.open_parquet(con, name, files)
    behind = {
        column.lower() for alias, names in given.aliases.items() if alias.lower() in used for column in names
    }
    return inputs.open_texts(con, name, given, files, hints, used | behind, scratch=scratch)


def _tables(
    con: Any, settings: SourceSettings, raw: Mapping[str, RawInput]
) -> tuple[dict[str, ibis.Table], tuple[str, ...]]:
    """Map the raw inputs to our tables; return them, and a note for each table that is left out."""
    tables: dict[str, ibis.Table] = {}
    notes = []
    for name, given in settings.tables.items():
        if name not in COLUMNS:
            raise ConfigError(f"There is no table called {name!r}.", f"Known: {', '.join(COLUMNS)}.")
        absent = [need for need in mapping.needs(given, settings.inputs) if need not in raw]
        if absent:
            notes.append(f"{name}: left out, there is no {absent[0]}")
            log.info("%s is left out: there is no %s", name, absent[0])
            continue
        _insist_clear(con, name, given, raw)
        query = mapping.select(name, given, raw, COLUMNS[name])
        fence.insist_on_one_select(query, f"tables.{name}", raw)
        tables[name] = inputs.sql(con, f"Table {name!r}", query)
    if not {"accounts", "orders"} & set(tables):
        raise InputError(f"Source {settings.name!r} has neither accounts nor orders.", "Give at least one.")
    return tables, tuple(notes)


def _insist_clear(con: Any, name: str, given: TableSettings, raw: Mapping[str, RawInput]) -> None:
    """Refuse values of which only the owner of the data knows the meaning, naming them."""
    if given.unclear is None:
        return
    query = mapping.unclear(given, given.unclear, raw)
    fence.insist_on_one_select(query, f"tables.{name}.unclear", raw)
    rows = inputs.sql(con, f"Table {name!r}", query)
    values = [row["value"] for row in rows.to_pyarrow().to_pylist()]
    if values:
        listed = ", ".join(repr(value) for value in values)
        raise InputError(f"It is not clear what these stand for: {listed}.", given.unclear.remedy)


def _digest(settings: SourceSettings, opened: Mapping[str, Opened], tables: Mapping[str, ibis.Table]) -> str:
    """Hash the mapping and the contents of the files, or of a database the counts and the latest dates."""
    apart = {"path", "url", "description", "capacity", "memory"}
    later = {"demo": DemoSettings(), "choices": ChoicesSettings()}
    usual = {key for key, value in later.items() if getattr(settings, key) == value}  # older digests stay
    shape = settings.model_dump(mode="json", exclude=apart | usual)
    contents = {name: one.digest for name, one in opened.items()}
    states = {name: _state(table) for name, table in tables.items()} if settings.url else {}
    text = json.dumps([shape, contents, states], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _state(table: ibis.Table) -> list[str]:
    dates = [column for column in table.columns if table[column].type().is_temporal()]
    latest = [table[column].max().cast("string").name(column) for column in dates]
    return [
        str(value) for value in table.aggregate([table.count(), *latest]).to_pyarrow().to_pylist()[0].values()
    ]
