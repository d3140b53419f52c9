"""The same expressions give the same table on a local Spark."""

import importlib.util
import shutil
import sys

import ibis
import pandas as pd
import pyarrow.parquet as pq
import pytest

from segmentwerk.features.table import build

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        importlib.util.find_spec("pyspark") is None, reason="the extra 'spark' is not installed"
    ),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
    pytest.mark.filterwarnings("ignore"),  # those of Spark's own Python code
]


@pytest.fixture
def connection(monkeypatch):
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    settings = {"ui.enabled": "false", "sql.shuffle.partitions": "2", "sql.session.timeZone": "UTC"}
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(f"spark.{name}", value)
    session = builder.getOrCreate()
    yield ibis.pyspark.connect(session)
    session.stop()


def test_the_book(connection, book, window, settings, table, tmp_path):
    tables = {}
    for name, rows in book.items():
        pq.write_table(rows, tmp_path / f"{name}.parquet", coerce_timestamps="us")
        tables[name] = connection.read_parquet(tmp_path / f"{name}.parquet")
    found = build(tables, window, settings, source="book", digest="0")
    pd.testing.assert_frame_equal(found.features, table.features, rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(found.outcomes, table.outcomes, rtol=0, atol=1e-9)
    pd.testing.assert_series_equal(found.orders, table.orders)
