"""One fixture for each dialect that people send; values asserted to the cent and the day."""

import gzip
from datetime import datetime

import openpyxl
import pandas as pd
import pytest

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.data.sources import open_source

HEADER = ("order_id", "account_id", "ordered_at", "revenue")
TRUTH = [
    ("1", "00123", datetime(2024, 2, 1), 1234.50),
    ("2", "00124", datetime(2023, 12, 31), -2.00),
    ("3", "00125", datetime(2024, 2, 29), 1_200_000.00),
]
GERMAN = [
    ("1", "00123", "01.02.2024", "1.234,50 €"),
    ("2", "00124", "31.12.2023", "-2,00 €"),
    ("3", "00125", "29.02.2024", "1,2 Mio. €"),
]
AMERICAN = [
    ("1", "00123", "02/01/2024", "$1,234.50"),
    ("2", "00124", "12/31/2023", "($2.00)"),
    ("3", "00125", "02/29/2024", "$1.2M"),
]


def text(rows, delimiter, end="\n"):
    lines = [HEADER, *rows]
    return "".join(delimiter.join(f'"{c}"' if delimiter in c else c for c in line) + end for line in lines)


FILES = {
    "semicolon": text(GERMAN, ";").encode(),
    "comma": text(GERMAN, ",").encode(),
    "tab": text(GERMAN, "\t").encode(),
    "pipe": text(GERMAN, "|").encode(),
    "american": text(AMERICAN, ",").encode(),
    "bom": b"\xef\xbb\xbf" + text(GERMAN, ";").encode(),
    "cp1252": text(GERMAN, ";").encode("cp1252"),
    "utf-16": text(GERMAN, "\t").encode("utf-16"),
    "windows line ends": text(GERMAN, ";", "\r\n").encode(),
    "no last line end": text(GERMAN, ";").rstrip("\n").encode(),
    "excel's first line": b"sep=;\n" + text(GERMAN, ";").encode(),
}


def orders(source):
    table = source.tables["orders"]
    return list(table.select(*HEADER).order_by("order_id").to_pandas().itertuples(index=False, name=None))


@pytest.mark.parametrize("kind", FILES)
def test_dialects(opened, kind):
    assert orders(opened({"orders.csv": FILES[kind]})) == TRUTH


def test_packed(opened):
    assert orders(opened({"orders.csv.gz": gzip.compress(FILES["cp1252"])})) == TRUTH


def test_several_files_each_in_its_own_dialect(opened):
    german, american = FILES["semicolon"].decode().splitlines(), FILES["american"].decode().splitlines()
    files = {"orders/a.csv": "\n".join(german[:3]), "orders/b.csv": "\n".join([american[0], american[3]])}
    source = opened(files)
    assert orders(source) == TRUTH
    assert sum(note.startswith("orders: ") for note in source.understood) == 2


def test_parquet_file_folder_and_glob(opened, tmp_path):
    frame = pd.DataFrame(TRUTH, columns=HEADER)
    (tmp_path / "data" / "orders").mkdir(parents=True)
    frame[:2].to_parquet(tmp_path / "data" / "orders" / "part-0.parquet")
    frame[2:].to_parquet(tmp_path / "data" / "orders" / "part-1.parquet")
    assert orders(opened({})) == TRUTH
    inputs = {"orders": {"file": "orders/part-*.parquet"}}
    assert orders(opened({}, inputs=inputs, tables={"orders": {"origin": "orders"}})) == TRUTH


def test_excel(opened, tmp_path, settings):
    book = openpyxl.Workbook()
    book.active.title = "cover"
    sheet = book.create_sheet("lines")
    sheet.append(HEADER)
    for order, account, day, revenue in TRUTH:
        sheet.append([int(order), int(account), day, revenue])
        sheet.cell(sheet.max_row, 2).number_format = "00000"
    sheet.append([])
    folder = tmp_path / "data"
    folder.mkdir()
    book.save(folder / "orders.xlsx")
    inputs = {"orders": {"file": "orders", "sheet": "lines"}}
    tables = {"orders": {"origin": "orders"}}
    assert orders(opened({}, inputs=inputs, tables=tables)) == TRUTH
    with pytest.raises(InputError, match="Did you mean 'lines'"):
        opened({}, inputs={"orders": {"file": "orders", "sheet": "line"}}, tables=tables)
    with pytest.raises(InputError, match="is no Excel workbook"):
        opened({"orders.xlsx": "no workbook"}, inputs=inputs, tables=tables)


