"""Read numbers as people write them, in SQL: ``1.234,50 €``, ``(12.00)``, ``1,2 Mio.``, ``12 %``.

A text that is no such number becomes null; nothing is guessed inside one value.
"""

from __future__ import annotations

from typing import Literal

from segmentwerk.data.sqltext import named, once

DecimalSign = Literal[".", ","]

SPACES = "\u00a0\u202f\u2009"  # no-break, narrow no-break and thin space
MINUS = "\\-\u2212\u2013"  # hyphen, minus sign and dash
CURRENCY = (
    r"(?:[a-z]{0,3}[$€£¥₹₽]|eur|usd|gbp|chf|sek|nok|dkk|pln|czk|huf|brl|jpy|cny|inr|aud|cad|nzd|zar"
    r"|kr\.?|zł|fr\.?|euros?)"
)
POWERS = {
    3: r"k|tsd\.?|thousand",
    6: r"m|mn|mio\.?|mill?\.?|millions?|millionen",
    9: r"b|bn|mrd\.?|billions?|milliarden?",
}
NOTHING = ("na", "n/a", "#n/a", "null", "none", "nan", "-", "--", "k.a.", "k. a.")
"""What people write into a cell of numbers or dates that they leave empty (lower case)."""


def plain(column: str) -> str:
    """Return SQL for the trimmed text of a column; empty becomes null."""
    return trimmed(named(column))


def trimmed(text: str) -> str:
    """Return SQL for a text without blanks around it; empty becomes null."""
    return f"nullif(trim({text}, ' \t\r\n{SPACES}'), '')"


def known(text: str) -> str:
    """Return SQL for a text that is null where people wrote that they do not know."""
    words = ", ".join(f"'{word}'" for word in NOTHING)
    return f"CASE WHEN lower({text}) IN ({words}) THEN NULL ELSE {text} END"


def _digits(decimal: DecimalSign) -> str:
    mark, group = (",", ".") if decimal == "," else (r"\.", ",")
    group = rf"[{group}\x27\x{{2019}} {SPACES}]"  # x27: apostrophes, of which one would end the SQL text
    return rf"\d{{1,3}}(?:{group}\d{{3}})+(?:{mark}\d+)?|\d+(?:{mark}\d*)?|{mark}\d+"


def grammar(decimal: DecimalSign) -> str:
    """Return the regular expression of a number, in lower case, with one group a part."""
    scale = "|".join(POWERS.values())
    sign, space = rf"[+{MINUS}]?", rf"[ {SPACES}]*"
    parts = (
        rf"(\(?{sign}){space}{CURRENCY}?{space}({sign}){space}({_digits(decimal)})"
        rf"{space}({scale})?{space}{CURRENCY}?{space}(%?){space}([{MINUS}]?\)?)"
    )
    return f"^{parts}$"


def evidence(decimal: DecimalSign) -> str:
    """Return the regular expression of a number that can only be read with this decimal sign."""
    mark, group = (",", r"\.") if decimal == "," else (r"\.", ",")
    sure = (
        rf"\d{{1,3}}(?:{group}\d{{3}})+{mark}\d+"  # both signs
        rf"|\d+{mark}(?:\d{{1,2}}|\d{{4,}})"  # a group would have three digits
        rf"|0+{mark}\d+"  # no group follows a zero
        rf"|\d{{1,3}}(?:{group}\d{{3}}){{2,}}"  # a decimal sign comes once
    )
    return rf"^[^\d.,]*(?:{sure})[^\d,]*$"


def simple(text: str, decimal: DecimalSign) -> str:
    """Return SQL that reads plain digits with a decimal sign, which most numbers are, without a pattern."""
    if decimal == ".":
        return f"CASE WHEN NOT contains({text}, '_') THEN TRY_CAST({text} AS DOUBLE) END"  # 1_000 is DuckDB's
    plain = f"NOT contains({text}, '.') AND NOT contains({text}, '_')"
    return f"CASE WHEN {plain} THEN TRY_CAST(replace({text}, ',', '.') AS DOUBLE) END"


def number(text: str, decimal: DecimalSign) -> str:
    """Return SQL that reads ``text`` as a DOUBLE, null where it is none; percent becomes a share.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.sql("SELECT " + number("'1.234,50 €'", ",")).fetchone()
    (1234.5,)
    """
    names = "['open', 'sign', 'digits', 'scale', 'percent', 'close']"
    parts = f"regexp_extract(lower(x), '{grammar(decimal)}', {names})"
    mark = "," if decimal == "," else "."
    digits = f"replace(regexp_replace(p.digits, '[^0-9{mark}]', '', 'g'), ',', '.')"
    scale = " ".join(
        f"WHEN regexp_full_match(p.scale, '{word}') THEN {power}" for power, word in POWERS.items()
    )
    power = f"CASE {scale} ELSE 0 END - CASE WHEN p.percent = '%' THEN 2 ELSE 0 END"
    minus = f"regexp_matches(p.open || p.sign || p.close, '[({MINUS}]')"
    value = f"TRY_CAST({digits} || 'e' || ({power}) AS DOUBLE) * CASE WHEN {minus} THEN -1 ELSE 1 END"
    careful = f"CASE WHEN {simple('x', decimal)} IS NULL THEN {once(parts, 'p', value)} END"
    return once(text, "x", f"coalesce({simple('x', decimal)}, {careful})")
