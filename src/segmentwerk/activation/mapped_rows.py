"""The rows of one file of a sink: our columns read by its expressions, one row a key."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.sink_settings import SinkFileSettings
from segmentwerk.data.fence import insist_on_one_select
from segmentwerk.data.sqltext import literal, named

log = logging.getLogger(__name__)

ACCOUNT, ORDER = "__account", "__order"
"""Columns beside theirs: whose row it is, and the order of the rows."""
SEGMENT = ("segment_id", "segment", "confidence", "basis")
JOINED = ("campaign", "measure", "channel", "message", "offer", "owner")
"""Texts of the measures; where a row is an account, all of its measures', joined."""
FIRST = {"from_date": "min", "until_date": "max", "priority": "min", "potential": "max"}
"""Of several measures of an account, which value stands."""
MEASURE = (*JOINED, *FIRST)
_SORTED = "ORDER BY segment_id, priority NULLS LAST, account_id, campaign, measure, channel"
_TYPES = {"from_date": "DATE", "until_date": "DATE", "priority": "BIGINT", "potential": "DOUBLE"}


@dataclass(frozen=True)
class MappedRows:
    """The rows of one file.

    ``withheld`` accounts may not be addressed by the file's channel; ``shared`` rows have a key that another
    account's row has, too.
    """

    table: pa.Table
    withheld: int
    shared: int

    @classmethod
    def of(
        cls, con: duckdb.DuckDBPyConnection, sink: str, name: str, file: SinkFileSettings
    ) -> MappedRows | None:
        """Return the rows of a file; None where it may be absent and the source does not hold its key.

        Parameters
        ----------
        con
            Holds the tables ``answered``, ``treated``, ``accounts``, ``may`` and ``money``, and nothing else.

        Raises
        ------
        ConfigError, InputError
            If an expression cannot be computed, or a key is empty.
        """
        place = f"Sink {sink!r}, file {name!r}"
        con.execute(f"CREATE OR REPLACE TEMP VIEW measured AS {_measures(file)}")
        con.execute(f"CREATE OR REPLACE TEMP VIEW ours AS {_ours(file)}")
        if not file.required and any(_unreadable(con, file.columns[theirs])[0] for theirs in file.key):
            log.info("%s is not made: the source does not hold its key.", place)
            return None
        columns = _columns(con, place, file)
        _insist_on_condition(con, place, file)
        listed = ", ".join(f"({sql}) AS {named(theirs)}" for theirs, sql in columns.items())
        where = f"WHERE ({file.where})" if file.where else ""
        keys = ", ".join(named(theirs) for theirs in file.key)
        try:
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE mapped AS SELECT account_id AS {ACCOUNT}, "
                f"row_number() OVER ({_SORTED}) AS {ORDER}, "
                f"{listed} FROM ours {where}"
            )
            empty = " OR ".join(f"coalesce(CAST({named(theirs)} AS VARCHAR), '') = ''" for theirs in file.key)
            without = _one(con, f"SELECT count(*) FROM mapped WHERE {empty}")
            if without:
                raise InputError(
                    f"{place}: the key {' '.join(file.key)} is empty in {without} rows.",
                    f"Leave them out: sink.files.{name}.where='EXPRESSION IS NOT NULL'.",
                )
            rows = _one(con, "SELECT count(*) FROM mapped")
            table = con.execute(
                f"SELECT * EXCLUDE ({ORDER}) FROM mapped "
                f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {ORDER}) = 1 ORDER BY {ORDER}"
            ).to_arrow_table()
            withheld = _one(con, f"SELECT count(DISTINCT account_id) FROM ({_ours(file, reached=False)})")
        except duckdb.Error as error:
            raise ConfigError(
                f"{place} cannot be computed: {type(error).__name__}.",
                "Check its expressions; TRY_CAST gives null for what cannot be cast.",
            ) from error
        return cls(table, withheld, rows - table.num_rows)


def _measures(file: SinkFileSettings) -> str:
    """Return SQL of the measures by the file's channels: one row each, or one an account."""
    channels = ", ".join(literal(channel) for channel in file.channels)
    typed = ", ".join(f"CAST({name} AS {_TYPES.get(name, 'VARCHAR')}) AS {name}" for name in MEASURE)
    each = f"SELECT account_id, {typed} FROM treated WHERE channel IN ({channels or 'NULL'})"
    if file.rows == "measures":
        return each
    apart = literal(file.separator)
    texts = [f"string_agg(DISTINCT {name}, {apart} ORDER BY {name}) AS {name}" for name in JOINED]
    others = [f"{function}({name}) AS {name}" for name, function in FIRST.items()]
    return (  # most accounts have one measure: to join texts takes ten times as long
        f"WITH counted AS (SELECT *, count(*) OVER (PARTITION BY account_id) AS n FROM ({each})) "
        f"SELECT * EXCLUDE (n) FROM counted WHERE n = 1 UNION ALL BY NAME "
        f"SELECT account_id, {', '.join((*texts, *others))} FROM counted WHERE n > 1 GROUP BY account_id"
    )


def _ours(file: SinkFileSettings, *, reached: bool = True) -> str:
    """Return SQL of the rows that expressions are read from; or of those left out as not reachable."""
    join = "LEFT JOIN" if file.everyone else "JOIN"
    where = "true" if reached else "false"
    if file.reachable_by is not None:
        where = f"{'' if reached else 'NOT '}may_{file.reachable_by}"
    return (
        f"SELECT * FROM answered {join} measured USING (account_id) LEFT JOIN accounts USING (account_id) "
        f"LEFT JOIN may USING (account_id), money WHERE {where}"
    )


def _columns(con: duckdb.DuckDBPyConnection, place: str, file: SinkFileSettings) -> dict[str, str]:
    """Return the expressions that can be read, and refuse those that must be and cannot."""
    found = {}
    for theirs, sql in file.columns.items():
        insist_on_one_select(f"SELECT ({sql}) FROM ours", f"{place}: column {theirs!r}", ["ours"])
        problem, remedy = _unreadable(con, sql)
        if not problem:
            found[theirs] = sql
        elif theirs not in file.optional or theirs in file.key:
            raise ConfigError(f"{place}: column {theirs!r} {problem}.", remedy)
    return found


def _insist_on_condition(con: duckdb.DuckDBPyConnection, place: str, file: SinkFileSettings) -> None:
    where = file.where or "true"
    insist_on_one_select(f"SELECT ({where}) FROM ours", f"{place}: its condition 'where'", ["ours"])
    problem, remedy = _unreadable(con, where)
    if problem:
        raise ConfigError(f"{place}: its condition 'where' {problem}.", remedy)


def _unreadable(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, str]:
    """Return what is wrong with an expression, and what would be right; two empty texts if nothing is."""
    try:
        con.execute(f"SELECT ({sql}) FROM ours LIMIT 0")
    except duckdb.BinderException as error:
        missing = re.search(r'column "([^"]+)" not found', str(error))
        if missing is None:
            return "cannot be computed: its types do not fit", "Cast what it reads."
        known = [row[0] for row in con.execute("DESCRIBE ours").fetchall()]
        return f"reads {missing[1]!r}, which is not there", nearest(missing[1], known)
    except duckdb.Error as error:
        return f"is no expression of DuckDB's SQL ({type(error).__name__})", "Put a text into single quotes."
    return "", ""


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
