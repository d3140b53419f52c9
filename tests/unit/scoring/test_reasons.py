"""Reasons as a native reads them: figures, units, windows, order, and what the model does not know."""

from dataclasses import replace

import numpy as np
import pytest

from segmentwerk.core.types import Feature
from segmentwerk.features.catalogue import catalogue
from segmentwerk.insight.language import Language
from segmentwerk.insight.reasons import wording
from segmentwerk.shipped import frames
from segmentwerk.shipped.evidence import Phrase, ReasonFinder
from segmentwerk.shipped.model_catalogue import FeatureRecord

FEATURES = {feature.name: feature for feature in catalogue()}
NB = "\N{NO-BREAK SPACE}"


def worded(feature: Feature, code: str = "en", typical=None) -> Phrase:
    told = wording([feature], Language(code, "EUR"))
    return Phrase(told, FeatureRecord(feature.name, typical=typical))


VALUES = [
    ("monetary", 1234.5, "1,234.50 EUR", "1.234,50 EUR"),
    ("monetary", 1230.0, "1,230 EUR", "1.230 EUR"),
    ("monetary", 1234567.891, "1,234,568 EUR", "1.234.568 EUR"),
    ("monetary", 99999.99, "99,999.99 EUR", "99.999,99 EUR"),
    ("monetary", -12.5, "-12.50 EUR", "-12,50 EUR"),
    ("monetary", 0.0, "0 EUR", "0 EUR"),
    ("monetary", 0.001, "almost 0 EUR", "fast 0 EUR"),
    ("monetary", 1e18, "1,000,000,000,000,000,000 EUR", "1.000.000.000.000.000.000 EUR"),
    ("frequency", 1.0, "1", "1"),
    ("frequency", 12345.0, "12,345", "12.345"),
    ("lines_per_order", 2.3333, "2.33", "2,33"),
    ("lines_per_order", 2.5, "2.5", "2,5"),
    ("recency_days", 1.0, "1 day", "1 Tag"),
    ("recency_days", 0.0, "0 days", "0 Tage"),
    ("recency_days", 31.0, "31 days", "31 Tage"),
    ("age_years", 1.0, "1 year", "1 Jahr"),
    ("site_distance_km", 12.25, "12.25 km", "12,25 km"),
    ("return_rate", 0.0, "0%", "0 %"),
    ("return_rate", 0.314, "31.4%", "31,4 %"),
    ("return_rate", 0.85, "85%", "85 %"),
    ("return_rate", 1.0, "100%", "100 %"),
    ("return_rate", 0.0001, "almost 0%", "fast 0 %"),
    ("return_rate", 0.9999, "almost 100%", "fast 100 %"),
    ("margin_rate", -0.125, "-12.5%", "-12,5 %"),
    ("growth", 0.0, "0%", "0 %"),
    ("growth", 2 / 3, "+100%", "+100 %"),
    ("growth", -2 / 3, "-50%", "-50 %"),
    ("growth", -2.0, "-100%", "-100 %"),
    ("growth", 2.0, "more than ten times as much", "mehr als das Zehnfache"),
    ("untapped_potential", 2 / 3, "-50%", "-50 %"),
    ("survey_factor_1", 1.2, "above average", "über dem Durchschnitt"),
    ("survey_factor_1", -3.0, "far below average", "weit unter dem Durchschnitt"),
    ("size_class", "micro", "micro", "Kleinstunternehmen"),
    ("industry", "Größe & {value}", "Größe & {value}", "Größe & {value}"),
]


@pytest.mark.parametrize(("name", "value", "english", "german"), VALUES)
def test_values_are_written_as_people_write_them(name, value, english, german):
    for code, expected in (("en", english), ("de", german)):
        assert worded(FEATURES[name], code).value(value).replace(NB, " ") == expected


def test_whole_sentences():
    reason = worded(FEATURES["revenue_12m"], typical=2310.0).reason(0.0)
    assert reason == f"Revenue in the last 12 months: 0{NB}EUR (usual: 2,310{NB}EUR)"
    reason = worded(FEATURES["recency_days"], "de", typical=30.0).reason(1.0)
    assert reason == f"Zeit seit dem letzten Auftrag: 1{NB}Tag (üblich: 30{NB}Tage)"
    assert worded(FEATURES["country"]).reason("DE") == "Country: DE"


