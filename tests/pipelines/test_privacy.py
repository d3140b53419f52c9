"""Unmistakable names and ids in every table and column: the main job lets none of them out."""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import sqlite3
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from command_line import SMALL, in_process, segmentwerk
from handing_over import base, hand_over
from searching import places
from segmentwerk.activation import ledger
from segmentwerk.data import demo
from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.privacy import key, pseudonymise
from segmentwerk.features.table import catalogue

ID, NAME, DOMAIN, CALL = "vrothgar", "quolthbert", "xylkorp", "314159265"
"""Parts of every account's id, and of the names, web domains and telephone numbers of its contacts."""
WORDS = (ID, NAME, DOMAIN, CALL)
LOCAL = {
    "outputs/**/assignments.parquet": "the member list: which account is in which segment, for the CRM",
    "outputs/**/accounts.parquet": "the accounts with their features, to score them again",
    "outputs/**/candidates.parquet": "what each segmenter says of each account, to look into differences",
}
"""The files that may hold ids of accounts, in one column and nothing else, and why.

They stay below the home directory, which nobody else may enter; what MLflow gets names accounts by pseudonym.
"""
SHORT = ["candidates=[rfm_grid,kmeans]", "segmenters.kmeans.n_trials=2"]
"""Without the segmenters that take long."""
TEXTS_OF_FIGURES = """
import os
import matplotlib.text as text
set_text = text.Text.set_text
def remember(self, words):
    with open(os.environ["TEXTS_OF_FIGURES"], "a", encoding="utf-8") as file:
        file.write(f"{words}\\n")
    set_text(self, words)
text.Text.set_text = remember
"""
"""Loaded by every process of the run: a search cannot read the pixels of a plot."""


