"""Connect to a company's data so that it can be read, and nothing else read or written (`fence`)."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import ibis
import psutil

from segmentwerk.core.addresses import redacted
from segmentwerk.core.errors import ConfigError, InputError, SegmentwerkError
from segmentwerk.core.interruption import stoppable
from segmentwerk.data import cluster, fence

_POSTGRES = ("postgres://", "postgresql://")
_DUCKDB = "duckdb://"
_SPARK = "spark://"
NAMED = "ibis_segmentwerk"
"""How the names of our temporary views begin."""


def spill(cache: Path) -> Path:
    """Return where DuckDB keeps what does not fit into memory, and where texts are prepared for it."""
    return cache / "spill"


def files(root: Path, cache: Path, memory: str | None = None) -> Any:
    """Connect to files below a folder, or to one file.

    Parameters
    ----------
    cache
        A local folder; it may hold customers' data.
    memory
        What DuckDB may hold in memory (``6GB``); None: a third of the machine's.
    """
    return _fenced(ibis.duckdb.connect(**_bounds(cache, memory)), root)


def _bounds(cache: Path, memory: str | None) -> dict[str, str]:
    """Return how DuckDB stays within the memory: its own bound leaves a fifth for all that runs beside it."""
    cache.mkdir(parents=True, exist_ok=True)
    limit = memory or f"{psutil.virtual_memory().total // 3 // 2**20} MiB"
    return {"temp_directory": str(spill(cache)), "memory_limit": limit}


def database(url: str, cache: Path, memory: str | None = None) -> Any:
    """Connect to PostgreSQL, in transactions that only read, a file of DuckDB that is only read, or Spark.

    ``spark://HOST:PORT`` is a cluster; ``spark://`` alone the session that this process has, or what Spark's
    own configuration names. Of Spark, too, nothing but SELECTs is asked; views and caches are temporary.

    Raises
    ------
    ConfigError
        If the address is of another kind: of others nobody knows that they are only read.
    InputError
        If it cannot be connected to.
    """
    if not url.startswith((*_POSTGRES, _DUCKDB, _SPARK)):
        raise ConfigError(
            "A source cannot be read from the database that source.url names.",  # unread: it may be a token
            "Give postgres://USER@HOST/DATABASE, duckdb://FILE, or spark://HOST:PORT.",
        )
    try:
        if url.startswith(_SPARK):
            return _cluster("" if url == _SPARK else url)
        if url.startswith(_DUCKDB):
            return _file(Path(url.removeprefix(_DUCKDB)), _bounds(cache, memory))
        return _server(url)
    except SegmentwerkError:
        raise
    except Exception as error:  # each backend raises its own kind; the message may hold the password
        raise InputError(
            f"Cannot connect to {redacted(url)}: {type(error).__name__}.",
            "Check the address, the user and the password.",
        ) from error


def _file(path: Path, bounds: dict[str, str]) -> Any:
    if not path.is_file():  # it may be an address of a service, which DuckDB would load code for
        raise FileNotFoundError(path)
    return _fenced(ibis.duckdb.connect(path, read_only=True, **bounds), path)


def _server(url: str) -> Any:
    con = ibis.connect(url)
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # else it tells of each index that it translates
    with con.begin() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute("SET default_transaction_read_only = on")  # temporary tables and views say where not
    return con


def _cluster(master: str) -> Any:
    """Connect to Spark; whoever closes the connection stops a session that it opened, and no other."""
    with ExitStack() as opening:
        session = opening.enter_context(cluster.opened(master))
        con = ibis.pyspark.connect(session)
        opening.callback(_leave_as_it_was, session, _views(session))
        con.disconnect = opening.pop_all().close
    return con


def _views(session: Any) -> set[str]:
    return {table.name for table in session.catalog.listTables() if table.isTemporary}


def _leave_as_it_was(session: Any, before: set[str]) -> None:
    """Take our views, and what they keep in memory, out of a session that goes on."""
    for name in _views(session) - before:
        if name.startswith(NAMED):
            session.catalog.uncacheTable(name)
            session.catalog.dropTempView(name)


def _fenced(con: Any, root: Path) -> Any:
    stoppable(con.con)
    con.raw_sql("SET TimeZone = 'UTC'")
    fence.lock(con.con, root)
    return con
