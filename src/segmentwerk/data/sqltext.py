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
