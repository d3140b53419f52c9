"""The split is the account's own, whatever other accounts there are."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from segmentwerk.contest.unfinished import unfinished
from segmentwerk.core.settings import FeatureSettings, GoalSettings
from segmentwerk.core.types import AccountTable, Feature, Window
from segmentwerk.preparation.prepare import ACCOUNTS_A_FEATURE, fit_space, split

IDS = pd.Index([f"K{number:05d}" for number in range(4000)])


def test_an_account_stays_on_its_side_when_others_come_or_go():
    fit, held_out = split(IDS, 0.3, seed=1)
    fit_later, held_out_later = split(IDS[1500:].append(pd.Index(["new"])), 0.3, seed=1)
    assert set(held_out_later) - {"new"} <= set(held_out)
    assert set(fit_later) - {"new"} <= set(fit)


def test_the_share_is_kept_and_nothing_is_lost():
    fit, held_out = split(IDS, 0.3, seed=1)
    assert 0.27 < len(held_out) / len(IDS) < 0.33
    assert set(fit) | set(held_out) == set(IDS)
    assert not set(fit) & set(held_out)


def test_another_seed_splits_otherwise():
    assert set(split(IDS, 0.3, seed=1)[1]) != set(split(IDS, 0.3, seed=2)[1])


def test_a_finished_key_is_forgotten_and_a_killed_one_is_found_again(tmp_path):
    with unfinished(tmp_path, "compare", "data") as first:
        pass
    with unfinished(tmp_path, "compare", "data") as second:
        assert second != first
        (left_behind,) = tmp_path.glob("unfinished/*.key")
        killed = left_behind.read_text()
    left_behind.write_text(killed)
    with unfinished(tmp_path, "compare", "data") as third:
        assert third == killed


def order_book(n: int) -> AccountTable:
    """An order book of six features, two of which say what others say; some accounts never ordered."""
    rng = np.random.default_rng(0)
    money = rng.normal(size=n)
    features = pd.DataFrame(
        {
            "recency_days": rng.normal(size=n),
            "frequency": money + rng.normal(size=n),
            "monetary": money,
            "average_basket": money + 0.1 * rng.normal(size=n),
            "n_products": rng.normal(size=n),
            "growth": rng.normal(size=n),
        },
        index=[f"K{i:04d}" for i in range(n)],
    )
    catalogue = tuple(Feature(name, "numeric", "", "behavioural", "orders", "", "") for name in features)
    outcomes, orders = pd.DataFrame(index=features.index), pd.Series(1, index=features.index)
    return AccountTable(features, outcomes, orders, catalogue, Window(date(2026, 1, 1)), "book", "")


@pytest.mark.parametrize(
    ("n", "selection", "joined"),
    [
        (6 * ACCOUNTS_A_FEATURE, "factors", False),
        (6 * ACCOUNTS_A_FEATURE - 1, "factors", True),
        (100, "off", False),
    ],
)
def test_factors_stand_for_features_where_customers_are_few(n, selection, joined):
    table = order_book(n)
    space = fit_space(table, table.features.index, FeatureSettings(selection=selection), GoalSettings())
    assert (space.factors_ is not None) == joined
    assert space.columns_[:3] == ["recency_days", "frequency", "monetary"]
    assert list(space.numeric) == list(table.features)  # scoring asks for the same
    if joined:
        assert not set(space.columns_) & {"average_basket+monetary", "average_basket+frequency"}


def test_prospects_do_not_count_as_customers():
    table = order_book(6 * ACCOUNTS_A_FEATURE)
    table.orders.iloc[0] = 0
    space = fit_space(table, table.customers, FeatureSettings(), GoalSettings())
    assert space.factors_ is not None
