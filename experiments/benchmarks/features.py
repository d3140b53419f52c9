"""Measure how fast the account table is built, and in how much memory.

The same features, from the same Parquet file of order lines: ours (declared Ibis expressions), one
hand-written DuckDB query, and plain pandas on a tenth of the lines. Each runs in a process of its own;
the figures are wall and processor seconds from reading the file to the data frame, best of the
repeats, and the peak resident memory of the process. The frames are compared value by value.

    python experiments/benchmarks/features.py [--only query|pandas] [--lines N] [--pandas-lines N]
        [--accounts N] [--memory-limit 5GB] [--pandas-memory-limit 300MB] [--repeats N] [--folder PATH]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb
import ibis
import numpy as np
import pandas as pd
from lib.lines import bench

from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import Window
from segmentwerk.features.table import build

AS_OF = date(2025, 1, 1)

# Five lines an order, ordered in the order of time; a third of the accounts buys half of the orders.
LINES = """
COPY (
  SELECT
    'A' || lpad((hash(i // 5) % {accounts} * (hash(i // 5 + 17) % {accounts}) // {accounts})::VARCHAR, 8, '0')
      AS account_id,
    'O' || lpad((i // 5)::VARCHAR, 9, '0') AS order_id,
    TIMESTAMP '2022-01-01' + to_seconds(((i // 5) * 94694400.0 * 5 / {lines})::BIGINT) AS ordered_at,
    round(CASE WHEN hash(i) % 23 = 0 THEN -20.0 ELSE 100.0 END * (1 + hash(i + 3) % 997 / 100.0), 2)
      AS revenue,
    CASE WHEN hash(i) % 11 > 0 THEN round(hash(i + 5) % 4000 / 100.0, 2) END AS margin,
    'P' || lpad((hash(i + 7) % 3000)::VARCHAR, 5, '0') AS product_id,
    'category ' || (hash(i + 7) % 3000) % 12 AS category,
    (['web', 'field', 'phone', 'edi'])[1 + (hash(i // 5 + 9) % 4)::INT] AS channel
  FROM range({lines}) AS t(i)
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""

QUERY = """
WITH lines AS (
  SELECT *, ordered_at::DATE AS day FROM read_parquet('{file}') WHERE ordered_at < DATE '{as_of}'
), orders AS (
  SELECT
    account_id, order_id, min(day) AS day, sum(revenue) AS amount, count(*) AS lines, sum(margin) AS profit,
    sum(greatest(revenue, 0)) AS sold, sum(greatest(-revenue, 0)) AS returned,
    sum(CASE WHEN margin IS NOT NULL THEN revenue ELSE 0 END) AS costed
  FROM lines GROUP BY ALL
), buying AS (
  SELECT
    account_id,
    date_diff('day', max(day) FILTER (amount > 0), DATE '{as_of}') AS recency_days,
    count(*) FILTER (amount > 0) AS frequency,
    sum(amount) AS monetary,
    date_diff('day', min(day) FILTER (amount > 0), DATE '{as_of}') AS tenure_days,
    sum(CASE WHEN day >= DATE '{as_of}' - 182 THEN amount ELSE 0 END) / 182 AS half_after,
    sum(CASE WHEN day >= DATE '{as_of}' - 364 AND day < DATE '{as_of}' - 182 THEN amount ELSE 0 END)
      AS half_before,
    sum(CASE WHEN day >= DATE '{as_of}' - 365 THEN amount ELSE 0 END) AS revenue_12m,
    sum(CASE WHEN day >= DATE '{as_of}' - 730 AND day < DATE '{as_of}' - 365 THEN amount ELSE 0 END)
      AS year_before,
    (power(sum(CASE WHEN quarter(day) = 1 THEN sold ELSE 0 END), 2)
      + power(sum(CASE WHEN quarter(day) = 2 THEN sold ELSE 0 END), 2)
      + power(sum(CASE WHEN quarter(day) = 3 THEN sold ELSE 0 END), 2)
      + power(sum(CASE WHEN quarter(day) = 4 THEN sold ELSE 0 END), 2)) / nullif(power(sum(sold), 2), 0)
      AS quarters,
    sum(amount) FILTER (amount > 0) / count(*) FILTER (amount > 0) AS average_basket,
    sum(lines) FILTER (amount > 0) / count(*) FILTER (amount > 0) AS lines_per_order,
    sum(returned) / nullif(sum(sold), 0) AS return_rate,
    max(amount) / nullif(sum(greatest(amount, 0)), 0) AS largest_order_share,
    sum(profit) / nullif(sum(costed), 0) AS margin_rate,
    sum(profit) AS historic_value
  FROM orders GROUP BY ALL
), days AS (
  SELECT account_id, day - lag(day) OVER (PARTITION BY account_id ORDER BY day) AS gap
  FROM (SELECT DISTINCT account_id, day FROM orders WHERE amount > 0)
), gaps AS (
  SELECT account_id, avg(gap) AS interpurchase_days, stddev_samp(gap) / avg(gap) AS interpurchase_cv
  FROM days GROUP BY ALL
), per_category AS (
  SELECT account_id, category, sum(revenue) AS amount FROM lines
  WHERE revenue > 0 AND category IS NOT NULL GROUP BY ALL
), categories AS (
  SELECT
    account_id, count(*) AS n_categories,
    sum(power(amount, 2)) / power(sum(amount), 2) AS category_concentration,
    arg_max(category, amount) AS main_category
  FROM per_category GROUP BY ALL
), per_channel AS (
  SELECT account_id, channel, sum(revenue) AS amount FROM lines
  WHERE revenue > 0 AND channel IS NOT NULL GROUP BY ALL
), channels AS (
  SELECT
    account_id, arg_max(channel, amount) AS main_channel,
    sum(CASE WHEN channel = 'web' THEN amount ELSE 0 END) / sum(amount) AS online_share
  FROM per_channel GROUP BY ALL
), products AS (
  SELECT account_id, count(*) AS n_products
  FROM (SELECT DISTINCT account_id, product_id FROM lines WHERE revenue > 0) GROUP BY ALL
)
SELECT *
FROM buying LEFT JOIN gaps USING (account_id) LEFT JOIN categories USING (account_id)
LEFT JOIN channels USING (account_id) LEFT JOIN products USING (account_id)
ORDER BY account_id
"""


def finish(rows: pd.DataFrame) -> pd.DataFrame:
    """Derive the last features from a peer's aggregates, as ours does inside the query."""
    rows = rows.astype(dict.fromkeys(rows.select_dtypes("number"), "float64"))  # NaN, not pandas' NA
    tenure = rows["tenure_days"]
    half = (tenure - 182).clip(upper=182).where(tenure >= 212)
    year = (tenure - 365).clip(upper=365).where(tenure >= 395)
    rows["trend"] = change(rows.pop("half_before") / half, rows.pop("half_after"))
    rows["growth"] = change(rows.pop("year_before") / year, rows["revenue_12m"] / 365)
    rows["seasonality"] = ((rows.pop("quarters") - 0.25) / 0.75).where(tenure >= 365)
    return rows.where(rows["frequency"] > 0)


def change(before: pd.Series, after: pd.Series) -> pd.Series:
    """Return the symmetric relative change."""
    scale = before.abs() + after.abs()
    return (2 * (after - before) / scale.where(scale > 0)).where(scale != 0, 0.0)


def ours(file: Path, memory: str) -> pd.DataFrame:
    """Build the account table."""
    connection = ibis.duckdb.connect(memory_limit=memory, temp_directory=str(file.parent / "spill"))
    tables = {"orders": connection.read_parquet(file)}
    table = build(tables, Window(AS_OF), FeatureSettings(), source="benchmark", digest="0")
    return table.features


def query(file: Path, memory: str) -> pd.DataFrame:
    """Run the hand-written query."""
    connection = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(file.parent / "spill")})
    rows = connection.sql(QUERY.format(file=file, as_of=AS_OF)).df().set_index("account_id")
    return finish(rows)


def pandas(file: Path, _: str) -> pd.DataFrame:
    """Group with pandas."""
    as_of = pd.Timestamp(AS_OF)
    lines = pd.read_parquet(file)
    lines = lines[lines["ordered_at"] < as_of]
    lines["age"] = (as_of - lines["ordered_at"].dt.normalize()).dt.days
    lines["sold"], lines["returned"] = lines["revenue"].clip(lower=0), (-lines["revenue"]).clip(lower=0)
    lines["costed"] = lines["revenue"].where(lines["margin"].notna(), 0)
    orders = lines.groupby(["account_id", "order_id"], sort=False).agg(
        age=("age", "max"), amount=("revenue", "sum"), lines=("revenue", "size"), profit=("margin", "sum"),
        sold=("sold", "sum"), returned=("returned", "sum"), costed=("costed", "sum"),
        day=("ordered_at", "min"),
    ).reset_index()  # fmt: skip
    for name, first, last in (
        ("half_after", 182, 0), ("half_before", 364, 182), ("revenue_12m", 365, 0), ("year_before", 730, 365),
    ):  # fmt: skip
        orders[name] = orders["amount"].where((orders["age"] <= first) & (orders["age"] > last), 0)
    for quarter in (1, 2, 3, 4):
        orders[f"q{quarter}"] = orders["sold"].where(orders["day"].dt.quarter == quarter, 0)
    orders["positive"] = orders["amount"].clip(lower=0)
    sums = ["amount", "half_after", "half_before", "revenue_12m", "year_before", "q1", "q2", "q3", "q4",
            "sold", "returned", "positive", "profit", "costed"]  # fmt: skip
    grouped = orders.groupby("account_id")
    total, largest = grouped[sums].sum(), grouped["amount"].max()
    buying = orders[orders["amount"] > 0]
    bought = buying.groupby("account_id")
    days = buying[["account_id", "age"]].drop_duplicates().sort_values(["account_id", "age"])
    days["gap"] = days.groupby("account_id")["age"].diff()
    gap = days.groupby("account_id")["gap"]
    sales = lines[lines["revenue"] > 0]
    category = sales.groupby(["account_id", "category"])["revenue"].sum().reset_index()
    channel = sales.groupby(["account_id", "channel"])["revenue"].sum().reset_index()
    of_category, of_channel = (
        category.groupby("account_id")["revenue"],
        channel.groupby("account_id")["revenue"],
    )
    squares = (category["revenue"] ** 2).groupby(category["account_id"]).sum()
    web = channel[channel["channel"] == "web"].set_index("account_id")["revenue"]
    quarters = (total[["q1", "q2", "q3", "q4"]] ** 2).sum(axis=1) / total["sold"].where(
        total["sold"] > 0
    ) ** 2
    rows = pd.DataFrame(
        {
            "recency_days": bought["age"].min(), "frequency": bought.size(), "monetary": total["amount"],
            "tenure_days": bought["age"].max(), "half_after": total["half_after"] / 182,
            "half_before": total["half_before"], "revenue_12m": total["revenue_12m"],
            "year_before": total["year_before"], "quarters": quarters,
            "average_basket": bought["amount"].mean(), "lines_per_order": bought["lines"].mean(),
            "return_rate": total["returned"] / total["sold"],
            "largest_order_share": largest / total["positive"],
            "margin_rate": total["profit"] / total["costed"], "historic_value": total["profit"],
            "interpurchase_days": gap.mean(), "interpurchase_cv": gap.std() / gap.mean(),
            "n_categories": of_category.size(), "category_concentration": squares / of_category.sum() ** 2,
            "main_category": category.loc[of_category.idxmax()].set_index("account_id")["category"],
            "main_channel": channel.loc[of_channel.idxmax()].set_index("account_id")["channel"],
            "online_share": (web / of_channel.sum()).fillna(0),
            "n_products": sales.groupby("account_id")["product_id"].nunique(),
        }
    )  # fmt: skip
    return finish(rows.sort_index())


WAYS = {"ours": ours, "query": query, "pandas": pandas}


def compare(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Refuse to compare the time of two ways that do not give the same features."""
    assert left.index.equals(right.index), "not the same accounts"
    assert set(left) == set(right), set(left) ^ set(right)
    for name in left:
        if pd.api.types.is_numeric_dtype(left[name]):
            there = right[name].astype("float64")
            same = np.isclose(left[name], there, rtol=1e-6, atol=1e-6, equal_nan=True)
            assert same.mean() > 1 - 1e-5, name  # an order of nothing is 1e-14 where floats are summed
        else:
            same = (left[name] == right[name]) | (left[name].isna() & right[name].isna())
            assert same.mean() > 0.999, name  # two categories of equal money may fall either way


def measure(way: str, file: Path, memory: str) -> dict[str, float]:
    """Run one way once, in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--file", str(file), "--memory-limit", memory]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{way} failed:\n{done.stderr[-3000:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def run_one(way: str, file: Path, memory: str) -> None:
    """Print seconds and peak memory of one way, and keep its frame for the comparison."""
    start, worked = time.perf_counter(), time.process_time()
    rows = WAYS[way](file, memory)
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows.to_parquet(file.with_suffix(f".{way}"))
    print(json.dumps({"seconds": seconds, "cpu": worked, "gigabytes": peak}))


def prepare(folder: Path, lines: int, accounts: int) -> Path:
    """Write the order lines once."""
    file = folder / f"lines_{lines}_{accounts}.parquet"
    if not file.exists():
        duckdb.sql(LINES.format(lines=lines, accounts=accounts, file=file))
    return file


def contest(
    file: Path, peer: str, memory_limit: str, repeats: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Measure ours and a peer in turn, keep the best of the repeats, and compare what they give."""
    runs = [{way: measure(way, file, memory_limit) for way in (peer, "ours")} for _ in range(repeats)]
    best = {way: {key: min(run[way][key] for run in runs) for key in runs[0][way]} for way in runs[0]}
    left, right = (pd.read_parquet(file.with_suffix(f".{way}")) for way in ("ours", peer))
    compare(left, right)
    return best["ours"], best[peer]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=50_000_000)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--pandas-lines", type=int, default=5_000_000)
    parser.add_argument("--memory-limit", default="5GB", help="what DuckDB may use, in both ways")
    parser.add_argument("--pandas-memory-limit", default="300MB", help="what DuckDB may use next to pandas")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", choices=("query", "pandas"), help="one of the two contests")
    parser.add_argument("--folder", type=Path, help="where the lines are kept; default: a temporary folder")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        run_one(arguments.way, arguments.file, arguments.memory_limit)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if arguments.only != "pandas":
            against_query(folder, arguments)
        if arguments.only != "query":
            against_pandas(folder, arguments)


def against_query(folder: Path, arguments: argparse.Namespace) -> None:
    """Measure all lines next to the hand-written query: at most 1.3 times its time, in less than 8 GB."""
    file = prepare(folder, arguments.lines, arguments.accounts)
    left, right = contest(file, "query", arguments.memory_limit, arguments.repeats)
    name, seconds = f"features/{arguments.lines / 1e6:g}M_lines", left["seconds"] / right["seconds"]
    bench(name, left["seconds"], right["seconds"], "<=1.3", ok=seconds <= 1.3, unit="s")
    bench(f"{name}_cpu", left["cpu"], right["cpu"], "-", ok=True, unit="s")
    memory = left["gigabytes"]
    bench(f"{name}_memory", memory, right["gigabytes"], "ours<8GB", ok=memory < 8, unit="GB")


def against_pandas(folder: Path, arguments: argparse.Namespace) -> None:
    """Measure fewer lines next to pandas: three times faster or four times smaller; both are told."""
    accounts = max(1, arguments.accounts * arguments.pandas_lines // arguments.lines)
    file = prepare(folder, arguments.pandas_lines, accounts)
    left, right = contest(file, "pandas", arguments.pandas_memory_limit, arguments.repeats)
    faster, smaller = right["seconds"] / left["seconds"], right["gigabytes"] / left["gigabytes"]
    name, goal = f"features/{arguments.pandas_lines / 1e6:g}M_lines_pandas", "3x-faster-or-4x-smaller"
    ok = faster >= 3 or smaller >= 4
    bench(name, left["seconds"], right["seconds"], goal, ok=ok, unit="s")
    bench(f"{name}_memory", left["gigabytes"], right["gigabytes"], goal, ok=ok, unit="GB")


if __name__ == "__main__":
    main()
