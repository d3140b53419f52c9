"""What the accounts of a segment buy and others of it do not, checked by hand."""

from datetime import date

import ibis
import pandas as pd
import pytest
from scipy.stats import beta

from segmentwerk.activation.offers import bought, find

AS_OF = date(2026, 1, 1)


def test_what_was_bought_in_the_last_year_net_of_returns(tables):
    rows = bought(tables, AS_OF).set_index(["account_id", "kind", "item"])["spend"].round(2)
    assert rows.to_dict() == {
        ("a", "category", "tools"): 190.19,
        ("a", "category", "paint"): 50.05,
        ("c", "category", "paint"): 80.0,
        ("d", "category", "tools"): 1000.0,
        ("a", "product", "t1"): 190.19,
        ("a", "product", "p1"): 50.05,
        ("c", "product", "p1"): 80.0,
        ("d", "product", "t2"): 1000.0,
    }


def test_what_came_back_was_not_bought(lines):
    back = lines[lines["account_id"] == "d"].assign(revenue=-1000.0)
    tables = {"orders": ibis.memtable(pd.concat([lines, back]))}
    assert "d" not in set(bought(tables, AS_OF)["account_id"])


def test_without_orders_or_items_there_is_nothing_to_offer(lines, segment_ids):
    assert bought({}, AS_OF).empty
    bare = {"orders": ibis.memtable(lines.drop(columns=["category", "product_id"]))}
    assert bought(bare, AS_OF).empty
    found = find(bought(bare, AS_OF), segment_ids)
    assert found.segments.empty
    assert found.accounts.empty


@pytest.fixture
def hundreds():
    """Eighty of the hundred accounts of segment 1 buy paint, twenty of segment 2; nearly all buy tools."""
    rows = [(f"x{i}", "category", "paint", 10.0 + i) for i in range(80)]
    rows += [(f"y{i}", "category", "paint", 500.0) for i in range(20)]
    rows += [(f"{side}{i}", "category", "tools", 5.0) for side in "xy" for i in range(99)]
    purchases = pd.DataFrame(rows, columns=["account_id", "kind", "item", "spend"])
    ids = pd.Series({f"{side}{i}": number for number, side in ((1, "x"), (2, "y")) for i in range(100)})
    return purchases, ids


def test_lift_interval_and_money_by_hand(hundreds):
    (row,) = find(*hundreds).segments.itertuples()
    assert (row.segment_id, row.item, row.buyers, row.customers, row.without) == (1, "paint", 80, 100, 20)
    assert row.share == pytest.approx(90 / 120), (
        "eighty of a hundred, and ten of the twenty that the prior counts"
    )
    assert row.lift == pytest.approx(1.5)
    assert (row.low, row.high) == pytest.approx(
        (beta.ppf(0.025, 90, 30) / 0.5, beta.ppf(0.975, 90, 30) / 0.5)
    )
    assert row.spend == 49.5
    assert row.money == pytest.approx(20 * 0.75 * 49.5)


def test_only_those_who_do_not_buy_it_are_offered_it(hundreds):
    found = find(*hundreds).accounts
    assert set(found.index) == {f"x{i}" for i in range(80, 100)}
    assert set(found["item"]) == {"paint"}
    assert found["money"].tolist() == pytest.approx([0.75 * 49.5] * 20)


def test_each_is_offered_what_brings_most_of_what_it_lacks(hundreds):
    purchases, ids = hundreds
    more = pd.DataFrame([(f"x{i}", "category", "glass", 900.0) for i in range(40)], columns=purchases.columns)
    found = find(pd.concat([purchases, more]), ids).accounts["item"]
    assert found["x50"] == "glass", "it has paint"
    assert found["x90"] == "glass", "it lacks both, and glass brings more"
    assert "x10" not in found, "it has both"


def test_few_buyers_are_no_support(hundreds):
    purchases, ids = hundreds
    few = purchases[(purchases["item"] == "tools") | purchases["account_id"].isin(["x0", "x1", "x2", "x3"])]
    assert find(few, ids).segments.empty


def test_accounts_without_a_segment_count_nowhere(hundreds):
    purchases, ids = hundreds
    more = pd.DataFrame({"account_id": ["z"], "kind": ["category"], "item": ["paint"], "spend": [1e6]})
    both = find(pd.concat([purchases, more]), pd.concat([ids, pd.Series({"z": -1})]))
    pd.testing.assert_frame_equal(both.segments, find(purchases, ids).segments)
