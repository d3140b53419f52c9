"""Remove one account from every local table that the product owns, and say what cannot be reached."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from segmentwerk.core.errors import InputError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.interruption import stoppable
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import discovery, sqltext, textfile
from segmentwerk.data.privacy import pseudonymise
from segmentwerk.data.sqltext import literal, named

log = logging.getLogger(__name__)

_NAMES = (
    r"(account|customer|company|client|seller|buyer|kunden?|firma)[ _-]?(id|no|nr|number|nummer|key|code)?"
)
ACCOUNT, PARENT = re.compile(f"(?i){_NAMES}"), re.compile(f"(?i)parent[ _-]?{_NAMES}")
"""Columns whose values name accounts, and those that name an account's owner, by their whole name."""
TELLING = 4
"""Letters and digits from which an id that is no number names nothing but the account."""
DERIVED = ("views", "spill")
"""Folders of the cache that are made anew when they are missing."""
_CHUNK, _OVERLAP = 1 << 20, 256
"""Bytes of a file that are searched at once, and how many of them again with the next ones."""
SHORT = "files that are no tables, which were not searched: an id like this one stands for other things there"
OTHERS = (
    "the source itself, and copies of it outside the data directory",
    "exports that were handed on, for instance to a CRM",
    "a ledger in a database (activation.ledger): delete the account's rows there",
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

    Rows go by the columns that name accounts, in other columns of text by the pseudonym, and by the id
    where it cannot stand for anything else; where it is another account's parent, that is blanked.

    Raises
    ------
    InputError
        If the id is empty, or a table cannot be rewritten.
    """
    if not account.strip():
        raise InputError("No account is named.", "For instance: segmentwerk data forget A-17")
    (pseudonym,) = pseudonymise([account], key)
    telling = len(account) >= TELLING and not re.fullmatch(r"[\d.,_ -]+", account)
    anywhere = (account, pseudonym) if telling else (pseudonym,)
    removed: dict[Path, int] = {}
    left = []
    for folder in DERIVED:
        shutil.rmtree(home / "cache" / folder, ignore_errors=True)
    for path in sorted(path for path in home.rglob("*") if path.is_file() and not path.is_symlink()):
        if discovery.suffix(path) in (*discovery.PARQUET, *discovery.TEXT):
            rows = _remove(path, (account, pseudonym), anywhere)
            if rows:
                removed[path] = rows
        elif _names(path, anywhere):
            left.append(path)
    log.info("%d rows removed from %d tables", sum(removed.values()), len(removed))
    return Forgotten(removed, tuple(left), OTHERS if telling else (SHORT, *OTHERS))


def _remove(path: Path, names: Sequence[str], anywhere: Sequence[str]) -> int:
    """Rewrite a table without the rows that name the account; return how many went or lost their parent."""
    con = stoppable(duckdb.connect())
    try:
        relation, form = _relation(path)
        columns = [(row[0], row[1]) for row in con.execute(f"DESCRIBE {relation}").fetchall()]
        parents = [name for name, _ in columns if PARENT.fullmatch(name)]
        own = [name for name, _ in columns if ACCOUNT.fullmatch(name)]
        others = [name for name, kind in columns if kind == "VARCHAR" and name not in (*own, *parents)]
        gone = _any([_holds(name, names) for name in own] + [_holds(name, anywhere) for name in others])
        orphaned = _any([_holds(name, names) for name in parents])
        rows = con.execute(f"SELECT count(*) FROM ({relation}) WHERE {gone} OR {orphaned}").fetchall()[0][0]
        if rows:
            blanks = ", ".join(
                f"CASE WHEN NOT {_holds(name, names)} THEN {named(name)} END AS {named(name)}"
                for name in parents
            )
            kept = f"SELECT *{f' REPLACE ({blanks})' if blanks else ''} FROM ({relation}) WHERE NOT {gone}"
            with atomic_file(path) as draft:
                con.execute(f"COPY ({kept}) TO {literal(str(draft))} ({form})")
        return int(rows)
    except duckdb.Error as error:
        raise InputError(
            f"{path} cannot be searched: {type(error).__name__}.", "Remove it if it is damaged."
        ) from error


def _holds(column: str, names: Sequence[str]) -> str:
    """Return SQL that tells whether a column holds one of the names; a whole number may be stored as such."""
    listed = ", ".join(literal(name) for name in names)
    text = f"regexp_replace(CAST({named(column)} AS VARCHAR), '^([0-9]+)[.]0$', '\\1')"
    return f"coalesce({text} IN ({listed}), false)"


def _any(conditions: Sequence[str]) -> str:
    return f"({' OR '.join(conditions)})" if conditions else "false"


def _relation(path: Path) -> tuple[str, str]:
    """Return the SELECT of all cells and the form in which COPY writes them back."""
    if discovery.suffix(path) in discovery.PARQUET:
        return f"SELECT * FROM read_parquet({sqltext.file(path)})", "FORMAT parquet"
    if path.stat().st_size == 0:
        return "SELECT 1 AS nothing", "FORMAT csv"
    file = textfile.understand(path, InputSettings())
    packed = ", COMPRESSION gzip" if path.suffix == ".gz" else ""
    return (
        f"SELECT * FROM read_csv({sqltext.file(path)}, all_varchar = true, header = true, "
        f"delim = {literal(file.delimiter)}, quote = '\"', nullstr = '', {sqltext.packing(path)})",
        f"FORMAT csv, HEADER, DELIMITER {literal(file.delimiter)}{packed}",
    )


def _names(path: Path, names: Sequence[str]) -> bool:
    """Tell whether a file holds one of the names as a whole word."""
    pattern = re.compile(
        rb"(?<![\w-])(" + b"|".join(re.escape(name.encode()) for name in names) + rb")(?![\w-])"
    )
    return any(pattern.search(chunk) for chunk in _overlapping(path))


def _overlapping(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        rest = b""
        while chunk := stream.read(_CHUNK):
            yield rest + chunk
            rest = chunk[-_OVERLAP:]
