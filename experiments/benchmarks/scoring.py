"""How fast, small and frugal is scoring, next to the same model as a pickled scikit-learn pipeline.

    python experiments/benchmarks/scoring.py [--only batch raw http start size memory] [--quick]

batch   1,000,000 accounts (20 numbers, 4 categories) through the registered model, asked as by
        `segmentwerk score`, and through MLflow's scikit-learn flavour with a pipeline of imputer, power
        transform, one-hot and k-means or mixture
raw     the same accounts through the two ONNX files alone; and what the reasons and MLflow's check cost
http    one account a request, in turn, to `mlflow models serve` of either: the 99th percentile
start   a fresh process, each in the environment that its own requirements.txt asks for (made here, from the
        package registry): load the model and assign one account
size    installed bytes of the model's pinned requirements, next to MLflow with scikit-learn and torch
memory  peak memory of a batch over 10,000,000 accounts next to one over 100,000, each in its own process

Both sides get the same data frame and answer with a segment for every account; ours adds confidence, margin,
runner-up, outlier flag and basis. ``--quick`` uses a twentieth of the accounts.
"""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnxruntime as ort
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import requests
from lib.lines import bench
from lib.models import CATEGORICAL, NUMERIC, accounts, pair
from lib.peaks import measured
from packaging.requirements import Requirement

from segmentwerk.registry.publish import REQUIREMENTS
from segmentwerk.scoring import batch
from segmentwerk.shipped.model_catalogue import COLUMNS

PLAIN = [name for name in COLUMNS if not name.startswith("reason") and name != "model_version"]


def best(run: Callable[[], Any], repeats: int = 3) -> float:
    """Return the seconds of the fastest of some runs."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def compare(name: str, ours: float, peer: float, unit: str, goal: float) -> None:
    """Print one line; the goal is the largest ratio that is good enough."""
    bench(f"scoring/{name}", ours, peer, f"<={goal:g}", ok=ours <= goal * peer, unit=unit)


def bench_batch(folder: Path, train: pd.DataFrame, n_rows: int) -> None:
    """Score a table as a whole."""
    rows = accounts(n_rows, seed=1)
    for name in ("kmeans", "gaussian_mixture"):
        left, right = (mlflow.pyfunc.load_model(str(path)) for path in pair(folder, name, train))
        mine = best(partial(left.unwrap_python_model().predict, None, rows, {"columns": PLAIN}))
        compare(f"batch_{name}", mine, best(partial(right.predict, rows)), "s", 0.5)


def bench_raw(folder: Path, train: pd.DataFrame, n_rows: int) -> None:
    """Compare with the ONNX files alone, and tell what reasons and MLflow's check of the input cost."""
    rows = accounts(n_rows, seed=1)
    model = mlflow.pyfunc.load_model(str(pair(folder, "kmeans", train)[0]))
    files = folder / "kmeans" / "model"
    space, segmenter = (ort.InferenceSession(str(files / f"{name}.onnx")) for name in ("space", "segmenter"))

    def raw() -> None:
        numeric = rows[NUMERIC].to_numpy(np.float64)
        columns = [pd.factorize(rows[name].fillna("")) for name in CATEGORICAL]
        begins = np.cumsum([0, *(len(words) for _, words in columns)])[:-1]
        words = np.concatenate([np.asarray(words, dtype=object) for _, words in columns])
        codes = np.column_stack([codes for codes, _ in columns]) + begins
        (x,) = space.run(["x"], {"numeric": numeric, "words": words, "codes": codes})
        segmenter.run(["proba", "score"], {"x": x})

    peer = best(raw)
    inside = model.unwrap_python_model()
    mine = best(lambda: inside.predict(None, rows, {"columns": PLAIN}))
    compare("raw_onnxruntime", mine, peer, "s", 1.5)
    reasons = best(lambda: inside.predict(None, rows), 1)
    bench("scoring/cost_of_reasons", reasons, mine, "stated", ok=True, unit="s")
    checked = best(lambda: model.predict(rows, params={"columns": PLAIN}), 1)
    bench("scoring/cost_of_mlflow_check", checked, mine, "stated", ok=True, unit="s")


def served(path: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start `mlflow models serve` and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(path), "--env-manager", "local"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    )
    address = f"http://127.0.0.1:{port}"
    while True:
        try:
            if requests.get(f"{address}/ping", timeout=1).ok:
                return server, f"{address}/invocations"
        except requests.RequestException:
            time.sleep(0.2)


