import numpy as np
import pandas as pd
import pytest

from segmentwerk.evaluation import substance
from segmentwerk.evaluation.view import Case
from small_worlds import SETTINGS, Labelled, split


def case(labels, revenue=None, k=None):
    X = pd.DataFrame({"x": np.arange(float(len(labels)))}, index=[f"a{i:03d}" for i in range(len(labels))])
    more = {} if revenue is None else {"revenue": pd.Series(revenue, index=X.index, dtype=float)}
    return Case.of(Labelled(pd.Series(labels, index=X.index), k), split(X, **more), SETTINGS, 0)


def scores(*args, **more):
    return {item.score.name: item.score for item in substance.measure(case(*args, **more))}


def test_sizes_by_hand():
    found = scores([0, 1, 1, 0, 1, 1] * 10, k=3)
    assert found["n_segments"].value == 2
    assert found["smallest_share"].value == pytest.approx(1 / 3)
    assert found["largest_share"].value == pytest.approx(2 / 3)
    entropy = -(np.log(1 / 3) / 3 + 2 * np.log(2 / 3) / 3)
    assert found["evenness"].value == pytest.approx(entropy / np.log(2))
    assert found["smallest_share"].low < 1 / 3 < found["smallest_share"].high


def test_returns_take_no_share_of_the_revenue():
    judged = case([0, 0, 1], revenue=[30.0, -5.0, 10.0])
    np.testing.assert_allclose(substance.revenue_shares(judged), [0.75, 0.25])
    assert scores([0, 0, 1], revenue=[30.0, -5.0, 10.0])["largest_revenue_share"].value == pytest.approx(0.75)


@pytest.mark.parametrize("revenue", [None, [0.0, np.nan, -1.0]])
def test_no_revenue_no_shares(revenue):
    judged = case([0, 0, 1], revenue=revenue)
    assert np.isnan(substance.revenue_shares(judged)).all()
    assert "largest_revenue_share" not in scores([0, 0, 1], revenue=revenue)
