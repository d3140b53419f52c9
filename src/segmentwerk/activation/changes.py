"""What changed since the last export: new, changed and removed records, by the keys of the tool."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from segmentwerk.activation.mapped_rows import ACCOUNT
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.interruption import stoppable
from segmentwerk.core.sink_settings import SinkFileSettings
from segmentwerk.data.sqltext import literal, named

CHANGE = "__change"
NEW, CHANGED, REMOVED, UNCHANGED = "new", "changed", "removed", "unchanged"


def since(now: pa.Table, before: pa.Table | None, file: SinkFileSettings) -> pa.Table:
    """Return the rows of now with what happened to each, and those removed since then.

    Parameters
    ----------
    now
        What the tool should hold, as `sink.prepare` returns it.
    before
        What this function returned at the last export; None: there was none.

    Returns
    -------
    Table
        The columns of ``now`` and `CHANGE`; rows in the order of ``now``, removed ones last. A removed row
        holds its key and what ``file.removed`` says, or in a list for people (``file.change``) its last
        values.

    Raises
    ------
    ConfigError
        If a value of ``file.removed`` does not fit its column.
    """
    con = stoppable(duckdb.connect())
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.register("now", now)
        if before is None or not {*file.key} <= {*before.column_names}:
            return con.execute(f"SELECT *, {literal(NEW)} AS {CHANGE} FROM now").to_arrow_table()
        con.register("every", before)
        con.execute(f"CREATE VIEW before AS SELECT * FROM every WHERE {CHANGE} <> {literal(REMOVED)}")
        table: pa.Table = con.execute(_compared(con, now, before, file)).to_arrow_table()
        return table
    except duckdb.ConversionException as error:
        raise ConfigError(
            "A value that removed records get does not fit its column.", "See 'removed' in the sink's yaml."
        ) from error
    finally:
        con.close()


def _compared(con: duckdb.DuckDBPyConnection, now: pa.Table, before: pa.Table, file: SinkFileSettings) -> str:
    """Return SQL of the rows of now, then of those that were there before only."""
    theirs = [name for name in now.column_names if name != ACCOUNT]
    same = {*now.column_names, CHANGE} == {*before.column_names}
    differ = " OR ".join(f"{_text('now', name)} IS DISTINCT FROM {_text('before', name)}" for name in theirs)
    by_key = " AND ".join(f"{_text('now', name)} = {_text('before', name)}" for name in file.key)
    change = (
        f"CASE WHEN before.{ACCOUNT} IS NULL THEN {literal(NEW)} "
        f"WHEN {differ if same else 'true'} THEN {literal(CHANGED)} ELSE {literal(UNCHANGED)} END"
    )
    types = {row[0]: row[1] for row in con.execute("DESCRIBE now").fetchall()}
    last = ", ".join(
        f"CAST({_last(name, before, file)} AS {types[name]}) AS {named(name)}" for name in theirs
    )
    return (
        f"WITH numbered AS (SELECT *, row_number() OVER () AS __at FROM now), "
        f"was AS (SELECT *, row_number() OVER () AS __at FROM before), "
        f"there AS (SELECT now.* EXCLUDE (__at), {change} AS {CHANGE}, now.__at AS __at "
        f"FROM numbered AS now LEFT JOIN was AS before ON {by_key}), "
        f"gone AS (SELECT before.{ACCOUNT}, {last}, {literal(REMOVED)} AS {CHANGE}, "
        f"{now.num_rows} + before.__at AS __at "
        f"FROM was AS before ANTI JOIN now ON {by_key}) "
        f"SELECT * EXCLUDE (__at) FROM (FROM there UNION ALL FROM gone) ORDER BY __at"
    )


def _text(table: str, name: str) -> str:
    return f"CAST({table}.{named(name)} AS VARCHAR)"


def _last(name: str, before: pa.Table, file: SinkFileSettings) -> str:
    """Return SQL of what a removed record gets in a column."""
    if name in file.removed:
        return literal(file.removed[name])
    kept = name in file.key or file.change is not None
    return f"before.{named(name)}" if kept and name in before.column_names else "NULL"
