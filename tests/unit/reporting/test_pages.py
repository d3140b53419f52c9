"""The pages of a comparison and of its segmenters, from plain records."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.types import Gate, Score, Scorecard, Selection, StudyResult, TrialRecord
from segmentwerk.insight.language import Language
from segmentwerk.reporting import pages

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


def halted(name):
    """A candidate that could no longer win after its first refits."""
    gates = (Gate("G002", "Comes back", "not_measured", ""),)
    return replace(card(name), gates=gates, halted=True)


def measured(name):
    scores = (*card(name).scores, Score("stability", "agreement", 0.9, 0.8, 1.0))
    return replace(card(name), scores=scores)


@pytest.mark.parametrize(
    ("language", "words", "cell", "gate"),
    [
        (ENGLISH, "could no longer win against k-means", "not measured", "not measured: could no longer win"),
        (
            GERMAN,
            "konnte er gegen k-Means nicht mehr gewinnen",
            "nicht gemessen",
            "nicht gemessen: konnte nicht mehr gewinnen",
        ),
    ],
)
def test_a_segmenter_that_could_no_longer_win_says_what_was_not_measured(language, words, cell, gate):
    chosen = selection({"kmeans": 1.5, "autoencoder": np.nan})
    page = pages.segmenter([halted("autoencoder")], measured("kmeans"), STUDY, chosen, language)
    assert words in page.splitlines()[0]
    (row,) = [line for line in page.splitlines() if "stability/agreement" in line]
    assert row.split(" | ")[1] == cell
    assert f"| {gate} |" in page


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
    page = pages.segmenter([other], card("kmeans"), STUDY, chosen, ENGLISH)
    assert page.startswith("**autoencoder did not win:** ")
    assert words in page.splitlines()[0]
    assert "| held-out gain (separation/gain) | 0.050 (0.040\xa0…\xa00.060) | 0.050" in page
    assert "| reg | 0.001 |" in page
    assert "2 trials: 1 complete, 1 stopped early, 0 failed." in page
    assert "fit_seconds" not in page


def test_the_winner_says_so_in_both_languages():
    chosen = selection({"kmeans": 1.0, "kmeans #2": 2.0})
    finalists = [card("kmeans"), card("kmeans #2")]
    english = pages.segmenter(finalists, finalists[0], STUDY, chosen, ENGLISH)
    assert "**k-means won** with 4 segments" in english
    assert "**k-means #2 did not win:** its mean rank 2.00" in english
    assert "### k-means #2" in english
    german = pages.segmenter(finalists, finalists[0], STUDY, chosen, GERMAN)
    assert "**k-Means gewann** mit 4 Segmenten" in german
    assert "Jeder Kunde gehört zur nächsten von k Mitten" in german


def test_a_segmenter_of_somebody_else_has_no_words_of_ours():
    chosen = selection({"kmeans": 1.0, "mine": 2.0})
    page = pages.segmenter([card("mine")], card("kmeans"), STUDY, chosen, ENGLISH)
    assert "None" not in page


SECTIONS = (
    "Shall version 2 of b2b-segments replace the present champion",
    "| Id | Name |",
    "### Why this segmentation",
    "**The accounts of each segment:** `outputs/a.parquet`",
    "### Gates: k-means",
    "### Who moves, against version 1",
    "RFM grid failed G002 Every segment comes back",
    "**Data:** 1,200 customers",
    "others ",  # the segments' summaries
)
"""What a page says, in the order in which it is worth the room."""


def test_what_matters_least_gives_way_where_room_is_short(tell):
    story, where = tell(ENGLISH), {"address": "#/x", "members": "outputs/a.parquet", "model": "models:/m/2"}
    room, lengths = 8000, []
    for shown in range(9, 2, -1):
        page = pages.comparison(story, ENGLISH, **where, room=room)
        assert [words in page for words in SECTIONS] == [at < shown for at in range(9)], room
        lengths.append(len(page))
        room = len(page) - 1
    assert pages.comparison(story, ENGLISH, **where, room=10) == page, "the rest stays, whatever the room"
    assert lengths == sorted(lengths, reverse=True)


def test_the_page_shows_words_of_the_data_as_they_are(tell):
    story = tell(ENGLISH)
    named = replace(story.cards[0].segment, name="a|b <i>", summary="*c*")
    story = replace(story, cards=[replace(story.cards[0], segment=named)], left_out={"mine": "<x>"})
    page = pages.comparison(story, ENGLISH, address="", members="m", model="models:/m/2", room=10**6)
    for words in ("| a&#124;b &#60;i&#62; |", "a&#124;b &#60;i&#62;**: &#42;c&#42;", "said: &#60;x&#62;"):
        assert words in page, words
    assert "Open the segment report" not in page


def test_a_versions_card_gives_up_its_factors_before_the_summaries(tell, monkeypatch):
    few = {"factors": {"frequency+n_products": ("frequency", "n_products")}, "explained": 0.81}
    story = tell(ENGLISH, of_data=few)
    summary = story.cards[0].segment.summary
    for made_of, summaries in ((True, True), (False, True), (False, False), (False, False)):
        card = pages.version(story, story.proposal, ENGLISH)
        assert ("factors that tell 81% of all other features" in card) == made_of
        assert (f"**: {summary}" in card) == summaries
        assert card.startswith("**Shall version 2 of b2b-segments replace")
        assert "Not meant for decisions about people." in card
        monkeypatch.setattr(pages, "MAX_DESCRIPTION", len(card) - 1)
    assert pages.version(story, None, ENGLISH).startswith("kmeans with 4 segments. **400 customers")
