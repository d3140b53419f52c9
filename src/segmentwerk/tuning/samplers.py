"""What a trial tries next, and when it is given up: Optuna's samplers and pruners, seeded per trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, PercentilePruner
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import TuningSettings
from segmentwerk.tuning.space import Point, SearchSpace

N_STARTUP = 5
"""Trials drawn at random before a model of the objective is trusted."""

LAST_STEP = 1000
"""Highest step that a trial may report."""

_REDRAWS = 20


class _IndependentSampler(BaseSampler):
    """Gives one parameter after the other, never several at once."""

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return nothing, since no parameters are drawn together."""
        del study, trial
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing, since no parameters are drawn together."""
        del study, trial, search_space
        return {}


class TrialSampler(_IndependentSampler):
    """Draws every trial whole and from a seed of its own, with the points of a plan first.

    Optuna's samplers carry a random state from trial to trial, which a killed process loses. Here a
    fresh sampler is made for each trial, so that what a trial tries depends only on the seed, the
    trial's number and the other trials: a resumed study continues as if undisturbed, and workers
    that share one seed do not repeat each other. A point that was tried before is replaced by a
    random one.

    Parameters
    ----------
    make
        Makes Optuna's sampler from a seed.
    space
        What is drawn from.
    seed
        The study's seed.
    points
        Values of the first trials; what a point leaves out is drawn.
    """

    def __init__(
        self, make: Callable[[int], BaseSampler], space: SearchSpace, seed: int, points: Sequence[Point]
    ) -> None:
        self._make = make
        self._space = space
        self._seed = seed
        self._points = points
        self._drawn: Point = {}

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Draw all parameters of a trial."""
        seed = derive(self._seed, trial.number)
        if trial.number < len(self._points):
            self._drawn = self._draw(study, trial, self._make(seed), self._points[trial.number])
            return
        others = study.get_trials(deepcopy=False)
        tried = [other.params for other in others if other.number != trial.number]
        self._drawn = self._draw(study, trial, self._make(seed))
        random = RandomSampler(derive(self._seed, trial.number, "again"))
        for _ in range(_REDRAWS):
            if self._drawn not in tried:
                return
            self._drawn = self._draw(study, trial, random)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return what was drawn for one parameter."""
        del study, trial, param_distribution
        return self._drawn[param_name]

    def _draw(
        self, study: optuna.Study, trial: FrozenTrial, sampler: BaseSampler, given: Point | None = None
    ) -> Point:
        together = sampler.infer_relative_search_space(study, trial)
        known = {**sampler.sample_relative(study, trial, together), **(given or {})}

        def choose(name: str, distribution: BaseDistribution) -> Any:
            if name in known:
                return known[name]
            return sampler.sample_independent(study, trial, name, distribution)

        return self._space.walk(choose)


class SobolSampler(_IndependentSampler):
    """Trial number i takes point i of one scrambled Sobol sequence (Owen 1998).

    Optuna's own `QMCSampler` counts the points that it has handed out, so that a killed trial would
    leave a gap; it also draws conditional and categorical parameters at random.
    """

    def __init__(self, names: Sequence[str], seed: int) -> None:
        self._names = list(names)
        self._seed = seed

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the value at this trial's coordinate."""
        del study
        from scipy.stats.qmc import Sobol  # scipy.stats takes a second to import

        sequence = Sobol(d=len(self._names), scramble=True, rng=self._seed)
        if trial.number:  # SciPy cannot skip zero points
            sequence.fast_forward(trial.number)
        coordinates = sequence.random(1)[0]
        return quantile(param_distribution, float(coordinates[self._names.index(param_name)]))


def quantile(distribution: BaseDistribution, u: float) -> Any:
    """Return the value below which a share ``u`` in [0, 1) of an even spread over the range lies."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(u * len(distribution.choices))]
    if not isinstance(distribution, IntDistribution | FloatDistribution):
        raise TypeError(f"unknown distribution {distribution!r}")
    low, high, step = distribution.low, distribution.high, distribution.step
    if distribution.log:
        value = math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
        return min(max(round(value), low), high) if isinstance(distribution, IntDistribution) else value
    if step is None:
        return low + u * (high - low)
    return low + step * int(u * (round((high - low) / step) + 1))


def make_sampler(
    settings: TuningSettings, space: SearchSpace, *, seed: int, points: Sequence[Point] = ()
) -> TrialSampler:
    """Return the sampler of a study, which tries ``points`` first."""
    makers: dict[str, Callable[[int], BaseSampler]] = {
        "tpe": lambda draw: TPESampler(seed=draw, n_startup_trials=N_STARTUP),
        "gp": lambda draw: GPSampler(seed=draw, n_startup_trials=N_STARTUP),
        "random": lambda draw: RandomSampler(seed=draw),
        # One sequence for the whole study, so the seed of the draw is not used.
        "qmc": lambda _: SobolSampler(space.names, seed),
    }
    return TrialSampler(makers[settings.sampler], space, seed, points)


def make_pruner(settings: TuningSettings) -> BasePruner:
    """Return what decides at each report whether a trial is given up."""
    makers: dict[str, Callable[[], BasePruner]] = {
        "decile": lambda: PercentilePruner(90.0, n_startup_trials=N_STARTUP - 1),  # the share that stays
        "median": lambda: MedianPruner(n_startup_trials=N_STARTUP - 1),
        "hyperband": lambda: HyperbandPruner(max_resource=LAST_STEP),
        "none": NopPruner,
    }
    return makers[settings.pruner]()
