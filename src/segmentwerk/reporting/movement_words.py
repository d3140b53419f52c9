"""Half-lives and forecasts in words, for the page of a monitored date."""

from __future__ import annotations

from math import isfinite

from segmentwerk.insight.language import UNKNOWN, Language
from segmentwerk.monitoring.forecast import LEAST_TESTED, Backtest, Forecast
from segmentwerk.monitoring.half_life import HalfLife


def half_life(one: HalfLife, language: Language) -> str:
    """Say after how long half of a segment's customers have left it."""
    if not one.stays:
        return UNKNOWN
    if not isfinite(one.days):
        return language.text("movement.half_life_none", low=round(one.low))
    days, low, high = (round(value) for value in (one.days, one.low, one.high))
    return language.text("movement.half_life", days=days, low=low, high=high)


def tested(found: Backtest, language: Language) -> str:
    """Say whether the forecast is shown, and by what score."""
    if len(found.dates) < LEAST_TESTED:
        return language.text("movement.forecast_untested", least=LEAST_TESTED)
    key = "movement.forecast_shown" if found.shown else "movement.forecast_hidden"
    told = {"error": found.error, "as_today": found.as_today, "better": found.better}
    return language.text(key, tested=len(found.dates), **told)


def forecast(found: Forecast, segment: int, language: Language) -> str:
    """Say which share a segment is forecast to have."""
    told = found.shares.loc[segment].to_dict()
    return language.text("movement.forecast", **{str(name): value for name, value in told.items()})
