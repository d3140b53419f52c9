"""Untapped potential against peers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from segmentwerk.features import peers
from segmentwerk.features.declare import CannotLearnError


def rows(spent, industry, size_class, orders=1):
    return pd.DataFrame(
        {"revenue_12m": spent, "industry": industry, "size_class": size_class, "orders": orders},
    )


@pytest.fixture(scope="module")
def learned():
    steel = rows(np.arange(1.0, 12.0), "steel", ["small"] * 11)
    few = rows([1000.0] * 3, "steel", ["large"] * 3)
    food = rows([50.0] * 12, "food", [None] * 12)
    prospects = rows([np.nan] * 30, "steel", ["small"] * 30, orders=0)
    return peers.learn(pd.concat([steel, few, food, prospects], ignore_index=True))


def test_medians_of_large_enough_groups(learned):
    assert learned["narrow"] == {"steel|small": 6.0}
    assert learned["wide"] == {"food": 50.0, "steel": pytest.approx(7.5)}
    assert learned["all"] == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("spent", "industry", "size_class", "expected"),
    [
        (6.0, "steel", "small", 0.0),
        (2.0, "steel", "small", 2 * (6 - 2) / 8),
        (0.0, "steel", "small", 2.0),
        (7.5, "steel", "large", 0.0),  # too few peers of its size: all of the industry
        (150.0, "food", None, 2 * (50 - 150) / 200),
        (50.0, "paper", "small", 0.0),  # no peers: all customers
        (50.0, None, "small", 0.0),
        (np.nan, "steel", "small", np.nan),
    ],
)
def test_own_spending_against_peers(learned, spent, industry, size_class, expected):
    account = rows([spent], pd.Series([industry], dtype=object), pd.Series([size_class], dtype=object))
    found = peers.apply(account, learned)["untapped_potential"].iloc[0]
    assert found == pytest.approx(expected, nan_ok=True)


def test_too_few_customers():
    with pytest.raises(CannotLearnError, match="3 customers"):
        peers.learn(rows([1.0, 2.0, 3.0], "steel", ["small"] * 3))
