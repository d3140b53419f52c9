import stat

import duckdb
import ibis
import pandas as pd
import pytest

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.settings import TableSettings
from segmentwerk.data import mapping, privacy
from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.forget import forget

FRAME = pd.DataFrame(
    {
        "account_id": ["AW-0017", "AW-0018"],
        "name": ["Müller GmbH", "Söhne"],
        "Vorname": ["Anna", "Bert"],
        "contact": ["anna@example.com", None],
        "call": ["+49 30 1234567", "030 / 123 45 67"],
        "story": ["She said that she would rather not say what she thought about it.", "x" * 80],
        "industry": ["retail", "paper"],
        "product_id": ["P-12-345", "0123456789"],
        "revenue": [1.0, 2.0],
    }
)


def test_personal_columns_are_declared_named_or_detected():
    found = privacy.personal_columns(ibis.memtable(FRAME))
    assert found == ("name", "Vorname", "contact", "call", "story")


@pytest.mark.parametrize(
    "name", ["Ansprechpartner", "Deal owner", "sales_agent", "ResellerName", "Kundenname"]
)
def test_columns_of_people_and_firms_are_known_by_name(name):
    assert privacy.NAMED.search(name)


@pytest.mark.parametrize(
    "name", ["ownership", "Mitarbeiter", "product_name", "account", "category", "EnglishProductName"]
)
def test_other_columns_are_not(name):
    assert not privacy.NAMED.search(name)


def test_a_preview_shows_shapes_not_ids():
    shown = privacy.preview(ibis.memtable(FRAME), rows=1)
    assert shown.loc[0, "account_id"] == "AA-9999"
    assert shown.loc[0, "industry"] == "retail"
    for secret in ("AW-0017", "Müller", "Anna", "anna@example.com", "30", "rather"):
        assert secret not in shown.to_string()


def test_a_preview_hides_what_the_mapping_reads_ids_and_names_from():
    tables = {
        "accounts": TableSettings(
            origin="(SELECT coalesce(firm, mail) AS unit, min(who) AS contact FROM people) AS units",
            columns={"account_id": "unit", "name": "contact", "industry": "branch"},
        ),
        "orders": TableSettings(
            origin="lines", columns={"order_id": "bill || '-1'", "account_id": "lines.customer"}
        ),
        "opportunities": TableSettings(origin="lines", columns={"agent": "seller"}),
    }
    private = mapping.private(tables, COLUMNS)
    assert private.ids == {"unit", "firm", "mail", "bill", "customer"}
    assert private.personal == {"contact", "who", "seller"}
    rows = {"Firm": ["Quothbert 7"], "WHO": ["Anna"], "seller": ["Bert"], "branch": ["retail"]}
    shown = privacy.preview(ibis.memtable(pd.DataFrame(rows)), private)
    assert shown.to_numpy().tolist() == [["AAAAAAAAA 9", "•••", "•••", "retail"]]


@pytest.mark.parametrize(
    "text", ["a.b+c@mail.example.org", "+49 (0)30 123-4567", "0043 1 2345678", "(030) 123 45 67"]
)
def test_contacts_are_recognised(text):
    assert duckdb.sql(f"SELECT regexp_matches('{text}', '{privacy.CONTACT}')").fetchall() == [(True,)]


@pytest.mark.parametrize(
    "text", ["12345678", "P-0017", "2024-01-02", "00123", "Type 4+5", "A@B", "1.234,50", "85123A"]
)
def test_other_texts_are_not(text):
    assert duckdb.sql(f"SELECT regexp_matches('{text}', '{privacy.CONTACT}')").fetchall() == [(False,)]


def test_pseudonyms_depend_on_id_and_key_only():
    one, two = b"1" * 32, b"2" * 32
    ids = [f"A{i}" for i in range(1000)]
    assert privacy.pseudonymise(ids, one) == privacy.pseudonymise(ids, one)
    assert not set(privacy.pseudonymise(ids, one)) & set(privacy.pseudonymise(ids, two))
    assert len(set(privacy.pseudonymise(ids, one))) == 1000
    assert all(len(p) == 20 and "A1" not in p for p in privacy.pseudonymise(["A1"], one))


def test_the_key_file_is_made_once_and_for_the_owner_only(tmp_path, monkeypatch):
    monkeypatch.delenv(privacy.ENVIRONMENT, raising=False)
    first = privacy.key(tmp_path / "home")
    path = tmp_path / "home" / privacy.KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert privacy.key(tmp_path / "home") == first
    assert privacy.key(tmp_path / "other") != first
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        privacy.key(tmp_path / "home")
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match="holds no key"):
        privacy.key(tmp_path / "home")


