"""What is known of the winner's segments before anything is written."""

from dataclasses import replace

from segmentwerk.core.settings import ReportSettings
from segmentwerk.release.describing import describe


def test_without_a_champion_segments_are_counted_from_one(described, prepared):
    assert described.identity.ids == {0: 1, 1: 2, 2: 3}
    assert described.identity.next_id == 4
    assert [described.replaced, described.moves, described.comparison] == [None, None, None]
    assert list(described.labels.index) == list(prepared.table.customers)


def test_all_that_is_told_is_told_of_the_same_segments(described):
    sizes = described.labels.value_counts()
    assert {one.label: one.accounts for one in described.segments} == sizes.to_dict()
    assert [one.segment for one in described.cards] == list(described.segments)
    assert described.near.shape == (3, 3)


def test_the_words_are_those_of_the_settings(prepared, winner, settings, described):
    german = settings.model_copy(update={"report": ReportSettings(language="de")})
    found = describe(prepared, winner, german, None)
    assert found.language == replace(described.language, code="de")
    assert [one.name for one in found.segments] != [one.name for one in described.segments]
