"""What the three steps made, as others are told of it, and whether there is a registry to release to."""

import pytest

from segmentwerk.release.proposing import unregistered
from segmentwerk.release.release import Release, registry_of
from segmentwerk.tracking.writer import Store


@pytest.fixture
def released(described, packed, prepared, settings):
    return Release(described, packed, unregistered(prepared, settings))


def test_the_summary_tells_of_all_three_steps(released, packed):
    told = released.summary()
    assert [one["id"] for one in told["segments"]] == [1, 2, 3]
    assert (told["assignments"], told["accounts"]) == (packed.assignments, packed.accounts)
    assert told["proposal"]["standing"] == "unregistered"
    assert told["uri"] is None
    assert not told["champion"]


def test_a_release_goes_to_a_store_that_answers(store, tmp_path, caplog):
    with store.run("e", "t") as run:
        assert registry_of(store, run) is store
    off = Store(None, tmp_path, enabled=False)
    with off.run("e", "t") as run:
        assert registry_of(off, run) is None
    assert "Nothing is registered" not in caplog.text  # who switched tracking off knows
