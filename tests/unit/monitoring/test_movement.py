"""Movement against numbers worked out by hand, and against an independent count."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.monitoring import movement
from segmentwerk.monitoring.movement import ABSENT, PROSPECT, UNKNOWN, Movement, Snapshot

MARCH, JUNE, SEPTEMBER = date(2025, 3, 1), date(2025, 6, 1), date(2025, 9, 1)


def snapshot(day, rows):
    """Rows are (account, segment, revenue, customer)."""
    frame = pd.DataFrame(rows, columns=["account_id", "segment_id", "revenue", "customer"])
    return Snapshot(day, frame.set_index("account_id"))


@pytest.fixture
def before():
    return snapshot(
        MARCH,
        [("a", 1, 100.0, True), ("b", 1, 50.0, True), ("c", 2, 10.0, True), ("d", 2, 20.0, True),
         ("e", 1, 0.0, False), ("f", -1, 5.0, True), ("g", 2, np.nan, True)],
    )  # fmt: skip


@pytest.fixture
def after():
    return snapshot(
        JUNE,
        [("a", 1, 110.0, True), ("b", 2, 60.0, True), ("c", 2, 15.0, True), ("e", 2, 7.0, True),
         ("f", 1, 6.0, True), ("g", -1, 0.0, True), ("h", 1, 30.0, True), ("i", 2, 0.0, False)],
    )  # fmt: skip


def test_counts_and_money_by_hand(before, after):
    found = movement.between(before, after)
    table = found.accounts
    assert table.loc[1, 1] == 1  # a
    assert table.loc[1, 2] == 1  # b
    assert table.loc[2, 2] == 1  # c
    assert table.loc[2, ABSENT] == 1  # d
    assert table.loc[2, UNKNOWN] == 1  # g
    assert table.loc[PROSPECT, 2] == 1  # e was won
    assert table.loc[UNKNOWN, 1] == 1  # f
    assert table.loc[ABSENT, 1] == 1  # h is new
    assert table.loc[ABSENT, PROSPECT] == 1  # i
    assert table.to_numpy().sum() == 9
    assert found.money_before.loc[1, 2] == 50.0
    assert found.money_after.loc[1, 2] == 60.0
    assert found.money_after.loc[ABSENT, 1] == 30.0
    assert found.money_before.loc[ABSENT, 1] == 0.0
    assert found.money_before.to_numpy().sum() == 185.0
    assert found.money_after.to_numpy().sum() == 228.0


def test_what_is_told_of_it(before, after):
    found = movement.between(before, after, segments=[1, 2, 7])
    assert found.segments == [1, 2, 7]
    assert found.days == 92
    assert found.before.to_dict() == {1: 2, 2: 3, 7: 0}
    assert found.after.to_dict() == {1: 3, 2: 3, 7: 0}
    assert found.stayed.to_dict() == {1: 1, 2: 1, 7: 0}
    assert found.moved == pytest.approx(1 / 3)
    assert found.entries.loc[1].to_dict() == {"new": 1, "won": 0, "known": 1}
    assert found.exits.loc[2].to_dict() == {"gone": 1, "unknown": 1, "undone": 0}
    rows = found.transitions()
    assert rows.loc[1].sum() == rows.loc[2].sum() == 1.0
    assert rows.loc[7].isna().all()


def test_equals_an_independent_count():
    rng = np.random.default_rng(5)
    ids = np.array([f"k{number}" for number in range(900)])
    drawn = []
    for day in (MARCH, JUNE):
        some = rng.permutation(ids)[:700]
        rows = zip(
            some, rng.integers(-1, 5, 700), rng.gamma(2.0, 50.0, 700), rng.random(700) < 0.8, strict=True
        )
        drawn.append(snapshot(day, list(rows)))
    found = movement.between(*drawn)
    first, second = (one.accounts.to_dict("index") for one in drawn)

    def state(rows, one):
        if one not in rows:
            return ABSENT
        return rows[one]["segment_id"] if rows[one]["customer"] else PROSPECT

    counted, money = {}, {}
    for one in set(first) | set(second):
        cell = state(first, one), state(second, one)
        counted[cell] = counted.get(cell, 0) + 1
        money[cell] = money.get(cell, 0.0) + second.get(one, {"revenue": 0.0})["revenue"]
    for row in found.accounts.index:
        for column in found.accounts.columns:
            assert found.accounts.loc[row, column] == counted.get((row, column), 0)
            assert found.money_after.loc[row, column] == pytest.approx(money.get((row, column), 0.0))


def test_dates_may_be_given_in_any_order(before, after):
    last = Snapshot(SEPTEMBER, after.accounts)
    found = movement.over([last, before, after])
    assert [(one.since, one.until) for one in found] == [(MARCH, JUNE), (JUNE, SEPTEMBER)]
    assert found[0].segments == found[1].segments


def test_what_is_kept_is_read_again_without_the_money_of_few(before, after):
    found = movement.between(before, after)
    read = Movement.read(found.kept())
    pd.testing.assert_frame_equal(read.accounts, found.accounts)
    assert (read.since, read.until) == (MARCH, JUNE)
    few = (found.accounts > 0) & (found.accounts < movement.LEAST_CELL)
    assert read.money_before.isna().to_numpy()[few.to_numpy()].all()


def test_money_of_few_is_blank(before, after):
    many = pd.concat([before.accounts.iloc[[0]]] * 6).set_axis([f"m{n}" for n in range(6)])
    found = movement.between(
        Snapshot(MARCH, pd.concat([before.accounts, many])), Snapshot(JUNE, pd.concat([after.accounts, many]))
    )
    told = found.told(found.money_before)
    assert told.loc[1, 1] == 700.0
    assert np.isnan(told.loc[1, 2])
    assert told.loc[1, PROSPECT] == 0.0


def test_refusals(before, after):
    with pytest.raises(InputError, match="goes back in time"):
        movement.between(after, before)
    with pytest.raises(InputError, match="no column 'revenue'"):
        movement.between(Snapshot(MARCH, before.accounts.drop(columns="revenue")), after)
    twice = Snapshot(MARCH, pd.concat([before.accounts, before.accounts.iloc[:1]]))
    with pytest.raises(InputError, match="stand twice"):
        movement.between(twice, after)
