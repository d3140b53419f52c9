from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.space_columns import ColumnKind, SpaceColumn, factor_name, flag_name
from segmentwerk.segmenters.preprocess import ReferenceSpace

COLUMNS = [
    SpaceColumn.number("employees"),
    SpaceColumn.flag("employees"),
    SpaceColumn.of_level("country", "DE"),
    SpaceColumn.of_level("size", "a=b+c_missing"),
    SpaceColumn(ColumnKind.FACTOR, "frequency+monetary"),
]
ODD = ["price=fair", "price+quality", "50% off", "hours_missing", "%3D", "a=b+c_missing"]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_column_s_name_says_what_it_holds(column: SpaceColumn) -> None:
    assert SpaceColumn.read(column.name) == column


@pytest.mark.parametrize("variable", ODD)
def test_a_feature_may_have_any_name(variable: str) -> None:
    columns = [
        SpaceColumn.number(variable),
        SpaceColumn.flag(variable),
        SpaceColumn.of_level(variable, "a=b"),
    ]
    assert [SpaceColumn.read(column.name) for column in columns] == columns
    assert flag_name(columns[0].name) == columns[1].name
    assert SpaceColumn.read(factor_name([variable, "growth"])).parts == [variable, "growth"]


def test_names_are_those_of_models_before() -> None:
    assert [column.name for column in COLUMNS] == [
        "employees",
        "employees_missing",
        "country=DE",
        "size=a=b+c_missing",
        "frequency+monetary",
    ]
    assert COLUMNS[-1].parts == ["frequency", "monetary"]
    assert factor_name(["frequency", "monetary"]) == "frequency+monetary"


@pytest.mark.parametrize("joined", [False, True])
def test_the_reference_space_hands_out_what_its_columns_hold(joined: bool) -> None:
    rng = np.random.default_rng(0)
    employees = pd.Series(rng.lognormal(3, 1, 300)).where(rng.random(300) < 0.7)
    raw = pd.DataFrame(
        {"recency": rng.random(300), "employees": employees, "country": rng.choice(["DE", "AT"], 300)}
    )
    space = ReferenceSpace(["recency", "employees"], ["country"], joined=joined, apart=["recency"]).fit(raw)
    assert [column.name for column in space.schema_] == list(space.transform(raw).columns)
    kinds = [column.kind.value for column in space.schema_]
    assert kinds[0] == "number"
    assert kinds[1:] == (["factor"] * (len(kinds) - 1) if joined else ["number", "flag", "level", "level"])
    assert {name: sorted(own) for name, own in space.variables_.items()} == {
        "recency": ["recency"],
        "employees": ["employees", "employees_missing"],
        "country": ["country=AT", "country=DE"],
    }
