"""Read dates as people write them, in SQL; a day that the calendar does not have becomes null."""

from __future__ import annotations

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
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
SWAPPED = {"mm/dd/yyyy": "dd/mm/yyyy", "mm/dd/yy": "dd/mm/yy", "mm-dd-yyyy": "dd-mm-yyyy"}
"""Month first and its counterpart with the day first: a column may fit both."""


def moment(text: str, name: str) -> str:
    """Return SQL that reads ``text`` as a TIMESTAMP (UTC where a zone is given), null where it is none.

    Parameters
    ----------
    name
        `ISO`, a name in `BASES`, or a strptime format.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.sql("SELECT " + moment("'30.02.2024'", "dd.mm.yyyy")).fetchone()
    (None,)
    """
    if name == ISO:
        zoned = f"regexp_matches({text}, '[0-9](Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$') AND length({text}) > 16"
        return (
            f"CASE WHEN {zoned} THEN TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
            f" WHEN regexp_matches({text}, '^[0-9]{{4}}[-/]') THEN TRY_CAST({text} AS TIMESTAMP) END"
        )
    base = BASES.get(name, name)
    formats = ", ".join(f"'{base}{time}'" for time in (TIMES if name in BASES else ("",)))
    read = f"try_strptime({text}, [{formats}])"
    sure = (
        f"length({text}) = 8" if name == "yyyymmdd" else f"year({read}) >= 1000"
    )  # 1.2.24 is no day of the year 24
    return f"CASE WHEN {sure} THEN {read} END"
