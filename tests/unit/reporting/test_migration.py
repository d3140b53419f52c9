"""Who moves, with how much money: counted once, and silent about few accounts."""

import numpy as np
import pandas as pd
import pytest

from segmentwerk.evaluation.identity import match
from segmentwerk.insight.language import Language
from segmentwerk.insight.migration import Migration
from segmentwerk.reporting import sentences, tables

ENGLISH, GERMAN = Language("en", "EUR"), Language("de", "EUR")


def moving(leaving, sizes=(50, 40, 30)):
    """``leaving`` accounts of each old segment go to the next one; each account holds 100."""
    old = pd.Series(np.repeat([1, 2, 3], sizes), [f"a{i}" for i in range(sum(sizes))])
    new = old - 1
    for segment, count in zip((1, 2, 3), leaving, strict=True):
        new[old.index[old == segment][:count]] = segment % 3
    identity = match(old, new, next_id=4)
    return Migration.of(
        identity,
        old,
        new.map(identity.ids),
        before={1: "one", 2: "two", 3: "three"},
        after={1: "one", 2: "two", 3: "three"},
        revenue=pd.Series(100.0, old.index),
    )


def test_accounts_and_money_of_those_who_move_add_up():
    moves = moving((10, 0, 6))
    assert (moves.accounts, moves.moved, moves.followed) == (120, 16, 0)
    assert moves.leaving.to_dict() == {1: 10, 2: 0, 3: 6}
    assert moves.revenue_moved == 1600
    told = tables.migration(moves, ENGLISH)
    heads, rows = told.heads, told.rows
    assert heads[-3:] == ["Accounts", "of which move", "Revenue of those who move"]
    assert rows[0] == ["1 one", "40", "10", "0", "50", "10 (20.0%)", "1,000\xa0EUR"]
    assert rows[-1] == ["All", "46", "50", "24", "120", "16 (13.3%)", "1,600\xa0EUR"]
    told = sentences.moved(moves, 7, GERMAN)
    assert "Gegenüber Version 7 wechseln 16 von 120 Kunden (13,3\xa0%)" in told
    assert "1.600\xa0EUR" in told


@pytest.mark.parametrize(
    ("leaving", "told"),
    [((10, 0, 3), {}), ((10, 8, 3), {1: 1000}), ((10, 3, 3), {1: 1000}), ((4, 0, 0), {})],
)
def test_money_of_few_accounts_is_not_told_nor_by_the_difference_to_all(leaving, told):
    moves = moving(leaving)
    assert moves.revenue_leaving.dropna().to_dict() == told
    hidden = moves.leaving[moves.revenue_leaving.isna()].sum()
    assert hidden >= 5 or np.isnan(moves.revenue_moved)


def test_without_revenue_there_is_no_money():
    moves = moving((10, 0, 0))
    silent = Migration.of(
        moves.identity,
        pd.Series([1, 2], ["a", "b"]),
        pd.Series([1, 1], ["a", "b"]),
        before={},
        after={},
        revenue=None,
    )
    assert "Revenue" not in " ".join(tables.migration(moving((9, 0, 0)), ENGLISH).heads[:-1])
    assert np.isnan(silent.revenue)
    assert "revenue" not in sentences.moved(silent, 1, ENGLISH)


def test_what_became_of_a_segment_is_told_by_name():
    assert sentences.events(moving((10, 0, 0)), ENGLISH)[0].startswith("kept: 1 one (overlap ")
    old = pd.Series(np.repeat([1, 2, 3], [30, 20, 40]), range(90))
    merged = match(old, old.map({1: 0, 2: 0, 3: 1}), next_id=4)
    names = {1: "one", 2: "two", 3: "three"}
    new = old.map({1: 1, 2: 1, 3: 3})
    moves = Migration.of(merged, old, new, before=names, after=names, revenue=None)
    assert "merged: 1 one and 2 two become 1 one" in sentences.events(moves, ENGLISH)
    assert "vereint: 1 one und 2 two werden zu 1 one" in sentences.events(moves, GERMAN)
    assert sentences.moved(moves, 1, ENGLISH).endswith(
        "20 of them only follow their segment, which was split, merged or regrouped; 0 leave it."
    )
