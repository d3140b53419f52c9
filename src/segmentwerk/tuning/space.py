"""The search space of a segmenter: read from its yaml and checked whole before the first trial."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from segmentwerk.core.errors import ConfigError, nearest
from segmentwerk.tuning.parameters import Parameter, read

Point = dict[str, Any]


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
        self._parameters: dict[str, Parameter] = {}
        for name, spec in self.mapping.items():
            parameter = read(name, spec)
            self._check_condition(name, parameter)
            self._parameters[name] = parameter

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters, conditional ones included, in order."""
        return tuple(self._parameters)

    def distribution(self, name: str) -> BaseDistribution:
        """Return what Optuna draws a parameter from."""
        return self._parameters[name].distribution

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

    def _check_condition(self, name: str, parameter: Parameter) -> None:
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


def _plain(spec: object) -> object:
    """Return ``spec`` with plain dicts and lists, so that it can be written as JSON."""
    if isinstance(spec, Mapping):
        return {str(key): _plain(value) for key, value in spec.items()}
    if isinstance(spec, Iterable) and not isinstance(spec, str):
        return [_plain(value) for value in spec]
    return spec
