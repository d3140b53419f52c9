"""The hidden columns that travel with each row until its contract was checked.

Their names begin with an underscore. `FILE` and `ROW` say where a row lies (rows count from 1, a header does
not), `REASON` why it is rejected; flags tell of values that cannot be read and of rules of the source.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

FILE, ROW, REASON = "_file", "_row", "_reason"
VALUE = "_value_"
"""Prefix of a value that was read, while its text is still needed."""
_UNREADABLE, _RULE = "_lost_", "_rule_"


class Unreadable(NamedTuple):
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
        return f"{_UNREADABLE}{self.kind}_{self.ours}>{self.column}"


@dataclass(frozen=True)
class HiddenColumns:
    """The hidden columns of a table, and those that are not.

    Attributes
    ----------
    shown
        Columns of the data itself.
    unreadable
        Flags of values that could not be read, by the name of the hidden column.
    rules
        Rules of the source that reject the row, by the name of the hidden column.
    """

    shown: tuple[str, ...]
    unreadable: dict[str, Unreadable]
    rules: dict[str, str]

    @classmethod
    def of(cls, names: Iterable[str]) -> HiddenColumns:
        """Tell hidden columns by their names.

        Examples
        --------
        >>> found = HiddenColumns.of(["revenue", "_row", "_lost_number_>revenue", rule("samples")])
        >>> found.shown
        ('revenue',)
        >>> found.unreadable
        {'_lost_number_>revenue': Unreadable(kind='number', column='revenue', ours='')}
        >>> found.rules
        {'_rule_samples': 'samples'}
        """
        names = tuple(names)
        return cls(
            tuple(name for name in names if not name.startswith("_")),
            {name: _flag(name) for name in names if name.startswith(_UNREADABLE)},
            {name: name.removeprefix(_RULE) for name in names if name.startswith(_RULE)},
        )


def rule(name: str) -> str:
    """Return the hidden column of a rule of the source."""
    return f"{_RULE}{name}"


def is_taken(name: str) -> bool:
    """Tell a name that a column of the data may not have."""
    return name.startswith((_UNREADABLE, VALUE))


def _flag(name: str) -> Unreadable:
    head, _, column = name.removeprefix(_UNREADABLE).partition(">")
    kind, _, ours = head.partition("_")
    return Unreadable(kind, column, ours)
