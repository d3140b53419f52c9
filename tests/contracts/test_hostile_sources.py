"""Source files that mean harm: none does anything that docs/how-to/security.md does not allow."""

from __future__ import annotations

import json
import os
from datetime import date
from functools import partial
from pathlib import Path

import pytest
import yaml

from command_line import in_process
from postgres import postgres_server
from searching import places
from segmentwerk.core.errors import SegmentwerkError
from segmentwerk.core.settings import SourceSettings
from segmentwerk.data import connection as connection_module
from segmentwerk.data import fence
from segmentwerk.data.sources import open_source

CANARY = "Quolthbert-314159265"
"""Stands in a file beside the source's folder, and in the environment."""
RUN = {"_target_": "subprocess.Popen", "args": ["touch", "{stolen}"]}
COPY = "COPY (SELECT 1) TO '{stolen}' (FORMAT csv)"
LOGGING = {"handlers": {"file": {"class": "logging.FileHandler", "filename": "{stolen}"}}}
PLAIN = {
    "name": "mine",
    "path": "{data}",
    "as_of": "2024-06-01",
    "inputs": {"o": {"file": "o.csv"}},
    "tables": {
        "orders": {
            "origin": "o",
            "columns": {"order_id": "nr", "account_id": "kunde", "ordered_at": "datum", "revenue": "betrag"},
        }
    },
}


def with_origin(sql: str) -> dict:
    return changed("origin", sql)


def changed(key: str, value: object, **columns: str) -> dict:
    table = PLAIN["tables"]["orders"]
    table = {**table, "columns": {**table["columns"], **columns}, key: value}
    return {**PLAIN, "tables": {"orders": table}}


def column(sql: str, name: str = "product_id", **more: str) -> dict:
    return changed("optional", [], **{name: sql}, **more)


SQL = {
    "a second statement": with_origin("o; " + COPY),
    "a second statement in a column": column("nr FROM o; " + COPY + "; SELECT 1"),
    "a second statement in a condition": changed("where", "true; " + COPY),
    "COPY alone": with_origin("(" + COPY + ")"),
    "a table function": with_origin("read_csv('{secret}') AS o"),
    "a text": with_origin("o, read_text('{secret}') AS t"),
    "bytes": with_origin("o, read_blob('{secret}') AS t"),
    "a list of files": with_origin("o, glob('{outside}/*') AS t"),
    "JSON": with_origin("o, read_json_auto('{secret}') AS t"),
    "Parquet": with_origin("o, parquet_scan('{secret}') AS t"),
    "sniffing": with_origin("o, sniff_csv('{secret}') AS t"),
    "a file by its name": with_origin("o, '{secret}' AS t"),
    "a file by its quoted name": with_origin('o, "{secret}" AS t'),
    "a file of the source's own folder, unasked": with_origin("o, read_text('{data}/other.csv') AS t"),
    "a subquery of a column": column("(SELECT content FROM read_text('{secret}'))"),
    "a subquery of a condition": changed("where", "betrag > (SELECT size FROM read_text('{secret}'))"),
    "a subquery of a rule": changed("reject", {"r": "EXISTS (SELECT 1 FROM read_text('{secret}'))"}),
    "what is asked": changed(
        "unclear", {"when": "true", "value": "(SELECT content FROM read_text('{secret}'))", "remedy": "r"}
    ),
    "when it is asked": changed("unclear", {"when": "true; " + COPY, "value": "nr", "remedy": "r"}),
    "a WITH clause named like a file": with_origin(
        "(WITH \"{secret}\" AS (SELECT 1) SELECT 1) AS w, o, '{secret}' AS t"
    ),
    "a function in two columns": column("read_text --", category="('{secret}')"),
    "a comment that swallows": column("nr /* ", category="*/ + 1"),
    "the environment": column("getenv('CANARY')"),
    "a setting": column("current_setting('temp_directory')"),
    "a variable": column("getvariable('x')"),
    "settings": with_origin("o, duckdb_settings() AS t"),
    "secrets": with_origin("o, duckdb_secrets() AS t"),
    "the catalogue": with_origin("o, information_schema.tables AS t"),
    "other tables": with_origin("o, held.o AS t"),
    "SQL in a text": with_origin("o, query('SELECT * FROM read_text(''{secret}'')') AS t"),
    "a table in a text": with_origin("o, query_table('{secret}') AS t"),
    "a plan in a text": column("json_serialize_plan('SELECT * FROM read_text(''{secret}'')')"),
    "a variable of Python's": with_origin("o, settings AS t"),
    "a pointer": with_origin("o, arrow_scan(1, 2, 3) AS t"),
    "SHOW": with_origin("o, (SHOW ALL TABLES) AS t"),
    "DESCRIBE": with_origin("o, (DESCRIBE o) AS t"),
    "ATTACH": with_origin("o; ATTACH '{stolen}' AS x"),
    "INSTALL": with_origin("o; INSTALL httpfs"),
    "LOAD": with_origin("o; LOAD '{secret}'"),
    "PRAGMA": with_origin("o; PRAGMA enable_profiling"),
    "SET": with_origin("o; SET enable_external_access = true"),
    "RESET": with_origin("o; RESET allowed_directories"),
    "EXPORT": with_origin("o; EXPORT DATABASE '{stolen}'"),
    "CREATE": with_origin("o; CREATE TABLE t AS SELECT 1"),
    "CALL": with_origin("o; CALL checkpoint()"),
    "sleep": column("pg_sleep(1)"),
    "a log": column("write_log('x')"),
    "words that end their text": {
        **changed("where", "kunde IN $mine"),
        "words": {"mine": ["') ; " + COPY + " --"]},
    },
    "an input named like SQL": {
        **with_origin('"x) AS (SELECT 1); ' + COPY + ' --"'),
        "inputs": {"x) AS (SELECT 1); " + COPY + " --": {"file": "o.csv"}},
    },
    "a rule named like SQL": changed(
        "reject", {"r\", (SELECT content FROM read_text('{secret}')) AS \"s": "false"}
    ),
    "an alias named like SQL": {
        **PLAIN,
        "inputs": {"o": {"file": "o.csv", "aliases": {"nr\" FROM read_text('{secret}') --": ["nr"]}}},
    },
    "an absolute file": {**PLAIN, "inputs": {"o": {"file": "{secret}"}}},
    "a file above": {**PLAIN, "inputs": {"o": {"file": "../outside/secret.csv"}}},
    "a pattern above": {**PLAIN, "inputs": {"o": {"file": "../outside/*.csv"}}},
    "a file at home": {**PLAIN, "inputs": {"o": {"file": "~/secret.csv"}}},
    "a database made": {**PLAIN, "path": None, "url": "duckdb://{stolen}", "inputs": {"o": {"table": "o"}}},
    "another database made": {
        **PLAIN,
        "path": None,
        "url": "sqlite:///{stolen}",
        "inputs": {"o": {"table": "o"}},
    },
}
"""By what is tried; each is a source's yaml."""

