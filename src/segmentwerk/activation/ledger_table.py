"""The ledger as a table of the company's own warehouse, through Ibis: one transaction an append."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from segmentwerk.activation import formats
from segmentwerk.core.addresses import redacted
from segmentwerk.core.errors import InputError, SegmentwerkError
from segmentwerk.data.sqltext import named

SETTING = "activation.ledger"
PATIENCE_S = 60
"""How long another process may hold a file of DuckDB, which one at a time can open."""
_TYPES = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.date32(): "DATE"}
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('segmentwerk ledger'))"
"""Held until the transaction ends; also two that make the table at once wait for each other."""


@dataclass(frozen=True)
class LedgerTable:
    """A table at an address, which may hold a password: it is shown redacted only."""

    url: str
    name: str

    @property
    def shown(self) -> str:
        """The address without its secrets."""
        return redacted(self.url)

    def insist(self) -> None:
        """Make sure that the database answers.

        Raises
        ------
        ConfigError, InputError
            If it does not.
        """
        with self._connection():
            pass

    def read(self, schema: pa.Schema) -> pa.Table:
        """Return all rows; none where there is no such table yet.

        Raises
        ------
        ConfigError, InputError
            If the database does not answer, or the table is no ledger.
        """
        with self._connection() as con:
            return self._rows(con, schema) if self.name in con.list_tables() else schema.empty_table()

    def append(
        self, schema: pa.Schema, key: Sequence[str], choose: Callable[[pd.DataFrame], pd.DataFrame]
    ) -> int:
        """Add the rows that ``choose`` returns for those that are there, all or none; return how many.

        Raises
        ------
        ConfigError, InputError
            If the table cannot be read or written; what ``choose`` raises. Nothing is added then.
        """
        columns = ", ".join(f"{named(field.name)} {_TYPES[field.type]}" for field in schema)
        primary = ", ".join(map(named, key))
        with self._connection() as con:
            con.raw_sql("BEGIN")  # a connection that ends without COMMIT, also by a kill, leaves nothing
            if con.name == "postgres":
                con.raw_sql(_LOCK)
            con.raw_sql(f"CREATE TABLE IF NOT EXISTS {named(self.name)} ({columns}, PRIMARY KEY ({primary}))")
            new = choose(self._rows(con, schema).to_pandas())
            if len(new):
                con.insert(self.name, pa.Table.from_pandas(new, schema=schema, preserve_index=False))
            con.raw_sql("COMMIT")
        return len(new)

    def _rows(self, con: Any, schema: pa.Schema) -> pa.Table:
        table = con.table(self.name)
        missing = [name for name in schema.names if name not in table.columns]
        if missing:
            raise InputError(
                f"Table {self.name!r} at {self.shown} has no column {missing[0]!r}: it is no ledger.",
                "Name another one: activation.ledger_table=NAME.",
            )
        return table.select(schema.names).order_by(["as_of", "account_id"]).to_pyarrow().cast(schema)

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        con = _connected(self.url)
        try:
            yield con
        except SegmentwerkError:
            raise
        except Exception as error:  # each backend raises its own kind; the message may hold an id
            raise InputError(
                f"Cannot read or write table {self.name!r} at {self.shown}: {type(error).__name__}.",
                "The user needs the right to create it, to read it and to add rows.",
            ) from None
        finally:
            con.disconnect()


def _connected(url: str) -> Any:
    """Connect, and wait for another process that holds a file of DuckDB."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return formats.connected(url, SETTING)
        except InputError as error:
            if "Could not set lock" not in str(error.__cause__) or time.monotonic() > end:
                raise
            time.sleep(0.1)
