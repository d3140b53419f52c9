"""Half-lives, and tests of the forecast as people read them, in both languages."""

from datetime import date

import pandas as pd
import pytest

from segmentwerk.insight.language import Language
from segmentwerk.monitoring.forecast import Backtest, Forecast, ForecastDate
from segmentwerk.monitoring.half_life import HalfLife
from segmentwerk.reporting import movement_words

EN, DE = Language("en"), Language("de")
JULY = date(2026, 7, 1)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            HalfLife(1, 200.4, 150.2, 301.0, 90, 30),
            "half of its customers leave within 200 days (150 to 301)",
        ),
        (
            HalfLife(1, float("inf"), 812.0, float("inf"), 90, 0),
            "nobody left it; half of its customers leave in no less than 812 days",
        ),
        (HalfLife(1, float("nan"), float("nan"), float("nan"), 0, 0), "-"),
    ],
)
def test_half_lives(one, words):
    assert movement_words.half_life(one, EN) == words


def test_whether_a_forecast_is_shown():
    better, worse = ForecastDate(JULY, 0.01, 0.04, 3, 3), ForecastDate(JULY, 0.05, 0.02, 3, 3)
    assert "closer than the shares" in movement_words.tested(Backtest((better, better)), EN)
    assert movement_words.tested(Backtest((worse, worse)), EN).startswith("No forecast is shown: on 2 dates")
    assert "mindestens 2 Termine" in movement_words.tested(Backtest((better,)), DE)


def test_a_forecast():
    shares = pd.DataFrame({"share": [0.3], "low": [0.2], "high": [0.4], "today": [0.25]}, index=[7])
    assert movement_words.forecast(Forecast(JULY, shares), 7, EN) == "30.0% (20.0% to 40.0%), today 25.0%"
