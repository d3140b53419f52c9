"""What a trial maximises: a cheap form of the scorecard on a split of the accounts to fit on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings, GoalSettings, SegmenterSettings
from segmentwerk.evaluation.scorecard import View, quick
from segmentwerk.pipelines.candidates import build, refitter
from segmentwerk.tuning.shared import SharedFrame


@dataclass(frozen=True)
class SharedView:
    """A view on disk that every worker maps instead of copying; as small as its paths when pickled."""

    train: SharedFrame
    test: SharedFrame
    outcomes: SharedFrame | None
    discrete: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def store(cls, view: View, folder: Path) -> SharedView:
        """Write the parts of a view that the objective needs."""
        outcomes = None
        if view.outcome_train is not None and view.outcome_test is not None:
            both = pd.concat([view.outcome_train, view.outcome_test]).to_frame("outcome")
            outcomes = SharedFrame.store(both, folder / "outcomes")
        return cls(
            SharedFrame.store(view.train, folder / "train"),
            SharedFrame.store(view.test, folder / "test"),
            outcomes,
            tuple((name, tuple(columns)) for name, columns in view.discrete.items()),
        )

    def open(self) -> View:
        """Return the view, memory-mapped, once a process."""
        return _open(self)


@lru_cache(maxsize=2)
def _open(shared: SharedView) -> View:
    train, test = shared.train.open(), shared.test.open()
    outcome = None if shared.outcomes is None else shared.outcomes.open()["outcome"]
    return View(
        train=train,
        test=test,
        discrete={name: list(columns) for name, columns in shared.discrete},
        outcome_train=None if outcome is None else outcome.loc[train.index],
        outcome_test=None if outcome is None else outcome.loc[test.index],
    )


@dataclass(frozen=True)
class SegmenterObjective:
    """Fit a segmenter with some parameters and return its cheap scores; picklable for workers."""

    name: str
    spec: SegmenterSettings
    view: SharedView
    evaluation: EvaluationSettings
    goal: GoalSettings
    seed: int

    def __call__(self, params: dict[str, Any], report: Callable[[int, float], None]) -> dict[str, float]:
        """Return the scores of one trial, ``value`` among them.

        Raises
        ------
        FitError
            If the segmenter cannot be fitted or its result is degenerate.
        """
        view = self.view.open()
        share = self.evaluation.min_segment_share
        model = build(self.spec, params, min_share=share, seed=derive(self.seed, self.name)).fit(view.train)
        refit = refitter(self.spec, params, min_share=share)
        return quick(
            model,
            refit,
            view,
            self.evaluation,
            seed=self.seed,
            report=report,
            value_weight=self.goal.value_weight,
        )
