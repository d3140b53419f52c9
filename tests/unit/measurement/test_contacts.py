"""Who was contacted and what followed, by hand."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from segmentwerk.measurement import arm_sums, contacts
from segmentwerk.measurement.contacts import Spans
from small_experiment import SPANS, UNTIL, contacted, orders, rows

DAY = date(2025, 6, 2)


def ledger(**columns):
    frame = pd.DataFrame(
        {
            "account_id": ["a", "b", "c"],
            "segment_id": [1, 1, 2],
            "campaign": "2025-06 win_back",
            "measure": "win_back",
            "arm": ["treated", "control", "treated"],
            "from_date": DAY,
            "until_date": [date(2025, 7, 2), date(2025, 7, 2), None],
        }
    )
    return frame.assign(**columns)


LINES = orders(
    ("a", "2024-06-01", 500, 100),  # more than a year before
    ("a", "2025-06-01 23:59", 40, 4),  # the day before
    ("a", "2025-06-02 00:00", 30, 3),  # the first moment of the window
    ("a", "2025-07-01 23:59", 20, 2),  # its last day
    ("a", "2025-07-02 00:00", 10, 1),  # after it
    ("b", "2025-06-10", -5, -1),  # a return is no conversion
    ("c", "2025-07-01 12:00", 7, 1),
    ("c", "2026-01-01", 900, 9),  # after all that is known
)


@pytest.fixture
def found():
    tables = {"orders": ibis.memtable(LINES)}
    made = contacts.from_ledger(tables, ledger(), {"win_back": 6.5}, SPANS)
    return made.execute().set_index("account_id")


def test_orders_count_within_the_window_only(found):
    assert found["revenue"].to_dict() == {"a": 50.0, "b": -5.0, "c": 7.0}
    assert found["margin"].to_dict() == {"a": 5.0, "b": -1.0, "c": 1.0}
    assert found["converted"].to_dict() == {"a": 1.0, "b": 0.0, "c": 1.0}
    assert found["before"].to_dict() == {"a": 40.0, "b": 0.0, "c": 0.0}
    assert found["late"].to_dict() == {"a": 1.0, "b": 0.0, "c": 0.0}


def test_a_margin_that_no_order_tells_is_unknown():
    tables = {"orders": ibis.memtable(LINES.assign(margin=[None] * len(LINES)).astype({"margin": float}))}
    made = contacts.from_ledger(tables, ledger(), {}, SPANS).execute()
    assert made["margin"].isna().all()
    assert made["revenue"].notna().all()


def test_only_the_treated_cost_something(found):
    assert found["cost"].to_dict() == {"a": 6.5, "b": 0.0, "c": 6.5}


def test_an_open_end_is_that_of_the_settings(found):
    assert (found["end"] - found["begin"]).dt.days.to_dict() == {"a": 30, "b": 30, "c": 30}


def test_what_nothing_is_told_of_is_null(found):
    assert found["responded"].isna().all()
    assert found["lead"].isna().all()


def test_an_unknown_measure_has_no_cost():
    made = contacts.from_ledger({"orders": ibis.memtable(LINES)}, ledger(), {}, SPANS).execute()
    assert made["cost"].isna().tolist() == [True, False, True]


def test_leads_are_opportunities_of_the_window():
    opened = pd.DataFrame(
        {"account_id": ["a", "b"], "opened_on": pd.to_datetime(["2025-06-20", "2025-08-01"]), "stage": "open"}
    )
    tables = {"orders": ibis.memtable(LINES), "opportunities": ibis.memtable(opened)}
    made = contacts.from_ledger(tables, ledger(), {}, SPANS).execute().set_index("account_id")
    assert made["lead"].to_dict() == {"a": 1.0, "b": 0.0, "c": 0.0}


def test_an_account_in_two_arms_of_the_ledger_has_none():
    torn = pd.concat([ledger(), ledger(arm="control").iloc[:1]], ignore_index=True)
    made = contacts.from_ledger({"orders": ibis.memtable(LINES)}, torn, {}, SPANS).execute()
    assert len(made) == 3
    assert made.set_index("account_id")["arm"].isna().to_dict() == {"a": True, "b": False, "c": False}


def test_campaigns_tell_their_own_outcomes():
    table, segments = rows(n=20)
    made = contacted(table, segments, orders=orders(("a00000", "2025-06-03", 99, 9)))
    found = made.execute().set_index("account_id")
    assert found["revenue"].sum() == pytest.approx(table["revenue"].sum())
    assert found["margin"].isna().all()  # the campaign's revenue is its own; the orders' margin is another
    assert found["lead"].tolist() == found["responded"].tolist()


def test_campaigns_without_outcomes_take_them_from_the_orders():
    table, segments = rows(n=20)
    lines = orders(("a00000", "2025-06-03", 99, 9), ("a00001", "2025-12-03", 99, 9))
    bare = table.drop(columns=["converted", "revenue", "responded"])
    found = contacted(bare, segments, orders=lines).execute().set_index("account_id")
    assert found["revenue"].sum() == 99
    assert found["converted"].sum() == 1
    assert found["margin"].sum() == 9


def test_several_contacts_of_one_campaign_are_one():
    table, segments = rows(n=4, lift=(0.0,))
    again = table.iloc[:2].assign(
        contacted_at=pd.Timestamp("2025-06-20"), cost=5.0, revenue=11.0, converted=1, responded=0
    )
    found = contacted(pd.concat([table, again]), segments).execute().set_index("account_id")
    assert len(found) == 4
    first = table.set_index("account_id").loc["a00000"]
    assert found.loc["a00000", "cost"] == first["cost"] + 5
    assert found.loc["a00000", "revenue"] == first["revenue"] + 11
    assert found.loc["a00000", "converted"] == 1
    assert found.loc["a00000", "begin"] == first["contacted_at"]


def test_an_account_in_two_arms_and_one_too_young_are_marked():
    table, segments = rows(n=4, lift=(0.0,))
    other = {"control": "treated", "treated": "control"}
    again = table.iloc[:1].assign(arm=table["arm"].iloc[:1].map(other))
    born = pd.DataFrame(
        {
            "account_id": ["a00000", "a00001", "a00002", "a00003"],
            "created_on": pd.to_datetime(["2020-01-01", "2025-06-03", "2025-06-02", None]),
        }
    )
    found = contacted(pd.concat([table, again]), segments, accounts=born).execute().set_index("account_id")
    assert found["arm"].isna().tolist() == [True, False, False, False]
    assert found["known"].tolist() == [1, 0, 1, 1]


def test_what_lies_behind_the_last_known_day_is_not_seen():
    table, segments = rows(n=4, lift=(0.0,))
    assert len(contacted(table, segments, until=date(2025, 6, 2)).execute()) == 0
    assert len(contacted(table, segments, until=UNTIL).execute()) == 4


def test_an_account_without_a_segment_has_none():
    table, segments = rows(n=4, lift=(0.0,))
    found = contacted(table, segments.iloc[1:]).execute().set_index("account_id")
    assert found["segment_id"].sort_index().tolist() == [-1, 1, 1, 1]


def test_days_before_are_as_many_as_asked():
    tables = {"orders": ibis.memtable(LINES)}
    made = contacts.from_ledger(tables, ledger(), {}, Spans(30, 500, UNTIL)).execute()
    assert made.set_index("account_id")["before"].to_dict() == {"a": 540.0, "b": 0.0, "c": 0.0}


@pytest.mark.parametrize("n", [2_000, 300_000])
def test_sums_do_not_depend_on_the_order_of_the_rows_nor_on_threads(n):
    table, segments = rows(n=n, lift=(0.1, 0.0, -0.02))
    rng = np.random.default_rng(3)
    table["revenue"] = rng.lognormal(4, 1, n).round(2) * table["converted"]
    found = []
    for threads, places in ((4, np.arange(n)), (3, rng.permutation(n)), (1, rng.permutation(n))):
        backend = ibis.duckdb.connect(threads=threads)
        backend.con.register("told", table.iloc[places])
        tables = {"campaigns": backend.table("told")}
        made = contacts.kept(contacts.from_campaigns(tables, segments.iloc[places], SPANS))
        found.append(arm_sums.read(made, "spring").by)
    first, *others = [{cell: vars(one) for cell, one in sums.items()} for sums in found]
    assert all(one == first for one in others)
