"""Remove one account from every local table that the product owns, and say what cannot be reached."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from segmentwerk.core.errors import InputError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import files, textfile
from segmentwerk.data.privacy import pseudonymise
from segmentwerk.data.sqltext import literal, named

log = logging.getLogger(__name__)

OTHERS = (
    "the source itself, and copies of it outside the data directory",
    "exports that were handed on, for instance to a CRM",
    "an MLflow server or database elsewhere",
    "means and centres in models, which no longer name an account",
)
"""What this product does not own."""


@dataclass(frozen=True)
class Forgotten:
    """What was done.

    ``removed`` counts the rows removed by file; ``left`` are files below the data directory that
    name the account and are no tables; ``unreachable`` says in words what lies elsewhere.
    """

    removed: dict[Path, int]
    left: tuple[Path, ...]
    unreachable: tuple[str, ...] = OTHERS


def forget(account: str, home: Path, key: bytes) -> Forgotten:
    """Remove an account, by its id and by its pseudonym, from all tables below ``home``.

    Raises
    ------
    InputError
        If the id is empty, or a table cannot be rewritten.
    """
    if not account.strip():
        raise InputError("No account is named.", "For instance: segmentwerk data forget A-17")
    names = (account, *pseudonymise([account], key))
    removed: dict[Path, int] = {}
    left = []
    for path in sorted(path for path in home.rglob("*") if path.is_file() and not path.is_symlink()):
        if files.suffix(path) in (*files.PARQUET, *files.TEXT):
            rows = _remove(path, names)
            if rows:
                removed[path] = rows
        elif _names(path, names):
            left.append(path)
    log.info("%d rows removed from %d tables", sum(removed.values()), len(removed))
    return Forgotten(removed, tuple(left))


def _remove(path: Path, names: Sequence[str]) -> int:
    """Rewrite a table without the rows that name the account; return their number."""
    con = duckdb.connect()
    try:
        relation, form = _relation(path)
        columns = [
            name for name, kind, *_ in con.execute(f"DESCRIBE {relation}").fetchall() if kind == "VARCHAR"
        ]
        if not columns:
            return 0
        listed = ", ".join(literal(name) for name in names)
        hit = " OR ".join(f"coalesce({named(column)} IN ({listed}), false)" for column in columns)
        rows = con.execute(f"SELECT count(*) FROM ({relation}) WHERE {hit}").fetchall()[0][0]
        if rows:
            with atomic_file(path) as draft:
                con.execute(f"COPY ({relation} WHERE NOT ({hit})) TO {literal(str(draft))} ({form})")
        return int(rows)
    except duckdb.Error as error:
        raise InputError(
            f"{path} cannot be searched: {type(error).__name__}.", "Remove it if it is damaged."
        ) from error


def _relation(path: Path) -> tuple[str, str]:
    """Return the SELECT of all cells and the form in which COPY writes them back."""
    if files.suffix(path) in files.PARQUET:
        return f"SELECT * FROM read_parquet({literal(str(path))})", "FORMAT parquet"
    if path.stat().st_size == 0:
        return "SELECT 1 AS nothing", "FORMAT csv"
    file = textfile.understand(path, InputSettings())
    packed = ", COMPRESSION gzip" if path.suffix == ".gz" else ""
    return (
        f"SELECT * FROM read_csv({literal(str(path))}, all_varchar = true, header = true, "
        f"delim = {literal(file.delimiter)}, quote = '\"', nullstr = '')",
        f"FORMAT csv, HEADER, DELIMITER {literal(file.delimiter)}{packed}",
    )


def _names(path: Path, names: Sequence[str]) -> bool:
    """Tell whether a file holds one of the names as a whole word."""
    pattern = re.compile(
        rb"(?<![\w-])(" + b"|".join(re.escape(name.encode()) for name in names) + rb")(?![\w-])"
    )
    return any(pattern.search(chunk) for chunk in _overlapping(path))


def _overlapping(path: Path, size: int = 1 << 20, overlap: int = 256) -> Iterator[bytes]:
    with path.open("rb") as stream:
        rest = b""
        while chunk := stream.read(size):
            yield rest + chunk
            rest = chunk[-overlap:]
