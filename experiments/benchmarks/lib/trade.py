"""Draw a company's accounts and order lines of any number, by SQL alone, as Parquet files in our columns.

Six kinds of customers differ in how often, how much, what, where and until when they buy. The same numbers
give the same files.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

AS_OF, UNTIL = "2025-01-01", "2025-07-01"
"""The date to look at, and the end of the outcome window."""
KINDS = 6
LINES = 50
"""Order lines an account has on average."""
PIECE = 12_500_000
"""Lines of one file."""

ACCOUNTS = """
COPY (
  SELECT
    'A' || lpad(i::VARCHAR, 8, '0') AS account_id,
    translate(left(md5(i::VARCHAR), 10), '0123456789abcdef', 'bdfgklmnprstaeio')
      || (['', ' & Sohn', ' Handel'])[1 + (hash(i + 10) % 3)::INT]
      || ([' GmbH', ' AG', ' KG'])[1 + (hash(i + 11) % 3)::INT] AS name,
    (['steel', 'food', 'retail', 'care', 'craft', 'energy'])[(1 + (hash(i) % 6 + hash(i + 1) % 2) % 6)::INT]
      AS industry,
    floor(exp(1 + (hash(i) % 6) * 0.7 + hash(i + 2) % 1000 / 500.0)) AS employees,
    round(exp(11 + (hash(i) % 6) * 0.6 + hash(i + 3) % 1000 / 400.0)) AS annual_revenue,
    1950.0 + hash(i + 4) % 70 AS founded_year,
    CASE WHEN hash(i + 5) % 20 = 0 THEN 'A' || lpad((hash(i + 6) % {accounts})::VARCHAR, 8, '0') END
      AS parent_account_id,
    (['DE', 'AT', 'CH'])[1 + (hash(i + 7) % 3)::INT] AS country,
    (['urban', 'suburban', 'rural'])[1 + (hash(i + 8) % 3)::INT] AS urbanity,
    DATE '2018-01-01' + (hash(i + 9) % 1400)::INT AS created_on
  FROM range({accounts}) AS t(i)
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""

ORDERS = """
COPY (
  WITH numbered AS (
    SELECT i, i // 5 AS o, (hash(i // 5) % {accounts} * (hash(i // 5 + 17) % {accounts})) // {accounts} AS a
    FROM range({first}, {last}) AS t(i)
  ), kinds AS (
    SELECT i, o, a, hash(a) % 6 AS kind, (hash(o + 3) % 1000003) / 1000003.0 AS moment FROM numbered
  )
  SELECT
    'A' || lpad(a::VARCHAR, 8, '0') AS account_id,
    'O' || lpad(o::VARCHAR, 9, '0') AS order_id,
    TIMESTAMP '2022-01-01'
      + to_seconds((moment * 110160000 * (CASE WHEN kind = 4 THEN 0.6 ELSE 1 END))::BIGINT) AS ordered_at,
    round(exp(3 + kind * 0.4 + hash(i + 3) % 1000 / 400.0)
      * CASE WHEN hash(i) % (8 + 6 * kind) = 0 THEN -0.3 ELSE 1 END, 2) AS revenue,
    CASE WHEN hash(i) % 11 > 0 THEN round(revenue * (0.15 + hash(a + 5) % 30 / 100.0), 2) END AS margin,
    'P' || lpad((kind * 400 + hash(i + 7) % (100 + 150 * kind))::VARCHAR, 5, '0') AS product_id,
    'category ' || (kind * 2 + hash(i + 7) % (1 + 2 * kind)) % 12 AS category,
    CASE WHEN hash(o + 9) % 6 < kind THEN 'web'
      ELSE (['field', 'phone', 'edi'])[1 + (hash(o + 10) % 3)::INT] END AS channel
  FROM kinds
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""


def draw(folder: Path, accounts: int, lines: int) -> Path:
    """Write the tables, once, and return their folder."""
    place = folder / f"trade_{accounts}_{lines}"
    if (place / "done").exists():
        return place
    (place / "orders").mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(config={"memory_limit": "4GB", "preserve_insertion_order": False})
    con.execute(ACCOUNTS.format(accounts=accounts, file=place / "accounts.parquet"))
    for number, first in enumerate(range(0, lines, PIECE)):
        file = place / "orders" / f"part_{number:03d}.parquet"
        last = min(first + PIECE, lines)
        con.execute(ORDERS.format(accounts=accounts, first=first, last=last, file=file))
    (place / "done").touch()
    return place
