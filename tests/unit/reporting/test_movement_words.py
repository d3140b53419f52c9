"""Why a forecast is shown or not, as people read it."""

from datetime import date

from segmentwerk.insight.language import Language
from segmentwerk.monitoring.forecast import Backtest, ForecastDate
from segmentwerk.reporting import movement_words

EN, DE = Language("en"), Language("de")
JULY = date(2026, 7, 1)


def test_whether_a_forecast_is_shown():
    better, worse = ForecastDate(JULY, 0.01, 0.04, 3, 3), ForecastDate(JULY, 0.05, 0.02, 3, 3)
    assert "closer than the shares" in movement_words.tested(Backtest((better, better)), EN)
    assert movement_words.tested(Backtest((worse, worse)), EN).startswith("No forecast is shown: on 2 dates")
    narrow = ForecastDate(JULY, 0.01, 0.04, 1, 3)
    assert "only 33% of the shares" in movement_words.tested(Backtest((narrow, narrow)), EN)
    assert "mindestens 2 Termine" in movement_words.tested(Backtest((better,)), DE)