def test_umlauts_quoted_newlines_and_quotes(opened):
    accounts = 'account_id;name\n007;"Müller ""& Söhne""\nGmbH"\n008;Größe\n'
    for encoding in ("utf-8", "cp1252"):
        names = opened({"accounts.csv": accounts.encode(encoding)}).tables["accounts"].to_pandas()
        assert list(names["account_id"]) == ["007", "008"]
        assert list(names["name"]) == ['Müller "& Söhne"\nGmbH', "Größe"]


def test_percent_flags_and_words_for_nothing(opened):
    files = {
        "accounts.csv": "account_id;employees\n1;12\n2;n/a\n3;k. A.\n",
        "campaigns.csv": "account_id;campaign_id;contacted_at;arm;cost;responded\n"
        "1;c;2024-01-02;a;12,5 %;ja\n2;c;2024-01-03;b;50 %;nein\n",
    }
    source = opened(files)
    assert source.tables["accounts"]["employees"].to_pandas().isna().tolist() == [False, True, True]
    campaigns = source.tables["campaigns"].to_pandas()
    assert campaigns["cost"].tolist() == [0.125, 0.5]
    assert campaigns["responded"].tolist() == [True, False]


@pytest.mark.parametrize(("delimiter", "value"), [(";", 1234.0), (",", 1.234)])
def test_ambiguous_thousands_are_told_and_can_be_overridden(opened, delimiter, value):
    content = text([("1", "7", "2024-01-01", "1.234")], delimiter)
    source = opened({"orders.csv": content})
    assert source.tables["orders"]["revenue"].to_pandas().tolist() == [value]
    assert any("revenue: number" in note and "ambiguous" in note for note in source.understood)
    other = {"file": "orders", "decimal": "." if delimiter == ";" else ","}
    source = opened({}, inputs={"orders": other}, tables={"orders": {"origin": "orders"}})
    assert source.tables["orders"]["revenue"].to_pandas().tolist() == [1.234 if delimiter == ";" else 1234.0]
    assert not any("ambiguous" in note for note in source.understood)


@pytest.mark.parametrize(("delimiter", "month"), [(",", 1), (";", 2)])
def test_ambiguous_days_are_told_and_can_be_overridden(opened, delimiter, month):
    content = text([("1", "7", "01/02/2024", "5")], delimiter)
    source = opened({"orders.csv": content})
    assert source.tables["orders"]["ordered_at"].to_pandas()[0].month == month
    assert any("ambiguous" in note for note in source.understood)
    given = {"orders": {"file": "orders", "date_format": "%d/%m/%Y"}}
    source = opened({}, inputs=given, tables={"orders": {"origin": "orders"}})
    assert source.tables["orders"]["ordered_at"].to_pandas()[0].month == 2


