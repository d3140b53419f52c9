"""A source on a Spark cluster of two executors gives what the same files give here."""

import importlib.util
import os
import shutil
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
import pytest
import yaml

import segmentwerk as product
from command_line import segmentwerk
from segmentwerk.core.settings import FeatureSettings, SourceSettings
from segmentwerk.core.types import Window
from segmentwerk.data import cluster, contracts, demo, quality, sources
from segmentwerk.features import table as features
from segmentwerk.preparation import some_accounts

CSV_FOLDER = Path(__file__).parents[2] / "conf" / "source" / "csv_folder.yaml"
WINDOW = Window(date(2026, 1, 1), date(2026, 7, 1))

on_spark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("spark"),
    pytest.mark.skipif(
        importlib.util.find_spec("pyspark") is None, reason="the extra 'spark' is not installed"
    ),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
    pytest.mark.filterwarnings("ignore"),  # those of Spark's own Python code
]


def marked(function):
    """Mark a test that needs the cluster."""
    for mark in on_spark:
        function = mark(function)
    return function


def seen(pyspark) -> str:
    """Return what the executors must find: the installed packages and the product."""
    return os.pathsep.join(str(Path(one.__file__).parents[1]) for one in (pyspark, product))


@pytest.fixture(scope="module")
def spark():
    import pyspark

    settings = {"spark.executorEnv.PYTHONPATH": seen(pyspark), "spark.sql.shuffle.partitions": "2"}
    with cluster.opened("local-cluster[2,1,1024]", **settings) as session:
        yield session


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> SourceSettings:
    """The demo's small world, dirt included, as files in our columns."""
    folder = demo.generate(tmp_path_factory.mktemp("demo") / "world", accounts=400, seed=7)
    given = yaml.safe_load(CSV_FOLDER.read_text())
    return SourceSettings(**given | {"path": folder, "as_of": WINDOW.as_of})


def judged(source: SourceSettings, cache: Path):
    """Read, check, build and inspect a source, and draw a sample of it."""
    with sources.open_source(source, cache) as opened:
        checked = contracts.check(opened.tables)
        path = contracts.write_quarantine(checked, cache / "quarantine.parquet")
        built = features.build(checked.tables, WINDOW, FeatureSettings(), source="s", digest="d")
        report = quality.inspect(checked, as_of=WINDOW.as_of, raw=opened.raw, private=opened.private)
        some = some_accounts.sample(checked.tables, 0.3)
        part = features.build(
            some, WINDOW, FeatureSettings(), source="s", digest="d", learned=built.definitions,
            whole=checked.tables,
        )  # fmt: skip
    return checked, pd.read_parquet(path), built, report, part


def assert_alike(there, here) -> None:
    pd.testing.assert_frame_equal(there.features, here.features, rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(there.outcomes, here.outcomes, rtol=0, atol=1e-9)
    pd.testing.assert_series_equal(there.orders, here.orders)
    assert there.catalogue == here.catalogue


@marked
def test_rows_features_report_and_sample_are_the_same(spark, world, tmp_path):
    here = judged(world, tmp_path / "here")
    there = judged(world.model_copy(update={"url": "spark://"}), tmp_path / "there")
    assert not [one for one in spark.catalog.listTables() if one.isTemporary]
    (checked, rejected, built, report, part), (checked_there, rejected_there, *others) = here, there
    assert sum(checked.rejected.values()) > 0
    assert (checked_there.rows, checked_there.rejected) == (checked.rows, checked.rejected)
    counts = [rows.value_counts(["table", "reason"]).sort_index() for rows in (rejected_there, rejected)]
    pd.testing.assert_series_equal(*counts)
    assert_alike(others[0], built)
    assert 0.2 < len(part.orders) / len(built.orders) < 0.4
    assert_alike(others[2], part)
    found = [(one.code, one.table, one.status, one.rows, one.of) for one in report.findings]
    assert [(one.code, one.table, one.status, one.rows, one.of) for one in others[1].findings] == found


@marked
def test_features_read_what_lies_together_already(spark, world, tmp_path):
    with sources.open_source(world.model_copy(update={"url": "spark://"}), tmp_path) as opened:
        query = features.ask(contracts.check(opened.tables).tables, WINDOW, FeatureSettings())
        plan = spark.sql(str(ibis.to_sql(query.relation)))._jdf.queryExecution().optimizedPlan()
        leaves = plan.collectLeaves()
        assert {leaves.apply(number).nodeName() for number in range(leaves.size())} == {"InMemoryRelation"}


@marked
def test_scores_in_the_cluster_are_those_of_here(comparison, tmp_path):
    import pyspark

    settings = {"master": "local-cluster[2,1,1024]", "sql.shuffle.partitions": "2"}
    settings["executorEnv.PYTHONPATH"] = seen(pyspark)
    lines = [f"spark.{name} {value}" for name, value in settings.items()]
    (tmp_path / "spark-defaults.conf").write_text("\n".join(lines))
    world = comparison.home / "cache" / "demo" / "500-7"
    given = ("score", "source=csv_folder", f"source.path={world}", f"source.as_of={WINDOW.as_of}")
    model = f"model={comparison.summary['model']['uri']}"
    here = segmentwerk(*given, model, f"output={tmp_path / 'here.parquet'}", home=comparison.home)
    assert here.code == 0, here.stderr
    there = segmentwerk(
        *given,
        model,
        "source.url=spark://",
        "scoring.engine=spark",
        f"output={tmp_path / 'there'}",
        home=comparison.home,
        SPARK_CONF_DIR=str(tmp_path),
    )
    assert there.code == 0, there.stderr
    tables = [pd.read_parquet(tmp_path / name).set_index("account_id") for name in ("here.parquet", "there")]
    pd.testing.assert_frame_equal(*(table.sort_index() for table in tables), check_dtype=False)
    assert there.summary["result"]["segments"] == here.summary["result"]["segments"]
    assert len(tables[0]) == sum(here.summary["result"]["segments"].values()) > 400
