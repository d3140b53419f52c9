"""Names and texts inside SQL, whatever quotes they hold."""

from __future__ import annotations


def literal(text: str) -> str:
    """Return a text as an SQL literal.

    Examples
    --------
    >>> literal("d'or")
    "'d''or'"
    """
    return "'" + text.replace("'", "''") + "'"


def named(name: str) -> str:
    """Return the name of a column or table, quoted.

    Examples
    --------
    >>> named('12" pipe')
    '"12"" pipe"'
    """
    return '"' + name.replace('"', '""') + '"'