def test_one_sure_day_settles_the_whole_file(opened):
    files = {"orders.csv": text([("1", "7", "01/02/2024", "5"), ("2", "7", "02/13/2024", "5")], ";")}
    assert opened(files).tables["orders"]["ordered_at"].to_pandas()[0] == datetime(2024, 1, 2)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2024-01-02 03:04:05", datetime(2024, 1, 2, 3, 4, 5)),
        ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5)),
        ("2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5)),
        ("02.01.2024 03:04", datetime(2024, 1, 2, 3, 4)),
        ("13/1/2024 3:04", datetime(2024, 1, 13, 3, 4)),
        ("1/13/2024 3:04 PM", datetime(2024, 1, 13, 15, 4)),
        ("13-01-2024", datetime(2024, 1, 13)),
        ("13 Jan 2024", datetime(2024, 1, 13)),
        ("20240113", datetime(2024, 1, 13)),
        ("13.1.24", datetime(2024, 1, 13)),
        ("2024-01-13 15:10:12 +0200", datetime(2024, 1, 13, 13, 10, 12)),
        ("2024-01-13T09:30Z", datetime(2024, 1, 13, 9, 30)),
        ("2024-01-13T09:30+02:00[Europe/Berlin]", datetime(2024, 1, 13, 7, 30)),
        ("2024-01-13 09:30:00 UTC", datetime(2024, 1, 13, 9, 30)),
        ("2024/1/13 9:30:05", datetime(2024, 1, 13, 9, 30, 5)),
        ('"1/13/2024, 3:10:12\u202fPM"', datetime(2024, 1, 13, 15, 10, 12)),
        ('"1/13/2024, 3:10 p.m."', datetime(2024, 1, 13, 15, 10)),
        ('"13.1.2024, 15:10:12"', datetime(2024, 1, 13, 15, 10, 12)),
        ("13. 1. 2024 15:10:12", datetime(2024, 1, 13, 15, 10, 12)),
        ("1705158612", datetime(2024, 1, 13, 15, 10, 12)),
        ("1705158612000", datetime(2024, 1, 13, 15, 10, 12)),
    ],
)
def test_days_and_times(opened, written, moment):
    source = opened({"orders.csv": f"order_id,account_id,ordered_at,revenue\n1,7,{written},5\n"})
    assert source.tables["orders"]["ordered_at"].to_pandas()[0] == moment


def test_seconds_may_be_left_out_where_they_are_zero(opened):
    moments = ["2024-01-13T09:30:12Z", "2024-01-13T09:30Z", "2024-01-13T09:30:12.5Z"]
    content = text([(str(i), "7", moment, "5") for i, moment in enumerate(moments)], ",")
    assert opened({"orders.csv": content}).tables["orders"]["ordered_at"].isnull().sum().execute() == 0


def test_overrides(opened):
    content = "id|account|when|amount\n1|0070|x01.02.2024|1.234\n".encode("cp1252")
    tables = {
        "orders": {
            "origin": "lines",
            "columns": {
                "order_id": "id",
                "account_id": "account",
                "ordered_at": "DATE '2024-01-01'",
                "revenue": "amount",
            },
        }
    }
    given = {
        "file": "lines.csv",
        "delimiter": "|",
        "encoding": "cp1252",
        "decimal": ",",
        "columns": {"id": "number"},
    }
    source = opened({"lines.csv": content}, inputs={"lines": given}, tables=tables)
    assert source.tables["orders"]["revenue"].to_pandas().tolist() == [1234.0]
    assert source.raw["lines"]["id"].to_pandas().tolist() == [1.0]
    for wrong, message in (
        ({"columns": {"idd": "text"}}, "Did you mean 'id'"),
        ({"encoding": "utf-9"}, "no encoding"),
    ):
        with pytest.raises(ConfigError, match=message):
            opened({}, inputs={"lines": {**given, **wrong}}, tables=tables)
    with pytest.raises(InputError, match="is not written in ascii"):
        opened(
            {"lines.csv": "id;ä\n".encode()}, inputs={"lines": {**given, "encoding": "ascii"}}, tables=tables
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"order_id,account_id\n1,2,3\n", "line 2 cannot be read as 2 fields"),
        (b'order_id,account_id\n"1,2\n3,4\n', "cannot be read"),
        (b"\x00\x01\x02" * 50, "cannot be read|no table"),
    ],
)
def test_broken_files(opened, content, message):
    with pytest.raises(InputError, match=message) as caught:
        opened({"orders.csv": content})
    assert "orders.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ("# a report\n# of: A, B\n\n" + text(AMERICAN, ","), "left out: 3 lines above the table"),
        (text(GERMAN, ";") + ";;Summe;1.201.232,50\n", "left out: 1 line below the table"),
        (text(GERMAN, ";") + "\nGesamt (3 Zeilen)\nVertraulich, nicht weitergeben\n", "2 lines below"),
        (text([*GERMAN[:2], ("Zwischensumme", "", "", "5,00"), GERMAN[2]], ";"), "left out: row 3 (totals)"),
        (text(GERMAN[:2], ";") + text(GERMAN[2:], ";"), "names of columns that are repeated 1 times"),
    ],
)
def test_what_stands_around_a_table_is_left_out_and_told(opened, content, left):
    source = opened({"orders.csv": content})
    assert orders(source) == TRUTH
    assert left in source.understood[0]