def planted(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the seven tables of a small world in which every column holds a name, or is an id."""
    made = demo.generate(folder, accounts=500, seed=7)
    tables = {
        name: pd.read_parquet(made / file)
        for name, file in (
            ("accounts", "accounts.parquet"),
            ("orders", "orders"),
            ("activities", "activities.parquet"),
            ("surveys", "surveys.parquet"),
            ("campaigns", "campaigns.parquet"),
        )
    }
    ids = tables["accounts"]["account_id"].unique()
    tables["opportunities"] = opportunities(ids)
    tables["choices"] = choices(ids)
    for name, table in tables.items():
        tables[name] = with_secrets(name, table.astype(object))
    return tables


def opportunities(ids: np.ndarray) -> pd.DataFrame:
    number = np.arange(400)
    opened = pd.Timestamp("2025-01-05") + pd.to_timedelta(number // 2, unit="D")
    return pd.DataFrame(
        {
            "opportunity_id": number.astype(str),
            "account_id": ids[number],
            "opened_on": opened.strftime("%Y-%m-%d"),
            "closed_on": (opened + pd.Timedelta(days=30)).strftime("%Y-%m-%d"),
            "stage": np.where(number % 3 > 0, "won", "lost"),
            "value": number * 10.0,
            "product_id": "P1",
            "agent": "",
        }
    )


def choices(ids: np.ndarray) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [ids[:40], list("tuvw"), ["left", "right"], ["price", "speed"]],
        names=["account_id", "task_id", "alternative_id", "attribute"],
    )
    rows = index.to_frame(index=False)
    return rows.assign(
        value=1.0, chosen=(rows["alternative_id"] == "left").astype(int), answered_on="2025-05-05"
    )


def with_secrets(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Mark every id, fill every personal column with names, and put one into a cell of each other column."""
    position = 5
    for column, declared in COLUMNS[name].items():
        if column not in table:
            table[column] = None
        if declared.personal:
            table[column] = [secret(column, n) for n in range(len(table))]
        elif column.endswith("_id") and column not in ("product_id", "campaign_id"):
            known = table[column].notna()
            table.loc[known, column] = "Vrothgar-" + table.loc[known, column].astype(str)
        else:
            cells = ("", "email", "phone") if declared.kind == "text" else ("",)
            for kind in cells:
                table.iloc[position, table.columns.get_loc(column)] = secret(kind, position)
                position += 1
    return table


def secret(kind: str, number: int) -> str:
    if kind == "email":
        return f"anna.quolthbert{number}@xylkorp{number}.example"
    return f"+49 314159265{number}" if kind == "phone" else f"Anna Quolthbert {number}"


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    for name, table in planted(folder / "made").items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture(
    scope="module",
    params=[pytest.param(SHORT, id="short"), pytest.param([], id="whole", marks=pytest.mark.slow)],
)
def run(request, world, tmp_path_factory):
    """The main job on that world, with the texts of its plots."""
    home = tmp_path_factory.mktemp("home")
    hook = tmp_path_factory.mktemp("hook")
    (hook / "sitecustomize.py").write_text(TEXTS_OF_FIGURES)
    source = [
        "source=csv_folder",
        f"source.path={world}",
        "source.as_of=2026-01-01",
        "source.outcome_until=2026-07-01",
    ]
    small = [override for override in SMALL if not override.startswith("source.")]
    found = os.environ.get("PYTHONPATH")
    done = segmentwerk(
        "compare",
        *source,
        *small,
        *request.param,
        "quality.max_unreadable=0.05",
        home=home,
        PYTHONPATH=os.pathsep.join([str(hook), *([found] if found else [])]),
        TEXTS_OF_FIGURES=str(hook / "texts.txt"),
    )
    assert done.code == 0, done.stderr
    return done, hook / "texts.txt"


@pytest.mark.xdist_group("privacy")  # one process makes the run, once for all
class TestTheMainJob:
    def test_the_words_are_in_every_table_and_column(self, world):
        for name, columns in COLUMNS.items():
            table = pd.read_csv(world / f"{name}.csv", dtype=str)
            for column in columns:
                cells = table[column].str.lower()
                assert any(cells.str.contains(word, regex=False).any() for word in WORDS), (name, column)

    def test_every_table_was_read_and_used(self, run):
        summary = run[0].summary
        assert set(summary["inputs"]["rows"]) == set(COLUMNS)
        assert summary["inputs"]["customers"] > 250
        for name, rows in summary["inputs"]["rows"].items():
            assert summary["inputs"]["quarantined"][name] < 0.2 * rows, name
        assert summary["model"]["version"] == 1

    def test_the_run_lists_every_feature_and_why_some_are_absent(self, run):
        (path,) = (run[0].home / "mlflow").rglob("features.csv")
        features = pd.read_csv(path).set_index("name")["absent"]
        assert set(features.index) == {feature.name for feature in catalogue()}
        assert features[["recency_days", "win_rate", "survey_factor_1"]].isna().all()
        assert features["site_distance_km"] == "features.sites is empty"

    def test_the_home_is_closed_to_others(self, run):
        for name in ("outputs", "cache", "mlflow", "registry", "studies", "unfinished"):
            assert (run[0].home / name).stat().st_mode & 0o077 == 0, name

    def test_nothing_is_printed_or_drawn(self, run):
        done, texts = run
        drawn = texts.read_text(encoding="utf-8").lower()
        assert len(drawn.splitlines()) > 100
        for word in WORDS:
            assert word not in done.stdout.lower() + done.stderr.lower()
            assert word not in drawn

    def test_no_file_holds_any(self, run):
        home = run[0].home
        local = {path for pattern in LOCAL for path in home.glob(pattern)}
        files = [path for path in home.rglob("*") if path.is_file() and path not in local]
        endings = {path.suffix for path in files}
        assert {".db", ".png", ".html", ".onnx", ".parquet", ".json", ".csv", ".yaml"} <= endings
        found = {
            str(path.relative_to(home)): where
            for path in files
            for word in WORDS
            if (where := places(path, word))
        }
        assert found == {}

    def test_nothing_is_left_of_what_processes_shared(self, run):
        assert not list((run[0].home / "cache" / "views").iterdir())

    def test_artifacts_name_accounts_by_pseudonym_only(self, run):
        (path,) = (run[0].home / "mlflow").rglob("assignments.parquet")
        ids = pd.read_parquet(path)["account_id"]
        assert ids.str.fullmatch("[0-9a-f]{20}").all()
        assert len(ids) > 400

    def test_local_tables_hold_the_id_and_nothing_else(self, run):
        files = [path for pattern in LOCAL for path in run[0].home.glob(pattern)]
        assert {path.name for path in files} >= {Path(pattern).name for pattern in LOCAL}
        for path in files:
            if "pseudonymised" in path.parts:
                continue
            table = pq.read_table(path).to_pandas(ignore_metadata=True)
            assert table.pop("account_id").str.startswith("Vrothgar-").all()
            texts = table.select_dtypes(exclude="number").astype(str).to_csv().lower()
            assert ID not in texts
            assert CALL not in texts
            assert DOMAIN not in texts
            assert NAME not in texts or path.name == "accounts.parquet"  # rare levels, as they were given

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "overrides",
        [
            ["quality.max_unreadable=0"],
            ["quality.max_unreadable=1", "features.exclude=[nonsense]"],
            ["source.tables.orders.where=CAST(category AS INTEGER) > 0"],
            ["source.tables.orders.where=CAST(account_id AS DATE) > ordered_at"],
        ],
    )
    def test_no_exception_quotes_any(self, world, tmp_path, overrides):
        done = segmentwerk(
            "compare",
            "source=csv_folder",
            f"source.path={world}",
            "source.as_of=2026-01-01",
            *overrides,
            home=tmp_path,
        )
        assert done.code == 2, done.stderr
        assert len(done.stderr) > 50
        for word in WORDS:
            assert word not in (done.stdout + done.stderr).lower()
            assert not [path for path in tmp_path.rglob("*") if path.is_file() and places(path, word)]


