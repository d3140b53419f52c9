"""The ways of customers as a picture on a page: every band with its words, names escaped."""

from datetime import date
from xml.etree import ElementTree

import pandas as pd
import pytest

from segmentwerk.insight.language import Language
from segmentwerk.monitoring.movement import ABSENT, OUTSIDE, Movement
from segmentwerk.reporting import flow_picture
from segmentwerk.reporting.templating import template


@pytest.fixture
def movements():
    states = [1, 2, *OUTSIDE]
    table = pd.DataFrame(0, pd.Index(states, name="before"), pd.Index(states, name="after"))
    table.loc[[1, 2], [1, 2]] = [[60, 20], [10, 80]]
    table.loc[ABSENT, 2] = 30
    table.loc[1, ABSENT] = 7
    return [Movement(date(2025, 1, 1), date(2025, 4, 1), table, table * 1.0, table * 1.0)]


@pytest.mark.parametrize(
    ("code", "words"), [("en", "from a<b to segment 2: 20"), ("de", "von a<b nach Segment 2: 20")]
)
def test_every_band_has_its_words(movements, code, words):
    language = Language(code)
    figure = flow_picture.figure(movements, {1: "a<b"}, language)
    page = template("flows.svg.j2", language).render(flows=flow_picture.picture(figure, language))
    drawn = ElementTree.fromstring(page)
    titles = [one.text for one in drawn.iter("title")]
    assert words in titles
    assert len(titles) == 6
    assert "17" in figure.title  # 30 of 170 customers


def test_who_came_and_went_stands_outside(movements):
    figure = flow_picture.figure(movements, {}, Language("en"))
    (link,) = figure.marks.links
    assert link.tolist() == [[60, 20, 7], [10, 80, 0], [0, 30, 0]]
    assert figure.marks.names == ["segment 1", "segment 2", "no segment"]
