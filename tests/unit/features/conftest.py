"""A small book of orders whose features are known by hand."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import AccountTable, Window
from segmentwerk.features.table import build

_ORDERS = """
account_id order_id ordered_at          revenue margin product_id category channel
A          o1       2022-12-01T09:00:00 100     40     p1         tools    web
A          o1       2022-12-01T09:00:00 50      -      p2         parts    web
A          o2       2023-03-01T10:00:00 200     60     p1         tools    web
A          o3       2023-09-01T11:00:00 300     90     p3         tools    phone
A          o3       2023-09-01T11:00:00 -50     -20    p3         tools    phone
A          o4       2023-09-01T16:00:00 100     30     p2         parts    web
A          r5       2023-10-01T12:00:00 -30     -10    p2         parts    phone
A          o6       2024-01-01T00:00:00 999     9      p9         other    shop
A          o7       2024-02-01T12:00:00 80      9      p9         other    shop
A          r8       2024-02-10T12:00:00 -20     9      p9         other    shop
A          o9       2024-07-01T00:00:00 777     9      p9         other    shop
B          b1       2023-12-31T23:59:59 0.10    -      p1         tools    -
B          b1       2023-12-31T23:59:59 0.20    -      p1         tools    -
C          c1       2024-03-01T08:00:00 500     50     p1         tools    web
F          f1       2023-05-01T08:00:00 -15     -5     p1         tools    web
"""

_ACCOUNTS = """
account_id industry subindustry employees annual_revenue founded_year parent_account_id created_on
A          steel    wire        9         1000           1990         -                 2020-01-01
B          steel    wire        10        -              2025         A                 -
C          food     -           250       5000           -            B                 2023-12-31
D          food     dairy       50        10             2000         -                 2024-01-01
E          -        -           -         -              2023         -                 2023-12-31
"""

_PLACES = """
account_id latitude longitude country region urbanity climate_zone lead_source payment_terms_days ownership
A          52.52    13.405    DE      Berlin urban    Cfb          fair        30                 family
B          48.137   11.576    DE      Bayern urban    Dfb          -           -                  -
C          -        -         AT      -      rural    -            web         14                 listed
D          50       10        AT      -      rural    -            web         14                 listed
E          53.55    9.993     -       -      -        -            -           -                  -
"""

_ACTIVITIES = """
account_id occurred_at         kind   action
A          2023-12-30T10:00:00 web    view
A          2022-12-01T10:00:00 web    view
A          2023-12-01T10:00:00 email  sent
A          2023-12-02T10:00:00 email  click
A          2024-01-01T00:00:00 ticket open
B          2023-06-01T00:00:00 ticket open
"""

_CAMPAIGNS = """
account_id campaign_id contacted_at        arm     responded
A          x           2023-10-01T00:00:00 mail    1
A          y           2023-11-01T00:00:00 mail    0
A          z           2024-02-01T00:00:00 mail    0
B          z           2024-02-01T00:00:00 mail    1
B          z           2024-07-01T00:00:00 mail    0
"""

_OPPORTUNITIES = """
account_id opportunity_id opened_on  closed_on  stage
A          1              2023-01-01 2023-02-01 won
A          2              2023-01-01 2023-03-01 lost
A          3              2023-01-01 2023-12-31 won
A          4              2023-01-01 2024-01-01 lost
A          5              2023-01-01 -          open
B          6              2023-12-01 2024-02-01 won
"""

_NUMBERS = {
    "revenue": "float64",
    "margin": "float64",
    "employees": "float64",
    "annual_revenue": "float64",
    "founded_year": "float64",
    "payment_terms_days": "float64",
    "latitude": "float64",
    "longitude": "float64",
    "responded": "float64",
}
_MOMENTS = ("ordered_at", "created_on", "occurred_at", "contacted_at", "opened_on", "closed_on")


def _read(text: str) -> pd.DataFrame:
    header, *rows = (line.split() for line in text.strip().splitlines())
    frame = pd.DataFrame(rows, columns=header).replace("-", None)
    moments = {name: pd.to_datetime(frame[name]) for name in _MOMENTS if name in frame}
    return frame.astype({name: kind for name, kind in _NUMBERS.items() if name in frame}).assign(**moments)


def _book() -> dict[str, pd.DataFrame]:
    return {
        "accounts": _read(_ACCOUNTS).merge(_read(_PLACES), on="account_id"),
        "orders": _read(_ORDERS),
        "activities": _read(_ACTIVITIES),
        "campaigns": _read(_CAMPAIGNS),
        "opportunities": _read(_OPPORTUNITIES),
    }


@pytest.fixture(scope="session")
def window() -> Window:
    return Window(date(2024, 1, 1), date(2024, 7, 1))


@pytest.fixture(scope="session")
def settings() -> FeatureSettings:
    return FeatureSettings(sites={"Berlin": (52.52, 13.405), "Hamburg": (53.55, 9.993)})


@pytest.fixture(scope="session")
def book() -> dict[str, pa.Table]:
    return {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in _book().items()}


@pytest.fixture(scope="session")
def table(book: dict[str, pa.Table], window: Window, settings: FeatureSettings) -> AccountTable:
    tables = {name: ibis.memtable(rows) for name, rows in book.items()}
    return build(tables, window, settings, source="book", digest="0")
