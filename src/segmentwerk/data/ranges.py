"""Read size classes as numbers, in SQL: ``11-50``, ``1.000+``, ``> 500``, ``under 10``, and a ``Nov 50``.

A class from one bound to another stands for its geometric mean, since sizes are compared by their
ratio; an open one for its bound, one without a lower bound for half of the upper one.
"""

from __future__ import annotations

from segmentwerk.data.numbers import SPACES
from segmentwerk.data.sqltext import once

SHARE = 0.1
"""Share of a column's values that must be classes; in other columns such a text is no number."""
NUMBER = rf"[$€£]?[0-9]{{1,3}}(?:[.,'\x{{2019}} {SPACES}][0-9]{{3}})+|[$€£]?[0-9]+".replace("'", "''")
SCALES = {3: r"k|tsd\.?", 6: r"m|mn|mio\.?|million(?:s|en)?", 9: r"b|bn|mrd\.?|billions?|milliarden?"}
TO = r"-|\x{2013}|\x{2014}|\.\.\.?|bis|to|until|and|und"
OVER = r"(?:>|>=|≥|\+|ab|from|over|above|more than|mehr als|über|min\.?|at least|mindestens)"
MORE = r"(?:\+|plus|(?:und|oder) mehr|(?:and|or) (?:more|above|over))"
UNDER = r"(?:<|<=|≤|bis|bis zu|up to|under|below|unter|less than|weniger als|max\.?|höchstens)"
UNIT = r"(?: *[$€£]| +[a-zäöü. ]+)?"
MONTHS = (
    "jan",
    "feb",
    "mar|mär|mrz",
    "apr",
    "may|mai",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct|okt",
    "nov",
    "dec|dez",
)


def middle(text: str) -> str:
    """Return SQL that reads ``text`` as the number that its class stands for, null where it is none.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.sql("SELECT " + middle("'1.000+'") + ", round(" + middle("'11 - 50'") + ", 1)").fetchone()
    (1000.0, 23.5)
    """
    bound = rf"({NUMBER}) *({'|'.join(SCALES.values())})?"
    two = _parts(rf"^{bound} *(?:{TO}) *{bound}{UNIT}$", ["low", "low_scale", "high", "high_scale"])
    over = _parts(rf"^(?:{OVER} *{bound}|{bound} *{MORE}){UNIT}$", ["low", "low_scale", "more", "more_scale"])
    under = _parts(rf"^{UNDER} *{bound}{UNIT}$", ["high", "high_scale"])
    low, high = _bound("r.low", "r.low_scale", "r.high_scale"), _bound("r.high", "r.high_scale")
    between = f"CASE WHEN {low} = 0 THEN {high} / 2 WHEN {low} < {high} THEN sqrt({low} * {high}) END"
    least = f"coalesce({_bound('r.low', 'r.low_scale')}, {_bound('r.more', 'r.more_scale')})"
    half = f"{_bound('r.high', 'r.high_scale')} / 2"
    readings = [once(two, "r", between), once(over, "r", least), once(under, "r", half), _undone()]
    return once(f"lower(trim({text}))", "c", f"coalesce({', '.join(readings)})")


def _undone() -> str:
    """Return SQL that reads what a spreadsheet program makes of 11-50 (Nov 50) and 2-10 (10-Feb, 02. Okt)."""
    names = "|".join(MONTHS)
    parts = _parts(
        rf"^(?:([0-9]{{1,2}})[-. /]+({names})[a-z]*\.?|({names})[a-z]*[-. /]+([0-9]{{2}}))$",
        ["day", "month", "month_first", "year"],
    )
    number = " ".join(
        f"WHEN regexp_full_match(concat(r.month, r.month_first), '{name}') THEN {i}"
        for i, name in enumerate(MONTHS, 1)
    )
    month, other = f"(CASE {number} END)", "TRY_CAST(concat(r.day, r.year) AS DOUBLE)"
    return once(parts, "r", f"CASE WHEN {month} <> {other} THEN sqrt({month} * {other}) END")


def _parts(pattern: str, names: list[str]) -> str:
    return f"regexp_extract(c, '{pattern}', {names})"


def _bound(digits: str, *scales: str) -> str:
    """Return SQL for a bound; the lower one of 1-5 million has the scale of the upper one."""
    whole = f"TRY_CAST(regexp_replace({digits}, '[^0-9]', '', 'g') AS DOUBLE)"
    scale = f"coalesce({', '.join(f'nullif({scale}, {chr(39) * 2})' for scale in scales)})"
    powers = " ".join(
        f"WHEN regexp_full_match({scale}, '{word}') THEN 1e{power}" for power, word in SCALES.items()
    )
    return f"({whole} * CASE {powers} ELSE 1 END)"
