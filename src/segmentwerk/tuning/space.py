"""The search space of a segmenter: read from its yaml and checked whole before the first trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from segmentwerk.core.errors import ConfigError, nearest
from segmentwerk.core.settings import Settings

Choice = str | bool | int | float | None
Point = dict[str, Any]


class _Parameter(Settings):
    when: dict[str, Annotated[list[Choice], Field(min_length=1)]] = Field(default_factory=dict)
    """Earlier parameters and the values for which this one exists."""

    def active(self, point: Mapping[str, Any]) -> bool:
        """Whether the values chosen so far make this parameter exist."""
        return all(name in point and _among(point[name], allowed) for name, allowed in self.when.items())


class _Number(_Parameter):
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
        if self.step is not None and not math.isclose(self.high, self._grid()[-1], rel_tol=1e-9):
            raise ValueError(f"high must be low plus a multiple of step, such as {self._grid()[-1]:g}")
        return self

    def _grid(self) -> list[float]:
        step = self.step or 1
        return [self.low + step * i for i in range(int((self.high - self.low) / step + 1e-9) + 1)]


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
        return None if self.step is None else self._grid()

    def __str__(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}" + _steps(self.step)


class _Categorical(_Parameter):
    type: Literal["categorical"]
    choices: list[Choice] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> _Categorical:
        if any(_among(choice, self.choices[:i]) for i, choice in enumerate(self.choices)):
            raise ValueError("choices must differ from each other")
        return self

    @property
    def distribution(self) -> BaseDistribution:
        return CategoricalDistribution(self.choices)

    def contains(self, value: object) -> bool:
        return _among(value, self.choices)

    def values(self) -> Iterable[Choice] | None:
        return self.choices

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.choices))}"


_Any = Annotated[_Int | _Float | _Categorical, Field(discriminator="type")]
_READER: TypeAdapter[_Int | _Float | _Categorical] = TypeAdapter(_Any)


class SearchSpace:
    """The parameters that a study varies.

    Parameters
    ----------
    mapping
        Name of a parameter to its description, as in the segmenter's yaml: ``type`` is ``int``,
        ``float`` (both with ``low``, ``high``, optional ``step`` or ``log``) or ``categorical``
        (``choices``); ``when: {other: [values]}`` makes it exist only for these values of a
        parameter named before it.

    Raises
    ------
    ConfigError
        If a key is unknown or missing, a range is empty, or a condition can never hold.

    Examples
    --------
    >>> space = SearchSpace({"n_segments": {"type": "int", "low": 2, "high": 4}})
    >>> space.grid(12)
    [{'n_segments': 2}, {'n_segments': 3}, {'n_segments': 4}]
    """

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self.mapping = {str(name): _plain(spec) for name, spec in mapping.items()}
        self._parameters: dict[str, _Int | _Float | _Categorical] = {}
        for name, spec in self.mapping.items():
            parameter = _read(name, spec)
            self._check_condition(name, parameter)
            self._parameters[name] = parameter

    def __len__(self) -> int:
        return len(self._parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters, conditional ones included, in order."""
        return tuple(self._parameters)

    def walk(self, choose: Callable[[str, BaseDistribution], Any]) -> Point:
        """Return the value that ``choose`` gives to each parameter, conditional ones where they exist."""
        point: Point = {}
        for name, parameter in self._parameters.items():
            if parameter.active(point):
                point[name] = choose(name, parameter.distribution)
        return point

    def suggest(self, trial: optuna.trial.BaseTrial) -> Point:
        """Return one value for each parameter that exists in this trial."""
        return self.walk(lambda name, distribution: _suggest(trial, name, distribution))

    def validate(self, params: Mapping[str, Any]) -> None:
        """Check a starting point; parameters that it leaves out will be drawn.

        Raises
        ------
        ConfigError
            If it names an unknown parameter, a value outside of the space, or a parameter whose
            condition it does not meet.
        """
        for name, value in params.items():
            parameter = self._parameters.get(name)
            if parameter is None:
                raise ConfigError(f"start.{name} is not in the search space.", nearest(name, self.names))
            if not parameter.contains(value):
                raise ConfigError(
                    f"start.{name}={value!r} is outside of the search space.", f"Give {parameter}."
                )
            if not parameter.active(params):
                raise ConfigError(
                    f"start.{name} is given, but its condition {parameter.when} is not met.",
                    f"Leave {name} out or give {', '.join(parameter.when)} accordingly.",
                )

    def grid(self, limit: int) -> list[Point] | None:
        """Return every point of the space in order, or None if there are more than ``limit``."""
        points: list[Point] = [{}]
        for name, parameter in self._parameters.items():
            grown: list[Point] = []
            for point in points:
                values = parameter.values() if parameter.active(point) else (_ABSENT,)
                if values is None:
                    return None
                for value in values:
                    grown.append(point if value is _ABSENT else {**point, name: value})
                    if len(grown) > limit:
                        return None
            points = grown
        return points

    def _check_condition(self, name: str, parameter: _Parameter) -> None:
        for other, allowed in parameter.when.items():
            key = f"search_space.{name}.when.{other}"
            if other not in self._parameters:
                raise ConfigError(
                    f"{key} is no parameter named before {name}.", nearest(other, self._parameters)
                )
            impossible = [value for value in allowed if not self._parameters[other].contains(value)]
            if impossible:
                raise ConfigError(
                    f"{key} holds {impossible[0]!r}, which {other} never takes.",
                    f"Give {self._parameters[other]}.",
                )


_ABSENT = object()


def _suggest(trial: optuna.trial.BaseTrial, name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, IntDistribution):
        low, high = distribution.low, distribution.high
        return trial.suggest_int(name, low, high, step=distribution.step, log=distribution.log)
    if isinstance(distribution, FloatDistribution):
        span = (distribution.low, distribution.high)
        return trial.suggest_float(name, *span, step=distribution.step, log=distribution.log)
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    raise TypeError(f"unknown distribution {distribution!r}")


def _read(name: str, spec: object) -> _Int | _Float | _Categorical:
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


def _plain(spec: object) -> object:
    """Return ``spec`` with plain dicts and lists, so that it can be written as JSON."""
    if isinstance(spec, Mapping):
        return {str(key): _plain(value) for key, value in spec.items()}
    if isinstance(spec, Iterable) and not isinstance(spec, str):
        return [_plain(value) for value in spec]
    return spec


def _among(value: object, allowed: Iterable[object]) -> bool:
    """Whether ``value`` is in ``allowed``, keeping True apart from 1."""
    return any(isinstance(value, bool) == isinstance(other, bool) and value == other for other in allowed)


def _steps(step: float | None) -> str:
    return f" in steps of {step:g}" if step is not None else ""
