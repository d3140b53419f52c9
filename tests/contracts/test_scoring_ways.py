"""One model, every way to score: the same segments; and ONNX says what training said."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import requests
import yaml

from packaged import CATEGORICAL, NUMERIC, Packaged, pack, world
from scoring_server import await_ping, served
from segmentwerk.core.settings import SegmenterSettings
from segmentwerk.registry.publish import save_pyfunc
from segmentwerk.scoring import batch
from segmentwerk.segmenters.base import Segmenter

CONFIGS = sorted((Path(__file__).parents[2] / "conf" / "segmenter").glob("*.yaml"))
NAMES = [path.stem for path in CONFIGS]


def build(path: Path) -> Segmenter:
    """Make the segmenter of a config in its quick form, with four segments where it can be told."""
    settings = SegmenterSettings(**yaml.safe_load(path.read_text()))
    module, _, name = settings.target.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    given = settings.params | kind.quick | {"n_segments": 4}
    return kind(**{key: value for key, value in given.items() if key in inspect.signature(kind).parameters})


def test_there_are_segmenters_to_hold_to_the_contract():
    assert len(NAMES) >= 4


def fuzzed(n_rows: int, seed: int) -> pd.DataFrame:
    """Accounts of which anything may be missing, unknown, zero, negative or huge."""
    rng = np.random.default_rng(seed)
    features = world(n_rows, seed)[0].features.reset_index()
    for name in NUMERIC:
        values = features[name].to_numpy(copy=True)
        values[rng.random(n_rows) < 0.1] = np.nan
        wild = rng.random(n_rows) < 0.1
        values[wild] = rng.choice([0.0, -1.0, 1e-300, 1e12, -1e12, 1e300, 0.5], wild.sum())
        features[name] = values
    for name in CATEGORICAL:
        values = features[name].to_numpy(object, copy=True)
        wild = rng.random(n_rows) < 0.2
        values[wild] = rng.choice(
            np.array([None, "", "Never seen", "tech", " ", "ä€"], dtype=object), wild.sum()
        )
        features[name] = values
    return features


@pytest.fixture(scope="module", params=CONFIGS, ids=NAMES)
def made(request, tmp_path_factory) -> tuple[Packaged, mlflow.pyfunc.PyFuncModel]:
    """One package for each segmenter that has a config."""
    folder = tmp_path_factory.mktemp(request.param.stem)
    packed = pack(folder / "model", build(request.param), n_rows=800)
    save_pyfunc(folder / "pyfunc", packed.folder, packed.catalogue, 1)
    return packed, mlflow.pyfunc.load_model(str(folder / "pyfunc"))


def check_parity(made: tuple[Packaged, mlflow.pyfunc.PyFuncModel], n_rows: int) -> None:
    packed, model = made
    inside = model.unwrap_python_model().assigner
    rows = fuzzed(n_rows, seed=11)
    features = rows.set_index("account_id")
    trimmed = {name: features[name].str.strip() for name in CATEGORICAL}  # as all that reads tables does
    x = packed.space.transform(features.assign(**trimmed))
    expected, score = packed.segmenter.predict_proba(x), packed.segmenter.score_samples(x)
    code = sys.modules[type(inside).__module__]
    numeric, texts = code.numbers_of(features, NUMERIC), code.texts_of(features, CATEGORICAL)
    known = code.known_cells(numeric, texts)
    whole = inside._by_block("x", numeric, texts, lambda x, _: code.memberships(inside.segmenter, x))
    found, found_score = whole
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found_score, score, rtol=1e-5, atol=1e-5)
    best = np.sort(expected, axis=1)
    tied = best[:, -1] - best[:, -2] < 1e-6
    assert (found.argmax(axis=1) == expected.argmax(axis=1))[~tied].all()
    assert tied.mean() < 0.5
    partial, _ = inside._run_partial(numeric, texts, known)
    expected = packed.partial.predict_proba(packed.space, packed.segmenter, features.assign(**trimmed))
    np.testing.assert_allclose(partial, expected, atol=1e-5)
    prospect, _ = inside._run_prospect(numeric, texts, known)
    expected = packed.prospect.predict_proba(features.assign(**trimmed))
    np.testing.assert_allclose(prospect, expected, atol=1e-5)


def test_onnx_says_what_the_training_side_says(made):
    check_parity(made, 5_000)


@pytest.mark.slow
def test_onnx_says_what_the_training_side_says_on_100_000_rows(made):
    check_parity(made, 100_000)


@pytest.fixture(scope="module")
def accounts() -> pd.DataFrame:
    """10,000 accounts; every way numbers them alike, and none of them is bad."""
    rows = world(10_000, seed=21)[0].features.reset_index()
    rows.loc[::10, "frequency"] = np.nan
    rows.loc[5::50, ["monetary", "recency_days", "discount_share"]] = np.nan
    return rows


@pytest.fixture(scope="module")
def expected(saved, accounts) -> pd.DataFrame:
    return mlflow.pyfunc.load_model(str(saved)).predict(accounts)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        found[expected.columns], expected, check_dtype=False, check_exact=False, rtol=1e-9, atol=1e-12
    )


def ask(address: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Send the accounts in requests of 500."""
    parts = []
    for begin in range(0, len(rows), 500):
        text = rows.iloc[begin : begin + 500].to_json(orient="split", index=False, double_precision=15)
        answer = requests.post(address, json={"dataframe_split": json.loads(text)}, timeout=60)
        answer.raise_for_status()
        parts.append(pd.DataFrame(answer.json()["predictions"]))
    return pd.concat(parts, ignore_index=True)