@pytest.mark.parametrize("code", ["en", "de"])
@pytest.mark.parametrize("feature", catalogue(), ids=lambda feature: feature.name)
def test_every_feature_has_words_without_technical_ones(feature, code):
    value = "x" if feature.kind == "categorical" else 0.5
    reason = worded(feature, code, typical=value).reason(value)
    assert reason[0].isupper() or reason.startswith("E-")
    for technical in ("{", "}", "_", "BG/NBD", "Herfindahl", "undiscounted", "standard deviation", "nan"):
        assert technical not in reason
    months = {"en": "12 months", "de": "12 Monate"}[code]
    if feature.window == "365 days before the date":
        assert months in reason


def test_the_window_is_in_the_sentence_of_every_sum_and_count():
    """Whatever grows with the time that it is counted over says over which."""
    for feature in catalogue():
        if feature.unit in ("money", "orders", "visits", "e-mails", "meetings", "tickets", "products"):
            if feature.name in ("average_basket", "annual_revenue"):  # a mean; a figure of the company
                continue
            text = worded(feature).subject.lower()
            assert "months" in text or "so far" in text, feature.name


def test_what_an_account_does_comes_before_what_it_is(packaged, model, accounts):
    """In the small world, country tells nothing and industry a lot; neither comes before behaviour."""
    found = model.predict(accounts[accounts["frequency"] >= 2])
    descriptive = ("Employees", "Industry", "Country")
    for row in found[["reason_1", "reason_2", "reason_3"]].itertuples(index=False):
        kinds = [text.startswith(descriptive) for text in row if text]
        assert kinds == sorted(kinds)
    assert not found["reason_1"].str.startswith(descriptive).all()


def test_features_that_shaped_nothing_are_told_only_where_nothing_else_is_there(packaged, accounts):
    catalogue = packaged.catalogue
    features = {
        name: replace(feature, active=name not in ("industry", "country", "employees"))
        for name, feature in catalogue.features.items()
    }
    finder = ReasonFinder(replace(catalogue, features=features))
    rows = accounts[accounts["frequency"] >= 2].head(200)
    numeric, texts = frames.numbers_of(rows, catalogue.numeric), frames.texts_of(rows, catalogue.categorical)
    label = packaged.labels.to_numpy()[rows.index]
    reasons = np.array(finder.sentences(numeric, texts, label, np.zeros(len(rows), dtype=bool))).T
    descriptive = ("Employees", "Industry", "Country")
    for row in reasons:
        kinds = {text.startswith(descriptive) for text in row if text}
        assert len(kinds) <= 1, row
    numeric[:, [0, 1, 2, 4]] = np.nan
    alone = np.array(finder.sentences(numeric, texts, label, np.zeros(len(rows), dtype=bool))).T
    assert any(text.startswith(descriptive) for text in alone.ravel())


def test_a_category_that_the_model_does_not_know_is_told(model, accounts):
    rows = accounts.head(3).assign(industry=["Tech", "Steel", None], country=["XX", "YY", "DE"])
    assert list(model.predict(rows)["hint"]) == [
        "Country: the model does not know “XX”",
        "Industry: the model does not know “Steel”; Country: the model does not know “YY”",
        "",
    ]
    assert not model.predict(accounts)["hint"].any()
    long = model.predict(accounts.head(1).assign(industry="x" * 10_000))["hint"].item()
    assert len(long) < 120


def test_a_german_model_speaks_german(packaged, accounts):
    told = wording(packaged.table.catalogue, Language("de", "EUR"))
    finder = ReasonFinder(replace(packaged.catalogue, wording=told))
    rows = accounts[accounts["frequency"] >= 2].head(50).assign(industry="Stahl")
    texts = frames.texts_of(rows, packaged.catalogue.categorical)
    numeric = frames.numbers_of(rows, packaged.catalogue.numeric)
    reasons = finder.sentences(numeric, texts, packaged.labels.to_numpy()[rows.index], numeric[:, 0] < 0)
    subjects = {text.split(":")[0] for column in reasons for text in column if text}
    assert subjects <= {entry.subject for entry in told.features.values()}
    assert finder.hints(texts, 50)[0] == "Branche: „Stahl“ kennt das Modell nicht"