def test_the_line_of_the_header_can_be_named(opened):
    content = "a;b;c;d\n1;2;3;4\n" + text(GERMAN, ";")
    given = {"orders": {"file": "orders", "header_line": 3}}
    source = opened({"orders.csv": content}, inputs=given, tables={"orders": {"origin": "orders"}})
    assert orders(source) == TRUTH
    given["orders"]["header_line"] = 99
    with pytest.raises(InputError, match="no names of columns in line 99"):
        opened({}, inputs=given, tables={"orders": {"origin": "orders"}})


def test_names_may_break_and_repeat(opened):
    accounts = '"account_id\n(Nr.)";"Ort";"Ort";Ort_2\n007;a;b;c\n'
    columns = {"account_id": '"account_id\n(Nr.)"', "town": "Ort_3"}
    given = {"inputs": {"a": {"file": "a.csv"}}, "tables": {"accounts": {"origin": "a", "columns": columns}}}
    source = opened({"a.csv": accounts}, **given)
    assert set(source.raw["a"].columns) == {"account_id\n(Nr.)", "Ort_3", "Ort", "Ort_2"}
    assert source.tables["accounts"].to_pandas()["town"].tolist() == ["b"]


def test_values_that_are_lost_below_a_subquery_are_told(opened):
    origin = (
        "(SELECT min(order_id) AS id, account_id AS who, sum(revenue) AS money FROM orders GROUP BY 2) AS t"
    )
    columns = {"order_id": "id", "account_id": "who", "ordered_at": "DATE '2024-01-01'", "revenue": "money"}
    given = {"orders": {"file": "orders", "columns": {"revenue": "number"}}}
    content = "order_id;account_id;revenue\n1;7;5\n2;7;viel\n3;7;6\n"
    tables = {"orders": {"origin": origin, "columns": columns}}
    source = opened({"orders.csv": content}, inputs=given, tables=tables)
    assert "orders: 1 value of revenue: not a number, the first in row 2" in source.understood


def test_damaged_archive(opened):
    with pytest.raises(InputError, match="cannot be unpacked"):
        opened({"orders.csv.gz": b"no archive"})


def test_the_digest_follows_content_and_mapping(opened, settings, tmp_path):
    first = opened({"orders.csv": FILES["semicolon"]}).digest
    assert opened({"orders.csv": FILES["semicolon"]}).digest == first
    moved = settings(path=tmp_path / "data" / ".." / "data")
    assert open_source(moved, tmp_path / "other").digest == first
    assert opened({}, currency="USD").digest != first
    assert opened({"orders.csv": FILES["semicolon"] + b"4;1;01.01.2024;1,00\n"}).digest != first


def test_names_of_columns_may_hold_anything(opened):
    tables = {
        "orders": {
            "origin": "lines",
            "columns": {
                "order_id": '"a""b\'c"',
                "account_id": '"Kunde (Nr.)"',
                "ordered_at": '"Datum; Zeit"',
                "revenue": '"Betrag €"',
            },
        }
    }
    content = '"a""b\'c","Kunde (Nr.)","Datum; Zeit",Betrag €,_row,,\n1,007,2024-01-02,"1,234.50",x,y,z\n'
    source = opened({"lines.csv": content}, inputs={"lines": {"file": "lines.csv"}}, tables=tables)
    row = source.tables["orders"].to_pandas().iloc[0]
    assert (row["order_id"], row["account_id"], row["revenue"], row["_row"]) == ("1", "007", 1234.5, 1)
    assert source.raw["lines"].columns[4:] == ("_row_2", "column_6", "column_7")