def test_batch_from_parquet_and_csv(saved, accounts, expected, tmp_path):
    accounts.to_parquet(tmp_path / "in.parquet")
    accounts.to_csv(tmp_path / "in.csv", index=False)
    for name in ("in.parquet", "in.csv"):
        batch.score(str(saved), tmp_path / name, tmp_path / "out.parquet")
        assert_same(pd.read_parquet(tmp_path / "out.parquet"), expected)


def test_http(saved, accounts, expected):
    with served(saved) as address:
        assert_same(ask(address, accounts), expected)


@pytest.mark.slow
def test_the_served_model(saved, accounts, expected):
    """`mlflow models serve`, as documented."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(saved), "--env-manager", "local"]
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
    )
    try:
        address = f"http://127.0.0.1:{port}"
        await_ping(address)
        assert_same(ask(f"{address}/invocations", accounts), expected)
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def test_frames_that_people_have(saved, accounts, tmp_path):
    """Whole numbers, categories and missing values: as a frame, a file and a request."""
    rows = accounts.head(200).assign(account_id=range(200)).fillna({"frequency": 0}).dropna()
    frame = rows.astype({"frequency": "int64", "employees": "Int64", "industry": "category"})
    frame["country"] = frame["country"].astype("string")
    frame.to_csv(tmp_path / "in.csv", index=False)
    frame.to_parquet(tmp_path / "in.parquet")
    model = mlflow.pyfunc.load_model(str(saved))
    expected = model.predict(rows.astype({"account_id": str}))
    assert_same(model.predict(frame), expected)
    for name in ("in.csv", "in.parquet"):
        batch.score(str(saved), tmp_path / name, tmp_path / "out.parquet")
        assert_same(pd.read_parquet(tmp_path / "out.parquet"), expected)
    with served(saved) as address:
        assert_same(ask(address, frame), expected)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_spark_on_two_executors(saved, accounts, expected, tmp_path):
    pyspark = pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
    from segmentwerk.scoring import spark

    accounts.to_parquet(tmp_path / "in.parquet", row_group_size=1000)
    packages = str(Path(pyspark.__file__).parents[1])
    session = spark.session("local-cluster[2,1,1024]", **{"spark.executorEnv.PYTHONPATH": packages})
    try:
        done = spark.score(str(saved), tmp_path / "in.parquet", tmp_path / "out", spark=session)
        bad = pd.concat([accounts.head(3), accounts.head(2)]).assign(frequency=["1", "x", "2", "3", "4"])
        bad.to_csv(tmp_path / "bad.csv", index=False)
        rejected = spark.score(str(saved), tmp_path / "bad.csv", tmp_path / "bad", spark=session)
    finally:
        session.stop()
    found = pd.read_parquet(tmp_path / "out").sort_values("account_id", ignore_index=True)
    assert_same(found, expected)
    assert (found["segment_id"] == expected["segment_id"]).all()
    assert done.segments == {
        str(k): int(n) for k, n in expected["segment_id"].value_counts().sort_index().items()
    }
    assert (rejected.scored, rejected.rejected) == (2, 3)
    reasons = pd.read_parquet(tmp_path / "bad.quarantine")["reason"]
    assert sorted(reasons) == ["is not a finite number", "is there already", "is there already"]


SPARK_FILES = {
    "a line end inside quotes": ('account_id,note,frequency\nA,"x\ny",3\nB,"a ""b""",4\n', "utf-8"),
    "Windows": ('account_id;industry;monetary\nÄ1;Größe;"1.234,5"\nÄ2;Tech;12,25\n', "cp1252"),
    "two bytes a letter": ("account_id,frequency\nÄ,3\n", "utf-16"),
    "rows of every kind": (
        "account_id,frequency,x\nA,1,2\nB,2\nC,3,4,5\nD,n/a,1\nE,12d,1\nF,1_000,1\nG,1e400,1\n,3,1\nA,1,1\n",
        "utf-8",
    ),
    "names that differ by case": ("account_id,Frequency,frequency\nA,99,1\n", "utf-8"),
    "lines that end in different ways": ("account_id,frequency\r\nA,1\nB,2\r\n", "utf-8"),
}


