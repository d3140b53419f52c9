"""The columns of the reference space: what each one holds, and how it is called."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

_EQUALS, _MISSING, _JOINED = "=", "_missing", "+"


class ColumnKind(StrEnum):
    """What a column of the reference space holds."""

    NUMBER = "number"
    FLAG = "flag"
    LEVEL = "level"
    FACTOR = "factor"


@dataclass(frozen=True)
class SpaceColumn:
    """One column of the reference space.

    `ReferenceSpace.schema_` hands out all of them. Segmenters and figures know columns by name only, so
    the name says the same; nothing else puts names together or takes them apart.

    Attributes
    ----------
    kind : ColumnKind
        A number, a flag for an unknown number, a level of a category, or a factor of several features.
    variable : str
        The feature that it tells of; the features of a factor, joined.
    level : str
        The level where it holds one, else empty.

    Examples
    --------
    >>> SpaceColumn.read("country=DE")
    SpaceColumn(kind=<ColumnKind.LEVEL: 'level'>, variable='country', level='DE')
    >>> SpaceColumn.flag("employees").name
    'employees_missing'
    """

    kind: ColumnKind
    variable: str
    level: str = ""

    @classmethod
    def number(cls, variable: str) -> Self:
        """Return the column of a numeric feature."""
        return cls(ColumnKind.NUMBER, variable)

    @classmethod
    def flag(cls, variable: str) -> Self:
        """Return the column that says where a numeric feature is unknown."""
        return cls(ColumnKind.FLAG, variable)

    @classmethod
    def of_level(cls, variable: str, level: str) -> Self:
        """Return the column of one level of a categorical feature."""
        return cls(ColumnKind.LEVEL, variable, level)

    @classmethod
    def read(cls, name: str) -> Self:
        """Return the column of this name."""
        variable, equals, level = name.partition(_EQUALS)
        if equals:
            return cls.of_level(variable, level)
        if _JOINED in name:
            return cls(ColumnKind.FACTOR, name)
        if name.endswith(_MISSING):
            return cls.flag(name.removesuffix(_MISSING))
        return cls.number(name)

    @property
    def name(self) -> str:
        """The name of the column in tables."""
        if self.kind is ColumnKind.LEVEL:
            return f"{self.variable}{_EQUALS}{self.level}"
        return self.variable + _MISSING if self.kind is ColumnKind.FLAG else self.variable

    @property
    def parts(self) -> list[str]:
        """Names of the features of which a factor tells; the variable itself otherwise."""
        return self.variable.split(_JOINED) if self.kind is ColumnKind.FACTOR else [self.variable]


def factor_name(features: list[str]) -> str:
    """Return the name of a factor by the features of which it tells most."""
    return _JOINED.join(features)
