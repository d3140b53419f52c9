"""Companies, not records: a family of three with sums known by hand, and accounts that cannot be joined."""

from datetime import date

import ibis
import pandas as pd
import pytest

from segmentwerk.core.companies import Companies
from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import Window
from segmentwerk.features import rollup
from segmentwerk.features.table import build

JANUARY = Window(date(2024, 1, 1), date(2024, 7, 1))
# a heads b, b heads c; e's parent is no account; f and g own each other; h owns itself; i is owned by f.
ACCOUNTS = pd.DataFrame(
    [
        ("a", None, "steel", 10.0, 1000.25, "2020-01-01"),
        ("b", "a", "food", 5.0, None, "2019-01-01"),
        ("c", "b", "food", None, 10.5, "2024-03-01"),
        ("d", None, "wood", None, 7.75, "2021-01-01"),
        ("e", "nobody", "wood", 1.5, None, "2021-01-01"),
        ("f", "g", "wood", 1.0, None, "2021-01-01"),
        ("g", "f", "wood", 1.0, None, "2021-01-01"),
        ("h", "h", "wood", 1.0, None, "2021-01-01"),
        ("i", "f", "wood", 1.0, None, "2021-01-01"),
    ],
    columns=["account_id", "parent_account_id", "industry", "employees", "annual_revenue", "created_on"],
).astype({"created_on": "datetime64[us]"})
ORDERS = pd.DataFrame(
    [
        ("a", "1", "2023-10-01", 100.10),
        ("b", "1", "2023-11-01", 40.20),  # an order number that a has, too
        ("c", "2", "2023-12-01", 59.70),
        ("c", "3", "2024-02-01", 1000.0),  # of the outcome window
        ("d", "1", "2023-12-01", 10.0),
        ("unlisted", "9", "2023-12-01", 3.0),
    ],
    columns=["account_id", "order_id", "ordered_at", "revenue"],
).astype({"ordered_at": "datetime64[us]"})
CONTACTS = pd.DataFrame(
    [("b", "mailing", "2023-06-01", "mail"), ("d", "mailing", "2023-06-01", "none")],
    columns=["account_id", "campaign_id", "contacted_at", "arm"],
).astype({"contacted_at": "datetime64[us]"})


@pytest.fixture(scope="module")
def rolled():
    frames = {"accounts": ACCOUNTS, "orders": ORDERS, "campaigns": CONTACTS}
    return rollup.rolled_up({name: ibis.memtable(frame) for name, frame in frames.items()}, "shop")


def built(tables, window=JANUARY):
    return build(tables, window, FeatureSettings(), source="shop", digest="0")


def test_who_belongs_to_whom_is_the_head_of_heads_as_far_as_there_is_one(rolled):
    belonging = rolled[2].to_pandas().set_index("account_id")["family_id"]
    assert belonging.to_dict() == {"a": "a", "b": "a", "c": "a", **{name: name for name in "defghi"}}


def test_what_was_joined_is_counted(rolled):
    assert rolled[1] == Companies(records=9, families=7, several=1, largest=3, unknown=1, endless=3)


def test_a_familys_features_are_those_of_all_its_accounts(rolled):
    table = built(rolled[0])
    family = table.features.loc["a"]
    assert family["monetary"] == pytest.approx(200.0, abs=1e-9)
    assert family["frequency"] == 3  # the two orders numbered 1 are two
    assert family["industry"] == "steel"  # of the head
    assert table.orders["a"] == 3
    assert table.outcomes.loc["a", "future_revenue"] == 1000.0
    assert set(table.features.index) == {"a", "d", "e", "f", "g", "h", "i", "unlisted"}


def test_sums_are_of_the_accounts_that_were_there_at_the_date(rolled):
    family = built(rolled[0]).features.loc["a"]
    assert (family["employees"], family["annual_revenue"]) == (15.0, 1000.25)  # c came in March
    assert (family["family_size"], family["subsidiaries"]) == (2, 1)
    later = built(rolled[0], Window(date(2024, 4, 1))).features.loc["a"]
    assert later["annual_revenue"] == 1011.0  # 1000.25 and 10.5, in whole units of money
    assert (later["family_size"], later["family_revenue_12m"]) == (3, 0.0)


def test_who_stands_alone_keeps_every_number(rolled):
    features = built(rolled[0]).features
    assert features.loc["d", "annual_revenue"] == 7.75
    assert features.loc["e", "employees"] == 1.5
    assert pd.isna(features.loc["d", "employees"])
    assert features.loc["unlisted", "monetary"] == 3.0


def test_a_family_is_there_since_its_first_account(rolled):
    rows = rolled[0]["accounts"].to_pandas().set_index("account_id")
    assert str(rows.loc["a", "created_on"].date()) == "2019-01-01"
    assert rows.index.is_unique


def test_contacts_of_a_subsidiary_are_the_familys(rolled):
    contacts = rolled[0]["campaigns"].to_pandas()
    assert sorted(contacts["account_id"]) == ["a", "d"]
    assert list(contacts.columns) == list(CONTACTS.columns)


def test_tasks_of_two_accounts_stay_two():
    rows = [(who, "1", one, "price", 1.0, chosen) for who in "ab" for one, chosen in (("x", 1), ("y", 0))]
    columns = ["account_id", "task_id", "alternative_id", "attribute", "value", "chosen"]
    tables = {
        "accounts": ibis.memtable(ACCOUNTS),
        "choices": ibis.memtable(pd.DataFrame(rows, columns=columns)),
    }
    choices = rollup.rolled_up(tables, "shop")[0]["choices"].to_pandas()
    assert set(choices["account_id"]) == {"a"}
    assert choices["task_id"].nunique() == 2


@pytest.mark.parametrize(("length", "families"), [(17, 1), (18, 2)])
def test_sixteen_generations_are_followed(length, families):
    """Each account is owned by the one before; who is too far below its head stands for itself."""
    ids = [f"{number:02d}" for number in range(length)]
    chain = pd.DataFrame({"account_id": ids, "parent_account_id": [None, *ids[:-1]]})
    tables, joined, _ = rollup.rolled_up({"accounts": ibis.memtable(chain)}, "shop")
    assert (joined.families, joined.endless) == (families, families - 1)
    assert tables["accounts"].count().execute() == families


@pytest.mark.parametrize(
    "frames", [{"orders": ORDERS}, {"accounts": ACCOUNTS.drop(columns="parent_account_id")}]
)
def test_without_parents_it_is_said_what_to_map(frames):
    tables = {name: ibis.memtable(frame) for name, frame in frames.items()}
    with pytest.raises(InputError, match="no column accounts") as refusal:
        rollup.rolled_up(tables, "shop")
    assert "accounts.level=account" in str(refusal.value)
