"""The columns of the reference space: what each one holds, and how it is called."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import unquote

_EQUALS, _MISSING, _JOINED = "=", "_missing", "+"
_RESERVED = {"%": "%25", _EQUALS: "%3D", _JOINED: "%2B"}
"""Signs with a meaning in names, and how they are written in a feature that is called so, as in addresses."""


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
    >>> SpaceColumn.number("price=fair").name
    'price%3Dfair'
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
            return cls.of_level(unquote(variable), level)
        if _JOINED in name:
            return cls(ColumnKind.FACTOR, name)
        if name.endswith(_MISSING):
            return cls.flag(unquote(name.removesuffix(_MISSING)))
        return cls.number(unquote(name))

    @property
    def name(self) -> str:
        """The name of the column in tables."""
        if self.kind is ColumnKind.FACTOR:
            return self.variable
        variable = _quoted(self.variable)
        if self.kind is ColumnKind.LEVEL:
            return f"{variable}{_EQUALS}{self.level}"
        return variable + _MISSING if self.kind is ColumnKind.FLAG else variable

    @property
    def parts(self) -> list[str]:
        """Names of the features of which a factor tells; the variable itself otherwise."""
        if self.kind is ColumnKind.FACTOR:
            return [unquote(part) for part in self.variable.split(_JOINED)]
        return [self.variable]


def factor_name(features: list[str]) -> str:
    """Return the name of a factor by the features of which it tells most."""
    return _JOINED.join(map(_quoted, features))


def flag_name(column: str) -> str:
    """Return the name of the column that says where the numeric column of this name is unknown."""
    return column + _MISSING


def _quoted(variable: str) -> str:
    quoted = "".join(_RESERVED.get(sign, sign) for sign in variable)
    if quoted.endswith(_MISSING):
        return quoted.removesuffix(_MISSING) + _MISSING.replace("_", "%5F")
    return quoted
