"""What sets segments apart, against hand-computed effects."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.types import AccountTable, Feature, Name, Trait, Window
from segmentwerk.insight.language import Language
from segmentwerk.insight.profiles import describe, effects, top_effects

CATALOGUE = (
    Feature("monetary", "numeric", "money", "behavioural", "orders", "ever", "Revenue."),
    Feature("noise", "numeric", "count", "behavioural", "orders", "ever", "Nothing."),
    Feature("country", "categorical", "", "geographic", "accounts", "now", "Country."),
)


def table(frame):
    frame.index = pd.Index([f"A{i}" for i in range(len(frame))], name="account_id")
    return AccountTable(
        features=frame,
        outcomes=pd.DataFrame(index=frame.index),
        orders=pd.Series(1, index=frame.index),
        catalogue=CATALOGUE,
        window=Window(date(2025, 1, 1)),
        source="test",
        digest="0",
    )


@pytest.fixture
def small():
    return table(
        pd.DataFrame(
            {
                "monetary": [10.0, 20.0, 30.0, 5.0, 25.0, np.nan] * 3,
                "noise": [1.0] * 18,
                "country": ["DE", "DE", "FR", "FR", "FR", None] * 3,
            }
        )
    )


@pytest.fixture
def labels(small):
    return pd.Series([0, 0, 0, 1, 1, 1] * 3, index=small.features.index)


def one(found, label, name, level=""):
    return next(e for e in found if (e.label, e.feature.name, e.level) == (label, name, level))


def test_cliffs_delta_counts_pairs(small, labels):
    """Of the 6 pairs, 10>5, 20>5, 30>5 and 30>25 lie above, 10<25 and 20<25 below: (4 - 2) / 6."""
    found = one(effects(small, labels), 0, "monetary")
    assert found.effect == pytest.approx(2 / 6)
    assert (found.inside, found.outside) == (20.0, 15.0)


def test_cohens_h_compares_shares_of_a_level(small, labels):
    found = one(effects(small, labels), 0, "country", "DE")
    expected = 2 * (math.asin(math.sqrt(2 / 3)) - math.asin(0)) / math.pi
    assert found.effect == pytest.approx(expected)
    assert (found.inside, found.outside) == pytest.approx((2 / 3, 0.0))


def test_a_constant_feature_tells_nothing(small, labels):
    assert all(effect.feature.name != "noise" for effect in top_effects(effects(small, labels), 0, 5))


def test_describe_counts_and_names(small, labels):
    first, second = describe(small, labels, {0: 7, 1: 9})
    assert (first.id, first.accounts, first.share) == (7, 9, 0.5)
    assert first.revenue_share == pytest.approx(60 / 90)
    assert first.name != second.name
    assert "country DE" in first.traits


def test_what_few_accounts_have_is_not_told(small):
    labels = pd.Series([0] * 14 + [1] * 4, index=small.features.index)
    assert {effect.label for effect in effects(small, labels)} == {0}
    assert describe(small, labels, {0: 1, 1: 2})[1].summary == "In no single feature far from the others"


def test_a_known_id_keeps_its_name(small, labels):
    named = describe(small, labels, {0: 7, 1: 9}, names={7: Name(text="old friends")})
    assert named[0].name == "old friends"
    assert named[0].called == Name(text="old friends")


def test_a_known_id_keeps_its_traits_and_is_called_by_them_in_any_language(small, labels):
    kept = Name((Trait("tenure_days", "low"), Trait("monetary", "high")))
    english, german = (
        describe(small, labels, {0: 7, 1: 9}, names={7: kept}, language=Language(code))[0]
        for code in ("en", "de")
    )
    assert (english.name, german.name) == ("new customers, high revenue", "neue Kunden, hoher Umsatz")
    assert english.called == german.called == kept


def test_two_ids_with_the_same_traits_are_told_apart_by_number(small, labels):
    """An id keeps its number even when the other one is gone, so that nobody's name changes."""
    first = describe(small, labels, {0: 7, 1: 9})[0]
    second = describe(small, labels, {0: 8, 1: 9}, names={7: first.called})[0]
    assert second.name == f"{first.name} (8)"
    alone = describe(small, labels, {0: 8, 1: 9}, names={8: second.called})[0]
    assert alone.name == second.name
    old = describe(small, labels, {0: 8, 1: 9}, names={7: Name(text=first.name)})[0]
    assert old.name == second.name


def test_a_factor_of_a_survey_is_called_by_its_items():
    answers = np.r_[np.zeros(20), np.ones(20)] + np.linspace(0, 0.1, 40)
    data = table(pd.DataFrame({"survey_factor_2": answers}))
    factor = Feature(
        "survey_factor_2", "numeric", "SD", "psychographic", "surveys", "ever", "…", parts=("q01", "-q05")
    )
    data = replace(data, catalogue=(factor,))
    labels = pd.Series([0] * 20 + [1] * 20, index=data.features.index)
    low, high = describe(data, labels, {0: 1, 1: 2}, language=Language.of("de", "EUR", data.catalogue))
    assert low.name == "niedrige Werte bei „q01“ und „q05“ (umgekehrt)"
    assert high.name == "hohe Werte bei „q01“ und „q05“ (umgekehrt)"
    assert "Antworten auf „q01“ und „q05“ (umgekehrt) über" in high.rule
    later = describe(data, labels, {0: 1, 1: 2}, names={1: low.called})[0]
    assert later.name == "low answers on “q01” and “q05” (reversed)", "the items stay with the name"


def test_the_rule_finds_members_and_says_how_well():
    rng = np.random.default_rng(0)
    high = rng.random(300) < 0.3
    frame = pd.DataFrame(
        {
            "monetary": np.where(high, rng.uniform(100, 200, 300), rng.uniform(0, 90, 300)),
            "noise": rng.random(300),
            "country": rng.choice(["DE", "FR"], 300).astype(object),
        }
    )
    data = table(frame)
    labels = pd.Series(high.astype(int), index=data.features.index)
    segment = describe(data, labels, {0: 1, 1: 2})[1]
    assert segment.rule.startswith("revenue so far above")
    assert segment.rule_precision == 1.0
    assert segment.rule_recall == 1.0


@pytest.mark.parametrize("name", ["price=fair", "price+quality"])
def test_a_rule_names_a_feature_with_signs_that_mean_something_in_columns(name: str) -> None:
    high = np.arange(300) % 3 == 0
    frame = pd.DataFrame({name: high * 10.0, "noise": np.random.default_rng(0).random(300)})
    data = replace(table(frame), catalogue=(replace(CATALOGUE[0], name=name), CATALOGUE[1]))
    segment = describe(data, pd.Series(high.astype(int), index=data.features.index), {0: 1, 1: 2})[1]
    assert segment.rule.startswith(f"{name} above 5")