GLOBAL = "# @package _global_\n"
FILES = {
    "callbacks": {"source/evil.yaml": (GLOBAL, {"source": PLAIN, "hydra": {"callbacks": {"x": RUN}}})},
    "callbacks by package": {"source/evil.yaml": ("# @package hydra.callbacks\n", {"x": RUN})},
    "Hydra by package": {"source/evil.yaml": ("# @package hydra\n", {"callbacks": {"x": RUN}})},
    "a run's folder": {
        "source/evil.yaml": (GLOBAL, {"source": PLAIN, "hydra": {"run": {"dir": "{stolen}"}}})
    },
    "the log's file": {"source/evil.yaml": (GLOBAL, {"source": PLAIN, "hydra": {"job_logging": LOGGING}})},
    "the environment set": {
        "source/evil.yaml": (GLOBAL, {"source": PLAIN, "hydra": {"job": {"env_set": {"PATH": "{outside}"}}}})
    },
    "a package of another group": {"source/evil.yaml": ("# @package goal\n", {"name": "x"})},
    "home": {"source/evil.yaml": (GLOBAL, {"source": PLAIN, "home": "{stolen}"})},
    "the store": {"source/evil.yaml": (GLOBAL, {"source": PLAIN, "tracking": {"uri": "sqlite:///{stolen}"}})},
    "a class": {
        "source/evil.yaml": (GLOBAL, {"source": PLAIN, "segmenters": {"k": {"_target_": "os.system"}}})
    },
    "a target in the source": {"source/evil.yaml": ("", {**PLAIN, "_target_": "os.system"})},
    "a target in an input": {"source/evil.yaml": ("", {**PLAIN, "inputs": {"o": RUN}})},
    "an override of Hydra's group": {
        "source/evil.yaml": ("", {"defaults": [{"override /hydra/job_logging": "evil"}], **PLAIN}),
        "hydra/job_logging/evil.yaml": ("", LOGGING),
    },
    "a group put elsewhere": {
        "source/evil.yaml": ("", {"defaults": [{"/more@hydra.callbacks": "evil"}], **PLAIN}),
        "more/evil.yaml": ("", {"x": RUN}),
    },
    "a file of another folder": {
        "source/evil.yaml": ("", {"defaults": ["../more/evil"], **PLAIN}),
        "more/evil.yaml": ("# @package hydra.callbacks\n", {"x": RUN}),
    },
    "an experiment brought along": {
        "source/evil.yaml": ("", {"defaults": [{"/experiments@_global_": "evil"}], **PLAIN}),
        "experiments/evil.yaml": (GLOBAL, {"home": "{stolen}"}),
    },
    "a base of its own group": {
        "source/evil.yaml": ("", {"defaults": ["base", "_self_"], **PLAIN}),
        "source/base.yaml": ("# @package hydra.callbacks\n", {"x": RUN}),
    },
    "a variable of the environment": {"source/evil.yaml": ("", {**PLAIN, "description": "${oc.env:CANARY}"})},
    "a variable in a name": {"source/evil.yaml": ("", {**PLAIN, "name": "${oc.env:CANARY}"})},
    "a variable in SQL": {"source/evil.yaml": ("", column("'${oc.env:CANARY}'"))},
    "a variable in a key": {"source/evil.yaml": ("", {**PLAIN, "words": {"${oc.env:CANARY}": ["a"]}})},
    "another's variable in the address": {
        "source/evil.yaml": ("", {**PLAIN, "url": "postgres://me:${oc.env:CANARY}@127.0.0.1:9/d"})
    },
    "another variable by its default": {
        "source/evil.yaml": (
            "",
            {**PLAIN, "url": "postgres://${oc.env:SOURCE_X,${oc.env:CANARY}}@127.0.0.1:9/d"},
        )
    },
    "another key": {"source/evil.yaml": ("", {**PLAIN, "description": "${home}"})},
    "Hydra's values": {"source/evil.yaml": ("", {**PLAIN, "description": "${hydra:runtime.cwd}"})},
    "a resolver": {"source/evil.yaml": ("", {**PLAIN, "description": "${oc.create:{a: 1}}"})},
}
"""By what is tried: the files of a --config-dir, each with its head."""
EXPERIMENTS = {
    "Hydra by an experiment": {"experiments/evil.yaml": (GLOBAL, {"hydra": {"callbacks": {"x": RUN}}})},
    "a launcher by an experiment": {
        "experiments/evil.yaml": (GLOBAL, {"defaults": [{"override /hydra/job_logging": "evil"}]}),
        "hydra/job_logging/evil.yaml": ("", LOGGING),
    },
    "Hydra's package by an experiment": {
        "experiments/evil.yaml": ("# @package hydra\n", {"callbacks": {"x": RUN}})
    },
    "a group put into Hydra's by an experiment": {
        "experiments/evil.yaml": (GLOBAL, {"defaults": [{"/more@hydra.callbacks": "evil"}]}),
        "more/evil.yaml": ("", {"x": RUN}),
    },
    "a variable by an experiment": {
        "experiments/evil.yaml": (GLOBAL, {"source": {"description": "${oc.env:CANARY}"}})
    },
}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A source's folder, a file beside it, and what is there before."""
    for name in ("data", "outside", "conf", "home"):
        (tmp_path / name).mkdir()
    lines = [f"{n},{n % 9},2024-05-0{n % 9 + 1},{n}.5" for n in range(40)]
    (tmp_path / "data" / "o.csv").write_text("nr,kunde,datum,betrag\n" + "\n".join(lines))
    (tmp_path / "data" / "other.csv").write_text(f"nr\n{CANARY}\n")
    (tmp_path / "outside" / "secret.csv").write_text(f"nr,kunde,datum,betrag\n{CANARY},a,2024-05-01,1\n")
    monkeypatch.chdir(tmp_path / "outside")
    monkeypatch.setenv("HOME", str(tmp_path / "outside"))
    monkeypatch.setenv("CANARY", CANARY)
    return tmp_path


