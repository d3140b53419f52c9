"""Where a table begins and ends in a sheet or a text: titles, comments, totals and footers are no rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

Cells = Sequence[str | None]

HEAD, TAIL = 100, 20
"""Rows in which the header is looked for, and last rows that may be a footer."""
USUAL = 2000
"""Rows by which it is judged how many cells a row has."""
TOTAL = re.compile(
    r"(grand|sub|overall)?[ -]?totals?|(gesamt|end|zwischen|teil)?summe|gesamt(ergebnis|betrag)?|insgesamt"
    r"|total g[eé]n[eé]ral|somme|totale|totaal|suma|sum|all rows",
    re.IGNORECASE,
)
NOTE = re.compile(r" *\([^)]*\)|[:*=]")
"""What stands beside the word: ``Grand total (36 records):``."""
VALUE = re.compile(r"[\W\d_]*\d[\W\d_]*(eur|usd|chf|gbp)?|[\W_]*", re.IGNORECASE)
"""A number, an amount or a date in digits."""
SENTENCE = 10
"""Letters from which words alone in a row are a note."""
RULER = re.compile(r"[-=_*~.#\u2013\u2014]{3,}")


def header_position(records: Sequence[Cells], wanted: Collection[str] = ()) -> int:
    """Return the position of the record that names the columns.

    It is the one with most of the names that the mapping asks for; where none of them is found, the
    first record, unless that is a comment, a title or of another width than nearly all others.

    Parameters
    ----------
    records
        The first records of the table with their cells; some may be empty.
    wanted
        Names of columns, in lower case.
    """
    filled = [(i, [text for text in map(_bare, record) if text]) for i, record in enumerate(records[:HEAD])]
    there = [(i, cells) for i, cells in filled if cells]
    if not there:
        return 0
    hits = [len({cell.lower() for cell in cells} & set(wanted)) for _, cells in there]
    if max(hits) >= min(2, len(wanted)) > 0:
        return there[hits.index(max(hits))][0]
    return _by_shape(records, there)


def _by_shape(records: Sequence[Cells], there: Sequence[tuple[int, list[str]]]) -> int:
    first, usual = there[0][0], usually_filled(records)
    if len(records[first]) == _width(records) and len(there[0][1]) > 1 and 2 * len(there[0][1]) >= usual:
        return first
    for i, cells in there[1:]:
        named = not any(VALUE.fullmatch(cell) for cell in cells)
        if len(records[i]) == _width(records) and len(cells) > 1 and 2 * len(cells) >= usual and named:
            return i
    return first


def _bare(cell: str | None) -> str:
    return (cell or "").strip()


def _width(records: Sequence[Cells]) -> int:
    """Return how many fields most records have, those with one or none aside."""
    widths = Counter(len(record) for record in records[:USUAL] if len(record) > 1)
    return widths.most_common(1)[0][0] if widths else 1


def usually_filled(records: Sequence[Cells]) -> int:
    """Return how many cells of a record are filled in the middle of all records."""
    filled = sorted(n for n in (_filled(record) for record in records[:USUAL]) if n)
    return filled[len(filled) // 2] if filled else 0


def _filled(record: Cells) -> int:
    return sum(1 for cell in record if _bare(cell))


def is_total(record: Cells, usual: int) -> bool:
    """Tell whether a row holds sums: the word for it, and beside it nothing but numbers."""
    cells = [text for text in map(_bare, record) if text]
    words = [cell for cell in cells if not VALUE.fullmatch(cell)]
    return len(cells) < usual and len(words) == 1 and bool(TOTAL.fullmatch(NOTE.sub("", words[0]).strip()))


def is_footer(record: Cells, usual: int) -> bool:
    """Tell whether a row belongs to the report around the table: a total, a sentence, a ruler, or nothing."""
    cells = [text for text in map(_bare, record) if text]
    if not cells or is_total(record, usual):
        return True
    alone = len(cells) == 1 and usual > 2
    sentence = alone and " " in cells[0] and len(cells[0]) >= SENTENCE
    return sentence or (alone and bool(RULER.fullmatch(cells[0])))


def footer(last: Sequence[Cells], usual: int) -> int:
    """Return how many of the last rows of a table lie behind its end; rows that are only empty do not."""
    rows = 0
    for back, record in enumerate(reversed(last[-TAIL:]), 1):
        if not is_footer(record, usual):
            break
        rows = back if _filled(record) else rows
    return rows
