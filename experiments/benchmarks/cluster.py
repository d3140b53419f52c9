"""Features and segments on a Spark cluster next to the same on this machine: equal, and how long each takes.

    python experiments/benchmarks/cluster.py [--accounts N] [--lines N] [--master local-cluster[2,1,2048]]
        [--folder PATH]

The tables are drawn by SQL (`lib.trade`). On DuckDB and on Spark they are read, checked and turned into
features; both tables must be equal to `SAME`. A version is made of some, and `segmentwerk score` assigns
every account here and there; every label must be the same. Without pyspark or Java it skips.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import yaml
from lib import trade
from lib.lines import bench

import segmentwerk
from segmentwerk.core.settings import FeatureSettings, SourceSettings
from segmentwerk.core.types import Window
from segmentwerk.data import cluster, contracts, sources
from segmentwerk.features import table as features

SAME = 1e-9
SOURCE = Path(__file__).parents[2] / "conf" / "source" / "csv_folder.yaml"
COMMAND = [sys.executable, "-c", "import sys; from segmentwerk.cli import main; sys.exit(main())"]
QUICK = ("candidates=[rfm_grid]", "tuning.n_trials=2", "evaluation.n_finalists=1", "evaluation.null_copies=2")
"""Of no consequence here: some version is needed."""


def lacking() -> str:
    """Return what is not installed; empty where all is there."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed"
    return "" if shutil.which("java") else "there is no Java"


def built(source: SourceSettings, cache: Path) -> tuple[pd.DataFrame, float]:
    """Read, check and build; return the features and the seconds."""
    begin = time.perf_counter()
    window = Window(date.fromisoformat(trade.AS_OF), date.fromisoformat(trade.UNTIL))
    with sources.open_source(source, cache) as opened:
        checked = contracts.check(opened.tables)
        table = features.build(checked.tables, window, FeatureSettings(), source="trade", digest="")
    return table.features, time.perf_counter() - begin


def furthest(here: pd.DataFrame, there: pd.DataFrame) -> float:
    """Return the largest difference of a number; infinite where accounts, categories or gaps differ."""
    if not (here.index.equals(there.index) and list(here) == list(there)):
        return np.inf
    texts = here.select_dtypes(exclude="number").columns
    if not here[texts].equals(there[texts]):
        return np.inf
    a, b = (frame.drop(columns=texts).to_numpy(dtype=float) for frame in (here, there))
    gaps = np.isnan(a)
    return np.inf if (gaps != np.isnan(b)).any() else float(np.abs(a - b)[~gaps].max(initial=0.0))


def bench_features(tables: Path, folder: Path) -> None:
    """Build the features on both engines and compare value by value."""
    given = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    source = SourceSettings(**given | {"path": tables, "as_of": trade.AS_OF, "outcome_until": trade.UNTIL})
    here, seconds = built(source, folder / "cache")
    there, on_spark = built(source.model_copy(update={"url": "spark://"}), folder / "cache")
    apart = furthest(here, there)
    bench("cluster/features_difference", apart, SAME, "<=1", ok=apart <= SAME)
    bench("cluster/features_seconds", on_spark, seconds, "none", unit="s", ok=True)


def run(home: Path, *arguments: str) -> float:
    """Run one command of the product; return its seconds."""
    begin = time.perf_counter()
    subprocess.run([*COMMAND, *arguments, f"home={home}"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def bench_scoring(tables: Path, home: Path) -> None:
    """Assign every account here and in the cluster, and count the labels that differ."""
    source = ("source=csv_folder", f"source.path={tables}", f"source.as_of={trade.AS_OF}")
    run(home, "compare", *source, *QUICK)
    score = ("score", *source, "model=models:/b2b-segments/1")
    here, there = home / "here.parquet", home / "there"
    seconds = run(home, *score, f"output={here}")
    on_spark = run(home, *score, "source.url=spark://", "scoring.engine=spark", f"output={there}")
    pair = f"'{here}' AS a FULL JOIN '{there}/*.parquet' AS b USING (account_id)"
    unlike = "count_if(a.segment_id IS DISTINCT FROM b.segment_id)"
    differing, rows = duckdb.sql(f"SELECT {unlike}, count(*) FROM {pair}").fetchall()[0]
    print(f"#   {rows:,} accounts scored here and there", flush=True)
    bench("cluster/labels_that_differ", differing, 0, "=0", ok=differing == 0)
    bench("cluster/scoring_seconds", on_spark, seconds, "none", unit="s", ok=True)


def configure(folder: Path, master: str) -> None:
    """Tell Spark the cluster by its own configuration, as an operator would."""
    import pyspark

    seen = os.pathsep.join(str(Path(str(one.__file__)).parents[1]) for one in (pyspark, segmentwerk))
    lines = (f"spark.master {master}", f"spark.executorEnv.PYTHONPATH {seen}", "spark.driver.memory 2g",
             "spark.executor.memory 2g", "spark.sql.shuffle.partitions 16")  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spark-defaults.conf").write_text("\n".join(lines), encoding="utf-8")
    os.environ["SPARK_CONF_DIR"] = str(folder)
    os.environ["SPARK_LOCAL_DIRS"] = str(folder / "spill")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--lines", type=int, help=f"order lines; default: {trade.LINES} an account")
    parser.add_argument("--master", default="local-cluster[2,1,2048]")
    parser.add_argument("--folder", type=Path, help="where the tables and results are kept")
    arguments = parser.parse_args()
    if reason := lacking():
        print(f"SKIPPED cluster: {reason}")
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        configure(folder / "spark", arguments.master)
        lines = arguments.lines or arguments.accounts * trade.LINES
        tables = trade.draw(folder, arguments.accounts, lines)
        print(f"# {arguments.accounts:,} accounts, {lines:,} lines, {arguments.master}", flush=True)
        with cluster.opened():
            bench_features(tables, folder)
        bench_scoring(tables, folder / "cluster")


if __name__ == "__main__":
    main()
