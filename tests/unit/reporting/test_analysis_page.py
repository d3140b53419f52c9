"""Pages of the analyst's methods: both languages, figures with words, and nothing drawn that is chance."""

from dataclasses import replace

import numpy as np
import pytest

from segmentwerk.analysis import affinity, product_map, segment_map
from segmentwerk.core.analysis_settings import MapSettings
from segmentwerk.insight.language import Language
from segmentwerk.reporting import analysis_page
from segmentwerk.reporting.affinity_told import AffinityTold
from segmentwerk.reporting.maps_told import ProductMapTold, SegmentMapTold
from small_purchases import NAMES, purchases


@pytest.fixture(scope="module")
def world():
    return purchases()


def told(world, method, code):
    bought, segments, features = world
    language = Language(code)
    if method == "affinity":
        return AffinityTold(affinity.analyse(bought, segments), NAMES, language)
    if method == "segment_map":
        return SegmentMapTold(segment_map.analyse(features, segments, seed=0), NAMES, language)
    options = MapSettings(permutations=19, starts=2)
    return ProductMapTold(product_map.analyse(bought, segments, options, 0), options, NAMES, language)


@pytest.mark.parametrize("code", ["en", "de"])
@pytest.mark.parametrize("method", ["affinity", "segment_map", "product_map"])
def test_a_page_tells_figures_in_words_and_names_no_account(world, method, code, tmp_path):
    page = told(world, method, code).told("s", "note")
    written = analysis_page.write(page, tmp_path, Language(code))
    html, markdown = (path.read_text(encoding="utf-8") for path in (written.html, written.markdown))
    assert f'<html lang="{code}">' in html
    assert html.count("<img ") == len(written.figures) == 1
    assert "(figures/" in markdown
    assert ("Was hier nicht gesagt ist" in html) == (code == "de")
    logged = analysis_page.records(page, method, written)
    for text in (html, markdown, *map(str, logged)):
        assert "secret-" not in text
        assert "nan" not in text.replace("finance", "").split()
    assert all(np.isfinite(value) for value in page.metrics.values())


def test_weekdays_are_written_as_words(world):
    page = told(world, "affinity", "de").told("s", "note")
    assert "Montag (Wochentag)" in " ".join(page.headlines) or "Dienstag" in " ".join(page.headlines)
    assert page.parts[0].figure.marks.rows[0] == "Montag"


@pytest.mark.parametrize("method", ["segment_map", "product_map"])
def test_a_map_no_better_than_chance_is_said_and_not_drawn(world, method):
    one = told(world, method, "en")
    found = replace(one.found, p=0.5)
    page = replace(one, found=found).told("s", "note")
    assert "No map is drawn" in page.headlines[-1]
    assert not page.parts
    assert not page.tables
