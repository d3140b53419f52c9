"""Whatever type and value a cell has: every way gives the same answer, or refuses it in the same words."""

from __future__ import annotations

import json
from decimal import Decimal

import mlflow
import numpy as np
import pandas as pd
import pytest
import requests
from mlflow.exceptions import MlflowException

from packaged import world
from scoring_server import served
from segmentwerk.scoring import batch

ROWS = 4
ANSWERED = {
    "whole numbers": ("frequency", [1, 2, 3, 40]),
    "small whole numbers": ("recency_days", np.array([1, 2, 3, 4], dtype="int8")),
    "nullable whole numbers": ("employees", pd.array([1, None, 30, 4000], dtype="Int64")),
    "nullable fractions": ("monetary", pd.array([1.5, None, -3, 4e6], dtype="Float64")),
    "flags": ("frequency", [True, False, True, True]),
    "nullable flags": ("frequency", pd.array([True, None, False, True], dtype="boolean")),
    "decimals": ("monetary", [Decimal("1234.50"), Decimal("0.10"), Decimal(7), None]),
    "numbers in texts": ("frequency", ["1", "2", "3", "40"]),
    "categories": ("industry", pd.Categorical(["Tech", None, "Retail", "Never seen"])),
    "codes of whole numbers": ("industry", [7, 8, 9, 10]),
    "texts of pandas": ("country", pd.array(["DE", None, " FR ", "XX"], dtype="string")),
    "whole ids": ("account_id", [1017, 2**53 + 1, 42, 0]),
    "ids as nullable numbers": ("account_id", pd.array([1017, 2**60 + 1, 42, 7], dtype="Int64")),
    "ids with zeros": ("account_id", ["0042", "007", "7", "ä"]),
    "ids as categories": ("account_id", pd.Categorical(["0042", "007", "7", "ä"])),
    "the edges of what is possible": ("discount_share", [0.0, 1.0, 1 + 1e-12, -1e-12]),
    "nothing at all": ("frequency", [None, np.nan, None, None]),
    "numbers close to nothing": ("monetary", [1e-300, -1e-300, 5e-324, 0.0]),
}
REFUSED = {
    "fewer than none": ("frequency", [1, 2, -5, 3], 2, "cannot be below 0"),
    "more than there can be": ("frequency", [1.0, 1e300, 2.0, 3.0], 1, "cannot be above 1e+12"),
    "money beyond all": ("monetary", [1e300, 1.0, 2.0, 3.0], 0, "cannot be above 1e+18"),
    "a percentage for a share": (
        "discount_share",
        [0.1, 0.2, 0.3, 85.0],
        3,
        "cannot be above 1: 85% of something is 0.85",
    ),
    "a percentage as a whole number": (
        "discount_share",
        [0, 1, 0, 85],
        3,
        "cannot be above 1: 85% of something is 0.85",
    ),
    "a decimal below": ("recency_days", [Decimal(1), Decimal(-1), None, Decimal(3)], 1, "cannot be below 0"),
    "a text below": ("employees", ["1", "2", "3", "-4"], 3, "cannot be below 0"),
}
NO_NUMBERS = {
    "words": ["1", "many", "2", "3"],
    "flags in texts": ["1", "True", "2", "3"],
    "numbers as Python writes them": ["1", "1_000", "2", "3"],
    "infinity": [1.0, np.inf, 2.0, 3.0],
}
MISSING_ID = {
    "beside texts": ["a", None, "b", "c"],
    "beside whole numbers": [1017, None, 42, 7],
    "in a nullable column": pd.array([1017, None, 42, 7], dtype="Int64"),
}


def strict(text: str) -> dict:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def plain(value: object) -> object:
    """Return a cell as a client writes it in JSON."""
    if value is None or value is pd.NA or value != value:  # NaN
        return None
    if isinstance(value, np.generic):
        return value.item()
    return float(value) if isinstance(value, Decimal) else value


@pytest.fixture(scope="module")
def model(saved):
    return mlflow.pyfunc.load_model(str(saved))


@pytest.fixture(scope="module")
def address(saved):
    with served(saved) as address:
        yield address


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """A few accounts of which everything is known."""
    return world(100, seed=3)[0].features.dropna().reset_index().head(ROWS)


def ask(address: str, frame: pd.DataFrame, form: str) -> requests.Response:
    records = [
        {name: plain(cell) for name, cell in row.items()} for _, row in frame.astype(object).iterrows()
    ]
    columns = list(frame.columns)
    body = {
        "dataframe_records": lambda: records,
        "dataframe_split": lambda: {"columns": columns, "data": [list(row.values()) for row in records]},
    }[form]()
    answer = requests.post(address, json={form: body}, timeout=60)
    strict(answer.text)
    return answer


def filed(saved, frame: pd.DataFrame, folder, kind: str) -> tuple[batch.Summary, pd.DataFrame]:
    given = folder / f"in.{kind}"
    frame.to_csv(given, index=False) if kind == "csv" else frame.to_parquet(given)
    done = batch.score(str(saved), given, folder / f"{kind}.parquet")
    return done, pd.read_parquet(done.output)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        found[expected.columns].reset_index(drop=True),
        expected.reset_index(drop=True),
        check_dtype=False,
        rtol=1e-9,
        atol=1e-12,
    )


