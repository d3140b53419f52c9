"""Who left the best segment, who came, and who may leave: by hand, and only where it was foretold."""

from datetime import date

import numpy as np
import pandas as pd

from segmentwerk.monitoring import lists
from segmentwerk.monitoring.movement import Snapshot

MARCH, JUNE = date(2025, 3, 1), date(2025, 6, 1)


def snapshot(day, rows, **columns):
    frame = pd.DataFrame(rows, columns=["account_id", "segment_id", "revenue", "customer"])
    return Snapshot(day, frame.assign(**columns).set_index("account_id"))


BEFORE = [
    ("a", 1, 9.0, True),
    ("b", 1, 9.0, True),
    ("c", 2, 1.0, True),
    ("d", 1, 5.0, True),
    ("e", 1, 0.0, False),
]
AFTER = [
    ("a", 1, 9.0, True),
    ("b", 2, 9.0, True),
    ("c", 1, 1.0, True),
    ("e", 1, 2.0, True),
    ("f", 1, 2.0, True),
]


def test_lists_by_hand():
    found = lists.since(snapshot(MARCH, BEFORE), snapshot(JUNE, AFTER), [1])
    assert list(found.left) == ["b"]  # d is gone from the data
    assert list(found.entered) == ["c", "e", "f"]
    assert len(found.leaving) == 0
    assert found.signal is None
    assert found.rows().to_numpy().tolist() == [
        ["c", "entered"],
        ["e", "entered"],
        ["f", "entered"],
        ["b", "left"],
    ]


def test_the_best_segment_brings_most_money_a_customer():
    assert lists.richest(snapshot(MARCH, BEFORE)) == 1
    assert lists.richest(snapshot(MARCH, [("a", 1, 0.0, True)])) is None


def members(n, confidence, leaves):
    rows = [(f"k{number:03}", 1, 1.0, True) for number in range(n)]
    after = [(name, 2 if gone else 1, 1.0, True) for (name, *_), gone in zip(rows, leaves, strict=True)]
    return snapshot(MARCH, rows, confidence=confidence), snapshot(JUNE, after, confidence=confidence)


def test_those_of_low_confidence_are_listed_where_they_left_before():
    confidence = np.linspace(0.2, 1.0, 200)
    before, after = members(200, confidence, confidence < 0.3)
    found = lists.since(before, after, [1])
    assert found.signal.tells
    assert found.signal.others == 0.0
    stayed = after.accounts[after.accounts["segment_id"] == 1]
    assert set(found.leaving) == set(stayed["confidence"].nsmallest(round(0.2 * len(stayed))).index)


def test_nobody_is_listed_where_confidence_foretold_nothing():
    rng = np.random.default_rng(1)
    before, after = members(200, rng.random(200), rng.random(200) < 0.2)
    found = lists.since(before, after, [1])
    assert found.signal is not None
    assert not found.signal.tells
    assert len(found.leaving) == 0
