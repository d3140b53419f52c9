"""Columns that nothing uses cost little, however many they are; and a long command ends when it is told."""

import os
import signal
import threading
import time

import ibis
import pytest

from segmentwerk.data import contracts, interrupts
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


@pytest.mark.parametrize("delay", [0.1, 0.8])
def test_an_interrupt_ends_a_query_at_once(delay):
    con = ibis.duckdb.connect()
    threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
    begin, before = time.perf_counter(), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts.let_through(con):
        con.raw_sql("SELECT sum(hash(range)::DOUBLE) FROM range(5_000_000_000)")
    assert time.perf_counter() - begin < 5
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_while_rows_are_checked(opened, monkeypatch):
    source = opened({"orders.csv": wide(1)})

    def interrupted(*_):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None

    monkeypatch.setattr(contracts, "judge", interrupted)
    with pytest.raises(KeyboardInterrupt):
        contracts.check(source.tables)
