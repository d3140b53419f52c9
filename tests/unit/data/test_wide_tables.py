"""Columns that nothing uses cost little, however many they are; and a long command ends when it is told."""

import time

import pytest

from segmentwerk.core.interruption import is_interruption
from segmentwerk.data import contracts
from segmentwerk.data.loading import UNUSED


def wide(columns):
    header = ["order_id", "account_id", *(f"x{i}" for i in range(columns)), "ordered_at", "revenue"]
    rows = [[str(i), f"K{i % 3}", *["1,5 x"] * columns, "2024-01-02", "5"] for i in range(5)]
    return "\n".join(";".join(row) for row in [header, *rows]) + "\n"


def test_most_unused_columns_are_left_out_and_told(opened):
    source = opened({"orders.csv": wide(3000)})
    assert contracts.check(source.tables).rows == {"orders": 5}
    assert source.raw["orders"].columns[:4] == ("order_id", "account_id", "ordered_at", "revenue")
    assert len(source.raw["orders"].columns) == 4 + UNUSED
    note = source.understood[0]
    assert "2,800 more columns, which nothing uses, are left out" in note
    assert note.endswith(f"revenue: number decimal ,, {UNUSED} more that nothing uses")


def test_time_follows_the_number_of_columns(opened):
    def seconds(columns):
        begin = time.perf_counter()
        opened({"orders.csv": wide(columns)}).close()
        return time.perf_counter() - begin

    seconds(10)
    few, many = min(seconds(500) for _ in range(2)), seconds(4000)
    assert many < 16 * few + 1


def test_an_interrupt_while_rows_are_checked(opened, monkeypatch):
    source = opened({"orders.csv": wide(1)})

    def interrupted(*_):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None

    monkeypatch.setattr(contracts, "judge", interrupted)
    with pytest.raises(RuntimeError, match="Query interrupted") as error:  # not an error of the input
        contracts.check(source.tables)
    assert is_interruption(error.value)
