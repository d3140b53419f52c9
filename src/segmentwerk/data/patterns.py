"""Regular expressions that mean the same on every engine.

They are written in the syntax that RE2 and PostgreSQL share; Java, and so Spark, names classes otherwise and
would take ``[[:space:]]`` for a set of letters.
"""

from __future__ import annotations

from typing import Any

_JAVA = {
    "[:space:]": r"\s",
    "[:digit:]": r"\d",
    "[:punct:]": r"\p{Punct}",
    "[:alnum:]": r"\p{Alnum}",
}


def found(text: Any, pattern: str) -> Any:
    """Tell the texts of a column in which a pattern is found."""
    return text.re_search(_native(text, pattern))


def replaced(text: Any, pattern: str, replacement: str) -> Any:
    """Replace all that a pattern finds in the texts of a column."""
    return text.re_replace(_native(text, pattern), replacement)


def _native(text: Any, pattern: str) -> str:
    if text.get_backend().name == "pyspark":
        for ours, java in _JAVA.items():
            pattern = pattern.replace(ours, java)
    return pattern
