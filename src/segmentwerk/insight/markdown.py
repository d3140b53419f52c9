"""Tables and lists as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from segmentwerk.core.escaping import escape


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Write a table of texts, each shown as it is; the columns after the first ``left`` ones hold numbers.

    Examples
    --------
    >>> print(table(["name", "accounts"], [["a|b", "3"]]))
    | name | accounts |
    | --- | ---: |
    | a&#124;b | 3 |
    """
    rule = ["---" if place < left else "---:" for place in range(len(heads))]
    return "\n".join([_row(heads), f"| {' | '.join(rule)} |", *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(escape(cell) for cell in cells)} |"


def listed(lines: Iterable[str]) -> list[str]:
    """Write lines as a list."""
    return [f"- {line}" for line in lines]
