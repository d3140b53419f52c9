"""The demo world at later dates, and what is planted in it: each change where it belongs, nothing else."""

import hashlib
from datetime import date
from typing import get_args

import duckdb
import pandas as pd
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import DemoSettings
from segmentwerk.data import demo
from segmentwerk.data.demo import scenarios, world
from segmentwerk.data.demo.calendar import Calendar

LATER = date(2027, 4, 1)
DEFAULT_ACCOUNTS = "b4820911f4bbd517c2c65db5f168e13c3924c2e5ddd58132ff1bb8241b8273e6"


def made(folder, accounts=1200, **more):
    return demo.generate(folder, accounts=accounts, seed=5, **more)


def read(folder, query):
    return duckdb.sql(query.format(f=folder)).df()


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return made(tmp_path_factory.mktemp("worlds") / "usual", as_of=LATER)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    return {name: made(folder / name, as_of=LATER, scenario=name) for name in scenarios.SCENARIOS}


def test_settings_know_every_scenario():
    (choice,) = [arg for arg in get_args(DemoSettings.model_fields["scenario"].annotation) if get_args(arg)]
    assert set(get_args(choice)) == set(scenarios.SCENARIOS)


def test_the_usual_world_has_the_bytes_that_it_always_had(tmp_path):
    folder = demo.generate(tmp_path / "world", accounts=2500, seed=7)
    assert hashlib.sha256((folder / "accounts.parquet").read_bytes()).hexdigest() == DEFAULT_ACCOUNTS


def test_the_own_calendar_is_that_of_the_world():
    own, moved = Calendar.at(world.AS_OF), Calendar.at(LATER)
    assert own == Calendar()
    assert (moved.start, moved.as_of, moved.until) == (date(2024, 10, 1), LATER, date(2027, 10, 1))
    assert moved.campaigns[0] == ("autumn-2025", date(2026, 12, 8))


@pytest.mark.parametrize("day", [date(2027, 4, 2), date(2025, 12, 1), date(2050, 1, 1)])
def test_other_dates_are_refused(tmp_path, day):
    with pytest.raises(InputError, match="no date of the demo world"):
        made(tmp_path / "world", as_of=day)


def test_an_unknown_scenario_is_refused(tmp_path):
    with pytest.raises(InputError, match="Did you mean 'prices'"):
        made(tmp_path / "world", scenario="price")


def test_a_later_world_lies_in_its_own_dates(usual):
    found = read(usual, "select min(ordered_at) low, max(ordered_at) high from '{f}/orders/*.parquet'").iloc[
        0
    ]
    assert pd.Timestamp("2024-10-01") <= found.low < pd.Timestamp("2024-10-15")
    assert pd.Timestamp("2027-09-15") < found.high < pd.Timestamp("2027-10-01")


def test_only_the_branch_is_booked_in_cents(usual, planted):
    query = (
        "select o.revenue, a.country, o.ordered_at >= '2026-04-01' as recent from '{f}/orders/*.parquet' o "
        "join (select distinct account_id, country from '{f}/accounts.parquet') a using (account_id) "
        "order by order_id, o.ordered_at, product_id, revenue"
    )
    before, after = read(usual, query), read(planted["cents"], query)
    theirs = (before.country == scenarios.BRANCH) & before.recent
    factor = (after.revenue.sort_values().sum() - before.revenue[~theirs].sum()) / before.revenue[
        theirs
    ].sum()
    assert factor == pytest.approx(100, rel=1e-6)


def test_prices_rise_for_a_year(usual, planted):
    query = (
        "select sum(revenue) filter (ordered_at >= '2026-04-01') y, "
        "sum(revenue) filter (ordered_at < '2026-04-01') o from '{f}/orders/*.parquet'"
    )
    before, after = read(usual, query).iloc[0], read(planted["prices"], query).iloc[0]
    assert after.y / before.y == pytest.approx(1.3, rel=1e-3)
    assert after.o == before.o


def test_a_category_is_called_otherwise(usual, planted):
    old, new = scenarios.RENAMED
    query = "select category, count(*) n from '{f}/orders/*.parquet' group by all"
    before = read(usual, query).set_index("category").n
    after = read(planted["renamed"], query).set_index("category").n
    assert after[new] == before[old]
    assert old not in after.index


def test_the_web_falls_silent(planted):
    query = (
        "select kind, max(occurred_at) filter (occurred_at < '2027-04-01') latest "
        "from '{f}/activities.parquet' group by all"
    )
    last = read(planted["web_silent"], query).set_index("kind")["latest"]
    assert last["web"] < pd.Timestamp("2026-12-03")
    assert last["email"] > pd.Timestamp("2027-03-15")


def test_answers_go_beyond_the_scale_that_is_said(planted):
    found = read(planted["survey_scale"], "select max(score) s, max(scale_max) m from '{f}/surveys.parquet'")
    assert found.iloc[0].tolist() == [7, 5]


def test_one_firm_in_ten_is_of_the_new_type(usual, planted):
    query = "select avg((latent_type = 'platform_reseller')::int) s from '{f}/truth/latent_types.parquet'"
    assert read(usual, query).iloc[0].s == 0
    assert 0.07 < read(planted["new_type"], query).iloc[0].s < 0.13


def test_half_of_the_discounts_are_gone(usual, planted):
    query = "select sum(margin)/sum(revenue) r from '{f}/orders/*.parquet' where ordered_at >= '2026-04-01'"
    assert read(planted["discounts"], query).r[0] > read(usual, query).r[0] + 0.03
