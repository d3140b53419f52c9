"""The record of what was decided: which account had which segment, measure, arm and channel from when.

A folder of Parquet files, or a table of the warehouse (`segmentwerk.activation.ledger_table`), to which only
is added. Each append to the folder is one file, whole or not there, and named by its content: the same
assignments again, also after the process was killed, add nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from segmentwerk.activation.ledger_table import LedgerTable
from segmentwerk.core.activation_settings import ActivationSettings
from segmentwerk.core.errors import InputError, nearest
from segmentwerk.core.files import atomic_file, locked

KEY = ("account_id", "campaign", "measure", "channel")
"""What is recorded once."""
Place = Path | LedgerTable
"""Where it is kept."""
ARMS = ("treated", "control")
SCHEMA = pa.schema(
    {
        "account_id": pa.string(),
        "segment_id": pa.int64(),
        "segment": pa.string(),
        "campaign": pa.string(),
        "measure": pa.string(),
        "arm": pa.string(),
        "channel": pa.string(),
        "offer": pa.string(),
        "from_date": pa.date32(),
        "until_date": pa.date32(),
        "model": pa.string(),
        "as_of": pa.date32(),
    }
)
_REQUIRED = tuple(name for name in SCHEMA.names if name not in ("offer", "model", "as_of"))


@dataclass(frozen=True)
class Written:
    """What an append did: rows recorded now, rows that were recorded before, and the new file, if any."""

    rows_new: int
    rows_known: int
    part: Path | None


def place_of(settings: ActivationSettings, folder: Path) -> Place:
    """Return where the ledger is kept: in a database, if the settings name one, else in the folder."""
    return folder if settings.ledger is None else LedgerTable(settings.ledger, settings.ledger_table)


def insist(place: Place) -> None:
    """Make sure that the ledger's database answers.

    Raises
    ------
    ConfigError, InputError
        If it does not.
    """
    if isinstance(place, LedgerTable):
        place.insist()


def append(place: Place, assignments: pd.DataFrame, *, model: str, as_of: date, key: bytes) -> Written:
    """Record assignments that are not recorded yet.

    Parameters
    ----------
    place
        The ledger's folder or table; made if it is not there.
    assignments
        One row an account and measure, treated or control.
    model
        Name and version of the model that gave the segments.
    as_of
        The day that the segments are of.
    key
        Secret of this machine: the files' names tell nothing about what they hold.

    Raises
    ------
    InputError
        If a column is missing, an account stands twice, an arm is none or unlike the one recorded, or a file
        or the table cannot be read or written; nothing is recorded then.
    """
    rows = _rows(assignments, model, as_of)
    if isinstance(place, LedgerTable):
        added = place.append(SCHEMA, KEY, lambda known: _unknown(rows, known))
        return Written(added, len(rows) - added, None)
    return _append_to_folder(place, rows, as_of, key)


def _append_to_folder(path: Path, rows: pd.DataFrame, as_of: date, key: bytes) -> Written:
    with locked(path / ".lock"):
        for draft in path.glob(".*.parquet"):  # of a process that was killed: we hold the lock
            draft.unlink()
        known = read(path)
        new = _unknown(rows, known)
        if new.empty:
            return Written(0, len(rows), None)
        table = pa.Table.from_pandas(new.sort_values(list(KEY)), schema=SCHEMA, preserve_index=False)
        part = path / f"{as_of:%Y-%m-%d}-{_digest(table, key)}.parquet"
        with atomic_file(part) as file:
            pq.write_table(table, file, compression="zstd")
    return Written(len(new), len(rows) - len(new), part)


def read(place: Place) -> pd.DataFrame:
    """Return all that is recorded, in the order of the days; without rows where there is no ledger yet.

    Raises
    ------
    InputError
        If a file is damaged, or the database does not answer.
    """
    if isinstance(place, LedgerTable):
        found: pd.DataFrame = place.read(SCHEMA).to_pandas()
        return found
    parts = []
    for file in sorted(place.glob("[!.]*.parquet")):
        try:
            parts.append(pq.read_table(file).select(SCHEMA.names).cast(SCHEMA))
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise InputError(
                f"{file} is no part of a ledger, or is damaged.", "Restore it from a backup."
            ) from error
    rows: pd.DataFrame = pa.concat_tables(parts or [SCHEMA.empty_table()]).to_pandas()
    return rows


def _rows(assignments: pd.DataFrame, model: str, as_of: date) -> pd.DataFrame:
    """Return the assignments as the ledger holds them."""
    for name in _REQUIRED:
        if name not in assignments.columns:
            raise InputError(
                f"The assignments have no column {name!r}.", nearest(name, map(str, assignments.columns))
            )
    rows = assignments.assign(model=model, as_of=as_of).reindex(columns=SCHEMA.names)
    rows["account_id"] = rows["account_id"].astype("str")
    gaps = [name for name in _REQUIRED if name != "until_date" and rows[name].isna().any()]
    if gaps:
        raise InputError(f"The assignments' column {gaps[0]!r} is empty in some rows.", "Fill it.")
    odd = sorted({*rows["arm"]} - {*ARMS})
    if odd:
        raise InputError(f"{odd[0]!r} is no arm.", nearest(odd[0], ARMS))
    twice = int(rows.duplicated(list(KEY)).sum())
    if twice:
        raise InputError(
            f"{twice} accounts stand twice in one campaign, measure and channel.",
            "Keep one row an account and measure.",
        )
    _insist_on_one_arm(rows)
    return rows


def _unknown(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are not recorded; what is recorded of an arm stays as it is."""
    if known.empty:
        return rows
    _insist_on_one_arm(pd.concat([known, rows], ignore_index=True))
    recorded = pd.MultiIndex.from_frame(known[list(KEY)])
    return rows[~pd.MultiIndex.from_frame(rows[list(KEY)]).isin(recorded)]


def _insist_on_one_arm(rows: pd.DataFrame) -> None:
    distinct = rows[["account_id", "campaign", "measure", "arm"]].drop_duplicates()
    torn = distinct[distinct.duplicated(["account_id", "campaign", "measure"])]
    if not torn.empty:
        first = torn.iloc[0]
        raise InputError(
            f"{len(torn)} accounts would change between treated and control in campaign "
            f"{first['campaign']!r}, measure {first['measure']!r}.",
            "A campaign that has begun keeps its arms: give the new one another name.",
        )


def _digest(table: pa.Table, key: bytes) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return blake2b(sink.getvalue(), key=key, digest_size=10).hexdigest()
