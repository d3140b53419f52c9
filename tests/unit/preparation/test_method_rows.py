"""What the analyst's methods read: whatever belongs to a few accounts alone has no name there."""

from datetime import date

import ibis
import pandas as pd
import pyarrow as pa

from segmentwerk.insight.profiles import MIN_CELL_SIZE
from segmentwerk.preparation import method_rows

MANY = [f"a{n}" for n in range(MIN_CELL_SIZE)]


def table(frame):
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


def test_answers_of_a_few_are_left_out():
    rows = [(account, "common", 3.0) for account in MANY] + [(MANY[0], "rare", 5.0)]
    found = method_rows.answers(table(pd.DataFrame(rows, columns=["account_id", "item", "score"])))
    assert list(found) == ["common"]
    assert len(found) == MIN_CELL_SIZE


def test_attributes_that_a_few_were_asked_about_are_left_out():
    rows = [(account, "t", "x", "price", 1.0, 1) for account in MANY] + [(MANY[0], "t", "x", "rare", 1.0, 1)]
    columns = ["account_id", "task_id", "alternative_id", "attribute", "value", "chosen"]
    found = method_rows.choices(table(pd.DataFrame(rows, columns=columns)))
    assert list(found) == method_rows.CHOICES
    assert set(found["attribute"]) == {"price"}


def test_what_a_few_bought_is_left_out():
    day = pd.Timestamp("2023-06-01")
    rows = [(account, account, day, 1.0, "tools") for account in MANY] + [(MANY[0], "o", day, 1.0, "rare")]
    frame = pd.DataFrame(rows, columns=["account_id", "order_id", "ordered_at", "revenue", "category"])
    found = method_rows.bought(table(frame.astype({"ordered_at": "datetime64[us]"})), date(2024, 1, 1))
    assert set(found.loc[found["kind"] == "category", "item"]) == {"tools"}
    assert found["account_id"].nunique() == MIN_CELL_SIZE


def test_tables_that_are_not_there_are_none():
    assert method_rows.MethodRows.of({}, date(2024, 1, 1)) == method_rows.MethodRows()