@pytest.mark.slow
def test_a_forgotten_account_is_named_nowhere(run, tmp_path):
    home = shutil.copytree(run[0].home, tmp_path / "home")
    account = pd.read_parquet(next(home.rglob("candidates.parquet")))["account_id"][0]
    names = (account, *pseudonymise([account], key(home)))
    done = segmentwerk("data", "forget", account, home=home)
    assert done.code == 0, done.stderr
    removed = done.summary["removed"]
    assert {Path(path).name for path in removed} == {Path(pattern).name for pattern in LOCAL}
    assert set(removed.values()) == {1}
    assert done.summary["left"] == []
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files for name in names if places(path, name)] == []
    assert names[0] in str(pd.read_parquet(next(run[0].home.rglob("candidates.parquet"))).to_csv())


def test_a_forgotten_account_leaves_ledger_and_exports(tmp_path, monkeypatch, capsys):
    hand_over(tmp_path / "activation", 300, "csv", "hubspot", "activecampaign", "xlsx")
    people, _, rows = base(300)
    reachable = set(people.loc[people["consent_email"] == 1, "account_id"])
    account = max(reachable & set(rows.loc[rows["arm"] == "treated", "account_id"]))

    def holders():
        files = [path for path in (tmp_path / "activation").rglob("*") if path.is_file()]
        return {path.parent.parent.name for path in files if places(path, account)}

    assert holders() >= {"csv", "hubspot", "activecampaign", "xlsx", "activation"}
    done = in_process("data", "forget", account, home=tmp_path, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 0, done.stderr
    for tool in ("csv", "hubspot", "activecampaign", "xlsx"):
        assert f"It was handed over to {tool}" in done.stderr
    assert holders() == set()
    assert len(ledger.read(tmp_path / "activation" / "ledger")) == 299


def test_the_search_sees_through_every_packing(tmp_path):
    """The search above would find nothing in files that it cannot open."""
    word, other = b"see Quolthbert 7", "Quolthbert"
    frame = pd.DataFrame({"a": ["x", word.decode()]})
    frame.to_parquet(tmp_path / "a.parquet", compression="zstd")
    with gzip.open(tmp_path / "a.csv.gz", "wb") as file:
        file.write(word)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "a.parquet", "inner.parquet")
    np.savez_compressed(tmp_path / "a.npz", names=np.array([word.decode()]))
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("CREATE TABLE t (c TEXT, b BLOB)")
        database.execute("INSERT INTO t VALUES (?, ?)", ("x", word))
    database.close()
    (tmp_path / "a.png").write_bytes(png_with(b"zTXt", b"Comment\0\0" + zlib.compress(word)))
    (tmp_path / "b.png").write_bytes(png_with(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(word)))
    picture = base64.b64encode((tmp_path / "a.png").read_bytes()).decode()
    (tmp_path / "a.html").write_text(f'<img src="data:image/png;base64,{picture}">')
    (tmp_path / "a.log").write_bytes(word)
    (tmp_path / "a.json").write_text(json.dumps({"quolthbert": 1}))
    for path in tmp_path.iterdir():
        assert places(path, other), path.name
        assert places(path, "elsewhere") == [], path.name


def png_with(kind: bytes, data: bytes) -> bytes:
    """Return the skeleton of a picture with one chunk of text."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in ((kind, data), (b"IEND", b""))
    )
