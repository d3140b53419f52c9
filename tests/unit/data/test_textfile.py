"""Text files by themselves, without a source around them."""

import hashlib

import duckdb
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import textfile


def test_a_file_in_another_encoding_is_read_in_bounded_memory(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_bytes(b"nr,note,ort\n" + b"1,%b,K\xf6ln\n" % (b"x" * 1_000_000) * 200)
    understood = textfile.understand(file, InputSettings())
    with duckdb.connect(config={"memory_limit": "400MB", "threads": 1, "temp_directory": ""}) as con:
        textfile.load(con, understood, ["ort"], "orders", tmp_path)
        assert con.execute("SELECT count(*), min(ort), max(ort) FROM orders").fetchall() == [
            (200, "Köln", "Köln")
        ]


def test_a_lack_of_memory_is_told_as_what_it_is(tmp_path):
    file = tmp_path / "orders.csv"
    rows = [f"{n},{hashlib.sha256(str(n).encode()).hexdigest() * 100}\n" for n in range(10_000)]
    file.write_text("nr,note\n" + "".join(rows))
    understood = textfile.understand(file, InputSettings())
    with (
        duckdb.connect(config={"memory_limit": "40MB", "threads": 1, "temp_directory": ""}) as con,
        pytest.raises(InputError, match=r"orders\.csv takes more memory than is free\. Save it as Parquet"),
    ):
        textfile.load(con, understood, ["nr", "note"], "orders", tmp_path)
