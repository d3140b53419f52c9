"""Text files by themselves, without a source around them."""

import duckdb

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
