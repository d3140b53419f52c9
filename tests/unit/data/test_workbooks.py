"""Workbooks as programs write them: each is read as a spreadsheet program shows it."""

import re
import zipfile
from datetime import datetime

import openpyxl
import pytest
from openpyxl.chart import BarChart

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import sheetxml, workbook

ROWS = [["account_id", "name", "employees"], ["K1", "One", 5], ["K2", "Two", 7]]


def book(path, *, rows=ROWS, edit=None):
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    if edit is not None:
        edit(made)
    made.save(path)
    return path


def patched(path, member, pattern, new):
    """Change one file inside a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[member], n = re.subn(pattern, new, parts[member])
    assert n
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def cells(sheet):
    return [list(sheet.header), *(row for _, row in sheet.rows)]


TEXTS = [["account_id", "name", "employees"], ["K1", "One", "5"], ["K2", "Two", "7"]]


def test_a_dimension_that_is_not_true_is_not_believed(tmp_path):
    path = patched(
        book(tmp_path / "a.xlsx"),
        "xl/worksheets/sheet1.xml",
        rb'dimension ref="[^"]*"',
        b'dimension ref="A1"',
    )
    assert cells(workbook.read(path, InputSettings())) == TEXTS


def test_a_style_that_is_broken_does_no_harm(tmp_path):
    path = patched(
        book(tmp_path / "a.xlsx"), "xl/styles.xml", rb"<fills.*</fills>", b"<fills><fill/></fills>"
    )
    assert cells(workbook.read(path, InputSettings())) == TEXTS


def test_a_chart_comes_first(tmp_path):
    def chart(made):
        made.create_chartsheet("picture", 0).add_chart(BarChart())
        made.create_sheet("later")

    sheet = workbook.read(book(tmp_path / "a.xlsx", edit=chart), InputSettings())
    assert (sheet.name, sheet.others, cells(sheet)) == ("Sheet", ("later",), TEXTS)


def test_strict_open_xml(tmp_path):
    path = book(tmp_path / "a.xlsx")
    for member in ("xl/workbook.xml", "xl/worksheets/sheet1.xml"):
        patched(
            path,
            member,
            rb"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
            b"http://purl.oclc.org/ooxml/spreadsheetml/main",
        )
    assert cells(workbook.read(path, InputSettings())) == TEXTS


def test_a_report_stands_around_the_table(tmp_path):
    rows = [["Customers 2024"], ["as of", datetime(2024, 12, 31)], [], *ROWS, ["Total", None, 12]]
    path = book(tmp_path / "a.xlsx", rows=rows)
    sheet = workbook.read(path, InputSettings(), {"account_id", "name", "employees"})
    assert (sheet.above, sheet.below, cells(sheet)) == (2, 1, TEXTS)
    assert [row for row, _ in sheet.rows] == [1, 2]
    sheet = workbook.read(path, InputSettings(header_line=5))
    assert sheet.header == ("K1", "One", "5")
    with pytest.raises(InputError, match="no names of columns in row 3"):
        workbook.read(path, InputSettings(header_line=3))


def test_names_that_are_repeated_and_break(tmp_path):
    rows = [["Town", "Town_2", "Town", "a\nb"], ["x", "y", "z", "w"]]
    sheet = workbook.read(book(tmp_path / "a.xlsx", rows=rows), InputSettings())
    assert sheet.header == ("Town", "Town_2", "Town_3", "a\nb")


def test_zeros_that_the_sheet_shows_are_kept_wherever_the_table_stands(tmp_path):
    def padded(made):
        made.active.insert_cols(1, 2)
        made.active["E2"].number_format = "00000"

    sheet = workbook.read(book(tmp_path / "a.xlsx", edit=padded), InputSettings())
    assert [row[-1] for _, row in sheet.rows] == ["00005", "7"]


def test_formulas_without_results_are_told(tmp_path):
    path = book(tmp_path / "a.xlsx")
    assert not workbook.read(path, InputSettings()).uncomputed
    rows = [*ROWS, ["K3", "Three", "=1+1"]]
    assert workbook.read(book(tmp_path / "b.xlsx", rows=rows), InputSettings()).uncomputed


def test_what_stands_far_outside_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(sheetxml, "VAST", 2000)
    path = book(tmp_path / "a.xlsx", edit=lambda made: made.active.cell(100, 30, "x"))
    with pytest.raises(InputError, match="reaches to column AD and row 100"):
        workbook.read(path, InputSettings())
