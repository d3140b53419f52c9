import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.evaluation.identity import match


def series(*blocks):
    """``(label, count)`` blocks, one account each."""
    values = np.concatenate([np.full(count, label) for label, count in blocks])
    return pd.Series(values, index=[f"a{i:04d}" for i in range(len(values))])


def kinds(identity):
    return {(event.kind, event.old, event.new) for event in identity.events}


def test_permuted_labels_keep_their_ids():
    old = series((3, 40), (7, 30), (9, 30))
    found = match(old, old.map({3: 2, 7: 0, 9: 1}), next_id=10)
    assert found.ids == {0: 7, 1: 9, 2: 3}
    assert found.next_id == 10
    assert found.moved == 0
    assert kinds(found) == {("kept", (3,), (3,)), ("kept", (7,), (7,)), ("kept", (9,), (9,))}
    assert found.migration.loc[3, 3] == 40
    assert found.migration.to_numpy().sum() == 100


def test_moved_accounts_are_counted():
    old = series((0, 50), (1, 50))
    new = old.copy()
    new.iloc[:10] = 1
    found = match(old, new, next_id=2)
    assert found.moved == pytest.approx(0.1)
    assert found.migration.loc[0, 1] == 10


def test_split_keeps_the_id_for_the_part_that_is_most_of_it():
    old = series((4, 100), (5, 50))
    new = series((0, 70), (1, 30), (2, 50))
    found = match(old, new, next_id=6)
    assert found.ids == {0: 4, 1: 6, 2: 5}
    assert found.next_id == 7
    assert ("split", (4,), (4, 6)) in kinds(found)
    assert next(event for event in found.events if event.kind == "split").jaccard == pytest.approx(1)


def test_split_in_halves_gives_new_ids_to_both():
    found = match(series((4, 90), (5, 50)), series((0, 30), (1, 30), (2, 30), (3, 50)), next_id=6)
    assert sorted(found.ids.values()) == [5, 6, 7, 8]
    assert ("split", (4,), (6, 7, 8)) in kinds(found)
    assert not any(event.kind in ("retired", "new") for event in found.events)


def test_merge():
    found = match(series((1, 45), (2, 45), (3, 60)), series((0, 90), (1, 60)), next_id=4)
    merged = next(event for event in found.events if event.kind == "merged")
    assert merged.old == (1, 2)
    assert merged.jaccard == pytest.approx(1)
    assert found.ids[1] == 3


def test_exactly_half_is_enough_and_less_is_not():
    assert match(series((1, 50), (2, 50)), series((0, 100)), next_id=3).ids == {0: 1}
    found = match(series((1, 40), (2, 30), (3, 30)), series((0, 100)), next_id=4)
    assert found.ids == {0: 4}
    assert kinds(found) == {("merged", (1, 2, 3), (4,))}


def test_new_and_retired():
    old = series((1, 30), (2, 30), (3, 30))
    new = series((0, 10), (1, 10), (2, 10), (0, 10), (1, 10), (2, 10), (3, 30))
    found = match(old, new, next_id=4)
    assert found.ids[3] == 3
    assert {event.kind for event in found.events} == {"kept", "new", "retired"}
    assert {event.old for event in found.events if event.kind == "retired"} == {(1,), (2,)}
    assert {event.new for event in found.events if event.kind == "new"} == {(4,), (5,), (6,)}


def test_every_segment_takes_part_in_one_event():
    rng = np.random.default_rng(1)
    for _ in range(50):
        old = pd.Series(rng.integers(1, 6, size=120), index=[f"a{i}" for i in range(120)])
        new = pd.Series(np.where(rng.random(120) < 0.6, old % 4, rng.integers(4, size=120)), old.index)
        found = match(old, new, next_id=6, n_segments=4)
        before = [segment for event in found.events for segment in event.old]
        after = [segment for event in found.events for segment in event.new]
        assert sorted(before) == sorted(old.unique())
        assert sorted(after) == sorted(found.ids.values())
        assert 0 <= found.followed <= found.moved


def test_a_segment_that_takes_in_another_is_merged_not_kept():
    found = match(series((1, 80), (2, 30), (3, 60)), series((0, 110), (1, 60)), next_id=4)
    assert found.ids[0] == 1
    assert kinds(found) == {("merged", (1, 2), (1,)), ("kept", (3,), (3,))}


def test_accounts_that_follow_a_merger_or_a_split_are_told_from_those_that_leave():
    merged = match(series((1, 80), (2, 30), (3, 60)), series((0, 110), (1, 60)), next_id=4)
    assert merged.moved == merged.followed == pytest.approx(30 / 170)
    split = match(series((4, 100), (5, 50)), series((0, 70), (1, 30), (2, 50)), next_id=6)
    assert split.moved == split.followed == pytest.approx(0.2)
    leaving = match(series((0, 50), (1, 50)), series((1, 10), (0, 40), (1, 50)), next_id=2)
    assert leaving.moved == pytest.approx(0.1)
    assert leaving.followed == 0


def test_parts_of_several_segments_in_several_others_are_regrouped():
    old = series((1, 60), (2, 60), (3, 50))
    new = series((0, 35), (1, 25), (1, 20), (0, 40), (2, 50))
    found = match(old, new, next_id=4)
    assert kinds(found) == {("regrouped", (1, 2), (4, 5)), ("kept", (3,), (3,))}


def test_label_without_shared_accounts_gets_an_id_too():
    found = match(series((1, 10)), series((1, 10)), next_id=2, n_segments=3)
    assert found.ids == {0: 2, 1: 1, 2: 3}
    assert found.next_id == 4


def test_ids_are_never_reused_over_many_retrains():
    rng = np.random.default_rng(0)
    used, next_id = set(), 3
    current = pd.Series(rng.integers(3, size=200), index=[f"a{i}" for i in range(200)])
    for _ in range(20):
        labels = pd.Series(rng.integers(4, size=200), index=current.index)
        found = match(current, labels, next_id=next_id)
        fresh = set(found.ids.values()) - set(current.unique())
        assert not fresh & used
        used |= set(current.unique()) | fresh
        current, next_id = labels.map(found.ids), found.next_id


@pytest.mark.parametrize(
    ("old", "new", "next_id", "message"),
    [
        (series((0, 3)), series((0, 4)), 1, "different accounts"),
        (series((0, 3)).iloc[:0], series((0, 3)).iloc[:0], 1, "different accounts"),
        (series((5, 3)), series((0, 3)), 5, "was used"),
    ],
)
def test_bad_input_is_refused(old, new, next_id, message):
    with pytest.raises(InputError, match=message):
        match(old, new, next_id=next_id)
