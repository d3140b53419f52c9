"""The latest campaign of a kind stands beside those that were measured before it began."""

from datetime import date
from types import SimpleNamespace

import pytest

from segmentwerk.config import MonitorSettings
from segmentwerk.core.settings import SourceSettings
from segmentwerk.measurement import learned_effects
from segmentwerk.measurement.learned_effects import LearnedCampaign, LearnedEffect
from segmentwerk.release.promising import paired, promised


def effect(segment, value, se, arm="call"):
    return LearnedEffect(segment, arm, value, value - 1.96 * se, value + 1.96 * se, 400, chosen=False)


def campaign(name, first, until, *effects, measure="call", outcome="revenue"):
    return LearnedCampaign(
        name, "demo", "b2b-segments", "1", measure, outcome, "EUR", first, until, "", effects
    )


SPRING = campaign("spring", date(2025, 3, 1), date(2025, 6, 1), effect(1, 10, 1), effect(2, 4, 1))
SUMMER = campaign("summer", date(2025, 7, 1), date(2025, 9, 1), effect(1, 16, 2))
AUTUMN = campaign("autumn", date(2025, 10, 1), date(2025, 12, 1), effect(1, 3, 1), effect(3, 9, 1))


def test_earlier_campaigns_are_pooled_by_precision():
    (one,) = paired([AUTUMN, SPRING, SUMMER])
    assert (one.segment, one.arm, one.campaign, one.contacts) == (1, "call", "autumn", 400)
    assert one.promised.value == pytest.approx((10 / 1 + 16 / 4) / (1 + 1 / 4))
    assert one.promised.high - one.promised.low == pytest.approx(2 * 1.96 * (1 / (1 + 1 / 4)) ** 0.5)
    assert (one.happened.value, one.happened.low) == (3, pytest.approx(3 - 1.96))


def test_what_ran_at_the_same_time_promised_nothing():
    during = campaign("during", date(2025, 9, 1), date(2025, 11, 1), effect(1, 99, 1))
    assert [one.promised.value for one in paired([during, SPRING, AUTUMN])] == [10]


def test_what_is_measured_later_is_not_known_yet(tmp_path):
    learned_effects.keep([SPRING, AUTUMN], tmp_path)
    settings = MonitorSettings(home=tmp_path, model="m", source=SourceSettings(name="demo"))
    version = SimpleNamespace(uri="models:/b2b-segments/3")
    assert promised(version, settings, date(2025, 11, 30)) == ()
    assert [one.campaign for one in promised(version, settings, date(2025, 12, 1))] == ["autumn"]
    assert promised(SimpleNamespace(uri="some/folder"), settings, date(2026, 1, 1)) == ()


@pytest.mark.parametrize("other", [{"measure": "letter"}, {"outcome": "converted"}])
def test_other_kinds_are_not_compared(other):
    late = campaign("late", date(2025, 10, 1), date(2025, 12, 1), effect(1, 3, 1), **other)
    assert paired([SPRING, late]) == ()
