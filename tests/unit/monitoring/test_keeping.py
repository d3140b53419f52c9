"""Kept dates: whole or not at all, each version's own, the same again, in any order."""

from datetime import date

import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.core.monitored import Monitored
from segmentwerk.monitoring.keeping import KeptDates


def at(day, **more):
    return Monitored(model="models:/m/1", as_of=day, source="s", **more)


@pytest.fixture
def kept(tmp_path):
    return KeptDates(tmp_path, "models:/m/1", "a" * 64, "s")


def test_dates_come_back_in_order_whatever_order_they_were_kept_in(kept):
    days = [date(2026, 7, 1), date(2026, 1, 1), date(2026, 4, 1)]
    for day in days:
        kept.keep(at(day))
    assert [one.as_of for one in kept.read()] == sorted(days)
    assert [one.as_of for one in kept.before(date(2026, 4, 1))] == [date(2026, 1, 1)]


def test_the_same_date_again_replaces_it(kept):
    kept.keep(at(date(2026, 1, 1), accounts=5))
    path = kept.keep(at(date(2026, 1, 1), accounts=6))
    assert [one.accounts for one in kept.read()] == [6]
    assert path.stat().st_mode & 0o077 == 0


def test_another_version_has_dates_of_its_own(kept, tmp_path):
    kept.keep(at(date(2026, 1, 1)))
    other = KeptDates(tmp_path, "models:/m/2", "b" * 64, "s")
    assert other.read() == []
    other.keep(at(date(2026, 4, 1)))
    assert [one.as_of for one in kept.read()] == [date(2026, 1, 1)]


def test_a_draft_that_a_killed_process_left_is_passed_over(kept):
    kept.keep(at(date(2026, 1, 1)))
    (kept.place / ".2026-04-01.json.0123.json").write_text("{")
    assert len(kept.read()) == 1


def test_a_damaged_file_is_named(kept):
    path = kept.keep(at(date(2026, 1, 1)))
    path.write_text("{}")
    with pytest.raises(InputError, match=r"2026-01-01\.json"):
        kept.read()


def test_names_of_models_and_sources_make_no_path(tmp_path):
    kept = KeptDates(tmp_path, "models:/a b/../c", "d" * 64, "../../x")
    assert kept.keep(at(date(2026, 1, 1))).resolve().is_relative_to(tmp_path)