def filled(value, world):
    """Put the places of this test into a source."""
    text = json.dumps(value)
    for name, path in {
        "data": world / "data",
        "outside": world / "outside",
        "secret": world / "outside" / "secret.csv",
        "stolen": world / "outside" / "stolen",
    }.items():
        text = text.replace("{" + name + "}", str(path))
    return json.loads(text)


def write(files, world):
    for name, (head, content) in files.items():
        path = world / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + yaml.safe_dump(filled(content, world), sort_keys=False, width=10_000))


def state(world):
    return {
        str(path.relative_to(world)): path.read_bytes() if path.is_file() else b""
        for path in world.rglob("*")
        if "home" not in path.relative_to(world).parts[:1]
    }


def insist_on_nothing(done, world, before):
    assert done.code == 2, done.stdout + done.stderr
    assert CANARY not in done.stdout + done.stderr
    assert state(world) == before
    assert not [path for path in (world / "home").rglob("*") if path.is_file() and places(path, CANARY)]


def test_the_harmless_one_works(world, monkeypatch, capsys):
    """Else all others would be refused for another reason."""
    write({"source/evil.yaml": ("", PLAIN)}, world)
    arguments = ["data", "check", "--config-dir", str(world / "conf"), "source=evil"]
    done = in_process(*arguments, home=world / "home", monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 0, done.stderr
    assert done.summary["rows"] == {"orders": 40}


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_a_source_that_reaches_out_of_its_group(files, world, monkeypatch, capsys):
    write(files, world)
    before = state(world)
    arguments = ["data", "check", "--config-dir", str(world / "conf"), "source=evil"]
    done = in_process(*arguments, home=world / "home", monkeypatch=monkeypatch, capsys=capsys)
    insist_on_nothing(done, world, before)


@pytest.mark.parametrize("files", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_an_experiment_that_reaches_for_hydra(files, world, monkeypatch, capsys):
    write(files, world)
    before = state(world)
    arguments = ["data", "check", "--config-dir", str(world / "conf"), "+experiments=evil"]
    done = in_process(*arguments, home=world / "home", monkeypatch=monkeypatch, capsys=capsys)
    insist_on_nothing(done, world, before)


QUOTED = ("words that end", "an alias named", "a rule named", "an input named")
"""These are no SQL but names and texts, and are taken as such."""


@pytest.mark.parametrize("name", SQL)
def test_sql_that_reaches_out_of_the_source(name, world):
    before = state(world)
    try:
        given = SourceSettings.model_validate(filled(SQL[name], world))
        with open_source(given, world / "home" / "cache") as source:
            told = str([table.to_pyarrow().to_pylist() for table in source.tables.values()])
        assert name.startswith(QUOTED), "it was read"
    except (SegmentwerkError, ValueError) as error:
        told = str(error)
    assert CANARY not in told
    assert state(world) == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM glob('{outside}/*')",
        "COPY (SELECT 1) TO '{stolen}'",
        "ATTACH '{stolen}' AS x",
        "EXPORT DATABASE '{stolen}'",
        "INSTALL httpfs",
        "LOAD '{secret}'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "RESET allowed_directories",
        "SET temp_directory = '{stolen}'",
        "SELECT * FROM world",
        "SELECT * FROM read_text('{data}/../outside/secret.csv')",
    ],
)
def test_the_fence_holds_by_itself(sql, world):
    """Whatever passes the parser, the connection does not."""
    import duckdb

    before = state(world)
    with open_source(SourceSettings.model_validate(filled(PLAIN, world)), world / "home" / "cache") as source:
        statement = filled({"sql": sql}, world)["sql"]
        with pytest.raises(duckdb.Error):
            source.connection.con.execute(statement).fetchall()
        assert source.tables["orders"].count().execute() == 40
    assert state(world) == before


