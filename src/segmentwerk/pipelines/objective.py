"""What a trial maximises: a cheap form of the scorecard on a split of the accounts to fit on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings, GoalSettings, SegmenterSettings
from segmentwerk.evaluation.scorecard import quick
from segmentwerk.pipelines.candidates import build, refitter
from segmentwerk.pipelines.shared import SharedView


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
