"""Names and texts inside SQL, whatever quotes they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def literal(text: str) -> str:
    """Return a text as an SQL literal.

    Examples
    --------
    >>> literal("d'or")
    "'d''or'"
    """
    return "'" + text.replace("'", "''") + "'"


def file(path: Path) -> str:
    """Return a file's path as an SQL literal by which DuckDB's readers find that file and no other.

    They take brackets, ``*`` and ``?`` for patterns, in folders, too.

    Examples
    --------
    >>> file(Path("accounts[1].csv"))
    "'accounts[[]1].csv'"
    """
    return literal(re.sub(r"([\[*?])", r"[\1]", str(path)))


def packing(path: Path) -> str:
    """Return the option of DuckDB's reader for a text file; by itself it takes ``a?.csv.gz`` for a query.

    Examples
    --------
    >>> packing(Path("a.csv.gz"))
    "compression = 'gzip'"
    """
    return f"compression = '{'gzip' if path.suffix.lower() == '.gz' else 'none'}'"


def files(paths: Iterable[Path]) -> str:
    """Return files' paths as an SQL list for DuckDB's readers.

    Examples
    --------
    >>> files([Path("d'or.csv"), Path("b.csv")])
    "['d''or.csv', 'b.csv']"
    """
    return f"[{', '.join(map(file, paths))}]"


def named(name: str) -> str:
    """Return the name of a column or table, quoted.

    Examples
    --------
    >>> named('12" pipe')
    '"12"" pipe"'
    """
    return '"' + name.replace('"', '""') + '"'


def once(given: str, name: str, result: str) -> str:
    """Return SQL for ``result``, in which ``name`` stands for ``given``, which is computed once."""
    return f"list_transform([{given}], lambda {name}: {result})[1]"
