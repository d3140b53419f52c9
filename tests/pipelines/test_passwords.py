"""A password in an address, in any form, is found nowhere: on disk, in the stores, on the terminal."""

from __future__ import annotations

import itertools
from urllib.parse import quote, quote_plus

import pandas as pd
import pytest
from sqlalchemy import create_engine

from command_line import SMALL, in_process, segmentwerk
from postgres import postgres_server
from searching import places
from segmentwerk.core.addresses import redacted, secrets_in
from segmentwerk.core.veil import discreet, remember, veiled
from segmentwerk.data import demo

PLAIN = "Quolth7bert"
FORMS = {
    "password": ("postgresql://me:{}@127.0.0.1:9/d", PLAIN),
    "short scheme": ("postgres://me:{}@127.0.0.1:9/d", PLAIN),
    "driver": ("postgresql+psycopg2://me:{}@127.0.0.1:9/d", PLAIN),
    "at sign": ("postgresql://me:{}@127.0.0.1:9/d", "Quolth@7bert"),
    "blank": ("postgresql://me:{}@127.0.0.1:9/d", "Quolth 7bert"),
    "slash": ("postgresql://me:{}@127.0.0.1:9/d", "Quolth/7bert"),
    "colon": ("postgresql://me:{}@127.0.0.1:9/d", "Quolth:7bert"),
    "question mark": ("postgresql://me:{}@127.0.0.1:9/d", "Quolth?7bert"),
    "hash": ("postgresql://me:{}@127.0.0.1:9/d", "Quolth#7bert"),
    "quote": ("postgresql://me:{}@127.0.0.1:9/d", "Quolth'7bert"),
    "umlaut": ("postgresql://me:{}@127.0.0.1:9/d", "Quölth7bert"),
    "per cent": ("postgresql://me:{}@127.0.0.1:9/d", "Quolth%407bert"),
    "empty user": ("postgresql://:{}@127.0.0.1:9/d", PLAIN),
    "option": ("postgresql://127.0.0.1:9/d?user=me&password={}", PLAIN),
    "option with a sign": ("postgresql://127.0.0.1:9/d?user=me@firm&password={}", PLAIN),
    "capitals": ("postgresql://127.0.0.1:9/d?PASSWORD={}", PLAIN),
    "pwd": ("mysql://127.0.0.1:9/d?pwd={}&ssl=true", PLAIN),
    "unknown option": ("postgresql://127.0.0.1:9/d?x={}", PLAIN),
    "token alone": ("http://{}@127.0.0.1:9", PLAIN),
    "server": ("http://me:{}@127.0.0.1:9/prefix", PLAIN),
    "token as an option": ("http://127.0.0.1:9/?access_token={}", PLAIN),
    "fragment": ("http://127.0.0.1:9/#{}", PLAIN),
    "motherduck": ("duckdb://md:d?motherduck_token={}", PLAIN),
    "motherduck without slashes": ("md:d?motherduck_token={}", PLAIN),
    "semicolons": ("jdbc:sqlserver://127.0.0.1:9;user=me;password={}", PLAIN),
    "odbc": ("mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3D{}", PLAIN),
    "keywords": ("host=127.0.0.1 port=9 user=me password={}", PLAIN),
    "no scheme": ("me:{}@127.0.0.1:9/d", PLAIN),
    "six": ("postgresql://me:{}@[::1]:9/d", PLAIN),
}
each_form = pytest.mark.parametrize(("form", "password"), FORMS.values(), ids=FORMS)


def spelt(password: str) -> set[str]:
    return {password, quote(password, safe=""), quote_plus(password), repr(password)[1:-1]}


def holds(text: str, password: str) -> bool:
    return any(one in text for one in spelt(password)) or "7bert" in text


@each_form
def test_no_form_is_shown(form, password):
    address = form.format(password)
    assert not holds(redacted(address), password)
    assert secrets_in(address)
    with discreet():
        remember(address)
        for text in (address, f"no {address!r}", f"password is {password}", f"{quote(password, safe='')}!"):
            assert not holds(veiled(text), password), text
    assert holds(veiled(f"so {password} is"), password), "it was known for the block only"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://h/d?sslmode=require",
        "sqlite:////a/b@c.db?timeout=3",
        "http://h:5000/prefix",
        "s3://b/a b@c",
    ],
)
def test_what_holds_no_secret_is_shown_whole(address):
    assert redacted(address) == address or address.startswith("s3")
    assert not secrets_in(address) or address.startswith("s3")


KEYS = {
    "tracking.uri": ("sync",),
    "source.url": ("data", "check", "source=warehouse"),
    "tuning.storage": ("tune", "source.accounts=200", "tuning.n_trials=1", "segmenter=kmeans"),
    "database": ("server",),
}


