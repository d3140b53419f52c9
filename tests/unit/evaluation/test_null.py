import numpy as np
import pandas as pd
import pytest

from segmentwerk.evaluation.null import null_copy
from small_worlds import blobs, split


@pytest.fixture(scope="module")
def view():
    """Two far groups, a count, a number with unknown values, and a category that follows the groups."""
    X, types = blobs(1500, k=2, distance=10.0)
    rng = np.random.default_rng(0)
    X["count"] = rng.poisson(1.0, 1500).astype(float)
    unknown = rng.random(1500) < 0.4
    X["sales"] = np.where(unknown, 0.3, X["x2"] + rng.standard_normal(1500))
    X["sales_missing"] = unknown * 0.5
    kind = types + rng.integers(2, size=1500)
    for level in range(3):
        X[f"kind={level}"] = (kind == level) * 0.7
    kinds = [f"kind={level}" for level in range(3)]
    return split(X, discrete={"sales_missing": ["sales_missing"], "kind": kinds})


@pytest.fixture(scope="module")
def copy(view):
    return null_copy(view, seed=1)


def test_margins_stay(view, copy):
    for column in ("x0", "x1", "x2", "sales"):
        shares = np.linspace(0.05, 0.95, 10)
        spread = view.everyone[column].std()
        np.testing.assert_allclose(
            copy.everyone[column].quantile(shares), view.everyone[column].quantile(shares), atol=0.35 * spread
        )
    assert copy.everyone["count"].mean() == pytest.approx(view.everyone["count"].mean(), abs=0.1)
    assert set(copy.everyone["count"]) <= set(view.everyone["count"])


def test_correlations_stay(view, copy):
    assert copy.everyone["x0"].corr(copy.everyone["x1"], method="spearman") < -0.5
    assert abs(copy.everyone["x1"].corr(copy.everyone["count"])) < 0.1
    known = copy.everyone["sales_missing"] == 0
    assert copy.everyone.loc[known, "sales"].corr(copy.everyone.loc[known, "x2"]) > 0.5


def test_categories_stay_categories_with_their_frequencies(view, copy):
    levels = [f"kind={level}" for level in range(3)]
    assert set(np.unique(copy.everyone[levels])) == {0.0, 0.7}
    assert ((copy.everyone[levels] > 0).sum(axis=1) == 1).all()
    np.testing.assert_allclose(copy.everyone[levels].mean(), view.everyone[levels].mean(), atol=0.04)


def test_filled_values_go_with_their_flag(view, copy):
    flagged = copy.everyone["sales_missing"] > 0
    assert flagged.mean() == pytest.approx(0.4, abs=0.05)
    assert (copy.everyone.loc[flagged, "sales"] == 0.3).all()


def test_groups_are_gone(view, copy):
    def between(frame):
        return ((frame["x0"] > 5) == (frame["x1"] > 5)).mean()

    assert between(view.everyone) < 0.01
    assert between(copy.everyone) > 0.1


def test_same_seed_same_copy(view, copy):
    pd.testing.assert_frame_equal(null_copy(view, seed=1).everyone, copy.everyone)
    assert not null_copy(view, seed=2).everyone.equals(copy.everyone)
