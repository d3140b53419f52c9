"""What campaigns taught is kept, told apart, and read back."""

from dataclasses import replace
from datetime import date

import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.measurement import learned_effects
from segmentwerk.measurement.learned_effects import LearnedCampaign, LearnedEffect

ONE = LearnedCampaign(
    campaign="2026-01 Rückgewinnung/1",
    source="demo",
    model="b2b-segments",
    version="3",
    measure="win_back",
    outcome="revenue",
    currency="EUR",
    first=date(2026, 1, 1),
    until=date(2026, 7, 1),
    verdict="one_arm",
    effects=(
        LearnedEffect(None, "treated", 4.0, 1.0, 7.0, 900, chosen=True),
        LearnedEffect(2, "treated", 3.0, -1.0, 7.0, 90, chosen=False, needed=400, name="dormant"),
    ),
)


def test_it_is_read_back_in_the_order_of_the_days(tmp_path):
    earlier = replace(ONE, campaign="autumn", first=date(2025, 9, 1))
    learned_effects.keep([ONE, earlier], tmp_path)
    assert learned_effects.recall(tmp_path, "b2b-segments", "demo") == (earlier, ONE)
    assert ONE.of(2) == (ONE.effects[1],)


def test_other_models_and_sources_are_others(tmp_path):
    learned_effects.keep([ONE, replace(ONE, source="mine"), replace(ONE, model="b2b segments")], tmp_path)
    assert learned_effects.recall(tmp_path, "b2b-segments", "demo") == (ONE,)
    assert learned_effects.recall(tmp_path, "other", "demo") == ()


def test_measured_again_it_is_replaced(tmp_path):
    learned_effects.keep([ONE], tmp_path)
    again = replace(ONE, verdict="nothing")
    learned_effects.keep([again], tmp_path)
    assert learned_effects.recall(tmp_path, "b2b-segments", "demo") == (again,)


@pytest.mark.parametrize("text", ["{", "{}", '{"campaign": "x"}', "[]"])
def test_a_damaged_file_is_named(tmp_path, text):
    learned_effects.keep([ONE], tmp_path)
    (path,) = learned_effects.folder(tmp_path, "b2b-segments").glob("*.json")
    path.write_text(text)
    with pytest.raises(InputError, match="measure again") as refused:
        learned_effects.recall(tmp_path, "b2b-segments", "demo")
    assert str(path) in str(refused.value)
