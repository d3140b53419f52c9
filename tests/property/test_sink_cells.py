"""Whatever a text holds, a spreadsheet and an importer read it as it is, and never run it."""

import csv
import io

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handing_over import sink_settings
from segmentwerk.activation import formats

CONTROL = {chr(code) for code in range(32)} - {"\t", "\n", "\r"}
TEXTS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        st.text("=+-@\t\r\n\",;'| ()AZ019_x", max_size=12),
    ),
    min_size=1,
    max_size=20,
)
BUDGET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RUN = ("=", "+", "-", "@", "\t", "\r", "\n")


def clean(text):
    return "".join(" " if letter in CONTROL else letter for letter in text)


@BUDGET
@given(TEXTS)
@pytest.mark.parametrize("tool", ["csv", "hubspot"])
def test_csv_gives_back_every_text(tool, tmp_path, texts):
    file = next(iter(sink_settings(tool).files.values()))
    (path,) = formats.write(pa.table({"a": texts, "b": ["x"] * len(texts)}), tmp_path, "cells", file)
    text = path.read_bytes().decode(file.encoding)
    heading, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert heading == ["a", "b"]
    assert len(rows) == len(texts)
    for given_text, (cell, _) in zip(texts, rows, strict=True):
        assert cell.removeprefix("'") == clean(given_text).removeprefix("'")
        if cell.lstrip().startswith(RUN[:4]) or cell.startswith(RUN):
            assert not any(letter.isalpha() or letter in "|!'\"=@" for letter in cell), (
                "it can call something"
            )


@BUDGET
@given(TEXTS)
def test_xlsx_gives_back_every_text(tmp_path, texts):
    file = sink_settings("xlsx").files["segments"]
    (path,) = formats.write(pa.table({"a": texts, "b": ["x"] * len(texts)}), tmp_path, "cells", file)
    sheet = openpyxl.load_workbook(path).active
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert len(cells) == len(texts)
    for given_text, cell in zip(texts, cells, strict=True):
        assert cell.data_type != "f"
        assert (cell.value or "") == clean(given_text).replace("\r\n", "\n").replace("\r", "\n")
