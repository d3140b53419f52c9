"""Figures of accounts and segments equal what pandas, and a hand, compute."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from segmentwerk.activation import figures
from segmentwerk.core.errors import InputError
from segmentwerk.data.demo import AS_OF as DEMO_DAY

AS_OF = date(2026, 1, 1)


@pytest.fixture
def found(tables, segment_ids):
    reachable = pd.DataFrame(
        {
            "email": [True, False, False, True],
            "phone": False,
            "post": [False, False, True, False],
            "portal": True,
        },
        index=list("abcd"),
    )
    potential = pd.Series({"a": 10.0, "c": 5.5, "d": 0.0})
    return figures.book(tables, segment_ids.index, AS_OF, potential=potential, reachable=reachable)


def test_money_of_the_last_year_and_the_year_before(found):
    rows = found.accounts
    assert rows["revenue"].round(2).to_dict() == {"a": 240.24, "b": 0, "c": 80, "d": 1000, "e": 0, "f": 0}
    assert rows["revenue_before"].round(2).to_dict() == {
        "a": 100.1,
        "b": 300.3,
        "c": 70,
        "d": 0,
        "e": 0,
        "f": 0,
    }
    assert rows.loc["a", ["margin", "margin_revenue"]].round(2).tolist() == [47.0, 190.19]
    assert rows["recency_days"].to_dict() == pytest.approx(
        {"a": 1, "b": 366, "c": 214, "d": 213, "e": 762, "f": np.nan}, nan_ok=True
    )


def test_segments_by_hand(found, segment_ids):
    table = figures.by_segment(found, segment_ids)
    assert table["accounts"].to_dict() == {1: 2, 2: 3}
    assert table["revenue"].round(2).to_dict() == {1: 240.24, 2: 1080.0}
    assert table.loc[1, "growth"] == pytest.approx(240.24 / 400.40 - 1)
    assert table["retention"].to_dict() == {1: 0.5, 2: 1.0}, "a of a and b; c of c: d and e did not buy then"
    assert table["response"].to_dict() == pytest.approx({1: 0.5, 2: np.nan}, nan_ok=True)
    assert table["potential"].to_dict() == {1: 10.0, 2: 5.5}
    assert table.loc[2, "margin_rate"] == pytest.approx(425 / 1080)
    assert table.loc[1, "share_of_wallet"] == pytest.approx(240.24 / 250.24)
    assert table["reachable"].to_dict() == {1: 0.5, 2: pytest.approx(2 / 3)}, "a portal is no contact"
    assert found.absent == {"predicted": "no_prediction"}


def test_what_the_tables_do_not_tell_is_absent_with_its_reason(tables, lines, segment_ids):
    young = ibis.memtable(lines[lines["ordered_at"] >= "2024-06-01"].drop(columns="margin"))
    book = figures.book({"orders": young}, segment_ids.index, AS_OF)
    assert book.absent == {
        "margin": "no_margin",
        "margin_rate": "no_margin",
        "growth": "short_history",
        "retention": "short_history",
        "potential": "no_potential",
        "share_of_wallet": "no_potential",
        "predicted": "no_prediction",
        "response": "no_campaigns",
        "reachable": "no_contacts",
    }
    assert not set(book.absent) & set(figures.by_segment(book, segment_ids))


def test_without_orders_every_account_counts_as_a_customer(segment_ids):
    book = figures.book({}, segment_ids.index, AS_OF)
    assert book.accounts["customers"].tolist() == [1.0] * 6
    assert figures.by_segment(book, segment_ids)["accounts"].to_dict() == {1: 2, 2: 3}


def test_an_account_that_comes_twice_is_refused(tables):
    with pytest.raises(InputError, match="1 accounts come twice"):
        figures.book(tables, pd.Index(["a", "b", "a"]), AS_OF)


def test_recent_money_by_length(tables, segment_ids):
    rows = figures.recent(tables, segment_ids.index, AS_OF, [1, 300])
    assert rows["revenue_1"].round(2).to_dict() == {"a": 40.04, "b": 0, "c": 0, "d": 0, "e": 0, "f": 0}
    assert rows["ordered_300"].to_dict() == {"a": 1, "b": 0, "c": 1, "d": 1, "e": 0, "f": 0}


@pytest.mark.parametrize("seed", range(3))
def test_a_random_book_equals_pandas_to_the_cent(seed):
    rng = np.random.default_rng(seed)
    n, as_of = 4000, DEMO_DAY
    days = pd.Timestamp(as_of) - pd.to_timedelta(rng.integers(-30, 900, n), "D")
    frame = pd.DataFrame(
        {
            "account_id": rng.integers(0, 300, n).astype(str),
            "order_id": rng.integers(0, 900, n).astype(str),
            "ordered_at": days + pd.to_timedelta(rng.integers(0, 86400, n), "s"),
            "revenue": np.round(rng.normal(80, 120, n), 2),
            "margin": np.where(rng.random(n) < 0.1, np.nan, np.round(rng.normal(20, 30, n), 2)),
        }
    )
    ids = pd.Index(sorted(set(frame["account_id"])))
    segment_ids = pd.Series(rng.integers(-1, 4, len(ids)), index=ids)
    table = figures.by_segment(figures.book({"orders": ibis.memtable(frame)}, ids, as_of), segment_ids)
    end, begin = pd.Timestamp(as_of), pd.Timestamp(as_of) - pd.Timedelta(365, "D")
    last = frame[(frame["ordered_at"] >= begin) & (frame["ordered_at"] < end)]
    before = frame[(frame["ordered_at"] >= begin - pd.Timedelta(365, "D")) & (frame["ordered_at"] < begin)]
    for number in range(4):
        mine = segment_ids.index[segment_ids == number]
        now, then = (part[part["account_id"].isin(mine)] for part in (last, before))
        assert round(table.loc[number, "revenue"], 2) == round(now["revenue"].sum(), 2)
        assert round(table.loc[number, "margin"], 2) == round(now["margin"].sum(), 2)
        bought = set(then.loc[then["revenue"] > 0, "account_id"])
        again = bought & set(now.loc[now["revenue"] > 0, "account_id"])
        assert table.loc[number, "retention"] == pytest.approx(len(again) / len(bought))
        assert table.loc[number, "growth"] == pytest.approx(now["revenue"].sum() / then["revenue"].sum() - 1)