def latency(path: Path, rows: pd.DataFrame) -> float:
    """Return the 99th percentile of one-account requests, in milliseconds."""
    server, address = served(path)
    seconds = []
    try:
        with requests.Session() as session:
            for i in range(len(rows)):
                text = rows.iloc[[i]].to_json(orient="split", index=False)
                body = {"dataframe_split": json.loads(text)}
                begin = time.perf_counter()
                session.post(address, json=body, timeout=30).raise_for_status()
                seconds.append(time.perf_counter() - begin)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    return 1000 * float(np.quantile(seconds[50:], 0.99))


def bench_http(folder: Path, train: pd.DataFrame, _n_rows: int) -> None:
    """Ask for one account at a time."""
    left, right = pair(folder, "kmeans", train)
    rows = accounts(1050, seed=2).dropna()
    compare("http_p99", latency(left, rows), latency(right, rows), "ms", 1.0)


START = """
import json, sys, mlflow.pyfunc, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
model.predict(pd.DataFrame([json.load(open(sys.argv[2]))]))
"""


def environment(model: Path, folder: Path) -> Path:
    """Install what a saved model asks for; return that environment's Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    wanted = ["--requirement", str(model / "requirements.txt")]
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", *wanted], check=True)
    return folder / "bin" / "python"


def bench_start(folder: Path, train: pd.DataFrame, _n_rows: int) -> None:
    """Start a process, load the model and assign one account."""
    row = folder / "row.json"
    row.write_text(json.dumps(accounts(50, seed=3).dropna().iloc[0].to_dict()), encoding="utf-8")
    seconds = []
    for path in pair(folder, "kmeans", train):
        command = [environment(path, folder / f"{path.name}-venv"), "-W", "ignore", "-c", START, path, row]
        run = partial(subprocess.run, command, check=True, capture_output=True)
        run()  # compiles the packages' files
        seconds.append(best(run, 5))
    ours, peer = seconds
    compare("cold_start", ours, peer, "s", 0.5)


def installed_megabytes(*roots: str) -> float:
    """Add up the files of these distributions and of all that they require here."""
    found: dict[str, int] = {}
    waiting = list(roots)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        sizes = [Path(file.locate()) for file in distribution.files or []]
        found[name] = sum(path.stat().st_size for path in sizes if path.is_file())
        needs = [need for need in distribution.requires or [] if "extra ==" not in need]
        waiting += [Requirement(need).name for need in needs]
    return sum(found.values()) / 1e6


def bench_size(_folder: Path, _train: pd.DataFrame, _n_rows: int) -> None:
    """Compare what must be installed."""
    mine = installed_megabytes(*REQUIREMENTS)
    compare("environment", mine, installed_megabytes("mlflow", "torch", "scikit-learn"), "MB", 0.5)


def write_accounts(path: Path, n_rows: int) -> None:
    """Write accounts in bounded memory."""
    step = min(n_rows, 200_000)
    writer = None
    for number in range(n_rows // step):
        table = pa.Table.from_pandas(accounts(step, seed=number), preserve_index=False)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def bench_memory(folder: Path, train: pd.DataFrame, n_rows: int) -> None:
    """Compare the peaks of a small and a large batch."""
    model = pair(folder, "kmeans", train)[0]
    peaks, seconds = [], []
    for rows in (max(n_rows // 10, batch.CHUNK // 2), 10 * n_rows):
        write_accounts(folder / "in.parquet", rows)
        took, peak, _ = measured(model, folder / "in.parquet")
        seconds.append(took)
        peaks.append(peak)
    extra = peaks[1] - peaks[0]
    name = f"scoring/peak_memory_of_{10 * n_rows}_rows"
    bench(name, peaks[1], peaks[0], "difference<=1000MB", ok=extra <= 1000, unit="MB")
    print(f"# {10 * n_rows} rows took {seconds[1]:.1f} s", flush=True)


PARTS = {
    "batch": bench_batch,
    "raw": bench_raw,
    "http": bench_http,
    "start": bench_start,
    "size": bench_size,
    "memory": bench_memory,
}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="a twentieth of the accounts")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", module="mlflow|sklearn")
    train = accounts(20_000)
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.only:
            PARTS[name](Path(scratch), train, 50_000 if arguments.quick else 1_000_000)


if __name__ == "__main__":
    main()
