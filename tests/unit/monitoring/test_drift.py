"""How far features have moved: hand-computed indexes, SciPy's own test, bins that are frozen."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from monitored_world import CATALOGUE, REFERENCE, customers
from segmentwerk.monitoring import drift, freezing


def test_the_index_is_that_of_the_formula():
    before, now = np.array([99.5, 299.5]), np.array([199.5, 199.5])
    p, q = 100 / 400, 200 / 400
    by_hand = (q - p) * math.log(q / p) + ((1 - q) - (1 - p)) * math.log((1 - q) / (1 - p))
    assert drift.stability(before, now) == pytest.approx(by_hand)


def test_the_index_is_symmetric_and_nothing_for_the_same():
    before, now = np.array([10.0, 20.0, 70.0]), np.array([30.0, 30.0, 40.0])
    assert drift.stability(before, now) == pytest.approx(drift.stability(now, before))
    assert drift.stability(before, before) == 0
    assert drift.stability(before, np.zeros(3)) == 0


def test_the_p_value_is_that_of_a_chi_square_test():
    before, now = np.array([10.0, 20.0, 70.0, 0.0]), np.array([30.0, 30.0, 40.0, 0.0])
    table = np.vstack([before, now])[:, :3]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = ((table - expected) ** 2 / expected).sum()
    assert drift.homogeneous(before, now) == pytest.approx(stats.chi2.sf(statistic, 2))
    assert drift.homogeneous(np.array([5.0]), np.array([7.0])) == 1


def test_holm_stops_at_the_first_that_may_be_chance():
    p = {"a": 0.001, "b": 0.02, "c": 0.03, "d": 0.04}
    assert drift.unlikely(p, 0.05) == {"a"}
    assert drift.unlikely(dict.fromkeys("ab", 0.02), 0.05) == {"a", "b"}


def test_bins_are_frozen_and_rounded():
    rows = pd.DataFrame({"frequency": np.arange(1000) + 0.123456})
    frozen = freezing.numbers(rows, CATALOGUE)["frequency"]
    assert sum(frozen.counts) == 1000
    assert all(edge == float(f"{edge:.3g}") for edge in (*frozen.edges, frozen.low, frozen.high))
    assert min(frozen.counts) >= 90


def test_a_rare_level_is_not_named():
    rows = pd.DataFrame({"country": ["DE"] * 20 + ["XX"] * 4 + [None] * 3})
    frozen = freezing.levels(rows, CATALOGUE)["country"]
    assert (frozen.counts, frozen.other, frozen.unknown) == ({"DE": 20}, 4, 3)


def test_the_farthest_feature_stands_first_and_an_absent_one_is_all_missing():
    rows = customers(1)
    rows["frequency"] *= 3
    found = drift.features(rows.drop(columns="employees"), REFERENCE)
    assert found[0].name == "frequency"
    gone = next(one for one in found if one.name == "employees")
    assert (gone.missing, gone.psi) == (1.0, 0.0)
    assert gone.missing_then == pytest.approx(0.05, abs=0.02)


def test_unknown_and_vanished_levels_are_counted():
    rows = customers(1)
    rows["main_category"] = rows["main_category"].replace("tools", "utensils")
    found = next(one for one in drift.features(rows, REFERENCE) if one.name == "main_category")
    share = (rows["main_category"] == "utensils").mean()
    assert found.unknown == pytest.approx(share)
    assert found.gone == pytest.approx((customers(0)["main_category"] == "tools").mean())
