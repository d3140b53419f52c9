"""From segments and measures to the rows that a tool takes: the mirror image of a source's mapping."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import duckdb
import pandas as pd
import pyarrow as pa

from segmentwerk.activation import formats
from segmentwerk.activation.consent import by_account
from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.interruption import stoppable
from segmentwerk.core.sink_settings import SinkFileSettings, SinkSettings
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
_ASKED = ("account_id", "arm", "channel", "campaign", "measure")
_SORTED = "ORDER BY segment_id, priority NULLS LAST, account_id, campaign, measure, channel"
_TYPES = {"from_date": "DATE", "until_date": "DATE", "priority": "BIGINT", "potential": "DOUBLE"}


@dataclass(frozen=True)
class Ready:
    """What a tool should hold, by file; typed, in their columns, one row a key.

    ``left_out`` counts by channel the measures of accounts that may not be addressed by it, ``withheld`` by
    file the accounts that stand out for the same reason, and ``shared`` by file the rows left out since
    another account has the same key.
    """

    sink: SinkSettings
    tables: dict[str, pa.Table]
    left_out: dict[str, int]
    withheld: dict[str, int]
    shared: dict[str, int]


def prepare(
    sink: SinkSettings,
    assignments: pd.DataFrame,
    accounts: pd.DataFrame,
    segments: pd.DataFrame,
    reachable: pd.DataFrame,
    *,
    currency: str,
) -> Ready:
    """Work out what a tool should hold, and refuse what it cannot take; nothing is written.

    Parameters
    ----------
    assignments
        One row an account and measure; those of the arm ``treated`` are handed on.
    accounts
        The table ``accounts``, by ``account_id`` or with it as a column.
    segments
        Of each account, by ``account_id``; a negative ``segment_id`` is no answer.
    reachable
        Of each account and channel, as `consent.reachable` returns it.
    currency
        The source's.

    Raises
    ------
    ConfigError
        If a column cannot be read, naming the nearest, or the tool's currency is another one.
    InputError
        If an account stands twice, an assignment's account has no segment, a key is empty, a text is too
        long for the tool or not in its encoding, or its database cannot be connected to.
    """
    if sink.currency is not None and sink.currency != currency:
        raise ConfigError(
            f"Sink {sink.name!r} takes {sink.currency}, the source is in {currency}.",
            f"Convert the money in the source's mapping, or set sink.currency={currency}.",
        )
    known = by_account(accounts)
    answered = _answered(segments)
    treated = _treated(assignments, answered)
    may = reachable.reindex(answered.index.union(known.index), fill_value=False)
    wanted = {channel for file in sink.files.values() for channel in file.channels}
    allowed = _allowed(treated, may)
    refused = treated["channel"][~allowed & treated["channel"].isin(wanted)]
    con = _connection(known, answered, treated[allowed], may, currency)
    try:
        found = {name: _Made.of(con, sink.name, name, file) for name, file in sink.files.items()}
    finally:
        con.close()
    made = {name: one for name, one in found.items() if one is not None}
    if not made:
        raise ConfigError(
            f"None of the files of sink {sink.name!r} can be made: the source does not hold their keys.",
            "Choose another sink, or map what it needs in the source's yaml.",
        )
    for name, one in made.items():
        formats.insist(one.table.drop_columns([ACCOUNT]), name, sink.files[name])
    if any(file.format == "table" for file in sink.files.values()):
        formats.connected(str(sink.url)).disconnect()
    return Ready(
        sink,
        {name: one.table for name, one in made.items()},
        {str(channel): int(rows) for channel, rows in refused.value_counts().sort_index().items()},
        {name: one.withheld for name, one in made.items()},
        {name: one.shared for name, one in made.items()},
    )


def _answered(segments: pd.DataFrame) -> pd.DataFrame:
    known = by_account(segments.rename_axis("account_id"), "table of segments")
    for name in ("segment_id", "segment"):
        if name not in known.columns:
            raise InputError(f"The segments have no column {name!r}.", nearest(name, map(str, known.columns)))
    return known.reindex(columns=list(SEGMENT))[known["segment_id"] >= 0]


def _treated(assignments: pd.DataFrame, answered: pd.DataFrame) -> pd.DataFrame:
    for name in _ASKED:
        if name not in assignments.columns:
            raise InputError(
                f"The assignments have no column {name!r}.", nearest(name, map(str, assignments.columns))
            )
    rows = assignments[assignments["arm"] == "treated"].reindex(columns=["account_id", *MEASURE])
    rows["account_id"] = rows["account_id"].astype("str")
    strange = int((~rows["account_id"].isin(answered.index)).sum())
    if strange:
        raise InputError(f"{strange} assignments are of accounts without a segment.", "Score them first.")
    twice = int(rows.duplicated(["account_id", "campaign", "measure", "channel"]).sum())
    if twice:
        raise InputError(
            f"{twice} accounts stand twice in one campaign, measure and channel.",
            "Keep one row an account and measure.",
        )
    return rows


def _allowed(treated: pd.DataFrame, may: pd.DataFrame) -> pd.Series:
    """Return of each measure whether its account may be addressed by its channel."""
    allowed = pd.Series(False, index=treated.index)
    for channel, rows in treated.groupby("channel").groups.items():
        if channel not in may.columns:
            raise InputError(f"{channel!r} is no channel.", nearest(str(channel), map(str, may.columns)))
        allowed[rows] = may[channel].reindex(treated.loc[rows, "account_id"]).to_numpy(dtype=bool)
    return allowed


def _connection(
    known: pd.DataFrame, answered: pd.DataFrame, treated: pd.DataFrame, may: pd.DataFrame, currency: str
) -> duckdb.DuckDBPyConnection:
    """Return a connection that reaches nothing but the tables that are made here."""
    con = stoppable(duckdb.connect())
    con.execute("SET enable_external_access = false")
    con.execute("SET TimeZone = 'UTC'")
    ours = known.drop(columns=[name for name in known.columns if name in (*SEGMENT, *MEASURE, "currency")])
    tables = {
        "accounts": ours.reset_index(),
        "answered": answered.reset_index(),
        "treated": treated,
        "may": may.add_prefix("may_").rename_axis("account_id").reset_index(),
    }
    for name, frame in tables.items():
        con.register(name, _typed(frame))
    con.execute("CREATE TABLE money AS SELECT ? AS currency", [currency])
    con.execute("SET lock_configuration = true")
    return con


def _typed(frame: pd.DataFrame) -> pa.Table:
    """Return a table in which columns without any value are texts, so that expressions can read them."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [
        field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in table.schema
    ]
    return table.cast(pa.schema(fields))


