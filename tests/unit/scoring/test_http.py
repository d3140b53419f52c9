"""The model behind MLflow's own scoring server: bad requests are blamed on their column."""

import json

import pandas as pd
import pytest
import requests

from scoring_server import served


@pytest.fixture(scope="module")
def address(saved):
    """MLflow's scoring application in a thread of this process."""
    with served(saved) as address:
        yield address


def post(address, body, kind="application/json"):
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return requests.post(address, data=content, headers={"Content-Type": kind}, timeout=30)


def test_accounts_are_assigned_as_in_python(address, model, accounts):
    rows = accounts.head(20)
    body = {"dataframe_split": json.loads(rows.to_json(orient="split", index=False, double_precision=15))}
    answer = post(address, body)
    assert answer.status_code == 200
    found = pd.DataFrame(answer.json()["predictions"])
    pd.testing.assert_frame_equal(found, model.predict(rows), check_dtype=False, rtol=1e-12)


def test_fewer_columns(address, accounts):
    body = {"dataframe_records": [{"frequency": 3}], "params": {"columns": ["segment_id"]}}
    assert list(post(address, body).json()["predictions"][0]) == ["segment_id"]


@pytest.mark.parametrize("value", [None, 3, 3.5, "3", True])
def test_values_that_can_be_numbers(address, value):
    assert post(address, {"dataframe_records": [{"account_id": "a", "frequency": value}]}).status_code == 200


@pytest.mark.parametrize(
    ("record", "blamed"),
    [
        ({"frequency": "many"}, "frequency"),
        ({"frequency": {"x": 1}}, "frequency"),
        ({"frequency": [1, 2]}, "frequency"),
        ({"industry": {"x": 1}, "frequency": 1}, "industry"),
        ({"industry": ["Tech"], "frequency": 1}, "industry"),
        ({"account_id": "a"}, "Expected some of: frequency"),
        ({"nonsense": 1}, "Expected some of: frequency"),
    ],
)
def test_a_bad_record_is_a_400_that_names_the_column(address, record, blamed):
    answer = post(address, {"dataframe_records": [record]})
    assert answer.status_code == 400
    assert blamed in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "blamed"),
    [
        ('{"dataframe_records":[{"frequency":Infinity}]}', "'frequency' is infinite in row 0"),
        ('{"dataframe_records":[{"frequency":1e999}]}', "'frequency' is infinite in row 0"),
        ('{"dataframe_records":{}}', "must be a list of records"),
        ('{"dataframe_split":{"columns":["frequency"],"data":[[1],[2,3]]}}', "dataframe_split"),
        (
            '{"dataframe_records":[{"frequency":1}],"params":{"columns":["segment"]}}',
            "no output column 'segment'",
        ),
        ('{"dataframe_records":[]}', "None of the model's feature columns"),
        ("{}", "must be a JSON dictionary"),
        ("[]", "must be a JSON dictionary"),
        ("null", "must be a JSON dictionary"),
        ("junk", "valid JSON"),
        (b"\xff\xfe", "valid JSON"),
        ("x" * 10_000_000, "valid JSON"),
        ('{"dataframe_records":' + "[" * 100 + "]" * 100 + "}", ""),
    ],
)
def test_a_bad_body_is_a_400(address, body, blamed):
    answer = post(address, body)
    assert answer.status_code == 400
    assert blamed in answer.json()["message"]


def test_missing_numbers_as_json_writers_write_them(address):
    assert post(address, '{"dataframe_records":[{"account_id":"a","frequency":NaN}]}').status_code == 200


def strict(answer):
    """Parse an answer as clients do that know no NaN."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    assert answer.status_code == 200, answer.text
    return json.loads(answer.text, parse_constant=refuse)["predictions"]


RECORDS = [
    ([{"account_id": 1017, "frequency": 12}, {"account_id": None, "frequency": 3}], ["1017", None]),
    ([{"account_id": 9007199254740993, "frequency": 12}], ["9007199254740993"]),
    ([{"account_id": 1017, "frequency": 12}, {"frequency": 3}], ["1017", None]),
    ([{"account_id": "0042", "frequency": 12}, {"account_id": 7, "frequency": 3}], ["0042", "7"]),
    ([{"frequency": 12}, {"frequency": None}], ["0", "1"]),
]


@pytest.mark.parametrize(("records", "expected"), RECORDS)
def test_ids_keep_their_digits_in_strict_json(address, records, expected):
    assert [row["account_id"] for row in strict(post(address, {"dataframe_records": records}))] == expected
    columns = list(records[0])
    split = {"columns": columns, "data": [[record.get(name) for name in columns] for record in records]}
    assert [row["account_id"] for row in strict(post(address, {"dataframe_split": split}))] == expected


def test_an_id_whose_digits_are_lost_beside_a_missing_one_is_a_400(address):
    body = (
        '{"dataframe_split":{"columns":["account_id","frequency"],"data":[[9007199254740993,12],[null,3]]}}'
    )
    answer = post(address, body)
    assert answer.status_code == 400
    assert "Column 'account_id' holds a number in row 0" in answer.json()["message"]
    assert "Send ids as texts" in answer.json()["message"]


def test_answers_are_strict_json_whatever_the_numbers(address, accounts):
    wild = [0, 1, 1e-300, 1e10, None, "", True]
    records = [{"frequency": a, "employees": b} for a in wild for b in wild]
    assert len(strict(post(address, {"dataframe_records": records}))) == 49


def test_parquet(address, accounts):
    rows = accounts.head(3).assign(account_id=[2**60 + 1, 2, 3])
    answer = post(address, rows.to_parquet(), "application/vnd.apache.parquet")
    assert [row["account_id"] for row in strict(answer)] == [str(2**60 + 1), "2", "3"]


def test_other_kinds_of_content_are_refused(address):
    """MLflow would read CSV by pandas, so that the zeros of an id such as 0042 were lost."""
    assert post(address, "account_id,frequency\n0042,2\n", "text/csv").status_code == 400
    assert post(address, "<a/>", "application/xml").status_code == 415
