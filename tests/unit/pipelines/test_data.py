"""`segmentwerk data`: what it prints of a source, and what it keeps to itself."""

import json
from pathlib import Path

import pytest

from command_line import in_process
from segmentwerk.features.table import catalogue

CUSTOMERS = (
    "Kundennr;Firma;Ansprechpartner;Branche;Umsatz\n"
    '00123;"Quolthbert & Söhne\nGmbH";Anna Quolthbert;Handel;1,2 Mio. €\n'
    "00124;Vrothgar AG;Bert Vrothgar;Bau;950.000,50 €\n"
)
BILLS = (
    "Beleg;Kundennr;Datum;Betrag;Rabatt\n"
    "R-1;00123;01.02.2024;1.234,50 €;12,5 %\n"
    "R-2;00124;31.12.2023;-2,00 €;0 %\n"
    "R-3;00999;29.02.2024;7,25 €;3 %\n"
)
SOURCE = [
    "source=csv_folder",
    "source.name=erp",
    "source.as_of=2024-06-01",
    "+source.inputs.customers.file=kunden.csv",
    "+source.inputs.bills.file=belege.csv",
    "source.tables.accounts.origin=customers",
    "+source.tables.accounts.columns.account_id=Kundennr",
    "+source.tables.accounts.columns.name=Firma",
    "+source.tables.accounts.columns.industry=Branche",
    "+source.tables.accounts.columns.annual_revenue=Umsatz",
    "source.tables.orders.origin=bills",
    "+source.tables.orders.columns.order_id=Beleg",
    "+source.tables.orders.columns.account_id=Kundennr",
    "+source.tables.orders.columns.ordered_at=Datum",
    "+source.tables.orders.columns.revenue='Betrag * (1 - Rabatt)'",
]


@pytest.fixture
def checked(tmp_path, monkeypatch, capsys):
    def run(*overrides):
        (tmp_path / "erp").mkdir(exist_ok=True)
        (tmp_path / "erp" / "kunden.csv").write_bytes(CUSTOMERS.encode("cp1252"))
        (tmp_path / "erp" / "belege.csv").write_text(BILLS, encoding="utf-8")
        arguments = [f"source.path={tmp_path / 'erp'}", *SOURCE, *overrides]
        return in_process("data", "check", *arguments, home=tmp_path, monkeypatch=monkeypatch, capsys=capsys)

    return run


def test_what_was_understood_is_shown_with_ids_masked(checked):
    done = checked()
    assert done.code == 0, done.stderr
    for words in (
        "kunden.csv, cp1252, fields split by ;",
        "belege.csv, utf-8, fields split by ;",
        "Kundennr: text",
        "Datum: date dd.mm.yyyy",
        "Betrag: number decimal ,",
        "Umsatz: number decimal ,",
        "A-9    99999 2024-02-01 1234.50   0.125",
        "99999   •••             •••  Handel 1200000.0",
    ):
        assert words in done.stdout, words
    for secret in ("Quolthbert", "Vrothgar", "00123", "R-1", "00999"):
        assert secret not in done.stdout + done.stderr, secret


def test_findings_and_files_of_a_check(checked):
    done = checked()
    summary = done.summary
    assert summary["rows"] == {"accounts": 2, "orders": 3}
    assert summary["quarantined"] == {"accounts": 0, "orders": 1}
    codes = {f["code"] for f in summary["quality"]["findings"] if f["status"] == "failed"}
    assert {"Q005", "Q020"} <= codes
    assert "the account is unknown (quarantined, revenue 7.03)" in done.stdout
    folder = Path(done.stdout.strip().splitlines()[-1]).parent
    assert {"quality.html", "quality.json", "quarantine.parquet"} <= {path.name for path in folder.iterdir()}
    assert json.loads((folder / "quality.json").read_text(encoding="utf-8"))["source"] == "erp"


def test_what_was_understood_can_be_overridden(checked):
    done = checked("+source.inputs.bills.columns.Rabatt=text", "+source.inputs.bills.date_format='%d.%m.%Y'")
    assert done.code == 2
    assert "Table 'orders' cannot be read" in done.stderr  # one minus a text
    done = checked("+source.inputs.customers.encoding=latin-1", "+source.inputs.customers.decimal=.")
    assert "kunden.csv, latin-1" in done.stdout
    assert "Umsatz: number decimal ." in done.stdout


def test_every_feature_is_printed_whole(tmp_path, monkeypatch, capsys):
    done = in_process("data", "features", home=tmp_path, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 0, done.stderr
    for feature in catalogue():
        assert f" {feature.name} " in done.stdout


def test_a_folder_that_is_not_there_is_named(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "exports"
    done = in_process(
        "data",
        "check",
        "source=csv_folder",
        f"source.path={folder}",
        home=tmp_path,
        monkeypatch=monkeypatch,
        capsys=capsys,
    )
    assert done.code == 2
    assert f"There is no {folder}." in done.stderr
