"""One small comparison as plain records, with everything that a report tells."""

from datetime import date

import pandas as pd
import pytest

from segmentwerk.core.proposal import Comparison, Difference, Proposal
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.core.types import (
    Gate,
    Interval,
    PairedComparison,
    Selection,
    StudyResult,
    TrialRecord,
    Verdict,
    Window,
)
from segmentwerk.evaluation.identity import match
from segmentwerk.insight import cards, plots, segment_plots
from segmentwerk.insight.cards import Prospects
from segmentwerk.insight.draw_png import draw_png
from segmentwerk.insight.exemplar import exemplars
from segmentwerk.insight.language import Language
from segmentwerk.insight.migration import Migration
from segmentwerk.insight.overlap import neighbourhood, segment_warnings
from segmentwerk.insight.profiles import annotate, describe, effects
from segmentwerk.reporting.story import Data, Story

IDS = {0: 11, 1: 12, 2: 13, 3: 15}
PROPOSAL = Proposal(
    "b2b-segments",
    2,
    "challenger",
    "",
    1200,
    5e6,
    Comparison(
        1,
        1200,
        360,
        0.027,
        5e6,
        1e5,
        (Difference("separation/gain", 0.28, 0.3, -0.02, -0.04, 0.01),),
        Difference("succession/overall", 0.93, 1.0, -0.07, -0.15, 0.03),
    ),
    (
        Gate("P001", "Passed", "passed", "It did.", facts={"failed": "", "count": 0, "total": 7}),
        Gate("P003", "Few move", "passed", "They do.", facts={"moved": 0.027, "limit": 0.25}),
    ),
)
"""What is to be decided about the model of the small comparison."""


DATA = {
    "source": "demo <test>",
    "window": Window(date(2026, 1, 31), date(2026, 7, 31)),
    "accounts": 1300,
    "customers": 1200,
    "n_features": 7,
    "n_variables": 7,
    "held_out": 360,
    "in_turn": False,
    "quarantined": 7,
    "digest": "abc",
}


@pytest.fixture(scope="session")
def proposal():
    return PROPOSAL


@pytest.fixture(scope="session")
def studies():
    trials = tuple(
        TrialRecord(
            i,
            "complete",
            {"n_segments": k},
            0.3 + 0.01 * k,
            1.0,
            scores={
                "substance/n_segments": float(k),
                "stability/agreement": 0.8,
                "stability/prediction_strength": 0.6,
            },
        )
        for i, k in enumerate((2, 4, 6))
    )
    return {"kmeans": StudyResult("demo-kmeans", trials, trials[1:2], 3.0)}


@pytest.fixture(scope="session")
def selection():
    return Selection(
        winner="kmeans",
        ranking=pd.DataFrame(
            {
                "candidate": ["kmeans", "rfm_grid"],
                "n_segments": [4, 4],
                "passed": [True, False],
                "failed": ["", "G002"],
                "rank": [1.0, 2.0],
                "separation/gain": [0.3, 0.1],
                "stability/agreement": [0.4, 0.2],
            }
        ),
        pareto=("kmeans",),
        near_ties=("rfm_grid",),
        comparisons=(
            PairedComparison("baseline", "rfm_grid", 0.9, {"separation/gain": Interval(0.2, -0.001, 0.3)}),
        ),
    )


@pytest.fixture(scope="session")
def tell(small_world, scorecards, selection, studies):
    """Return a function that builds the story of the small comparison, its segments named in a language.

    ``of_data`` are changes of what was looked at.
    """
    table, x, labels = small_world
    near = neighbourhood(x, labels, 4)
    old = labels.map({0: 11, 1: 12, 2: 13, 3: 13})
    identity = match(old, labels, next_id=15, n_segments=4)

    def story(language: Language, names=None, of_data=None, **changes) -> Story:
        segments = annotate(
            describe(table, labels, IDS, names=names, language=language),
            segment_warnings(scorecards[0], near, IDS, 0.15, language),
            exemplars(table, x, labels, language),
        )
        told = {
            "data": Data(**(DATA | (of_data or {}))),
            "goal": "general",
            "limits": EvaluationSettings(),
            "winner": scorecards[0],
            "cards": cards.make(
                table, x, labels, segments, effects(table, labels), pd.Series(100.0, labels.index)
            ),
            "prospects": Prospects(
                pd.DataFrame({"accounts": [30, 10], "confidence": [0.7, 0.5]}, index=[11, 15]), 0.6, 0.3, 0.05
            ),
            "moves": Migration.of(
                identity,
                old,
                labels.map(identity.ids),
                before={11: "eleven", 12: "twelve", 13: "thirteen"},
                after={segment.id: segment.name for segment in segments},
                revenue=pd.Series(1000.0, labels.index),
            ),
            "replaced": 1,
            "proposal": PROPOSAL,
            "selection": selection,
            "scorecards": scorecards,
            "studies": studies,
            "verdict": Verdict("reproducible", "It comes back.", 0.1, 0.05),
            "outcome": "log_future_revenue",
            "left_out": {"autoencoder": "It did not fit."},
        }
        return Story(**(told | changes))

    return story


@pytest.fixture(scope="session")
def draw(small_world, scorecards, selection, studies, tmp_path_factory):
    """Return a function that draws the pictures of a story in a language."""
    table, x, labels = small_world

    def pictures(story: Story, language: Language):
        segments, measured = [card.segment for card in story.cards], effects(table, labels)
        figures = [
            plots.scores(selection, scorecards, ["separation/gain", "stability/agreement"], language),
            plots.by_segments(studies, scorecards[0], language),
            segment_plots.sizes(segments, language),
            segment_plots.stability(segments, scorecards[0], language),
            segment_plots.separation(segments, neighbourhood(x, labels, 4), language),
            segment_plots.profile(measured, segments, language),
        ]
        folder = tmp_path_factory.mktemp("pictures")
        return [(figure, draw_png(figure, folder, language)) for figure in figures]

    return pictures