@dataclass(frozen=True)
class _Made:
    """The rows of one file, and how many were left out."""

    table: pa.Table
    withheld: int
    shared: int

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection, sink: str, name: str, file: SinkFileSettings) -> _Made | None:
        con.execute(f"CREATE OR REPLACE TEMP VIEW measured AS {_measures(file)}")
        con.execute(f"CREATE OR REPLACE TEMP VIEW ours AS {_ours(file)}")
        if not file.required and any(_unreadable(con, file.columns[theirs])[0] for theirs in file.key):
            log.info("Sink %s: no file %s, since the source does not hold its key.", sink, name)
            return None
        columns = _columns(con, sink, name, file)
        _insist_on_condition(con, sink, name, file)
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
                    f"Sink {sink!r}, file {name!r}: the key {' '.join(file.key)} is empty in {without} rows.",
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
                f"Sink {sink!r}, file {name!r} cannot be computed: {type(error).__name__}.",
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


def _columns(con: duckdb.DuckDBPyConnection, sink: str, name: str, file: SinkFileSettings) -> dict[str, str]:
    """Return the expressions that can be read, and refuse those that must be and cannot."""
    found = {}
    for theirs, sql in file.columns.items():
        problem, remedy = _unreadable(con, sql)
        if not problem:
            found[theirs] = sql
        elif theirs not in file.optional or theirs in file.key:
            raise ConfigError(f"Sink {sink!r}, file {name!r}: column {theirs!r} {problem}.", remedy)
    return found


def _insist_on_condition(
    con: duckdb.DuckDBPyConnection, sink: str, name: str, file: SinkFileSettings
) -> None:
    problem, remedy = _unreadable(con, file.where or "true")
    if problem:
        raise ConfigError(f"Sink {sink!r}, file {name!r}: its condition 'where' {problem}.", remedy)


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
