"""What stands beside the tables: why so many segments, what an outcome is, where the business is."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from segmentwerk.core.settings import EvaluationSettings
from segmentwerk.core.types import Score, StudyResult, TrialRecord, Verdict, Window
from segmentwerk.insight.cards import Prospects
from segmentwerk.insight.language import Language
from segmentwerk.reporting import sentences, tables
from segmentwerk.reporting.story import criteria

ENGLISH, GERMAN = Language("en", "EUR"), Language("de", "EUR")
SETTINGS = EvaluationSettings()


def study(**values):
    trials = tuple(
        TrialRecord(
            i, "complete", {}, value, 1.0, scores={"substance/n_segments": float(k.removeprefix("k"))}
        )
        for i, (k, value) in enumerate(values.items())
    )
    return StudyResult("demo-kmeans", trials, trials[:1], 3.0)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"k2": 0.1, "k4": 0.5, "k6": 0.3}, "4 reached the best objective (0.500), next comes 6 (0.300)"),
        ({"k2": 0.1, "k4": 0.5, "k6": 0.7}, "valued 6 most (0.700; 4: 0.500); in the final"),
        ({"k4": 0.5}, "k-means was tried with 4 segments only"),
        ({"k2": 0.5, "k3": 0.4}, "k-means was tried with 4 segments only"),
    ],
)
def test_why_so_many_segments(tell, found, words):
    told = sentences.number_of_segments(tell(ENGLISH, studies={"kmeans": study(**found)}), ENGLISH)
    assert words in told
    assert "At most 10 were allowed, each with at least 2.0% of the accounts." in told
    assert "Among near ties fewer segments win." in told


def test_an_outcome_is_said_with_its_dates():
    window = Window(date(2026, 1, 1), date(2026, 7, 1))
    assert "from 2026-01-01 to before 2026-07-01" in sentences.outcome("log_future_revenue", window, ENGLISH)
    assert "vom 01.01.2026 bis vor dem 01.07.2026" in sentences.outcome("active", window, GERMAN)
    assert sentences.outcome("my_outcome", window, ENGLISH) == "my_outcome"


def test_every_head_of_the_ranking_has_its_meaning(tell, selection, scorecards):
    ranking = selection.ranking.assign(**{"value/explained": [0.2, 0.1]})
    winner = replace(scorecards[0], scores=(*scorecards[0].scores, Score("value", "reference", 0.5)))
    for language, words in ((ENGLISH, "together tell 0.50"), (GERMAN, "vom 31.01.2026")):
        story = tell(language, selection=replace(selection, ranking=ranking), winner=winner)
        told = sentences.meanings(story, language)
        assert [key for _, key, _ in told] == ["", *criteria(story.selection)]
        assert all(meaning for _, _, meaning in told)
        assert words in told[-1][-1]


def test_the_verdict_says_what_was_measured_and_asked():
    verdict = Verdict("reproducible", "", 0.02, 0.01, jaccard=0.71, apart=0.25)
    told = sentences.structure(verdict, SETTINGS, ENGLISH)
    assert "overlaps by 0.71 with its like in refits (at least 0.60 is asked); 25% of the segments" in told
    assert "0.02" not in told, "the gain stands in the ranking, and is another number there"
    unfit = replace(verdict, jaccard=float("nan"))
    assert sentences.structure(unfit, SETTINGS, ENGLISH) == ENGLISH.text("verdicts.reproducible")


def test_the_headline_tells_money_where_it_is_known(tell):
    cards = tell(ENGLISH).cards
    told = sentences.headline(cards, ENGLISH)
    top = max(cards, key=lambda card: card.revenue)
    assert f"customers with {tables.total(card.revenue for card in cards):,.0f}\xa0EUR" in told
    assert f"lies in segment {top.segment.id} ({top.segment.name})" in told
    assert "The most potential lies in" in told
    nan = float("nan")
    poor = [replace(card, revenue=nan, potential=nan) for card in cards]
    assert sentences.headline(poor, GERMAN).startswith("**400 Kunden.** Das größte Segment ist ")


def test_a_total_never_tells_what_one_segment_hides(tell):
    cards = list(tell(ENGLISH).cards)
    cards[0] = replace(cards[0], revenue=float("nan"))
    rows = tables.overview(cards, ENGLISH).rows
    assert rows[-1][4] == "-"
    assert rows[-1][2] == "400"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (ENGLISH, "Left out, as too little is known of them: 1,200."),
        (GERMAN, "Ausgelassen, da zu wenig von ihnen bekannt ist: 1.200."),
    ],
)
def test_prospects_that_are_left_out_are_counted(language, words):
    found = pd.DataFrame({"accounts": [3], "confidence": [0.5]}, index=[11])
    told = Prospects(found, accuracy=0.6, majority=0.3, calibration_error=0.05)
    assert sentences.prospects(told, language) + " " + words == sentences.prospects(
        replace(told, left_out=1200), language
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [(ENGLISH, "None of the 1,200 prospects"), (GERMAN, "Keiner der 1.200 Interessenten")],
)
def test_where_no_prospect_has_a_segment_a_sentence_says_so(language, words):
    nobody = pd.DataFrame({"accounts": [], "confidence": []})
    told = Prospects(nobody, accuracy=0.6, majority=0.3, calibration_error=0.05, left_out=1200)
    assert sentences.prospects(told, language).startswith(words)
    assert "60" not in sentences.prospects(told, language)


@pytest.mark.parametrize(
    ("language", "words"), [(ENGLISH, "RFM grid could no longer win"), (GERMAN, "konnte nach den ersten")]
)
def test_the_reason_names_those_that_could_no_longer_win(selection, scorecards, language, words):
    cards = [scorecards[0], replace(scorecards[1], halted=True)]
    assert words in sentences.reasons(selection, cards, language)
    assert words not in sentences.reasons(selection, scorecards, language)


def test_the_ranking_says_what_was_not_measured(selection, scorecards):
    short = [score for score in scorecards[1].scores if score.family != "stability"]
    cards = [scorecards[0], replace(scorecards[1], scores=tuple(short), halted=True)]
    for language, words in ((ENGLISH, "not measured"), (GERMAN, "nicht gemessen")):
        row = next(row for row in tables.ranking(selection, cards, language).rows if "RFM" in row[0])
        assert row[-1] == words


@pytest.mark.parametrize(
    ("language", "words"), [(ENGLISH, "within 2.64 percentage points"), (GERMAN, "auf 2,64 Prozentpunkte")]
)
def test_a_sample_is_said_with_its_error(tell, language, words):
    whole, some = tell(language).data, tell(language, of_data={"population": 10_000}).data
    assert sentences.sampled(whole, language) == ""
    assert whole.sampling_error == 0.0
    assert some.sampling_error == pytest.approx(1.96 * (0.25 / 1200 * 0.87) ** 0.5)
    assert words in sentences.sampled(some, language)
    assert sentences.sampled(some, language) in sentences.looked_at(some, language)
