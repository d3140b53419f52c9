"""What a trial maximises: a cheap form of the scorecard on a split of the accounts to fit on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from segmentwerk.contest.candidates import build, fit, refitter
from segmentwerk.contest.shared_view import SharedView
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings, GoalSettings, SegmenterSettings
from segmentwerk.evaluation.scorecard import quick
from segmentwerk.tuning.samplers import LAST_STEP
from segmentwerk.tuning.trials import Report

EPOCHS = 5
"""A trial that trains in epochs may be given up after each so many of them."""


@dataclass(frozen=True)
class SegmenterObjective:
    """Fit a segmenter with some parameters and return its cheap scores; picklable for workers."""

    name: str
    spec: SegmenterSettings
    view: SharedView
    evaluation: EvaluationSettings
    goal: GoalSettings
    seed: int

    def __call__(self, params: dict[str, Any], report: Report) -> dict[str, float]:
        """Return the scores of one trial, ``value`` among them.

        Raises
        ------
        FitError
            If the segmenter cannot be fitted or its result is degenerate.
        """
        view = self.view.open()
        share = self.evaluation.min_segment_share
        model = build(self.spec, params, min_share=share, seed=derive(self.seed, self.name))
        monitor = partial(_after_epoch, report)
        fit(model, view.train, view, seed=self.seed, monitor=monitor)
        refit = refitter(self.spec, params, view, min_share=share)
        return quick(
            model,
            refit,
            view,
            self.evaluation,
            seed=self.seed,
            report=partial(report, LAST_STEP),
            value_weight=self.goal.value_weight,
        )


def _after_epoch(report: Report, epoch: int, value: float) -> None:
    """Report now and then; the steps of epochs lie below the one that is reported before the refits."""
    if epoch % EPOCHS == 0 and epoch < LAST_STEP:
        report(epoch, value)
