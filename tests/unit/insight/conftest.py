"""One small comparison as plain records, with everything that a report tells."""

from datetime import date

import pandas as pd
import pytest

from packaged import world
from segmentwerk.core.proposal import Comparison, Difference, Proposal
from segmentwerk.core.types import (
    Gate,
    Interval,
    PairedComparison,
    Score,
    Scorecard,
    Selection,
    StudyResult,
    TrialRecord,
    Verdict,
)
from segmentwerk.evaluation.identity import match
from segmentwerk.insight import cards, plots, segment_plots
from segmentwerk.insight.cards import Prospects
from segmentwerk.insight.contestants import spoken
from segmentwerk.insight.draw_png import draw_png
from segmentwerk.insight.exemplar import exemplars
from segmentwerk.insight.language import Language
from segmentwerk.insight.migration import Migration
from segmentwerk.insight.overlap import cautions, neighbourhood
from segmentwerk.insight.profiles import describe, effects
from segmentwerk.insight.report import Story, Told
from segmentwerk.segmenters.preprocess import ReferenceSpace

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


def scorecard(name, lift, *, passed, jaccards):
    keys = (("separation", "gain", "nats per variable"), ("stability", "agreement", ""))
    scores = [
        Score(family, key, lift + i / 10, lift + i / 10 - 0.05, lift + i / 10 + 0.05, 0.02, unit)
        for i, (family, key, unit) in enumerate(keys)
    ]
    scores += [Score("substance", "smallest_share", 0.1), Score("stability", "jaccard_min", min(jaccards))]
    return Scorecard(
        candidate=name,
        algorithm=name,
        n_segments=4,
        params={},
        scores=tuple(scores),
        gates=(
            Gate("G001", "Segments are large enough", "passed", "", facts={"measured": 0.1, "limit": 0.02}),
            Gate(
                "G002",
                "Every segment comes back",
                "passed" if passed else "failed",
                "",
                facts={"measured": min(jaccards), "limit": 0.6},
            ),
            Gate("G004", "Prospects can be told apart", "not_applicable", "Unknown.", "warning"),
        ),
        per_segment=pd.DataFrame(
            {"accounts": [480, 360, 240, 120], "share": [0.4, 0.3, 0.2, 0.1], "jaccard": jaccards}
        ),
    )


TOLD = {
    "en": Told("They are four.", "They come back.", [("held-out gain", "separation/gain", "Good")]),
    "de": Told("Es sind vier.", "Kehren wieder.", [("Strukturgewinn", "separation/gain", "Gut")]),
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
def scorecards():
    return [
        scorecard("kmeans", 0.3, passed=True, jaccards=[0.9, 0.5, 0.8, 0.85]),
        scorecard("rfm_grid", 0.1, passed=False, jaccards=[0.4, 0.5, 0.6, 0.7]),
    ]


@pytest.fixture(scope="session")
def selection():
    return Selection(
        winner="kmeans",
        ranking=pd.DataFrame(
            {
                "candidate": ["kmeans", "rfm_grid"],
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
def small_world():
    """Accounts, their reference space and labels; names that must never show are among the columns."""
    table, kind = world(400)
    table.features.index = pd.Index([f"Planted GmbH {i:04d}" for i in range(400)], name="account_id")
    table.orders.index = table.features.index
    space = ReferenceSpace(table.names("numeric"), table.names("categorical")).fit(table.features)
    x = space.transform(table.features)
    return table, x, pd.Series(kind, index=table.features.index)


@pytest.fixture(scope="session")
def tell(small_world, scorecards, selection, studies, tmp_path_factory):
    """Return a function that tells the story of the small comparison in a language."""
    table, x, labels = small_world
    near = neighbourhood(x, labels, 4)
    old = labels.map({0: 11, 1: 12, 2: 13, 3: 13})
    identity = match(old, labels, next_id=15, n_segments=4)

    def story(language: Language, names=None, **changes) -> Story:
        segments = describe(
            table,
            labels,
            IDS,
            names=names,
            warnings=cautions(scorecards[0], near, IDS, 0.15, language),
            exemplars=exemplars(table, x, labels, language),
            language=language,
        )
        criteria = ["separation/gain", "stability/agreement"]
        figures = [
            plots.scores(*spoken(selection, scorecards, language), criteria, language),
            plots.by_segments(studies, scorecards[0], language),
            segment_plots.sizes(segments, language),
            segment_plots.stability(segments, scorecards[0], language),
            segment_plots.separation(segments, near, language),
            segment_plots.profile(effects(table, labels), segments, language),
        ]
        folder = tmp_path_factory.mktemp("pictures")
        told = {
            "source": "demo <test>",
            "as_of": date(2026, 1, 31),
            "customers": 1200,
            "held_out": 360,
            "quarantined": 7,
            "digest": "abc",
            "proposal": PROPOSAL,
            "replaced": 1,
            "selection": selection,
            "scorecards": scorecards,
            "verdict": Verdict("reproducible", "It comes back.", 0.1, 0.05),
            "cards": cards.make(
                table, x, labels, segments, effects(table, labels), pd.Series(100.0, labels.index)
            ),
            "moves": Migration.of(
                identity,
                old,
                labels.map(identity.ids),
                before={11: "eleven", 12: "twelve", 13: "thirteen"},
                after={segment.id: segment.name for segment in segments},
                revenue=pd.Series(1000.0, labels.index),
            ),
            "told": TOLD[language.code],
            "prospects": Prospects(
                pd.DataFrame({"accounts": [30, 10], "confidence": [0.7, 0.5]}, index=[11, 15]), 0.6, 0.3, 0.05
            ),
            "pictures": [(figure, draw_png(figure, folder, language)) for figure in figures],
            "left_out": {"autoencoder": "It did not fit."},
        }
        return Story(**(told | changes))

    return story
