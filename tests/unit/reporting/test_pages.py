"""The pages of a comparison and of its segmenters, from plain records."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.types import Gate, Score, Scorecard, Selection, StudyResult, TrialRecord
from segmentwerk.insight.language import Language
from segmentwerk.reporting import entrant_page
from segmentwerk.reporting.review import fitting

ENGLISH, GERMAN = Language("en"), Language("de")


def card(name, *, passed=True):
    overlap = 0.9 if passed else 0.4
    status = "passed" if passed else "failed"
    return Scorecard(
        candidate=name,
        algorithm=name.split(" ")[0],
        n_segments=4,
        params={"n_segments": 4, "reg": 0.001},
        scores=(Score("separation", "gain", 0.05, 0.04, 0.06), Score("wall_time", "fit_seconds", 1.0)),
        gates=(Gate("G002", "Comes back", status, "", facts={"measured": overlap, "limit": 0.6}),),
        per_segment=pd.DataFrame(),
    )


def selection(ranks, **changes):
    table = pd.DataFrame({"candidate": list(ranks), "rank": list(ranks.values()), "separation/gain": 0.05})
    return replace(Selection("kmeans", table, ("kmeans",)), **changes)


STUDY = StudyResult(
    "s", tuple(TrialRecord(i, state, {}, 0.0, 1.0) for i, state in enumerate(("complete", "pruned"))), (), 1.0
)


@pytest.mark.parametrize(
    ("other", "rank", "changes", "words"),
    [
        (card("autoencoder"), 2.5, {}, "its mean rank 2.50 is behind that of k-means (1.50)"),
        (card("autoencoder"), 1.2, {"near_ties": ("autoencoder",)}, "it is nearly tied with k-means"),
        (
            card("autoencoder", passed=False),
            np.nan,
            {},
            "it failed G002 Every segment comes back (0.40; asked: an overlap of at least 0.60)",
        ),
        (card("autoencoder"), 1.0, {"rule_of_thumb": True}, "so the rule of thumb k-means was taken"),
    ],
)
def test_a_segmenter_says_why_it_did_not_win(other, rank, changes, words):
    chosen = selection({"kmeans": 1.5, "autoencoder": rank}, **changes)
    page = entrant_page.page("autoencoder", [other], card("kmeans"), STUDY, chosen, ENGLISH)
    assert page.startswith("**autoencoder did not win:** ")
    assert words in page.splitlines()[0]
    assert "| held-out gain (separation/gain) | 0.050 (0.040\xa0…\xa00.060) | 0.050" in page
    assert "| reg | 0.001 |" in page
    assert "2 trials: 1 complete, 1 stopped early, 0 failed." in page
    assert "fit_seconds" not in page


def test_the_winner_says_so_in_both_languages():
    chosen = selection({"kmeans": 1.0, "kmeans #2": 2.0})
    finalists = [card("kmeans"), card("kmeans #2")]
    english = entrant_page.page("kmeans", finalists, finalists[0], STUDY, chosen, ENGLISH)
    assert "**k-means won** with 4 segments" in english
    assert "**k-means #2 did not win:** its mean rank 2.00" in english
    assert "### k-means #2" in english
    german = entrant_page.page("kmeans", finalists, finalists[0], STUDY, chosen, GERMAN)
    assert "**k-Means gewann** mit 4 Segmenten" in german
    assert "Jeder Kunde gehört zur nächsten von k Mitten" in german


def test_a_segmenter_of_somebody_else_has_no_words_of_ours():
    chosen = selection({"kmeans": 1.0, "mine": 2.0})
    page = entrant_page.page("mine", [card("mine")], card("kmeans"), STUDY, chosen, ENGLISH)
    assert "None" not in page


def test_what_matters_least_gives_way_where_room_is_short():
    sections = [(["opening", ""], 0), (["x" * 50], 2), (["table"], 1), (["y" * 50], 3)]
    assert fitting(sections, 200).splitlines() == ["opening", "", "x" * 50, "table", "y" * 50]
    assert fitting(sections, 100).splitlines() == ["opening", "", "x" * 50, "table"]
    assert fitting(sections, 40).splitlines() == ["opening", "", "table"]
