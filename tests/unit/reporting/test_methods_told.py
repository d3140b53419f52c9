"""What pages of methods say of items, and of what a map or a factor hides; by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segmentwerk.analysis.affinity import Affinities
from segmentwerk.analysis.factors import FactorSolution
from segmentwerk.analysis.product_map import ProductMap
from segmentwerk.core.analysis_settings import FactorSettings, MapSettings
from segmentwerk.insight.language import Language
from segmentwerk.reporting.affinity_told import AffinityTold
from segmentwerk.reporting.factors_told import FactorsTold
from segmentwerk.reporting.maps_told import ProductMapTold

PLACES = pd.DataFrame(
    {"x": [0.0, 1.0], "y": [0.0, 1.0], "buyers": [9, 7]}, index=pd.Index(["machines", "office"], name="item")
)
VECTORS = pd.DataFrame(columns=["segment_id", "x", "y", "r", "r2"])


def mapped(told, code="de", level="category"):
    found = ProductMap(PLACES, VECTORS, 0.2, 0.3, 0.05, told)
    return ProductMapTold(found, MapSettings(level=level), {}, Language(code)).told("s", "note")


def test_a_map_names_categories_in_the_language_and_products_as_they_are():
    figure, table = mapped(0.9).parts
    assert figure.figure.marks.names == ["Maschinen", "Bürobedarf"]
    assert [row[0] for row in table.grid.rows] == ["Maschinen", "Bürobedarf"]
    assert mapped(0.9, level="product").parts[0].figure.marks.names == ["machines", "office"]


@pytest.mark.parametrize(
    ("code", "word"), [("en", "hides more than it shows"), ("de", "mehr, als sie zeigt")]
)
def test_a_map_that_hides_more_than_it_shows_says_so(code, word):
    assert [word in line for line in mapped(0.4, code).limits] == [False, False, True]
    assert not [line for line in mapped(0.6, code).limits if word in line]


def test_affinities_speak_the_language():
    rows = [
        (1, "channel", "field", 9, 20, 0.6, 1.5, 1.2, 1.9),
        (2, "channel", "field", 2, 30, 0.2, 0.5, 0.2, 0.9),
    ]
    columns = ["segment_id", "kind", "item", "count", "customers", "share", "lift", "low", "high"]
    missing = ("category", "product", "weekday", "month")
    found = Affinities(pd.DataFrame(rows, columns=columns), {1: 20, 2: 30}, missing)
    german = AffinityTold(found, {1: "Eins", 2: "Zwei"}, Language("de")).told("s", "note")
    assert german.headlines == ["Eins: Außendienst (Kanal) 1,50-mal so viel wie alle (1,20 bis 1,90)."]
    (part,) = AffinityTold(found, {1: "One", 2: "Two"}, Language("en")).told("s", "note").parts
    assert part.title == "Channel: what each segment has more of"
    assert part.grid.rows[0][1] == "field sales"


def solution(communality):
    names = ["a", "b"]
    return FactorSolution(
        pd.DataFrame([[0.9], [0.5]], index=names, columns=[1]),
        pd.Series([communality, 0.25], index=names),
        np.eye(1),
        np.array([0.5]),
        np.array([0.7]),
        0.8,
        pd.Series([0.8, 0.8], index=names),
        SimpleNamespace(eigenvalues=np.array([1.5, 0.5]), noise=np.array([1.1, 0.9]), n_factors=1),
        100,
        0.0,
    )


@pytest.mark.parametrize(("communality", "said"), [(0.999, True), (0.9, False)])
def test_a_variable_that_is_a_factor_of_its_own_is_named(communality, said):
    told = FactorsTold(solution(communality), FactorSettings(), Language("en"))
    assert ["Heywood" in line for line in told._limits()] == [False, True][: 1 + said]
    assert next(told._headlines()).endswith(
        "come down to 1\N{NO-BREAK SPACE}factor; 50% of their variance is explained."
    )


def test_a_segment_of_which_the_map_tells_nothing_has_no_arrow():
    rows = [(1, 0.6, 0.6, 0.85, 0.7), (2, 0.1, 0.0, 0.1, 0.01)]
    vectors = pd.DataFrame(rows, columns=list(VECTORS))
    found = ProductMap(PLACES, vectors, 0.2, 0.3, 0.05, 0.9)
    told = ProductMapTold(found, MapSettings(), {1: "Eins", 2: "Zwei"}, Language("de")).told("s", "note")
    assert [name for name, _, _ in told.parts[0].figure.marks.arrows] == ["Eins"]
    assert [row[0] for row in told.parts[-1].grid.rows] == ["Eins", "Zwei"]
