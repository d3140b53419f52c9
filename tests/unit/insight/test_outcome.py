"""The chart of the explained outcome: its mean by segment, in its unit, silent about few accounts."""

import numpy as np
import pandas as pd

from segmentwerk.core.types import Segment
from segmentwerk.insight import segment_plots
from segmentwerk.insight.language import Language


def segment(label, accounts):
    return Segment(label + 1, f"name {label}", label, accounts, accounts / 33, (), "")


def test_the_outcome_is_drawn_by_segment_beside_all_accounts():
    labels = pd.Series(np.repeat([0, 1, 2], [20, 10, 3]))
    values = labels.map({0: 100.0, 1: 400.0, 2: 9000.0})
    segments = [segment(0, 20), segment(1, 10), segment(2, 3)]
    figure = segment_plots.outcome(values, labels, segments, "money", Language("en", "EUR"))
    assert "Segment 2 is worth most later: 400\xa0EUR" in figure.title
    (drawn,) = figure.marks.series.values()
    assert drawn[:2] == [100.0, 400.0]
    assert np.isnan(drawn[2]), "three accounts would be told"
    assert figure.marks.thresholds == {"all accounts": values.mean()}
    assert "(EUR)" in figure.y_label


def test_a_yes_or_no_is_a_share():
    labels = pd.Series([0] * 10 + [1] * 10)
    values = pd.Series([1.0] * 5 + [0.0] * 5 + [0.0] * 10)
    figure = segment_plots.outcome(
        values, labels, [segment(0, 10), segment(1, 10)], "share", Language("de", "EUR")
    )
    assert "50\xa0% im Mittel" in figure.title
    assert "(Anteil)" in figure.y_label
