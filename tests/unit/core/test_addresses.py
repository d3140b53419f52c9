"""Addresses: as providers write them, compared by the place they lead to, shown without secrets."""

from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from segmentwerk.core.addresses import (
    is_sqlite,
    missing_driver,
    redacted,
    same_database,
    sound,
    sqlite,
    sqlite_at,
    with_driver,
)
from segmentwerk.core.veil import veiled


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("postgres://me@h/d", "postgresql://me@h/d"),
        ("postgres+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("postgresql://h/d", "postgresql://h/d"),
        ("sqlite:///postgres.db", "sqlite:///postgres.db"),
        ("http://postgres:1", "http://postgres:1"),
    ],
)
def test_the_short_scheme_is_postgresql(address, expected):
    assert sound(address) == expected


def test_the_driver_that_is_there_is_taken():
    assert with_driver("postgresql://h/d", "no_such_driver", "json") == "postgresql+json://h/d"
    assert with_driver("postgresql://h/d", "no_such_driver") == "postgresql://h/d"
    assert with_driver("postgresql+x://h/d", "json") == "postgresql+x://h/d"
    assert with_driver("mysql://h/d", "json") == "mysql://h/d"


@pytest.mark.parametrize("name", ["a.db", 'it\'s "a" b.db', "100%20.db", "q?x#y.db", "ä@:b.db"])
def test_a_file_of_any_name_is_found_again(tmp_path, name):
    address = sqlite_at(tmp_path / name)
    assert make_url(address).database == str(tmp_path / name)
    assert is_sqlite(address)
    assert sqlite(address, Path("/elsewhere")) == address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("sqlite:///a.db", "sqlite:////data/a.db"),
        ("sqlite:////b/../a.db", "sqlite:////a.db"),
        ("sqlite:///a.db?timeout=3", "sqlite:////data/a.db?timeout=3"),
        ("sqlite+pysqlite:///a.db", "sqlite:////data/a.db"),
    ],
)
def test_a_relative_file_lies_below_the_folder(address, expected):
    assert sqlite(address, Path("/data")) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("postgres://me:x@Host/db", "postgresql+psycopg2://host:5432/db", True),
        ("postgresql://127.0.0.1/db", "postgresql://you@localhost/db", True),
        ("postgresql://h/db", "postgresql://h/other", False),
        ("postgresql://h/db", "postgresql://h:5433/db", False),
        ("postgresql://h/db", "mysql://h/db", False),
        ("mysql+pymysql://h/db", "mysql://h:3306/db", True),
        ("sqlite:////a/b.db", "sqlite+pysqlite:////a/c/../b.db", True),
        ("sqlite:////a/b.db", "sqlite:////a/c.db", False),
        ("postgresql://h:port/db", "postgresql://h/db", False),
        ("nonsense", "postgresql://h/db", False),
        ("http://h:5000", "postgresql://h/db", False),
    ],
)
def test_databases_are_compared_by_their_place(one, other, same):
    assert same_database(one, other) is same


def test_a_link_leads_to_the_same_file(tmp_path, monkeypatch):
    (tmp_path / "a.db").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "a.db")
    monkeypatch.chdir(tmp_path)
    assert same_database("sqlite:///link.db", f"sqlite:///{tmp_path}/a.db")


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:secret@h/d",
        "postgresql://me:sec/ret@h/d",
        "postgresql://me:s@secret@h/d",
        "postgresql://h/d?user=me&password=secret",
        "https://me:secret@h:5000/prefix",
        "postgresql://:secret@h/d",
    ],
)
def test_no_secret_is_shown(address):
    for shown in (redacted(address), veiled(f"key='{address}' and more")):
        assert "sec" not in shown.replace("password", "")
        assert "h" in shown


def test_a_text_without_secrets_stays():
    text = "a: http://h:80/x\nb: models:/m@champion\nc: s3://bucket/a b@c"
    assert veiled(text) == text


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("postgresql://h/d", r"segmentwerk\[postgres\]"),
        ("mysql://h/d", "pymysql"),
        ("mariadb://h/d", "pymysql"),
        ("oracle://h/d", "Use PostgreSQL"),
    ],
)
def test_the_remedy_is_the_right_driver(address, remedy):
    import re

    assert re.search(remedy, missing_driver(address))
    assert ("segmentwerk[postgres]" in missing_driver(address)) is address.startswith("postgresql")
