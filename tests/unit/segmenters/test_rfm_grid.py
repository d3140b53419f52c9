from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.errors import FitError
from segmentwerk.segmenters.rfm_grid import COLUMNS, RFMGridSegmenter


@pytest.fixture(scope="module")
def grid() -> pd.DataFrame:
    """Every pair of recency and worth once: 100 levels each, frequency and money in step."""
    recency, worth = np.meshgrid(np.arange(100.0), np.arange(100.0))
    values = np.column_stack([recency.ravel(), worth.ravel(), worth.ravel()])
    return pd.DataFrame(values, columns=list(COLUMNS)).assign(noise=0.0)


@pytest.fixture(scope="module")
def model(grid: pd.DataFrame) -> RFMGridSegmenter:
    return RFMGridSegmenter(min_segment_share=0).fit(grid)


def name_of(model: RFMGridSegmenter, recency: float, worth: float) -> str:
    row = pd.DataFrame([[recency, worth, worth, 0.0]], columns=[*COLUMNS, "noise"])
    return model.segment_names_[int(model.predict(row)[0])]


@pytest.mark.parametrize(
    ("recency", "worth", "name"),
    [
        (5, 95, "champions"),
        (25, 65, "loyal"),
        (5, 35, "potential_loyalists"),
        (5, 5, "new"),
        (25, 5, "promising"),
        (45, 45, "need_attention"),
        (45, 5, "about_to_sleep"),
        (75, 65, "at_risk"),
        (95, 95, "cannot_lose"),
        (95, 5, "hibernating"),
    ],
)
def test_cells_have_the_usual_names(model: RFMGridSegmenter, recency: float, worth: float, name: str) -> None:
    assert name_of(model, recency, worth) == name


def test_borders_are_quintiles(model: RFMGridSegmenter) -> None:
    np.testing.assert_allclose(model.thresholds_[0], [19, 39.0, 59.0, 79.0], atol=1)
    counts = np.bincount(model.labels_)
    assert counts.sum() == 10_000
    assert len(counts) == 10
    assert set(counts) == {400, 800, 1_600}


def test_a_row_s_segment_does_not_depend_on_who_else_is_scored(
    model: RFMGridSegmenter, grid: pd.DataFrame
) -> None:
    late = grid[grid["recency_days"] > 90]
    np.testing.assert_array_equal(model.predict(late), model.labels_[grid["recency_days"] > 90])


def test_columns_are_found_by_name_or_by_place(model: RFMGridSegmenter, grid: pd.DataFrame) -> None:
    turned = grid[["noise", "monetary", "recency_days", "frequency"]]
    for rows in (turned, grid.to_numpy()):
        again = RFMGridSegmenter(min_segment_share=0).fit(rows)
        names = np.array(again.segment_names_)[again.labels_]
        np.testing.assert_array_equal(names, np.array(model.segment_names_)[model.labels_])


def test_a_set_without_its_columns_is_refused_with_their_names(grid: pd.DataFrame) -> None:
    with pytest.raises(FitError, match="frequency, monetary missing"):
        RFMGridSegmenter().fit(grid[["recency_days", "noise"]])


@pytest.mark.parametrize("constant", ["frequency", "monetary"])
def test_one_column_tells_the_worth_where_the_other_does_not_vary(
    model: RFMGridSegmenter, grid: pd.DataFrame, constant: str
) -> None:
    alone = RFMGridSegmenter(min_segment_share=0).fit(grid.drop(columns=constant))
    np.testing.assert_array_equal(alone.labels_, model.labels_)


def test_all_alike_in_recency_is_refused_with_both_reasons(grid: pd.DataFrame) -> None:
    with pytest.raises(FitError, match=r"recency_days missing .* alike there, or have no orders"):
        RFMGridSegmenter().fit(grid.drop(columns="recency_days"))


def test_halves_make_a_grid_of_value_by_behaviour(grid: pd.DataFrame) -> None:
    model = RFMGridSegmenter(levels=2).fit(grid)
    found = {name_of(model, recency, worth) for recency in (5, 95) for worth in (5, 95)}
    assert found == {"champions", "promising", "cannot_lose", "hibernating"}
    assert np.bincount(model.labels_).tolist() == [2_500] * 4


def test_levels_that_there_are_not_are_refused(grid: pd.DataFrame) -> None:
    with pytest.raises(FitError, match=r"no 3 levels. Use one of \[5, 2\]"):
        RFMGridSegmenter(levels=3).fit(grid)


def test_small_cells_join_the_nearest_one_and_keep_its_name(grid: pd.DataFrame) -> None:
    model = RFMGridSegmenter(min_segment_share=0.1).fit(grid)
    counts = np.bincount(model.labels_)
    assert counts.min() >= 1_000
    assert len(counts) == len(model.segment_names_) == model.n_segments_ < 10
    assert "Merged" in model.notes_[0]


def test_levels_that_nobody_has_leave_no_empty_segment() -> None:
    rng = np.random.default_rng(0)
    orders = np.ones(200)
    orders[:20] = 3
    values = pd.DataFrame({"recency_days": rng.normal(size=200), "frequency": orders, "monetary": orders})
    model = RFMGridSegmenter().fit(values)
    assert np.bincount(model.labels_).min() >= 4