def runs() -> list:
    every = [*itertools.product(["tracking.uri", "source.url", "database"], FORMS)]
    some = [("tuning.storage", name) for name in ("password", "at sign", "option")]  # these read data first
    return [pytest.param(key, *FORMS[name], id=f"{key} {name}") for key, name in every + some]


@pytest.mark.parametrize(("key", "form", "password"), runs())
def test_a_run_that_fails_says_and_keeps_no_password(key, form, password, home, monkeypatch, capsys):
    address = form.format(password)
    done = in_process(*KEYS[key], f"{key}={address}", home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2, done.stderr
    insist_on_nothing(done, password)


@pytest.mark.parametrize(
    "arguments",
    [
        ("tracking.urii={}",),  # a misspelt key, with and without what makes Hydra take it
        ("+tracking.urii={}",),
        ("+tracking.urii='{}'",),
        ("tracking.uri={}", "seed=x"),
        ("tracking.uri={}", "debug=true"),
        ("tracking={{uri:{}}}",),
        ("-m", "tracking.uri={},postgresql://127.0.0.1:9/e", "seed=1"),
        ("tracking.uri='{}'",),
        ('tracking.uri="{}"',),
        ("{}",),
    ],
)
@pytest.mark.parametrize(
    "form", ["postgresql://me:{}@127.0.0.1:9/d", "postgresql://127.0.0.1:9/d?password={}"]
)
def test_nor_does_a_command_that_cannot_be_read(arguments, form, home, monkeypatch, capsys):
    given = [text.format(form.format(PLAIN)) for text in arguments]
    done = in_process("sync", *given, home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code != 0
    insist_on_nothing(done, PLAIN)


@pytest.mark.parametrize("form", ["postgresql://me:{}@127.0.0.1:9/d", "http://127.0.0.1:9/?token={}"])
def test_the_environment_is_read_late_and_not_written(form, home, monkeypatch, capsys):
    monkeypatch.setenv("MY_PASSWORD", PLAIN)
    address = form.format("${oc.env:MY_PASSWORD}")
    done = in_process("sync", f"tracking.uri={address}", home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    insist_on_nothing(done, PLAIN)
    assert any(places(path, "MY_PASSWORD") for path in home.rglob("overrides.yaml"))


@pytest.mark.slow
@pytest.mark.postgres
def test_a_comparison_that_succeeds_keeps_no_password(tmp_path):
    """The source, the studies and the runs in three databases, each with a password of its own form."""
    words = ("Quolth1 7bert@x", "Quolth2-7bert", "Quolth3/7bert")
    with postgres_server() as url:
        place = url.removeprefix("postgresql://tester@").removesuffix("/postgres")
        engine = create_engine(
            url.replace("postgresql:", "postgresql+psycopg2:"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            for name in ("shop", "studies", "runs"):
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        made = demo.generate(tmp_path / "made", accounts=500, seed=7)
        shop = create_engine(f"postgresql+psycopg2://tester@{place}/shop")
        for name in ("accounts", "orders"):
            pd.read_parquet(made / ("orders" if name == "orders" else "accounts.parquet")).to_sql(name, shop)
        shop.dispose()
        home = tmp_path / "home"
        home.mkdir()
        done = segmentwerk(
            "compare",
            "source=warehouse",
            f"source.url=postgres://tester:{quote(words[0], safe='')}@{place}/shop",
            "source.as_of=2026-01-01",
            "source.outcome_until=2026-07-01",
            f"tuning.storage=postgresql://{place}/studies?user=tester&password={words[1]}",
            "tracking.uri=postgresql://tester:${oc.env:PW}@" + f"{place}/runs",
            "quality.max_unreadable=0.05",
            *[text for text in SMALL if not text.startswith("source.")],
            home=home,
            PW=words[2],
        )
        assert done.code == 0, done.stderr
        assert done.summary["model"]["version"] == 1
        for word in words:
            insist_on_nothing(done, word)
        for name in ("studies", "runs"):
            insist_on_nothing_in_database(f"postgresql+psycopg2://tester@{place}/{name}")


def insist_on_nothing_in_database(address: str) -> None:
    engine = create_engine(address)
    with engine.connect() as connection:
        tables = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [row[0] for row in tables]
        assert len(names) > 5
        for name in names:
            assert "7bert" not in str(connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()), name
    engine.dispose()


def insist_on_nothing(done, password: str) -> None:
    assert not holds(done.stdout + done.stderr, password), done.stdout + done.stderr
    files = [path for path in done.home.rglob("*") if path.is_file()]
    found = [path for path in files for word in {*spelt(password), "7bert"} if places(path, word)]
    assert found == []
    assert not [path for path in done.home.rglob("*") if "7bert" in path.name]
