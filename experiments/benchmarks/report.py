"""How long the segment report of 100,000 accounts in 10 segments takes, and how large it is.

`python experiments/benchmarks/report.py`. Timed is everything between the labels and the files: names, rules,
neighbourhoods, exemplars, cards, figures, and both the page and the Markdown. Accounts have every feature of
the catalogue. The peers are the limits: 20 seconds and 5 MB.
"""

from __future__ import annotations

import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from lib.lines import bench

from segmentwerk.core.proposal import Proposal
from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.core.types import AccountTable, Gate, Score, Scorecard, Selection, Verdict, Window
from segmentwerk.features.table import catalogue
from segmentwerk.insight import cards, plots, segment_plots
from segmentwerk.insight.draw_png import draw_png
from segmentwerk.insight.exemplar import exemplars
from segmentwerk.insight.language import Language
from segmentwerk.insight.overlap import neighbourhood, segment_warnings
from segmentwerk.insight.profiles import annotate, describe, effects
from segmentwerk.reporting.pages import write_report
from segmentwerk.reporting.story import Data, Story
from segmentwerk.segmenters.preprocess import ReferenceSpace

N, K = 100_000, 10
SECONDS, MEGABYTES = 20.0, 5.0
LEVELS = np.array([f"level {i}" for i in range(8)], dtype=object)


def world() -> tuple[AccountTable, pd.DataFrame, pd.Series]:
    """Draw accounts of ten kinds; return the table, the reference space and the kinds."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, K, N)
    columns = {}
    for feature in catalogue():
        if feature.kind == "numeric":
            values = np.exp(rng.normal(0, 1, K)[kind] + rng.normal(0, 0.8, N))
            values[rng.random(N) < 0.03] = np.nan
            columns[feature.name] = values
        else:
            columns[feature.name] = LEVELS[np.where(rng.random(N) < 0.4, kind % 8, rng.integers(0, 8, N))]
    ids = pd.Index([f"A{i:07d}" for i in range(N)], name="account_id")
    features = pd.DataFrame(columns, index=ids)
    table = AccountTable(
        features=features,
        outcomes=pd.DataFrame(index=ids),
        orders=pd.Series(1, index=ids),
        catalogue=catalogue(),
        window=Window(date(2026, 1, 1)),
        source="bench",
        digest="0" * 32,
    )
    space = ReferenceSpace(table.names("numeric"), table.names("categorical"), rare_share=0.02)
    return table, space.fit_transform(features), pd.Series(kind, index=ids)


def scorecard() -> Scorecard:
    """Make up the scores, which cost the report nothing."""
    share = np.full(K, 1 / K)
    return Scorecard(
        "kmeans",
        "kmeans",
        K,
        {},
        (Score("separation", "gain", 0.1, 0.05, 0.15), Score("stability", "agreement", 0.8, 0.7, 0.9)),
        (Gate("G001", "Segments are large enough", "passed", ""),),
        pd.DataFrame({"accounts": share * N, "share": share, "jaccard": np.linspace(0.5, 0.9, K)}),
    )


def report(table: AccountTable, space: pd.DataFrame, labels: pd.Series, folder: Path) -> Path:
    """Do all that a comparison does between the winner's labels and the written report."""
    language, card, ids = Language("en", "EUR"), scorecard(), {label: label + 1 for label in range(K)}
    near, measured = neighbourhood(space, labels, K), effects(table, labels)
    segments = annotate(
        describe(table, labels, ids, measured=measured, language=language),
        segment_warnings(card, near, ids, 0.02, language),
        exemplars(table, space, labels, language),
    )
    keys = ["separation/gain", "stability/agreement"]
    ranking = pd.DataFrame({"candidate": ["kmeans"], "rank": [1.0], keys[0]: [0.1], keys[1]: [0.8]})
    selection = Selection("kmeans", ranking, ("kmeans",))
    figures = [
        plots.scores(selection, [card], keys, language),
        segment_plots.sizes(segments, language),
        segment_plots.stability(segments, card, language),
        segment_plots.separation(segments, near, language),
        segment_plots.profile(measured, segments, language),
    ]
    story = Story(
        data=Data(
            source="bench",
            window=table.window,
            accounts=N,
            customers=N,
            n_features=len(table.catalogue),
            n_variables=len(table.catalogue),
            held_out=N // 3,
            in_turn=False,
            quarantined=0,
            digest=table.digest,
        ),
        goal="general",
        limits=EvaluationSettings(),
        winner=card,
        cards=cards.make(table, space, labels, segments, measured, pd.Series(1.0, labels.index)),
        proposal=Proposal("bench", None, "unregistered", "off", N, None),
        selection=selection,
        scorecards=[card],
        studies={},
        verdict=Verdict("natural", "", 0.1, 0.0),
        outcome="active",
    )
    pictures = [(figure, draw_png(figure, folder, language)) for figure in figures]
    return write_report(story, pictures, folder, language)[0]


def main() -> None:
    """Time and weigh one report."""
    table, space, labels = world()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        page = report(table, space, labels, Path(folder))
        seconds, size = time.perf_counter() - begin, page.stat().st_size / 1e6
    bench("report_seconds", seconds, SECONDS, "<=1", ok=seconds <= SECONDS, unit="s")
    bench("report_megabytes", size, MEGABYTES, "<1", ok=size < MEGABYTES, unit="MB")


if __name__ == "__main__":
    main()
