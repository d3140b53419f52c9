"""From segments and measures to the rows that a tool takes: the mirror image of a source's mapping."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pandas as pd
import pyarrow as pa

from segmentwerk.activation import formats
from segmentwerk.activation.consent import by_account
from segmentwerk.activation.mapped_rows import ACCOUNT, MEASURE, SEGMENT, MappedRows
from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.interruption import stoppable
from segmentwerk.core.sink_settings import SinkSettings

_ASKED = ("account_id", "arm", "channel", "campaign", "measure")


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
        found = {name: MappedRows.of(con, sink.name, name, file) for name, file in sink.files.items()}
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
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET python_enable_replacements = false")  # else a table may be a variable of Python's
    con.execute("SET enable_external_access = false")
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
