"""The kinds of parameter that a search space holds, each checked when it is read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from segmentwerk.core.errors import ConfigError
from segmentwerk.core.settings import Settings

Choice = str | bool | int | float | None


class _Base(Settings):
    when: dict[str, Annotated[list[Choice], Field(min_length=1)]] = Field(default_factory=dict)
    """Earlier parameters and the values for which this one exists."""

    def active(self, point: Mapping[str, Any]) -> bool:
        """Whether the values chosen so far make this parameter exist."""
        return all(name in point and among(point[name], allowed) for name, allowed in self.when.items())


class _Number(_Base):
    low: float
    high: float
    step: float | None = Field(default=None, gt=0)
    log: bool = False

    @model_validator(mode="after")
    def _check(self) -> _Number:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError("low and high must be finite")
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        if self.log and self.low <= 0:
            raise ValueError(f"a log scale needs low above 0, not {self.low:g}")
        if self.log and self.step is not None:
            raise ValueError("a log scale takes no step")
        if self.step is not None:
            last = self.low + self.step * int((self.high - self.low) / self.step + 1e-9)
            if abs(self.high - last) > 1e-6 * self.step:
                raise ValueError(f"high must be low plus a multiple of step, such as {last:.15g}")
        return self


class _Int(_Number):
    type: Literal["int"]
    low: int
    high: int
    step: int | None = Field(default=None, gt=0)

    @property
    def distribution(self) -> BaseDistribution:
        return IntDistribution(self.low, self.high, log=self.log, step=self.step or 1)

    def contains(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return self.low <= value <= self.high and (value - self.low) % (self.step or 1) == 0

    def values(self) -> Iterable[int] | None:
        return range(self.low, self.high + 1, self.step or 1)

    def __str__(self) -> str:
        return f"a whole number from {self.low} to {self.high}" + _steps(self.step)


class _Float(_Number):
    type: Literal["float"]

    @property
    def distribution(self) -> BaseDistribution:
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def contains(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return self.low <= value <= self.high and math.isclose(steps, round(steps), abs_tol=1e-6)

    def values(self) -> Iterable[float] | None:
        if self.step is None:
            return None
        return (self.low + self.step * i for i in range(round((self.high - self.low) / self.step) + 1))

    def __str__(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}" + _steps(self.step)


class _Categorical(_Base):
    type: Literal["categorical"]
    choices: list[Choice] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> _Categorical:
        # Optuna finds a choice by equality, so 1, 1.0 and True are one choice to it.
        if any(choice in self.choices[:i] for i, choice in enumerate(self.choices)):
            raise ValueError("choices must differ from each other")
        return self

    @property
    def distribution(self) -> BaseDistribution:
        return CategoricalDistribution(self.choices)

    def contains(self, value: object) -> bool:
        return among(value, self.choices)

    def values(self) -> Iterable[Choice] | None:
        return self.choices

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.choices))}"


Parameter = _Int | _Float | _Categorical
_READER: TypeAdapter[Parameter] = TypeAdapter(Annotated[Parameter, Field(discriminator="type")])


def read(name: str, spec: object) -> Parameter:
    """Return the parameter ``name`` as its yaml describes it.

    Raises
    ------
    ConfigError
        If a key is unknown, missing or wrong.
    """
    try:
        return _READER.validate_python(spec)
    except ValidationError as error:
        first = error.errors()[0]
        # The first part of the location is the discriminator's value, which the user did not write.
        key = ".".join(["search_space", name, *(str(part) for part in first["loc"][1:])])
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{key}: {message}.", _remedy(first["type"])) from error


def _remedy(kind: str) -> str:
    if kind.startswith("union_tag"):
        return "Give type: int, float or categorical."
    if kind == "extra_forbidden":
        return "Known: type, when, and low, high, step, log (int, float) or choices (categorical)."
    return ""


def among(value: object, allowed: Iterable[object]) -> bool:
    """Whether ``value`` is in ``allowed``, keeping True apart from 1."""
    return any(isinstance(value, bool) == isinstance(other, bool) and value == other for other in allowed)


def _steps(step: float | None) -> str:
    return f" in steps of {step:g}" if step is not None else ""
