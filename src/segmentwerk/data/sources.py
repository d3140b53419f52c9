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
from segmentwerk.core.settings import InputSettings, SourceSettings
from segmentwerk.data import files, mapping
from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.mapping import FILE, ROW, RawInput

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """One company's data.

    Attributes
    ----------
    tables
        Our tables, mapped but unchecked, lazy; with hidden columns (names start
        with an underscore) that `contracts.check` consumes.
    raw
        The company's own tables, lazy, by input name.
    understood
        One line for each thing that was understood of the files: dialects, types, absent tables.
    digest
        Changes when the data or its mapping changes.
    """

    name: str
    tables: dict[str, ibis.Table]
    raw: dict[str, ibis.Table] = field(default_factory=dict)
    understood: tuple[str, ...] = ()
    digest: str = ""


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
    con = _connect(settings, cache)
    root = None if settings.url else _root(settings, cache)
    inputs: dict[str, RawInput] = {}
    notes: list[str] = []
    digests: list[str] = []
    for name, given in settings.inputs.items():
        try:
            raw, note, digest = _open(con, name, given, settings, root, cache)
        except InputError:
            if given.required:
                raise
            notes.append(f"{name}: absent")
            continue
        inputs[name] = raw
        notes += note
        digests.append(digest)
    tables = _tables(con, settings, inputs, notes)
    raw_tables = {name: _sql(con, name, raw.query).drop(*raw.hidden) for name, raw in inputs.items()}
    return Source(settings.name, tables, raw_tables, tuple(notes), _digest(settings, digests))


def _connect(settings: SourceSettings, cache: Path) -> Any:
    if settings.url is None:
        cache.mkdir(parents=True, exist_ok=True)
        con = ibis.duckdb.connect(temp_directory=str(cache / "spill"))
        con.raw_sql("SET TimeZone = 'UTC'")
        return con
    try:
        return ibis.connect(settings.url)
    except Exception as error:  # each backend raises its own kind; the message may hold the password
        where = settings.url.split("@")[-1]
        raise InputError(
            f"Cannot connect to {where}: {type(error).__name__}.", "Check the address, user and password."
        ) from error


def _root(settings: SourceSettings, cache: Path) -> Path:
    if settings.accounts is not None:
        return _generated(settings.accounts, settings.seed, cache)
    root = (settings.path or cache / settings.name).expanduser().resolve()
    if settings.path is None and not root.exists():
        raise InputError(
            f"Source {settings.name!r} has no path.",
            f"Set source.path=FOLDER, or, if it is public, run: segmentwerk data fetch {settings.name}",
        )
    return root


def _generated(accounts: int, seed: int, cache: Path) -> Path:
    """Return the folder of the generated world, made once for each size and seed."""
    from segmentwerk.data import demo  # only this source needs it

    return demo.generate(cache / "demo" / f"{accounts}-{seed}", accounts=accounts, seed=seed)


def _open(
    con: Any, name: str, given: InputSettings, settings: SourceSettings, root: Path | None, cache: Path
) -> tuple[RawInput, list[str], str]:
    if root is None:
        return _open_table(con, name, given)
    if given.file is None:
        raise ConfigError(
            f"inputs.{name} names no file.", "Set file, or give the source a url and the input a table."
        )
    found = files.find(root, given.file, alone=len(settings.inputs) == 1)
    kind = files.suffix(found[0])
    if kind not in files.PARQUET:
        raise InputError(f"{found[0]} is neither Parquet nor CSV nor Excel.", "")
    listed = ", ".join(_quoted(str(file)) for file in found)
    query = (
        "SELECT * EXCLUDE (file_row_number, _path), file_row_number + 1 AS _row, parse_filename(_path) AS _file "
        f"FROM read_parquet([{listed}], union_by_name = true, filename = '_path', file_row_number = true)"
    )
    columns = [column for column in _sql(con, name, query).columns if column not in (FILE, ROW)]
    raw = RawInput(query, tuple(columns), (ROW, FILE))
    size = f"{len(found)} file{'s' if len(found) > 1 else ''}"
    return raw, [f"{name}: {size} of Parquet, {len(columns)} columns"], files.digest(found)


def _open_table(con: Any, name: str, given: InputSettings) -> tuple[RawInput, list[str], str]:
    if given.table is None:
        raise ConfigError(f"inputs.{name} names no table.", "A source with a url reads tables, not files.")
    parts = ".".join(f'"{part}"' for part in given.table.split("."))
    query = f"SELECT * FROM {parts}"
    columns = tuple(_sql(con, name, query).columns)
    return RawInput(query, columns), [f"{name}: table {given.table}, {len(columns)} columns"], given.table


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sql(con: Any, name: str, query: str) -> ibis.Table:
    try:
        return con.sql(query, dialect="duckdb")
    except Exception as error:  # each backend raises its own kind
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"Table {name!r} cannot be read: {reason}", "Check the source's yaml.") from error


def _tables(
    con: Any, settings: SourceSettings, inputs: Mapping[str, RawInput], notes: list[str]
) -> dict[str, ibis.Table]:
    tables: dict[str, ibis.Table] = {}
    for name, given in settings.tables.items():
        if name not in COLUMNS:
            raise ConfigError(f"There is no table called {name!r}.", f"Known: {', '.join(COLUMNS)}.")
        absent = mapping.absent(given, settings.inputs, inputs)
        if absent:
            notes.append(f"{name}: left out, its input {absent} is absent")
            continue
        tables[name] = _sql(con, name, mapping.select(name, given, inputs, tuple(COLUMNS[name])))
    if not {"accounts", "orders"} & set(tables):
        raise InputError(
            f"Source {settings.name!r} has neither accounts nor orders.", "Give at least one of them."
        )
    return tables


def _digest(settings: SourceSettings, digests: list[str]) -> str:
    shape = settings.model_dump(mode="json", exclude={"path", "url", "description"})
    text = json.dumps([shape, digests], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
