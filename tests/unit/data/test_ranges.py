import math

import duckdb
import pytest

from segmentwerk.data import ranges
from segmentwerk.data.sqltext import literal


def read(text):
    return duckdb.sql(f"SELECT {ranges.middle(literal(text))}").fetchall()[0][0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("11-50", math.sqrt(550)),
        ("11 \u2013 50", math.sqrt(550)),
        ("501 bis 1.000 Mitarbeiter", math.sqrt(501_000)),
        ("10,001+ employees", 10_001),
        ("1000+", 1000),
        ("> 500", 500),
        ("500 oder mehr", 500),
        ("<10", 5),
        ("bis 9", 4.5),
        ("0-9", 4.5),
        ("$1 - 5 Mio.", math.sqrt(5) * 1e6),
        ("Nov 50", math.sqrt(550)),
        ("10-Jan", math.sqrt(10)),
        ("02. Okt", math.sqrt(20)),
    ],
)
def test_size_classes(text, value):
    assert read(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "7", "-7", "7-", "50-11", "a-b", "2024-01-10", "n/a", "1-2-3"])
def test_no_size_classes(text):
    assert read(text) is None


def accounts(sizes):
    return "account_id,employees\n" + "".join(f"K{i},{size}\n" for i, size in enumerate(sizes))


def test_a_column_of_classes_is_read(opened):
    source = opened({"accounts.csv": accounts(["1-10", "11-50", "1000+", "7"])})
    assert source.tables["accounts"]["employees"].to_pandas().round(1).tolist() == [3.2, 23.5, 1000, 7]
    assert any("employees: number decimal ., classes by their middle" in note for note in source.understood)


def test_one_class_among_many_numbers_is_not_read(opened):
    source = opened({"accounts.csv": accounts([*range(1, 30), "11-50"])})
    assert source.tables["accounts"]["employees"].isnull().sum().execute() == 1
    assert "accounts: 1 value of employees: not a number, the first in row 30" in source.understood
