"""Whatever a folder of tables holds: each is read, with its rows counted, or refused in words that help."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from segmentwerk.core.errors import InputError
from segmentwerk.core.paths import config_root
from segmentwerk.core.settings import SourceSettings
from segmentwerk.data import contracts, privacy, quality
from segmentwerk.data.sources import open_source

N = 12
NAMES = ["order_id", "account_id", "ordered_at", "revenue"]
ROWS = [[f"O{i}", f"K{i % 4}", datetime(2024, 1 + i % 9, 11), i + 0.5] for i in range(N)]
LINES = [f"{order},{account},{day:%Y-%m-%d},{money}" for order, account, day, money in ROWS]
HEADER = ",".join(NAMES)
CSV = "\n".join([HEADER, *LINES, ""])


def csv(*, header: str = HEADER, more: str = "", above: str = "", below: str = "", end: str = "\n") -> bytes:
    lines = [header, *(line + more for line in LINES)]
    return (above + "".join(line + end for line in lines) + below).encode()


def changed(old: str, new: str) -> bytes:
    assert old in CSV
    return CSV.replace(old, new).encode()


def parquet(**columns):
    """Return a writer of the orders as Parquet, some columns put in the place of ours or beside them."""
    ours = {name: [row[i] for row in ROWS] for i, name in enumerate(NAMES)}
    return lambda path: pq.write_table(pa.table({**ours, **columns}), path)


def workbook(fill=None, **kwargs):
    """Return a writer of the orders as a workbook, changed by ``fill(book, sheet)``."""

    def write(path):
        book = openpyxl.Workbook()
        book.active.append([*NAMES, *kwargs.get("more", [])])
        for row in ROWS:
            book.active.append([*row, *[1] * len(kwargs.get("more", []))])
        if fill is not None:
            fill(book, book.active)
        book.save(path)

    return write


def archive(path):
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.txt", "x")


def hidden_first(book, sheet):
    notes = book.create_sheet("notes", 0)
    notes["A1"] = "a note of ours"
    notes.sheet_state = "hidden"


def formulas(book, sheet):
    for row in range(2, N + 2):
        sheet.cell(row, 4, "=1+1")


def since_1904(book, sheet):
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904


def far_cell(book, sheet):
    sheet["XFD1048576"] = "stray"


ODD_NAMES = ["_row", "_file", "=", '""""', "'", "🎉", "x" * 300, "Revenue", "_lost_number_revenue", "_reason"]
READ = {
    "line ends of three kinds": ("csv", changed("5\n", "5\r\n").replace(b"5\r\n", b"5\r", 2)),
    "line ends of old Macintoshes": ("csv", csv(end="\r")),
    "zeros in cells": ("csv", changed("O3", "O\0003")),
    "UTF-16 without a mark": ("csv", CSV.encode("utf-16-le")),
    "UTF-16, most significant byte first": ("csv", CSV.encode("utf-16-be")),
    "UTF-32": ("csv", CSV.encode("utf-32")),
    "all lines end in a delimiter": ("csv", csv(header=HEADER + ",", more=",")),
    "rows end in a delimiter": ("csv", csv(more=",")),
    "empty lines": ("csv", csv(above="\n\n", end="\n\n")),
    "odd names": ("csv", csv(header=",".join([HEADER, *ODD_NAMES]), more=",1" * len(ODD_NAMES))),
    "a quote inside": ("csv", changed("K3", 'K"3')),
    "a cell of three million letters": ("csv", csv(header=HEADER + ",note", more=f',"{"y" * 250_000}"')),
    "ids with number signs": ("csv", changed("O", "#")),
    "apostrophes before numbers": ("csv", changed(",1.5", ",'1.5")),
    "a total": ("csv", csv(below="Summe,,,72\n")),
    "comments and a grand total": (
        "csv",
        csv(above="# Report\n# of: A, B\n#\n", below=",,Grand total,72.0\n"),
    ),
    "a footer": ("csv", csv(below='\n"Grand Totals (12 records)"\n\n"Confidential - do not distribute"\n')),
    "a line of meta data": ("csv", csv(above=f"EXTF,700,21,{',' * 20}\n")),
    "empty titles in a spreadsheet's CSV": ("csv", csv(above="Sales,,,\nas of 2024,,,\n,,,\n")),
    "two exports behind each other": ("csv", csv(below=f"{HEADER}\n")),
    "dates before 1900": ("csv", changed("2024-01-11", "1850-01-11")),
    "the year 9999": ("csv", changed("2024-01-11", "9999-12-31")),
    "a workbook with a hidden sheet": ("xlsx", workbook(hidden_first)),
    "a workbook that counts from 1904": ("xlsx", workbook(since_1904)),
    "a workbook with merged cells": (
        "xlsx",
        workbook(lambda book, sheet: sheet.merge_cells("E1:F1"), more=["x", "y"]),
    ),
    "nested columns": (
        "parquet",
        parquet(
            x=[{"a": 1}] * N, y=[[1, 2]] * N, z=pa.array([[("k", 1)]] * N, pa.map_(pa.string(), pa.int64()))
        ),
    ),
    "decimals": ("parquet", parquet(revenue=pa.array([Decimal("1" * 30 + ".50")] * N))),
    "categories": ("parquet", parquet(channel=pa.array(["a", "b"] * (N // 2)).dictionary_encode())),
    "moments with a zone": (
        "parquet",
        parquet(ordered_at=pa.array([datetime(2024, 1, 1, 12)] * N, pa.timestamp("us", "Europe/Berlin"))),
    ),
    "nanoseconds": (
        "parquet",
        parquet(ordered_at=pa.array([datetime(2024, 1, 1)] * N, pa.timestamp("ns"))),
    ),
    "whole numbers of 64 bits": (
        "parquet",
        parquet(account_id=pa.array([2**64 - 1, 1] * (N // 2), pa.uint64())),
    ),
    "bytes": ("parquet", parquet(channel=pa.array([b"\xff\0"] * N, pa.binary()))),
    "a column without a type": ("parquet", parquet(channel=pa.nulls(N))),
    "a column that is called as ours": ("parquet", parquet(_row=[1] * N)),
    "dates where pieces belong": ("parquet", parquet(quantity=[date(2024, 1, 1)] * N)),
    "durations where pieces belong": ("parquet", parquet(quantity=[timedelta(1)] * N)),
    "records where pieces belong": ("parquet", parquet(quantity=[{"a": 1}] * N)),
}
REFUSED = {
    "nothing": ("csv", b"", "is empty"),
    "a byte order mark": ("csv", b"\xef\xbb\xbf", "is empty"),
    "names alone": ("csv", HEADER.encode(), "Table 'orders' is empty"),
    "one column": ("csv", b"order_id\n1\n", "no column 'account_id'"),
    "prose": ("csv", b"hello world\nthis is no table\n", "no column 'order_id'"),
    "a quote that does not end": ("csv", changed("K3", '"K3'), "cannot be read as 4 fields"),
    "a last line that is cut": ("csv", csv(below="O9,K9"), "line 14 cannot be read as 4 fields"),
    "a line that is short": ("csv", changed("O5,", ""), "line 7 cannot be read as 4 fields.*header_line"),
    "an archive that is cut": ("csv.gz", gzip.compress(csv())[:60], "cannot be unpacked"),
    "no archive": ("csv.gz", csv(), "cannot be unpacked"),
    "an archive without its ending": ("csv", gzip.compress(csv()), r"packed by gzip.*\.csv\.gz"),
    "a workbook without its ending": ("csv", workbook(), r"a workbook.*\.xlsx"),
    "Parquet without its ending": ("csv", parquet(), r"a Parquet file.*\.parquet"),
    "bytes of all kinds": ("csv", bytes(range(256)) * 50, "not written in cp1252.*encoding"),
    "a text called Parquet": ("parquet", csv(), "cannot be read.*Write the file again"),
    "an empty Parquet file": ("parquet", b"", "cannot be read.*Write the file again"),
    "Parquet with names of its reader": ("parquet", parquet(file_row_number=[1] * N), "another name"),
    "times without a day": ("parquet", parquet(ordered_at=[time(1, 2)] * N), "is of type time"),
    "a text called workbook": ("xlsx", csv(), "no Excel workbook.*save it as .xlsx"),
    "a web page called workbook": ("xls", b"<html><table></table></html>", "no Excel workbook"),
    "another archive called workbook": ("xlsx", archive, "no Excel workbook"),
    "a workbook with a password": (
        "xlsx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        "no Excel workbook",
    ),
    "an empty workbook": ("xlsx", lambda path: openpyxl.Workbook().save(path), "no sheet with cells"),
    "a workbook with a stray cell": ("xlsx", workbook(far_cell), "reaches to column XFD and row 1048576"),
}


def examined(folder, content, ending):
    """Do what `data check` does with a source of one file; return what was understood and found."""
    path = folder / "data" / f"orders.{ending}"
    path.parent.mkdir()
    content(path) if callable(content) else path.write_bytes(content)
    text = (config_root() / "conf" / "source" / "csv_folder.yaml").read_text(encoding="utf-8")
    settings = SourceSettings.model_validate({**yaml.safe_load(text), "path": path.parent})
    with open_source(settings, folder / "cache") as source:
        checked = contracts.check(source.tables)
        contracts.write_quarantine(checked, folder / "quarantine.parquet")
        found = quality.inspect(checked, as_of=None, source="t", raw=source.raw, private=source.private)
        quality.write(found, folder, source.understood)
        for table in source.raw.values():
            privacy.preview(table, source.private).to_string()
        contracts.insist(checked)
        return source.understood, checked.rows["orders"] - checked.rejected["orders"]


@pytest.mark.parametrize("case", READ)
def test_odd_tables_are_read_whole(case, tmp_path):
    ending, content = READ[case]
    understood, used = examined(tmp_path, content, ending)
    assert used == N
    around = ("total", "comment", "footer", "meta", "titles", "behind each other")
    assert any("left out" in note for note in understood if note.startswith("orders:")) == (
        any(word in case for word in around) or case in ("empty lines", "a column that is called as ours")
    )


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused_in_words(case, tmp_path):
    ending, content, message = REFUSED[case]
    with pytest.raises(InputError, match=message) as caught:
        examined(tmp_path, content, ending)
    assert caught.value.remedy


def test_results_that_a_workbook_does_not_hold_are_told(tmp_path):
    with pytest.raises(InputError, match="revenue is missing"):
        examined(tmp_path, workbook(formulas), "xlsx")
    (tmp_path / "quality.html").read_text(encoding="utf-8").index("some formulas have no results")


def test_a_folder_that_holds_itself(tmp_path):
    (tmp_path / "data" / "orders").mkdir(parents=True)
    (tmp_path / "data" / "orders" / "a.csv").write_bytes(csv())
    (tmp_path / "data" / "orders" / "loop").symlink_to(tmp_path / "data" / "orders")
    (tmp_path / "data" / "orders" / "b.csv").symlink_to("b.csv")
    text = (config_root() / "conf" / "source" / "csv_folder.yaml").read_text(encoding="utf-8")
    settings = SourceSettings.model_validate({**yaml.safe_load(text), "path": tmp_path / "data"})
    with open_source(settings, tmp_path / "cache") as source:
        assert contracts.check(source.tables).rows == {"orders": N}
