"""What a number cannot be at all is refused by column and row, on every way alike."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from packaged import CATALOGUE
from segmentwerk.core import units
from segmentwerk.features.catalogue import catalogue
from segmentwerk.registry.package import _possible
from segmentwerk.scoring import batch
from segmentwerk.shipped import assigning

NUMBERS = [feature for feature in catalogue() if feature.kind == "numeric"]


@pytest.mark.parametrize("feature", NUMBERS, ids=lambda feature: feature.name)
def test_every_number_has_limits(feature):
    least, most = feature.possible
    assert least < most <= units.LARGEST
    one_way = ("days", "orders", "people", "share", "km", "years", "lines", "products", "visits", "tickets")
    if feature.unit in one_way and feature.name != "margin_rate":
        assert least == 0
    if feature.unit == "share" and feature.name not in ("margin_rate", "return_rate"):
        assert most == 1


def test_no_unit_is_without_limits_by_oversight():
    free = {feature.unit for feature in NUMBERS} - set(units.LIMITS)
    assert free == {"money", "utility per unit"}


def limits(feature, *values):
    return _possible(feature, pd.Series(values, dtype="float64"))


def test_limits_follow_accounts_that_go_beyond_without_telling_their_value():
    share = next(feature for feature in CATALOGUE if feature.unit == "share")
    assert limits(share, 0.2, np.nan).most == pytest.approx(1)
    assert limits(share, 1 + 1e-12).most == pytest.approx(1)
    assert limits(share, 3.7).most == pytest.approx(10)
    assert limits(share, -0.02).least == pytest.approx(-0.1)
    assert limits(share).above == "cannot be above 1: 85% of something is 0.85"
    below_zero = dataclasses.replace(share, limits=(-5.0, -1.0))
    assert limits(below_zero, 0.0).most == pytest.approx(0, abs=1e-6)


IMPOSSIBLE = [
    ("frequency", -5, "cannot be below 0"),
    ("frequency", 1e300, "cannot be above 1e+12"),
    ("monetary", 1e300, "cannot be above 1e+18"),
    ("monetary", -1e300, "cannot be below -1e+18"),
    ("recency_days", -1, "cannot be below 0"),
    ("employees", 1e11, "cannot be above 1e+10"),
    ("discount_share", 85, "cannot be above 1: 85% of something is 0.85"),
    ("discount_share", -0.01, "cannot be below 0"),
]


@pytest.mark.parametrize(("column", "value", "reason"), IMPOSSIBLE)
def test_what_cannot_be_is_refused_by_column_and_row(model, accounts, column, value, reason):
    rows = accounts.head(3).reset_index(drop=True).astype({column: object})
    rows.at[1, column] = value
    with pytest.raises(MlflowException) as refused:
        model.predict(rows)
    assert f"Column '{column}' {reason}; row 1 holds {value:.6g}." in str(refused.value)
    assert len(refused.value.message) < 300


def test_the_row_is_counted_in_the_whole_table(model, accounts):
    rows = pd.concat([accounts.head(3)] * (assigning.CHUNK // 3 + 2), ignore_index=True)
    rows.loc[assigning.CHUNK + 2, "frequency"] = -1
    with pytest.raises(MlflowException, match=f"row {assigning.CHUNK + 2} holds -1"):
        model.unwrap_python_model().predict(None, rows)


def test_what_is_possible_at_its_very_edge_passes(model, accounts):
    edge = accounts.head(1)
    for values in (
        {"discount_share": 1 + 1e-12},
        {"discount_share": -1e-12},
        {"frequency": 0},
        {"monetary": -5},
    ):
        assert len(model.predict(edge.assign(**values))) == 1


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_batch_sets_such_rows_aside_and_scores_the_others(saved, accounts, tmp_path, kind):
    rows = accounts.head(len(IMPOSSIBLE) + 1).reset_index(drop=True)
    for at, (column, value, _) in enumerate(IMPOSSIBLE):
        rows[column] = rows[column].astype("float64")
        rows.loc[at, column] = value
    given = tmp_path / f"in.{kind}"
    rows.to_csv(given, index=False) if kind == "csv" else rows.to_parquet(given)
    done = batch.score(str(saved), given, tmp_path / "out.parquet")
    assert (done.scored, done.rejected) == (1, len(IMPOSSIBLE))
    rejected = pd.read_csv(done.quarantine)
    assert list(rejected["column"]) == [column for column, _, _ in IMPOSSIBLE]
    assert list(rejected["reason"]) == [reason for _, _, reason in IMPOSSIBLE]
    assert list(rejected["row"]) == list(range(1, len(IMPOSSIBLE) + 1))