@pytest.mark.parametrize(("column", "values"), ANSWERED.values(), ids=ANSWERED)
def test_the_same_answer_on_every_way(saved, model, address, rows, tmp_path, column, values):
    frame = rows.assign(**{column: values})
    expected = model.unwrap_python_model().predict(None, frame)
    assert len(expected) == ROWS
    assert_same(model.predict(frame), expected)
    for kind in ("parquet",) if frame[column].dtype in ("bool", "boolean") else ("csv", "parquet"):
        done, found = filed(saved, frame, tmp_path, kind)  # in CSV, a flag is a text that is no number
        assert done.rejected == 0
        assert_same(found, expected)
    for form in ("dataframe_split", "dataframe_records"):
        answer = ask(address, frame, form)
        assert answer.status_code == 200, answer.text
        assert_same(pd.DataFrame(strict(answer.text)["predictions"]), expected)


@pytest.mark.parametrize(("column", "values", "row", "reason"), REFUSED.values(), ids=REFUSED)
def test_the_same_refusal_on_every_way(saved, model, address, rows, tmp_path, column, values, row, reason):
    """A call is refused as a whole, of a file the row: in both the column, the row and the same words."""
    frame = rows.assign(**{column: values})
    told = f"Column '{column}' {reason}; row {row} holds"
    for predict in (model.predict, lambda given: model.unwrap_python_model().predict(None, given)):
        with pytest.raises(MlflowException) as refused:
            predict(frame)
        assert told in refused.value.message
    for form in ("dataframe_split", "dataframe_records"):
        answer = ask(address, frame, form)
        assert answer.status_code == 400
        assert told in answer.json()["message"]
    others = model.predict(frame.drop(index=row))
    for kind in ("csv", "parquet"):
        done, found = filed(saved, frame, tmp_path, kind)
        (rejected,) = pd.read_csv(done.quarantine).to_dict("records")
        assert (rejected["row"], rejected["column"], rejected["reason"]) == (row + 1, column, reason)
        assert_same(found, others)


@pytest.mark.parametrize("values", NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_what_is_no_number_is_refused_on_every_way(saved, model, address, rows, tmp_path, values):
    frame = rows.assign(monetary=values)
    with pytest.raises(MlflowException, match=r"'monetary' (must hold numbers; row 1|is infinite in row 1)"):
        model.predict(frame)
    for kind in ("csv", "parquet"):
        done, _ = filed(saved, frame, tmp_path, kind)
        (rejected,) = pd.read_csv(done.quarantine).to_dict("records")
        assert (rejected["row"], rejected["column"]) == (2, "monetary")
        assert rejected["reason"] == "is not a finite number"
    body = json.dumps({"dataframe_split": {"columns": ["monetary"], "data": [[value] for value in values]}})
    answer = requests.post(address, data=body, headers={"Content-Type": "application/json"}, timeout=60)
    assert answer.status_code == 400
    assert "Column 'monetary'" in strict(answer.text)["message"]


@pytest.mark.parametrize("ids", MISSING_ID.values(), ids=MISSING_ID)
def test_a_missing_id_is_null_where_rows_keep_their_place_and_set_aside_in_files(
    saved, model, address, rows, tmp_path, ids
):
    frame = rows.assign(account_id=ids)
    expected = [None if known else str(value) for value, known in zip(ids, pd.isna(ids), strict=True)]
    expected = [text and text.removesuffix(".0") for text in expected]
    assert model.predict(frame)["account_id"].tolist() == expected
    answer = ask(address, frame, "dataframe_records")
    assert [row["account_id"] for row in strict(answer.text)["predictions"]] == expected
    for kind in ("csv", "parquet"):
        done, found = filed(saved, frame, tmp_path, kind)
        shown = found["account_id"].str.removesuffix(".0")  # as pandas writes such a column into CSV
        assert shown.tolist() == [text for text in expected if text is not None]
        assert pd.read_csv(done.quarantine)["reason"].tolist() == ["is missing"]


def test_ids_that_lost_digits_beside_a_missing_one_are_refused(address, rows):
    frame = rows.assign(account_id=pd.array([1017, None, 2**60 + 1, 7], dtype="Int64"))
    for form in ("dataframe_split", "dataframe_records"):
        answer = ask(address, frame, form)
        assert answer.status_code == 400
        assert "Send ids as texts" in answer.json()["message"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_spark_answers_and_refuses_alike(saved, model, rows, tmp_path):
    pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
    from segmentwerk.scoring import spark

    frame = pd.concat([rows] * len(REFUSED), ignore_index=True).astype(
        dict.fromkeys(["frequency"], "float64")
    )
    frame["account_id"] = [f"A{number}" for number in range(len(frame))]
    expected = {}
    for case, (column, values, row, reason) in enumerate(REFUSED.values()):
        frame.loc[case * ROWS + row, column] = float(values[row])
        expected[f"A{case * ROWS + row}"] = (column, reason)
    frame.to_parquet(tmp_path / "in.parquet")
    session = spark.session("local[2]", **{"spark.sql.shuffle.partitions": "2"})
    try:
        done = spark.score(str(saved), tmp_path / "in.parquet", tmp_path / "out", spark=session)
    finally:
        session.stop()
    rejected = pd.read_parquet(done.quarantine).set_index("account_id")
    assert {key: (row["column"], row["reason"]) for key, row in rejected.iterrows()} == expected
    sound = frame[~frame["account_id"].isin(expected)]
    found = pd.read_parquet(done.output).set_index("account_id").loc[sound["account_id"]].reset_index()
    assert_same(found, model.predict(sound))
