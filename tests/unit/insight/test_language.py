"""Both languages say everything, with the same placeholders."""

import re
from datetime import date

import pytest

from segmentwerk.core.types import Trait
from segmentwerk.features.table import catalogue as features
from segmentwerk.insight.language import Language, catalogue
from segmentwerk.insight.words import label, trait


@pytest.mark.parametrize("section", catalogue())
def test_every_text_is_there_in_both_languages_with_the_same_placeholders(section):
    """The forms in which their values are written, too."""
    for key, text in catalogue()[section].items():
        assert set(text) == {"en", "de"}, key
        if isinstance(text["en"], str):
            english, german = (sorted(re.findall(r"{([^}]+)}", text[code])) for code in ("en", "de"))
            assert english == german, key
        else:
            assert len(text["en"]) == len(text["de"]), key


def test_a_number_keeps_its_sign_unless_it_is_rounded_to_nothing():
    assert Language("en").decimal(-0.0014, 3) == "-0.001"
    assert Language("de").decimal(-0.0014, 3) == "-0,001"
    assert Language("en").decimal(-0.0014) == "0.00"


@pytest.mark.parametrize("code", ["en", "de"])
def test_every_feature_that_can_be_built_has_words_of_its_own(code):
    labels = {feature.name: label(feature.name, Language(code)) for feature in features()}
    assert len(set(labels.values())) == len(labels)
    assert not [name for name, words in labels.items() if "_" in words]
    numeric = [feature.name for feature in features() if feature.kind == "numeric"]
    known = {name: texts[code] for name, texts in catalogue()["features"].items()}
    assert all(len(known[name]) == 3 for name in numeric if name in known)


@pytest.mark.parametrize("code", ["en", "de"])
def test_no_two_traits_have_the_same_words(code):
    """Else two segments would have the same name in one language and not in the other."""
    traits = [
        trait(Trait(name, direction), Language(code))
        for name, texts in catalogue()["features"].items()
        for direction in ("high", "low")
        if len(texts[code]) == 3
    ]
    assert sorted(traits) == sorted(set(traits))


def test_a_long_survey_item_is_cut_at_a_word():
    item = "How likely is it that you would recommend us to a colleague or to a friend?"
    words = label("survey_factor_1", Language("en", parts={"survey_factor_1": (item,)}))
    assert words == "answers on “How likely is it that you would recommend us …”"


@pytest.mark.parametrize(
    ("value", "unit", "english", "german"),
    [
        (1234567.8, "money", "1,234,568\xa0EUR", "1.234.568\xa0EUR"),
        (0.256, "share", "26%", "26\xa0%"),
        (12.34, "days", "12.3\xa0days", "12,3\xa0Tage"),
        (1.0, "days", "1\xa0day", "1\xa0Tag"),
        (3.0, "orders", "3", "3"),
        (-0.4567, "-2 to 2", "-0.46", "-0,46"),
        (float("nan"), "money", "-", "-"),
    ],
)
def test_numbers_are_written_as_the_language_does(value, unit, english, german):
    assert Language("en", "EUR").number(value, unit) == english
    assert Language("de", "EUR").number(value, unit) == german


@pytest.mark.parametrize(
    ("value", "form", "english", "german"),
    [
        (1234.5, ".1", "1,234.5", "1.234,5"),
        (0.256, "%1", "25.6%", "25,6\xa0%"),
        (0.256, "±%1", "+25.6%", "+25,6\xa0%"),
        (-0.2, "±.3", "-0.200", "-0,200"),
        (0.0001, "±.3", "0.000", "0,000"),
        (12.0, "n", "12", "12"),
        (12.0, "days", "12\xa0days", "12\xa0Tage"),
        (date(2026, 1, 31), "day", "2026-01-31", "31.01.2026"),
        (("a", "b", "c"), "list", "a, b and c", "a, b und c"),
        ("G006", "()", "(G006)", "(G006)"),
        ("", "()", "", ""),
        ("as it is", "", "as it is", "as it is"),
        (float("nan"), "%", "-", "-"),
    ],
)
def test_a_value_is_written_in_the_form_that_is_asked_for(value, form, english, german):
    assert Language("en").write(value, form) == english
    assert Language("de").write(value, form) == german
