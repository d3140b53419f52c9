"""Read dates as people and programs write them, in SQL; a day that no calendar has becomes null."""

from __future__ import annotations

from segmentwerk.data.numbers import SPACES
from segmentwerk.data.sqltext import once

BASES = {
    "dd.mm.yyyy": "%d.%m.%Y",
    "dd.mm.yy": "%d.%m.%y",
    "dd/mm/yyyy": "%d/%m/%Y",
    "mm/dd/yyyy": "%m/%d/%Y",
    "dd/mm/yy": "%d/%m/%y",
    "mm/dd/yy": "%m/%d/%y",
    "dd-mm-yyyy": "%d-%m-%Y",
    "mm-dd-yyyy": "%m-%d-%Y",
    "dd mon yyyy": "%d %b %Y",
    "mon dd, yyyy": "%b %d, %Y",
    "yyyymmdd": "%Y%m%d",
}
"""Ways to write a day, beside ISO 8601, and their strptime formats."""
ISO = "yyyy-mm-dd"
EPOCHS = {"seconds since 1970": 1_000_000, "milliseconds since 1970": 1_000}
"""Moments as programs count them, and how many microseconds they count by."""
FORMS = (ISO, *BASES, *EPOCHS)
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
SWAPPED = {"mm/dd/yyyy": "dd/mm/yyyy", "mm/dd/yy": "dd/mm/yy", "mm-dd-yyyy": "dd-mm-yyyy"}
"""Month first and its counterpart with the day first: a column may fit both."""
ZONE = r"Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?"
ISO_PARTS = (
    r"^([0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2})(?:[T ]+([0-9]{1,2}:[0-9]{2})(:[0-9]{2})?([.,][0-9]+)?)?"
    rf" *({ZONE})?(?:\[[\w/+-]+\])?$"
)


def moment(text: str, name: str) -> str:
    """Return SQL that reads ``text`` as a TIMESTAMP (UTC where a zone is given), null where it is none.

    Parameters
    ----------
    name
        One of `FORMS`, or a strptime format.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.sql("SELECT " + moment("'30.02.2024'", "dd.mm.yyyy")).fetchone()
    (None,)
    """
    if name in EPOCHS:
        digits = 16 - len(str(EPOCHS[name])) + 1
        return (
            f"CASE WHEN regexp_full_match({text}, '[0-9]{{{digits}}}')"
            f" THEN make_timestamp(TRY_CAST({text} AS BIGINT) * {EPOCHS[name]}) END"
        )
    if name == ISO:
        return once(_tidy(text), "d", _iso())
    formats = ", ".join(f"'{BASES.get(name, name)}{time}'" for time in (TIMES if name in BASES else ("",)))
    sure = "length(d) = 8" if name == "yyyymmdd" else "year(m) >= 1000"  # 1.2.24 is no day of the year 24
    read = once(f"try_strptime(d, [{formats}])", "m", f"CASE WHEN {sure} THEN m END")
    return once(_tidy(text) if name in BASES else text, "d", read)


def _tidy(text: str) -> str:
    """Return SQL for a moment without what locales put into it: ``10. 8. 2023, 3:10 p.m.``."""
    plain = f"regexp_replace({text}, '[{SPACES}]', ' ', 'g')"
    plain = f"regexp_replace({plain}, ',? +([0-9]{{1,2}}:[0-9]{{2}})', ' \\1')"
    plain = f"regexp_replace({plain}, '\\. +([0-9])', '.\\1', 'g')"
    return f"regexp_replace({plain}, '([AaPp])\\.[Mm]\\.?$', '\\1m')"


def _iso() -> str:
    """Return SQL that reads ``d``; seconds may be missing, and a blank may stand before the offset."""
    parts = f"regexp_extract(d, '{ISO_PARTS}', ['day', 'time', 'seconds', 'rest', 'zone'], 'i')"
    time = "CASE WHEN p.time = '' THEN ' 00:00' ELSE ' ' || p.time END"
    seconds = "CASE WHEN p.seconds = '' THEN ':00' ELSE p.seconds END"
    stamp = f"p.day || {time} || {seconds} || replace(p.rest, ',', '.')"
    zone = "CASE WHEN regexp_matches(p.zone, '^[+-]') THEN p.zone ELSE '+00' END"
    return once(
        parts,
        "p",
        f"CASE WHEN p.day = '' THEN NULL WHEN p.zone = '' THEN TRY_CAST({stamp} AS TIMESTAMP)"
        f" ELSE TRY_CAST({stamp} || {zone} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END",
    )
