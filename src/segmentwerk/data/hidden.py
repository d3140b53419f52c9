"""Names of the hidden columns that travel with each row until its contract was checked."""

from __future__ import annotations

from typing import NamedTuple

FILE, ROW = "_file", "_row"
"""Hidden columns that say where a row lies; rows count from 1, a header does not."""
LOST, RULE = "_lost_", "_rule_"
"""Prefixes of hidden flags: a value that could not be read (`Lost`), a source's rule that rejects the
row (``_rule_NAME``)."""


class Lost(NamedTuple):
    """A flag that tells of a value which could not be read.

    ``column`` is the column that was read, ``ours`` the optional column of ours that goes without the
    value; where that is empty, the whole row cannot be used.
    """

    kind: str
    column: str
    ours: str = ""

    @property
    def name(self) -> str:
        """The name of the hidden column; ``column`` may hold any letters, the other parts may not."""
        return f"{LOST}{self.kind}_{self.ours}>{self.column}"

    @classmethod
    def of(cls, name: str) -> Lost | None:
        """Return the flag of this name; None where the name is no flag's."""
        if not name.startswith(LOST):
            return None
        head, _, column = name.removeprefix(LOST).partition(">")
        kind, _, ours = head.partition("_")
        return cls(kind, column, ours)