@pytest.fixture(scope="module")
def session():
    pytest.importorskip("pyspark", reason="the extra 'spark' is not installed")
    if shutil.which("java") is None:
        pytest.skip("there is no Java")
    from segmentwerk.scoring import spark

    session = spark.session("local[2]", **{"spark.sql.shuffle.partitions": "2"})
    yield session
    session.stop()


def both_ways(saved, session, given: Path, folder: Path) -> list[tuple[pd.DataFrame, int]]:
    """Score here and on Spark; return the assignments by id, and the number of rejected rows."""
    from segmentwerk.scoring import spark

    here = batch.score(str(saved), given, folder / "out.parquet")
    there = spark.score(str(saved), given, folder / "out", spark=session)
    frames = (pd.read_parquet(path).sort_values("account_id") for path in (here.output, there.output))
    return [
        (frame.reset_index(drop=True), done.rejected)
        for frame, done in zip(frames, (here, there), strict=True)
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.parametrize(("text", "encoding"), SPARK_FILES.values(), ids=SPARK_FILES)
def test_spark_reads_a_file_as_the_local_engine_does(saved, session, tmp_path, text, encoding):
    (tmp_path / "in [1] {a}*?").mkdir()
    given = tmp_path / "in [1] {a}*?" / "a[1].csv"
    given.write_bytes(text.encode(encoding))
    given.with_name("a1.csv").write_text("account_id,frequency\nWRONG,1\n")
    (here, rejected), (there, rejected_there) = both_ways(saved, session, given, tmp_path)
    assert_same(there, here)
    assert rejected_there == rejected
    assert len(here)
    assert "WRONG" not in set(there["account_id"])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_spark_reads_the_files_of_a_folder_by_their_own_headers(saved, session, tmp_path):
    (tmp_path / "in").mkdir()
    for name, (text, encoding) in list(SPARK_FILES.items())[:3]:
        (tmp_path / "in" / f"{name}.csv").write_bytes(text.encode(encoding))
    (here, _), (there, _) = both_ways(saved, session, tmp_path / "in", tmp_path)
    assert_same(there, here)
    assert len(there) == 5
