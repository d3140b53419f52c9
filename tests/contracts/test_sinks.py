"""Every shipped sink, written by the one writer and read back as its tool's documented importer would."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import date, datetime
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pytest
import yaml

from postgres import postgres_server
from segmentwerk.activation import consent, exporting, formats, sink
from segmentwerk.core.activation_settings import ActivationSettings
from segmentwerk.core.paths import config_root
from segmentwerk.core.sink_settings import SinkSettings

SINKS = sorted(path.stem for path in (config_root() / "conf" / "sink").glob("*.yaml"))
FORMULA = '=HYPERLINK("http://evil.example";"click")'
MESSAGE = 'Grüße,\n"wir" vermissen Sie; bis bald 🚀'
CAMPAIGN = "2026-01 zurückgewinnen"
ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
ACCOUNTS = pd.DataFrame(
    {
        "account_id": ["007", "A-2", "A-3", "A-4", "A-5", "A-6", "A-7", "web@user.example"],
        "name": [FORMULA, 'Müller "GmbH"', "C", "D;,D", "@sum", "F", "G", "H"],
        "email": [
            *("Zero@Seven.example", "b@b.example", "c@c.example", "d@d.example"),
            *("e@e.example", "f@f.example", None, "h@h.example"),
        ],
        "phone": ["+49 555 1234567", "+49 555 7654321", None, "030/123456", None, None, None, None],
        "address": ["Lange Straße 1, 01067 Ort"] * 8,
        "town": ["Ort"] * 8,
        "consent_email": [1, 1, 0, 1, 1, 1, None, 1],
        "consent_phone": [1, 0, None, 1, None, None, None, None],
        "consent_post": [1, 1, 0, 1, None, None, None, None],
    }
)
SEGMENTS = pd.DataFrame(
    {
        "segment_id": [0, 0, 1, 1, 1, 0, -1, 1],
        "segment": ["Größte, treue"] * 2 + ["Kleine"] * 3 + ["Größte, treue", "", "Kleine"],
        "confidence": [0.91234, 0.8, 0.7, 0.6, 0.55, 0.5, 0.0, 0.9],
        "basis": ["full"] * 8,
    },
    index=pd.Index(ACCOUNTS["account_id"], name="account_id"),
)
CHANNELS = ("email", "phone", "post", "visit", "portal", "ads")
"""Each account gets a measure by every channel, so that consent alone decides who is addressed."""


def assignments(accounts=("007", "A-2", "A-3", "A-4", "A-5", "A-6", "web@user.example")):
    rows = [
        {
            "account_id": account,
            "segment_id": int(SEGMENTS.at[account, "segment_id"]),
            "segment": SEGMENTS.at[account, "segment"],
            "campaign": CAMPAIGN,
            "measure": f"win_back_{channel}",
            "arm": "control" if account == "A-6" else "treated",
            "channel": channel,
            "message": MESSAGE,
            "offer": "+cmd|' /C calc'!A0",
            "owner": "Vertrieb",
            "from_date": date(2026, 1, 1),
            "until_date": date(2026, 3, 31),
            "priority": at + 1,
            "potential": float("nan") if account == "A-2" else 1234.5,
        }
        for at, account in enumerate(accounts)
        for channel in CHANNELS
    ]
    return pd.DataFrame(rows)


def settings(name, tmp_path=None, **changes):
    text = (config_root() / "conf" / "sink" / f"{name}.yaml").read_text(encoding="utf-8")
    given = {**yaml.safe_load(text), **changes}
    if "url" in given:
        given["url"] = f"duckdb://{tmp_path}/warehouse.duckdb"
    return SinkSettings.model_validate(given)


def export(given, folder, rows=None, accounts=ACCOUNTS, segments=SEGMENTS):
    reach = consent.reachable(accounts, ActivationSettings())
    rows = assignments() if rows is None else rows
    return exporting.export(
        sink.prepare(given, rows, accounts, segments, reach, currency="EUR"), folder / "exports"
    )


def as_csv(path, encoding="utf-8", line_end="\n", most_bytes=None, most_rows=None):
    """Read RFC 4180 strictly: one encoding, commas, unique headings, and as many cells in each row."""
    content = path.read_bytes()
    assert most_bytes is None or len(content) <= most_bytes
    text = content.decode(encoding)
    assert not text.startswith("\ufeff"), "a mark where the tool wants none becomes part of the first heading"
    assert text.endswith(line_end)
    assert line_end == "\n" or "\r\n" in text
    heading, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert len(set(heading)) == len(heading)
    assert all(len(row) == len(heading) for row in rows)
    assert most_rows is None or len(rows) <= most_rows
    assert not any(cell.startswith(("=", "+cmd", "@")) for row in rows for cell in row)
    return [dict(zip(heading, row, strict=True)) for row in rows]


def iso(rows, *columns):
    for row in rows:
        for column in columns:
            if row[column]:
                assert ISO.fullmatch(row[column])
                date.fromisoformat(row[column])


def hubspot(path):
    rows = as_csv(path, most_bytes=20_000_000, most_rows=1_048_575)
    assert len(rows[0]) < 1000
    iso(rows, "Measure from", "Measure until")
    for row in rows:
        assert not row.get("Measure potential") or float(row["Measure potential"])
        assert not row.get("Segment number") or int(row["Segment number"]) >= 0
    return rows


def activecampaign(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(as_csv(path)) + 1, "line breaks stop it"
    rows = as_csv(path)
    iso(rows, "Measure From", "Measure Until")
    for row in rows:
        assert re.fullmatch(r"[^@\s]+@[^@\s]+\.\w+", row["Email"])
        assert re.fullmatch(r"(\+[1-9]\d{6,14})?", row["Phone"])
        assert all(tag.strip() for tag in row["Tags"].split(","))
        assert not any(ord(letter) > 0xFFFF for cell in row.values() for letter in cell), "emoji stop it"
    return rows


def google_analytics4(path):
    rows = as_csv(path, most_bytes=1_000_000_000)
    assert not {"email", "name", "phone", "Email"} & {*rows[0]}
    for row in rows:
        assert "@" not in row["user_id"], "personal data is forbidden"
        assert len(row["user_id"]) <= 256
        assert all(len(value) <= 36 for name, value in row.items() if name != "user_id")
    return rows


def salesforce(path):
    rows = as_csv(path, line_end="\r\n", most_rows=5_000_000)
    iso(rows, "Measure_From__c", "Measure_Until__c")
    assert all(len(row[name]) <= 255 for row in rows for name in ("Segment__c", "Campaign__c", "Offer__c"))
    return rows


def excel_csv(path):
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), (
        "without the mark Excel takes it for another encoding"
    )
    return as_csv(path, encoding="utf-8-sig", line_end="\r\n")


def excel(path):
    with zipfile.ZipFile(path) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet, "a formula"
    book = openpyxl.load_workbook(path)
    assert len(book.sheetnames) == 1
    heading, *rows = book.active.iter_rows()
    for row in rows:
        for cell in row:
            assert cell.data_type != "f"
            if isinstance(cell.value, str) and cell.value.startswith(("=", "+", "@")):
                assert cell.quotePrefix, "editing the cell must not make it a formula"
    names = [cell.value for cell in heading]
    return [dict(zip(names, [cell.value for cell in row], strict=True)) for row in rows]


READERS = {
    "activecampaign": activecampaign,
    "csv": excel_csv,
    "google_analytics4": google_analytics4,
    "hubspot": hubspot,
    "salesforce": salesforce,
    "xlsx": excel,
    "warehouse": None,
}


def read(name, done, url=None):
    """Return the rows by file and key, as the tool would have them."""
    given = settings(name, done.folder)
    found = {}
    if name == "warehouse":
        with duckdb.connect(url.removeprefix("duckdb://"), read_only=True) as con:
            for table in given.files:
                rows = con.execute(f"FROM {table}").to_arrow_table().to_pylist()
                found[table] = keyed(rows, given.files[table].key)
        return found
    for path in done.files:
        file = re.sub(r"-\d+$", "", path.stem)
        found.setdefault(file, {}).update(keyed(READERS[name](path), given.files[file].key))
    return found


def keyed(rows, key):
    found = {tuple(row[name] for name in key): row for row in rows}
    assert len(found) == len(rows), "a key twice"
    assert all(all(value not in ("", None) for value in one) for one in found)
    return {key[0] if len(key) == 1 else key: row for key, row in found.items()}


def test_every_sink_has_a_reader():
    assert len(SINKS) == 7
    assert set(SINKS) == {*READERS}


@pytest.fixture(params=SINKS)
def name(request):
    return request.param


def test_what_a_tool_reads(name, tmp_path):
    given = settings(name, tmp_path)
    done = export(given, tmp_path)
    found = read(name, done, given.url)
    assert done.new == sum(len(rows) for rows in found.values())
    assert (done.changed, done.removed, done.unchanged) == (0, 0, 0)
    assert all(path.parent == done.folder for path in done.files)
    EXPECTED[name](found, done)


def expect_hubspot(found, done):
    rows = found["companies"]
    assert set(rows) == {"007", "A-2", "A-3", "A-4", "A-5", "A-6", "web@user.example"}
    assert rows["007"]["Segment"] == "Größte, treue"
    assert rows["007"]["Segment confidence"] == "0.912"
    assert rows["007"]["Measure potential"] == "1234.50"
    assert rows["A-2"]["Measure potential"] == ""
    assert rows["007"]["Measure message"] == MESSAGE
    assert rows["007"]["Offer"] == "'+cmd|' /C calc'!A0"
    assert rows["A-6"]["Measure"] == "none", "of the control group nobody sees that it is one"
    refused = set(rows["A-3"]["Measure"].split(";"))
    assert refused == {"win_back_visit", "win_back_portal"}
    assert set(rows["A-2"]["Measure"].split(";")) == {f"win_back_{c}" for c in CHANNELS if c != "phone"}
    people = found["contacts"]
    assert set(people) == {
        "zero@seven.example",
        "b@b.example",
        "d@d.example",
        "e@e.example",
        "f@f.example",
    } | {"h@h.example"}
    assert people["zero@seven.example"]["Measure"] == "win_back_email"
    assert people["f@f.example"]["Measure"] == "none"
    assert done.withheld == {"companies": 0, "contacts": 1}
    assert done.left_out == {"ads": 1, "email": 1, "phone": 4, "post": 1}


def expect_activecampaign(found, done):
    rows = found["contacts"]
    assert set(rows) == {
        *("zero@seven.example", "b@b.example", "d@d.example"),
        *("e@e.example", "f@f.example", "h@h.example"),
    }
    assert rows["zero@seven.example"]["Phone"] == "+495551234567"
    assert rows["b@b.example"]["Phone"] == "", "a refusal of calls takes the number along"
    assert rows["d@d.example"]["Phone"] == "", "without its country the importer refuses it"
    assert rows["zero@seven.example"]["Message"] == 'Grüße, "wir" vermissen Sie; bis bald'
    assert rows["zero@seven.example"]["Tags"] == "measure-win_back_email"
    assert rows["f@f.example"]["Tags"] == "segmentwerk"
    assert rows["f@f.example"]["Measure"] == "none"
    assert done.left_out == {"email": 1}


def expect_google_analytics4(found, done):
    rows = found["user_data"]
    assert set(rows) == {"007", "A-2", "A-3", "A-4", "A-5", "A-6"}
    assert rows["007"] == {
        "user_id": "007",
        "segment_id": "0",
        "segment": "Größte, treue",
        "measure": "win_back_ads; win_back_portal",
    }
    assert rows["A-3"]["measure"] == "win_back_portal"


def expect_salesforce(found, done):
    rows = found["accounts"]
    assert set(rows) == {"007", "A-2", "A-3", "A-4", "A-5", "A-6", "web@user.example"}
    assert rows["007"]["Message__c"] == MESSAGE
    assert rows["007"]["Offer__c"] == "'+cmd|' /C calc'!A0"
    assert rows["007"]["Measure_From__c"] == "2026-01-01"
    assert rows["007"]["Potential__c"] == "1234.50"
    assert rows["A-6"]["Channel__c"] == "none"


def expect_lists(found, done, text=lambda cell: "'" + cell, day=date.isoformat, measures="measures"):
    rows = found[measures]
    assert not {"A-6", "A-7"} & {key[0] for key in rows}
    by = {channel: {key[0] for key in rows if key[3] == channel} for channel in CHANNELS}
    everyone = {"007", "A-2", "A-3", "A-4", "A-5", "web@user.example"}
    assert by["email"] == by["ads"] == everyone - {"A-3"}
    assert by["phone"] == {"007", "A-4"}
    assert by["post"] == everyone - {"A-3"}
    assert by["visit"] == by["portal"] == everyone
    first = rows["007", CAMPAIGN, "win_back_email", "email"]
    assert first["name"] == text(FORMULA)
    assert first["message"] == MESSAGE
    assert first["from"] == day(date(2026, 1, 1))
    assert float(first["potential"]) == 1234.5
    assert (first["email"], first["phone"] or "", first["address"] or "") == ("Zero@Seven.example", "", "")
    call = rows["007", CAMPAIGN, "win_back_phone", "phone"]
    assert (call["email"] or "", call["phone"]) == ("", "+49 555 1234567")
    segments = found["segments" if measures == "measures" else "segmentwerk_segments"]
    assert set(segments) == everyone | {"A-6"}
    assert segments["A-2"]["name"] == 'Müller "GmbH"'
    assert segments["A-5"]["name"] == text("@sum")


def as_it_is(cell):
    return cell


EXPECTED = {
    "activecampaign": expect_activecampaign,
    "csv": expect_lists,
    "google_analytics4": expect_google_analytics4,
    "hubspot": expect_hubspot,
    "salesforce": expect_salesforce,
    "xlsx": lambda found, done: expect_lists(
        found, done, as_it_is, lambda day: datetime(day.year, day.month, day.day)
    ),
    "warehouse": lambda found, done: expect_lists(found, done, as_it_is, as_it_is, "segmentwerk_measures"),
}


def test_only_changes_and_removals_are_handed_over(name, tmp_path):
    """A-4 goes, A-5 changes its segment, A-2 opts out of e-mails; the rest stays as it was."""
    given = settings(name, tmp_path)
    export(given, tmp_path)
    people = ACCOUNTS[ACCOUNTS["account_id"] != "A-4"].reset_index(drop=True)
    people.loc[people["account_id"] == "A-2", "consent_email"] = 0
    segments = SEGMENTS.drop("A-4")
    segments.loc["A-5", ["segment_id", "segment"]] = [0, "Größte, treue"]
    rows = assignments(["007", "A-2", "A-3", "A-5", "A-6", "web@user.example"])
    rows["priority"] = rows["account_id"].map(assignments().groupby("account_id")["priority"].first())
    done = export(given, tmp_path, rows, people, segments)
    found = read(name, done, given.url)
    removed = {file: {key for key, row in rows.items() if _is_removed(row)} for file, rows in found.items()}
    if name == "warehouse":
        assert "A-4" not in found["segmentwerk_segments"]
        assert found["segmentwerk_segments"]["A-5"]["segment_id"] == 0
        assert ("A-2", CAMPAIGN, "win_back_email", "email") not in found["segmentwerk_measures"]
        return
    if name in ("csv", "xlsx"):
        assert set(found["segments"]) == {"A-2", "A-4", "A-5"}
        assert removed["segments"] == {"A-4"}
        gone = {key for key in removed["measures"] if key[0] == "A-2"}
        assert {key[3] for key in gone} == {"email", "ads"}
        assert {key[0] for key in removed["measures"]} == {"A-2", "A-4"}
        assert all(not found["measures"][key]["email"] for key in removed["measures"])
    elif name == "hubspot":
        assert set(found["companies"]) == {"A-2", "A-4", "A-5"}
        assert removed == {"companies": {"A-4"}, "contacts": {"b@b.example", "d@d.example"}}
        assert found["companies"]["A-4"]["Measure"] == "none"
    elif name == "activecampaign":
        assert set(found["contacts"]) == {"b@b.example", "d@d.example", "e@e.example"}
        assert removed["contacts"] == {"b@b.example", "d@d.example"}
        assert found["contacts"]["b@b.example"]["Tags"] == "segment-ended"
    elif name == "google_analytics4":
        assert found["user_data"]["A-4"] == {
            "user_id": "A-4",
            "segment_id": "none",
            "segment": "none",
            "measure": "none",
        }
        assert set(found["user_data"]) == {"A-2", "A-4", "A-5"}
    else:
        assert set(found["accounts"]) == {"A-2", "A-4", "A-5"}
        assert removed["accounts"] == {"A-4"}


def _is_removed(row):
    return row.get("change") == "removed" or "none" in (
        row.get("Segment"),
        row.get("Segment__c"),
        row.get("segment") if "user_id" in row else None,
    )


def test_the_same_again_is_no_further_export(name, tmp_path):
    given = settings(name, tmp_path)
    first = export(given, tmp_path)
    before = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    shuffled = assignments().sample(frac=1, random_state=1)
    second = export(given, tmp_path, shuffled, ACCOUNTS.sample(frac=1, random_state=2))
    assert second == first
    assert before == {path: path.read_bytes() for path in second.folder.rglob("*") if path.is_file()}
    assert [path.name for path in sorted(first.folder.parent.iterdir())] == [".lock", first.folder.name]


def test_the_same_on_another_machine(name, tmp_path):
    """Bytes depend on nothing but what is handed over: no clock, no order of rows."""
    if name == "warehouse":
        pytest.skip("a table has no bytes of its own")
    one = export(settings(name), tmp_path / "one")
    other = export(settings(name), tmp_path / "other", assignments().sample(frac=1, random_state=3))
    assert [path.name for path in one.files] == [path.name for path in other.files]
    assert [path.read_bytes() for path in one.files] == [path.read_bytes() for path in other.files]


def test_too_much_for_one_file_goes_into_several(tmp_path):
    given = settings("hubspot").model_dump(exclude_none=True)
    given["files"]["companies"] |= {"max_bytes": 1000}
    given["files"]["contacts"] |= {"max_rows": 4}
    done = export(SinkSettings.model_validate(given), tmp_path)
    names = [path.name for path in done.files]
    assert names[:2] == ["companies-1.csv", "companies-2.csv"]
    assert names[-2:] == ["contacts-1.csv", "contacts-2.csv"]
    found = read("hubspot", done)
    assert len(found["companies"]) == 7
    assert len(found["contacts"]) == 6
    assert all(path.stat().st_size <= 1000 for path in done.files if path.name.startswith("companies"))


def test_other_encodings_delimiters_and_date_forms(tmp_path):
    """What the German Excel of an old CRM reads."""
    given = settings("csv").model_dump()
    form = {"encoding": "cp1252", "delimiter": ";", "decimal": ",", "date_format": "%d.%m.%Y"}
    form["replace"] = r"[^\x{0000}-\x{00FF}]"
    given["files"]["measures"] |= form
    done = export(SinkSettings.model_validate(given), tmp_path)
    text = (done.folder / "measures.csv").read_bytes().decode("cp1252")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
    assert rows[0]["potential"] == "1234,50"
    assert rows[0]["from"] == "01.01.2026"
    assert rows[0]["message"] == 'Grüße,\n"wir" vermissen Sie; bis bald'


@pytest.mark.postgres
def test_a_table_in_postgresql_is_replaced(tmp_path):
    given = settings("warehouse", tmp_path)
    with postgres_server() as url:
        there = given.model_copy(update={"url": url})
        export(there, tmp_path)
        export(there, tmp_path, assignments(["007"]))
        import ibis

        con = ibis.connect(url)
        rows = con.table("segmentwerk_measures").to_pandas()
        tables = con.list_tables()
        con.disconnect()
    assert set(rows["account_id"]) == {"007"}
    assert set(tables) == {"segmentwerk_measures", "segmentwerk_segments"}


@pytest.mark.parametrize(
    ("cell", "is_defused"),
    [
        ("=1+1", True),
        ("  =1+1", True),
        ("+cmd|'/C calc'!A0", True),
        ("-2+3+cmd|' /C calc'!A0", True),
        ("@SUM(A1)", True),
        ("\t=1", True),
        ("\uff1d1+1", True),
        ("+49 (555) 123-45", False),
        ("-5%", False),
        ("-17.5", False),
        ("007", False),
        ("a=b", False),
        ("Straße", False),
    ],
)
def test_cells_that_a_spreadsheet_would_run(cell, is_defused, tmp_path):
    import pyarrow as pa

    file = settings("csv").files["segments"].model_copy(update={"encoding": "utf-8"})
    (path,) = formats.write(pa.table({"a": [cell, "x"]}), tmp_path, "cells", file)
    _, (written,), _ = csv.reader(io.StringIO(path.read_bytes().decode(), newline=""))
    assert written == ("'" + cell if is_defused else cell)


def test_readers_are_not_blind(tmp_path):
    """The importers that these tests play refuse what the real ones refuse."""
    bad = Path(tmp_path / "bad.csv")
    bad.write_bytes("Email,Phone,Tags\nä@b.example,030,x\n".encode("cp1252"))
    with pytest.raises(UnicodeDecodeError):
        hubspot(bad)
    bad.write_text("user_id,segment\na@b.example,x\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="personal"):
        google_analytics4(bad)
    bad.write_text("a,b\n=1,x\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        as_csv(bad)
    bad.write_text("\ufeffa,b\n1,x\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="mark"):
        salesforce(bad)
