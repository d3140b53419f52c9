"""Whether a forecast of the segments' shares is shown, in words."""

from __future__ import annotations

from segmentwerk.insight.language import Language
from segmentwerk.monitoring.forecast import LEAST_TESTED, Backtest


def tested(found: Backtest, language: Language) -> str:
    """Say whether the forecast is shown, and by what score."""
    if len(found.dates) < LEAST_TESTED:
        return language.text("movement.forecast_untested", least=LEAST_TESTED)
    key = "movement.forecast_shown" if found.shown else "movement.forecast_hidden"
    if found.closer and not found.shown:
        return language.text("movement.forecast_narrow", covered=found.covered)
    told = {"error": found.error, "as_today": found.as_today, "better": found.better}
    return language.text(key, tested=len(found.dates), **told)