def test_it_spills_all_the_same(world, monkeypatch):
    """Sorting more than fits into memory writes below the cache, as the fence must let it; nowhere else."""
    alone = partial(connection_module.ibis.duckdb.connect, threads=1)
    monkeypatch.setattr(connection_module.ibis.duckdb, "connect", alone)
    settings = SourceSettings.model_validate(filled(PLAIN, world) | {"memory": "40MB"})
    spill = world / "home" / "cache" / "spill"
    many = "SELECT md5(CAST(i AS VARCHAR)) AS x FROM range(1000000) AS t(i) ORDER BY x"
    with open_source(settings, world / "home" / "cache") as source:
        con = source.connection.con
        before = state(world)
        rows = con.execute(many)
        found = [rows.fetchone()[0]]
        assert sum(file.stat().st_size for file in spill.iterdir()) > 20_000_000, "it all fitted into memory"
        assert state(world) == before
        while part := rows.fetchmany(100_000):
            found += [text for (text,) in part]
        assert len(found) == 1_000_000
        assert found == sorted(found)
        with pytest.raises(Exception, match="configuration"):
            con.execute("SET memory_limit = '1GB'")


@pytest.mark.parametrize(
    "sql",
    [
        "split_part(a, ';', 1)",
        "CASE WHEN TRY_CAST(a AS BOOLEAN) THEN 'won' END",
        "row_number() OVER (PARTITION BY a ORDER BY b)",
        "regexp_replace(lower(a), '[;-]+', '--')",
        "mode(a)",
        "nullif(trim(a), '')",
        "date_trunc('month', a) + INTERVAL 1 DAY",
        "list_filter([1, 2], lambda x: x > 1)[1]",
        "a -> '$.b'",
        "struct_pack(x := a).x",
        "EXTRACT(year FROM a)",
        "coalesce(a, b) || 'x'",
        "a BETWEEN 1 AND 2 AND b LIKE '%x' AND b ~ 'y' AND a IN (SELECT a FROM o)",
        "count(*) FILTER (a > 1)",
        "md5(a)",
        "sum(a) OVER ()",
    ],
)
def test_what_mappings_need_is_allowed(sql):
    fence.insist_on_one_select(
        f"WITH o AS (SELECT * FROM read_parquet('x')) SELECT {sql} FROM o", "here", ["o"]
    )


