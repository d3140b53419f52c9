"""DataFrames as a source: written as Parquet into the private cache, where sources are read from."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.core.errors import InputError, nearest
from segmentwerk.core.files import atomic_folder
from segmentwerk.core.paths import output_root
from segmentwerk.data.columns import COLUMNS

log = logging.getLogger(__name__)


def is_frames(given: object) -> bool:
    """Return whether these are tables: a DataFrame, or DataFrames by the name of our table."""
    return isinstance(given, pd.DataFrame) or (
        isinstance(given, Mapping)
        and bool(given)
        and all(isinstance(one, pd.DataFrame) for one in given.values())
    )


def no_frames(given: object) -> InputError:
    """Return the error of a source that is something else."""
    return InputError(
        f"A source cannot be of the type {type(given).__name__}.",
        "Give a name of conf/source, a DataFrame, or DataFrames by the name of a table.",
    )


def as_source(given: pd.DataFrame | Mapping[str, pd.DataFrame], home: Path) -> dict[str, Any]:
    """Write the tables below ``home`` and return the settings of a source that reads them.

    Parameters
    ----------
    given
        One table, of accounts or of order lines, or several by name, in our columns (docs/architecture.md).
    home
        The data directory; the tables lie in its cache, where `segmentwerk data forget` finds them.

    Raises
    ------
    InputError
        If a table is none of ours, lacks a column that it must have, or holds what no table can.
    """
    tables = {_kind(given): given} if isinstance(given, pd.DataFrame) else dict(given)
    for name in tables:
        if name not in COLUMNS:
            raise InputError(f"There is no table called {name!r}.", nearest(name, COLUMNS))
    folder = _written({name: _whole(name, frame) for name, frame in tables.items()}, home)
    return {"source": "csv_folder", "source.name": "frame", "source.path": str(folder)}


def as_file(accounts: pd.DataFrame, home: Path) -> Path:
    """Write an account table below ``home`` and return the file, for scoring."""
    return _written({"accounts": _flat(accounts)}, home) / "accounts.parquet"


def _kind(frame: pd.DataFrame) -> str:
    names = {*frame.columns, *frame.index.names}
    return "orders" if {"order_id", "ordered_at"} & names else "accounts"


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with what names its rows as a column."""
    named = [name for name in frame.index.names if name is not None and name not in frame.columns]
    return frame.reset_index(named).reset_index(drop=True) if named else frame.reset_index(drop=True)


def _whole(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table that has what it must have, and say which columns nobody reads."""
    flat, known = _flat(frame), COLUMNS[name]
    absent = [column for column, kind in known.items() if kind.required and column not in flat.columns]
    if absent:
        close = nearest(absent[0], [str(column) for column in flat.columns])
        raise InputError(f"The table {name} has no column {absent[0]!r}.", f"Rename yours. {close}".strip())
    if unread := [str(column) for column in flat.columns if column not in known]:
        log.warning("Columns of %s that nobody reads: %s", name, ", ".join(unread))
    return flat


def _written(tables: Mapping[str, pd.DataFrame], home: Path) -> Path:
    """Write the tables once for each content, readable by this user only."""
    packed = {name: _packed(name, frame) for name, frame in sorted(tables.items())}
    digest = hashlib.blake2b(digest_size=16)
    for name, content in packed.items():
        digest.update(name.encode() + content)
    output_root(str(home))  # makes the private folders
    folder = home / "cache" / "frames" / digest.hexdigest()
    if not folder.is_dir():
        with atomic_folder(folder) as draft:
            for name, content in packed.items():
                (draft / f"{name}.parquet").write_bytes(content)
    return folder


def _packed(name: str, frame: pd.DataFrame) -> bytes:
    import pyarrow as pa

    content = BytesIO()
    try:
        frame.to_parquet(content, index=False, engine="pyarrow")
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, ValueError) as error:
        raise InputError(
            f"The table {name} cannot be written: {_culprit(frame)}.", "Give each column values of one type."
        ) from error
    return content.getvalue()


def _culprit(frame: pd.DataFrame) -> str:
    """Name the column that holds values of several types; never a value."""
    if not frame.columns.is_unique:
        return f"two columns are called {frame.columns[frame.columns.duplicated()][0]!r}"
    for column in frame.columns:
        kinds = sorted({type(value).__name__ for value in frame[column].dropna()})
        if len(kinds) > 1:
            return f"column {column!r} holds {' and '.join(kinds)}"
    return "it holds what a table of a file cannot"