def test_the_key_of_the_environment_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv(privacy.ENVIRONMENT, "a secret of many letters")
    key = privacy.key(tmp_path / "home")
    assert len(key) == 32
    assert not (tmp_path / "home").exists()
    monkeypatch.setenv(privacy.ENVIRONMENT, "short")
    with pytest.raises(ConfigError, match="shorter than 16"):
        privacy.key(tmp_path / "home")


def test_a_home_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.delenv(privacy.ENVIRONMENT, raising=False)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="Cannot write"):
        privacy.key(tmp_path / "file")


@pytest.fixture
def home(tmp_path):
    key = b"k" * 32
    pseudonym = privacy.pseudonymise(["AW-0017"], key)[0]
    folder = tmp_path / "home" / "outputs" / "run"
    folder.mkdir(parents=True)
    FRAME.to_parquet(folder / "segments.parquet")
    FRAME.assign(account_id=[pseudonym, "other"]).to_csv(folder / "assignments.csv", index=False)
    (folder / "crm.csv").write_bytes("account_id;segment\nAW-0017;1\nAW-00170;2\nÄ;3\n".encode())
    (folder / "numbers.parquet").write_bytes((folder / "segments.parquet").read_bytes())
    FRAME[["revenue"]].to_parquet(folder / "numbers.parquet")
    (folder / "report.html").write_text("<p>AW-0017</p>")
    (folder / "other.html").write_text("<p>AW-00170</p>")
    return tmp_path / "home", key


def test_an_account_is_forgotten_by_id_and_pseudonym(home):
    folder, key = home
    run = folder / "outputs" / "run"
    answer = forget("AW-0017", folder, key)
    assert {path.name: rows for path, rows in answer.removed.items()} == {
        "segments.parquet": 1,
        "assignments.csv": 1,
        "crm.csv": 1,
    }
    assert [path.name for path in answer.left] == ["report.html"]
    assert answer.unreachable
    assert pd.read_parquet(run / "segments.parquet")["account_id"].tolist() == ["AW-0018"]
    assert pd.read_parquet(run / "segments.parquet").dtypes.equals(FRAME.dtypes)
    assert (run / "crm.csv").read_text(encoding="utf-8") == "account_id;segment\nAW-00170;2\nÄ;3\n"
    assert forget("AW-0017", folder, key).removed == {}


@pytest.mark.parametrize("stored", ["text", "int64", "float64"])
def test_an_id_of_digits_is_looked_for_in_columns_of_accounts_only(tmp_path, stored):
    """An account called 3 is neither segment 3 nor quantity 3, and its subsidiary stays."""
    (tmp_path / "cache" / "views" / "abc").mkdir(parents=True)
    (tmp_path / "cache" / "views" / "abc" / "values.npy").write_bytes(b"rows of accounts, by position")
    frame = pd.DataFrame({"account_id": [1, 3, 33], "segment_id": [3, 1, 2], "quantity": ["3", "4", "3"]})
    frame["parent_account_id"] = ["3", None, "1"]
    frame["account_id"] = frame["account_id"].astype(str if stored == "text" else stored)
    frame.to_parquet(tmp_path / "table.parquet")
    frame.rename(columns={"account_id": "CustomerID"}).to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "note.html").write_text("3 segments")
    answer = forget("3", tmp_path, b"k" * 32)
    assert {path.name: rows for path, rows in answer.removed.items()} == {"table.parquet": 2, "table.csv": 2}
    assert answer.left == ()
    assert "were not searched" in answer.unreachable[0]
    found = pd.read_parquet(tmp_path / "table.parquet")
    assert found["segment_id"].tolist() == [3, 2]
    assert found["parent_account_id"].fillna("").tolist() == ["", "1"]
    assert found.dtypes["account_id"] == frame.dtypes["account_id"]
    assert (tmp_path / "table.csv").read_text().splitlines()[1:] == [
        "1,3,3," if stored != "float64" else "1.0,3,3,",
        "33,2,3,1" if stored != "float64" else "33.0,2,3,1",
    ]
    assert not (tmp_path / "cache" / "views").exists()


def test_forgetting_nobody(home):
    with pytest.raises(InputError, match="No account is named"):
        forget(" ", *home)