def test_a_function_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(SegmentwerkError, match="'regexp_replace'"):
        fence.insist_on_one_select("SELECT regex_replace(a) FROM o", "here", ["o"])


@pytest.mark.postgres
def test_a_server_is_only_read(tmp_path):
    """Neither by what the product does, nor by what a view of the company's does when it is read."""
    psycopg = pytest.importorskip("psycopg", reason="the extra 'server' is not installed")
    given = {
        "name": "w",
        "as_of": date(2024, 6, 1),
        "inputs": {"orders": {"table": "evil"}},
        "tables": {"orders": {"origin": "orders"}},
    }
    with postgres_server() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE log (n int)")
            connection.execute(
                "CREATE FUNCTION harm() RETURNS text LANGUAGE sql VOLATILE AS "
                "$$ INSERT INTO log VALUES (1); SELECT 'a' $$"
            )
            connection.execute(
                "CREATE VIEW evil AS SELECT 'n' AS order_id, harm() AS account_id, "
                "timestamp '2024-01-01' AS ordered_at, 1.0 AS revenue"
            )
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            open_source(SourceSettings(url=url, **given), tmp_path)
        con = connection_module.database(url, tmp_path / "cache")
        for statement in ("INSERT INTO log VALUES (2)", "CREATE TABLE t (n int)", "DROP TABLE log"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                con.raw_sql(statement)
        con.disconnect()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM log").fetchone() == (0,)


def test_a_password_in_a_file_is_refused(world, monkeypatch, capsys):
    write({"source/evil.yaml": ("", {**PLAIN, "url": f"postgres://me:{CANARY}@127.0.0.1:9/d"})}, world)
    arguments = ["data", "check", "--config-dir", str(world / "conf"), "source=evil"]
    done = in_process(*arguments, home=world / "home", monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "SOURCE_PASSWORD" in done.stderr
    assert CANARY not in done.stderr
    assert not [path for path in (world / "home").rglob("*") if path.is_file() and places(path, CANARY)]


def test_a_sink_sends_no_foreign_variable_to_its_address(world, monkeypatch, capsys):
    monkeypatch.setenv("CANARY", CANARY)
    content = {"name": "evil", "url": "postgres://me:${oc.env:CANARY}@127.0.0.1:9/d", "files": {}}
    write({"sink/evil.yaml": ("", content)}, world)
    arguments = ["activate", "--config-dir", str(world / "conf"), "sink=evil"]
    done = in_process(*arguments, home=world / "home", monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "A sink's file may ask for those that begin with SINK_" in done.stderr
    assert CANARY not in done.stderr


def test_a_ledger_sends_no_foreign_variable_to_its_address(world, monkeypatch, capsys):
    monkeypatch.setenv("CANARY", CANARY)
    write({"activation/evil.yaml": ("", {"ledger": "postgres://me:${oc.env:CANARY}@127.0.0.1:9/d"})}, world)
    arguments = ["activate", "--config-dir", str(world / "conf"), "activation=evil"]
    done = in_process(*arguments, home=world / "home", monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "may ask for those that begin with SINK_" in done.stderr
    assert CANARY not in done.stderr


def test_the_environment_of_the_source_is_let_through(world, monkeypatch, capsys):
    monkeypatch.setenv("SOURCE_PASSWORD", CANARY)
    content = {**PLAIN, "url": "postgres://me:${oc.env:SOURCE_PASSWORD}@127.0.0.1:9/d"}
    write({"source/evil.yaml": ("", content)}, world)
    arguments = ["data", "check", "--config-dir", str(world / "conf"), "source=evil"]
    done = in_process(*arguments, home=world / "home", monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "Cannot connect to postgres://127.0.0.1:9/d" in done.stderr
    assert not [path for path in (world / "home").rglob("*") if path.is_file() and places(path, CANARY)]


def test_there_are_enough_of_them():
    assert len(SQL) + len(FILES) + len(EXPERIMENTS) >= 20
    assert Path(os.devnull).exists()
