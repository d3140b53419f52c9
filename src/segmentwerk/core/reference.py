"""What a version remembers of the accounts that it was trained on: aggregates, to compare later ones with.

No row stands here. Bounds of bins are rounded, and a level that fewer than `COMMON` accounts share is not
named, since either could be a single account's.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segmentwerk.core.errors import ModelError

FILE = "reference.json"
"""Where it stands in a package."""
COMMON = 5
"""Accounts that share a level which is named."""


class _Frozen(BaseModel):
    """Base: frozen, finite; a key of a later release is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=(), allow_inf_nan=False)


class Logs(_Frozen):
    """Logarithms of a number's positive values: how many, their mean, and their deviation."""

    n: int
    mean: float
    deviation: float


class NumberReference(_Frozen):
    """One number of the customers.

    ``edges`` (b - 1,) part the line into bins, ``counts`` (b,) of the customers of whom it is known;
    ``unknown`` of the others. ``low`` and ``high`` are about the smallest and largest of a thousand.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    unknown: int
    low: float
    high: float
    logs: Logs | None = None


class LevelsReference(_Frozen):
    """One category of the customers: ``counts`` by level, ``other`` of rare levels, ``unknown`` of none."""

    counts: dict[str, int]
    other: int
    unknown: int


class PartReference(_Frozen):
    """The customers of one level of a category: logarithms of the money, by feature."""

    category: str
    level: str
    accounts: int
    logs: dict[str, Logs]


class AnswersReference(_Frozen):
    """What the model said of the training's accounts: counts by segment and by basis, and so on."""

    segments: dict[int, int]
    outliers: int
    answered: int
    """Customers with a segment."""
    confidence: float
    confidence_deviation: float
    bases: dict[str, int]
    prospects: int
    prospect_segments: dict[int, int]


class Measure(_Frozen):
    """A number that was measured, with its standard error where it has one."""

    value: float
    se: float | None = None


class Reference(_Frozen):
    """All that a version remembers.

    ``columns`` and ``discrete`` name the columns of its reference space. ``measures``: held-out ``gain``,
    ``agreement`` of a fresh fit, ``explained`` outcome; each measured as it is measured again later.
    """

    format: int = 1
    as_of: str
    outcome_days: int | None = None
    outcome: str = ""
    accounts: int
    customers: int
    numbers: dict[str, NumberReference]
    levels: dict[str, LevelsReference]
    parts: tuple[PartReference, ...]
    answers: AnswersReference
    columns: tuple[str, ...]
    discrete: dict[str, tuple[str, ...]]
    measures: dict[str, Measure] = Field(default_factory=dict)

    @classmethod
    def read(cls, content: bytes, uri: str) -> Reference:
        """Read it as it stands in a package.

        Raises
        ------
        ModelError
            If it is none.
        """
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise ModelError(
                f"{FILE} of {uri} cannot be read: {error.errors()[0]['msg']}.", "Register the model again."
            ) from error
