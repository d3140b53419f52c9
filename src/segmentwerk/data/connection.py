"""Connect to a company's data so that it can be read, and nothing else read or written (`fence`)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import ibis

from segmentwerk.core.addresses import redacted
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.interruption import stoppable
from segmentwerk.data import fence

_POSTGRES = ("postgres://", "postgresql://")
_DUCKDB = "duckdb://"


def spill(cache: Path) -> Path:
    """Return where DuckDB keeps what does not fit into memory, and where texts are prepared for it."""
    return cache / "spill"


def files(root: Path, cache: Path) -> Any:
    """Connect to files below a folder, or to one file.

    Parameters
    ----------
    cache
        A local folder; it may hold customers' data.
    """
    cache.mkdir(parents=True, exist_ok=True)
    return _fenced(ibis.duckdb.connect(temp_directory=str(spill(cache))), root)


def database(url: str) -> Any:
    """Connect to PostgreSQL, in transactions that only read, or to a file of DuckDB that is only read.

    Raises
    ------
    ConfigError
        If the address is of another kind: of others nobody knows that they are only read.
    InputError
        If it cannot be connected to.
    """
    if not url.startswith((*_POSTGRES, _DUCKDB)):
        raise ConfigError(
            "A source cannot be read from the database that source.url names.",  # unread: it may be a token
            "Give postgres://USER@HOST/DATABASE, or duckdb://FILE.",
        )
    try:
        return _file(Path(url.removeprefix(_DUCKDB))) if url.startswith(_DUCKDB) else _server(url)
    except Exception as error:  # each backend raises its own kind; the message may hold the password
        raise InputError(
            f"Cannot connect to {redacted(url)}: {type(error).__name__}.",
            "Check the address, the user and the password.",
        ) from error


def _file(path: Path) -> Any:
    if not path.is_file():  # it may be an address of a service, which DuckDB would load code for
        raise FileNotFoundError(path)
    return _fenced(ibis.duckdb.connect(path, read_only=True), path)


def _server(url: str) -> Any:
    con = ibis.connect(url)
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # else it tells of each index that it translates
    with con.begin() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute("SET default_transaction_read_only = on")  # temporary tables and views say where not
    return con


def _fenced(con: Any, root: Path) -> Any:
    stoppable(con.con)
    con.raw_sql("SET TimeZone = 'UTC'")
    fence.lock(con.con, root)
    return con
