"""The same contacts give the same figures on DuckDB and on a real PostgreSQL server, to 1e-9."""

import math
from datetime import date

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from postgres import postgres_server
from segmentwerk.core.measurement_settings import MeasurementSettings
from segmentwerk.measurement import campaign_result, contacts
from small_experiment import SPANS, UNTIL, rows

pytestmark = pytest.mark.postgres
SETTINGS = MeasurementSettings(window_days=30, permutations=39)


@pytest.fixture(scope="module")
def server():
    with postgres_server() as url:
        backend = ibis.connect(url)
        try:
            yield backend
        finally:
            backend.disconnect()


def frames():
    table, segments = rows(n=3000, lift=(0.1, 0.0, -0.02))
    rng = np.random.default_rng(5)
    n = 9000
    lines = pd.DataFrame(
        {
            "order_id": [f"o{place}" for place in range(n)],
            "account_id": rng.choice(table["account_id"], n),
            "ordered_at": np.datetime64("2025-01-01", "us") + rng.integers(0, 300 * 1440, n).astype("m8[m]"),
            "revenue": rng.lognormal(4, 1, n).round(2) * rng.choice([1, 1, 1, -0.2], n),
            "margin": np.where(rng.random(n) < 0.1, np.nan, rng.normal(5, 20, n)),
        }
    )
    born = pd.DataFrame({"account_id": table["account_id"], "created_on": pd.Timestamp("2020-01-01")})
    born.loc[:3, "created_on"] = pd.Timestamp("2025-08-01")
    return {"campaigns": table, "orders": lines, "accounts": born}, segments


def stored(backend, given):
    found = {}
    for name, frame in given.items():
        table = pa.Table.from_pandas(frame, preserve_index=False)
        backend.create_table(f"t_{name}", schema=ibis.Schema.from_pyarrow(table.schema), temp=True)
        backend.insert(f"t_{name}", table)
        found[name] = backend.table(f"t_{name}")
    return found


def plain(result):
    found = {}
    for one in result.readings:
        for name, reading in one.readings.items():
            found[one.segment, one.arm, name] = (
                reading.value,
                reading.low,
                reading.high,
                reading.pvalue,
                reading.adjusted,
                reading.n,
            )
    return found


@pytest.mark.parametrize("kind", ["campaigns", "ledger"])
def test_figures_and_findings_are_the_same(server, kind):
    given, segments = frames()
    if kind == "campaigns":
        given["campaigns"] = given["campaigns"].drop(columns=["converted", "revenue"])
    told = []
    for backend in (ibis.duckdb.connect(), server):
        tables = stored(backend, given)
        if kind == "campaigns":
            made = contacts.from_campaigns(tables, segments, SPANS)
        else:
            ledger = pd.DataFrame(
                {
                    "account_id": segments["account_id"],
                    "segment_id": segments["segment_id"],
                    "campaign": "spring",
                    "measure": "win_back",
                    "arm": given["campaigns"]["arm"],
                    "from_date": date(2025, 6, 2),
                    "until_date": date(2025, 7, 2),
                }
            )
            made = contacts.from_ledger(tables, ledger, {"win_back": 3.0}, SPANS)
        told.append(campaign_result.judge(contacts.kept(made), "spring", SETTINGS, UNTIL, names={}))
        for name in tables:
            backend.raw_sql(f"DROP TABLE t_{name}")
    one, other = map(plain, told)
    assert one.keys() == other.keys()
    assert sum(math.isfinite(values[0]) for values in one.values()) > 50
    for key, values in one.items():
        assert values == pytest.approx(other[key], rel=1e-9, abs=1e-9, nan_ok=True), key
    assert told[0].findings[3:] == told[1].findings[3:]
    assert [found.status for found in told[0].findings] == [found.status for found in told[1].findings]
    assert told[0].evidence == told[1].evidence
    assert told[0].advice.verdict == told[1].advice.verdict
    for name, value in told[0].advice.values.items():
        assert value.value == pytest.approx(told[1].advice.values[name].value, rel=1e-9)
