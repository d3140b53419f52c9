"""What is said where segments are made of some features only, and where accounts stand for companies."""

from dataclasses import replace
from datetime import date

import pytest

from segmentwerk.core.companies import Companies
from segmentwerk.core.types import Window
from segmentwerk.insight.language import Language
from segmentwerk.reporting.lead_words import companies, made_from
from segmentwerk.reporting.story import Data

ANSWERS = Data(
    source="shop",
    window=Window(date(2025, 1, 1)),
    accounts=1500,
    customers=1200,
    n_features=4,
    n_variables=1,
    held_out=90,
    in_turn=False,
    quarantined=0,
    digest="0",
    leading=("partworth_1",),
    describing=("recency_days", "monetary", "industry"),
    learnable=300,
)
PARTS = {"partworth_1": ("price",)}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "en",
            [
                "on these features alone: part-worth of “price”.",
                "other 3 features only describe",
                "300 of 1,200",
                "1,200 accounts were put",
            ],
        ),
        (
            "de",
            [
                "aus diesen Merkmalen",
                "Teilnutzen von „price“.",
                "übrigen 3 Merkmale",
                "300 der 1.200",
                "anderen 1.200 Konten",
            ],
        ),
    ],
)
def test_made_of_what_and_known_of_whom(code, said):
    text = made_from(ANSWERS, Language(code, parts=PARTS))
    assert [part for part in said if part not in text] == []
    assert ANSWERS.led


def test_where_all_answered_nobody_is_guessed():
    everybody = replace(ANSWERS, accounts=1200, learnable=1200)
    assert made_from(everybody, Language("en", parts=PARTS)).endswith("judged on these.")


@pytest.mark.parametrize(
    ("code", "said", "alone"),
    [
        (
            "en",
            "2,000 accounts are 1,800 companies, 90 of which have several accounts, the largest one 12.",
            "3 accounts name a parent",
        ),
        (
            "de",
            "2.000 Konten sind 1.800 Unternehmen; 90 davon haben mehrere Konten, das größte 12.",
            "3 Konten nennen eine Mutter",
        ),
    ],
)
def test_what_was_joined_and_who_stands_alone(code, said, alone):
    whole = companies(Companies(2000, 1800, 90, 12, unknown=0, endless=0), Language(code))
    assert said in whole
    assert alone not in whole
    assert alone in companies(Companies(2000, 1800, 90, 12, unknown=3, endless=0), Language(code))
