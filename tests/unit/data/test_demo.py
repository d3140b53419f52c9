"""The demo world: its tables, its promises about seeds and memory, its dirt, and what can be found in it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler

from segmentwerk.core.errors import InputError
from segmentwerk.data import demo
from segmentwerk.data.demo import crm as demo_accounts
from segmentwerk.data.demo import firms, world, writing
from segmentwerk.data.demo import orders as demo_orders

ACCOUNTS = 4000
COLUMNS = {
    "accounts": "account_id name email phone address industry subindustry employees annual_revenue "
    "founded_year ownership parent_account_id country region town latitude longitude urbanity "
    "lead_source payment_terms_days created_on fax_extension consent_email consent_phone consent_post",
    "orders": "order_id account_id ordered_at quantity revenue margin product_id category channel",
    "activities": "account_id occurred_at kind action amount",
    "surveys": "account_id answered_on item score scale_min scale_max",
    "campaigns": "account_id campaign_id contacted_at arm cost responded converted revenue",
    "truth": "account_id latent_type",
}


class World:
    """A generated world and SQL over its tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.connection = duckdb.connect()
        for name in COLUMNS:
            path = f"{folder}/{name}{'/*' if name in ('orders', 'truth') else ''}.parquet"
            self.connection.sql(f"create view {name} as from '{path}'")

    def frame(self, query: str) -> pd.DataFrame:
        frame: pd.DataFrame = self.connection.sql(query).df()
        return frame

    def value(self, query: str) -> float:
        row = self.connection.sql(query).fetchone()
        assert row is not None
        return float(row[0])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(demo.generate(tmp_path_factory.mktemp("demo") / "world", accounts=ACCOUNTS, seed=7))


def digest(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("table", COLUMNS)
def test_tables_have_the_documented_columns(made: World, table: str) -> None:
    assert list(made.frame(f"from {table} limit 1")) == COLUMNS[table].split()


def test_size_of_the_world(made: World) -> None:
    assert made.value("select count(distinct account_id) from accounts where account_id < '5'") == ACCOUNTS
    lines = made.value("select count(*) from orders")
    assert 40 * ACCOUNTS < lines < 65 * ACCOUNTS
    customers = made.value("select count(distinct account_id) from orders where account_id < '5'")
    assert 0.12 < 1 - customers / ACCOUNTS < 0.20


def test_records_lie_in_the_stated_dates(made: World) -> None:
    for table, column in (("orders", "ordered_at"), ("activities", "occurred_at")):
        low, high = made.frame(f"select min({column})::date, max({column})::date from {table}").iloc[0]
        assert pd.Timestamp(world.START) <= low < pd.Timestamp(world.START) + pd.Timedelta(days=14)
        assert (
            pd.Timestamp(demo.OUTCOME_UNTIL) - pd.Timedelta(days=14) < high < pd.Timestamp(demo.OUTCOME_UNTIL)
        )
    assert made.value(f"select count(*) from accounts where created_on >= date '{demo.AS_OF}'") == 0
    too_early = "select count(*) from orders join accounts using (account_id) where ordered_at < created_on"
    assert made.value(too_early) == 0


def test_same_seed_same_bytes_other_seed_other_world(tmp_path: Path) -> None:
    first, again, other = (
        digest(demo.generate(tmp_path / name, accounts=1200, seed=seed))
        for name, seed in (("first", 3), ("again", 3), ("other", 4))
    )
    assert first == again
    assert all(first[name] != other[name] for name in first)


def rows_of(folder: Path, accounts: int) -> dict[str, pd.DataFrame]:
    """Return the tables of the first accounts, second records and unknown accounts by their own number."""
    tables = {}
    for name in ("accounts", "orders", "activities", "surveys", "campaigns", "truth/latent_types"):
        frame = pq.read_table(folder / (name if name == "orders" else f"{name}.parquet")).to_pandas()
        number = frame["account_id"].astype("int64") % 10_000_000
        tables[name] = frame[number < accounts].sort_values(list(frame)).reset_index(drop=True)
    return tables


def test_an_account_depends_neither_on_how_many_follow_nor_on_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = rows_of(demo.generate(tmp_path / "short", accounts=1100, seed=5), 1100)
    monkeypatch.setattr(writing, "BLOCKS_A_PART", 1)
    longer = demo.generate(tmp_path / "long", accounts=2100, seed=5)
    assert len(list((longer / "orders").iterdir())) == 3
    for name, expected in rows_of(longer, 1100).items():
        pd.testing.assert_frame_equal(short[name], expected)


def test_one_account_is_a_world(tmp_path: Path) -> None:
    made = World(demo.generate(tmp_path / "one", accounts=1, seed=7))
    assert made.value("select count(distinct account_id) from accounts where account_id < '5'") == 1


def test_stored_world_is_reused_and_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    folder = demo.generate(tmp_path / "world", accounts=50, seed=1)
    whole, made_at = digest(folder), (folder / "accounts.parquet").stat().st_mtime_ns
    demo.generate(folder, accounts=50, seed=1)
    assert (folder / "accounts.parquet").stat().st_mtime_ns == made_at
    (folder / "orders" / "part-00000.parquet").unlink()
    assert digest(demo.generate(folder, accounts=50, seed=1)) == whole
    assert digest(demo.generate(folder, accounts=50, seed=2)) != whole


@pytest.mark.parametrize("manifest", [None, "[]", "{}", '{"world": "another"}', "no json"])
def test_a_foreign_folder_is_never_replaced(tmp_path: Path, manifest: str | None) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match="not a folder that the demo world wrote"):
        demo.generate(tmp_path, accounts=10, seed=1)
    assert (tmp_path / "letter.txt").read_text() == "mine"


@pytest.mark.parametrize("accounts", [0, -5, writing.MOST_ACCOUNTS + 1])
def test_a_number_of_accounts_out_of_range_is_refused(tmp_path: Path, accounts: int) -> None:
    with pytest.raises(InputError, match=f"source.accounts={accounts} is out of range"):
        demo.generate(tmp_path / "world", accounts=accounts, seed=1)


def test_nothing_is_left_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.pq, "write_table", full)
    with pytest.raises(InputError, match="No space left"):
        demo.generate(tmp_path / "world", accounts=10, seed=1)
    assert list(tmp_path.iterdir()) == []


def test_truth_lies_in_its_own_table_alone(made: World) -> None:
    for name in set(COLUMNS) - {"truth"}:
        texts = made.frame(f"from {name}").select_dtypes(include=["object", "str"])
        for column in texts:
            assert not set(world.TYPES) & set(texts[column].dropna().unique()), f"{name}.{column}"
    everyone = made.frame("select distinct account_id from accounts order by 1")["account_id"]
    assert made.frame("from truth order by 1")["account_id"].tolist() == everyone.tolist()


def test_no_single_field_gives_the_type_away(made: World) -> None:
    frame = made.frame("from accounts join truth using (account_id)")
    for column in set(frame) - {
        "account_id",
        "latent_type",
        "name",
        "email",
        "phone",
        "address",
        "fax_extension",
    }:
        field = frame[[column, "latent_type"]].dropna()
        if field[column].nunique() > 50:
            field = field.assign(**{column: pd.qcut(field[column].rank(), 20)})
        told = field.groupby(column, observed=True)["latent_type"].agg(
            lambda kinds: kinds.value_counts().iloc[0]
        )
        assert told.sum() < 0.6 * len(field), column


@pytest.mark.parametrize(
    ("of_all", "share"),
    [
        (
            "count(*) filter (industry is null) / count(*) from accounts",
            1.1 * demo_accounts.MISSING["industry"],
        ),
        ("count(*) filter (annual_revenue is null) / count(*) from accounts", 1.1 * 0.05),
        ("count(*) filter (fax_extension is not null) / count(*) from accounts", demo_accounts.FAX_SHARE),
        (
            "count(*) filter (founded_year not between 1700 and 2026) / count(founded_year) from accounts",
            demo_accounts.IMPOSSIBLE_YEAR_SHARE,
        ),
        ("(count(*) - count(distinct account_id)) / count(*) from accounts", demo_accounts.COPY_SHARE),
        ("count(*) filter (account_id between '5' and '9') / count(*) from accounts", firms.TWIN_SHARE),
        (
            "count(distinct order_id) filter (account_id not in (select account_id from accounts)) "
            "/ count(distinct order_id) from orders",
            demo_orders.ORPHAN_SHARE,
        ),
        (
            "count(*) filter (revenue < 0 and quantity is null) / count(distinct order_id) from orders",
            demo_orders.CREDIT_SHARE,
        ),
        (
            "count(*) filter (quantity > 0 and ordered_at > first + interval 14 days) / count(*) from "
            "(select *, min(ordered_at) over (partition by order_id) as first from orders)",
            demo_orders.LATE_SHARE,
        ),
    ],
)
def test_dirt_is_there_at_its_rate(made: World, of_all: str, share: float) -> None:
    assert made.value(f"select {of_all}") == pytest.approx(share, rel=0.45)


@pytest.mark.parametrize("channel", ["email", "phone", "post"])
def test_consent_is_given_refused_or_unknown(made: World, channel: str) -> None:
    agreed, refused = demo_accounts.CONSENT[f"consent_{channel}"]
    of_all = f"count(*) filter (consent_{channel} = {{}}) / count(*) from accounts"
    assert made.value(f"select {of_all.format(1)}") == pytest.approx(agreed, abs=0.03)
    assert made.value(f"select {of_all.format(0)}") == pytest.approx(refused, abs=0.03)


def test_copies_are_whole_and_second_records_nearly(made: World) -> None:
    frame = made.frame("from accounts")
    assert frame[frame.duplicated("account_id")].shape == frame[frame.duplicated()].shape
    pairs = made.frame(
        "select a.name as name, b.name as other, a.address = b.address as same_place "
        "from accounts b join (select distinct * from accounts) a "
        "on b.account_id::int = a.account_id::int + 50000000"
    )
    assert len(pairs) > 20
    assert pairs["same_place"].all()
    assert (pairs["name"] != pairs["other"]).all()
    moved = made.value("select count(distinct order_id) from orders where account_id between '5' and '9'")
    assert moved > len(pairs)


def test_one_branch_reports_in_thousands(made: World) -> None:
    per_head = made.frame(
        f"select country = '{demo.UNIT_BRANCH}' as odd, count(*) as n, "
        "median(annual_revenue / employees) as median from accounts group by 1 order by 1"
    )
    home, odd = per_head["median"]
    assert 300 < home / odd < 3000
    assert 0.005 < per_head["n"].iloc[1] / per_head["n"].sum() < 0.05


def test_parents_exist_and_have_no_parent(made: World) -> None:
    subsidiaries = made.value("select count(*) from accounts where parent_account_id is not null")
    assert 0.05 * ACCOUNTS < subsidiaries < 0.3 * ACCOUNTS
    heads = "select count(*) from accounts a join accounts p on a.parent_account_id = p.account_id"
    assert made.value(f"{heads} and p.parent_account_id is null") >= subsidiaries


def test_returns_undo_lines_and_money_adds_up(made: World) -> None:
    lines = made.frame("from orders where quantity is not null")
    back = lines[lines["quantity"] < 0]
    assert (back["revenue"] < 0).all()
    assert 0.005 < len(back) / len(lines) < 0.05
    sold = lines[lines["quantity"] > 0]
    assert 0.05 < sold["margin"].sum() / sold["revenue"].sum() < 0.45
    assert lines["category"].notna().all()


def test_survey_items_follow_their_factors(made: World) -> None:
    wide = made.frame("from surveys").pivot_table(index="account_id", columns="item", values="score")
    sign = np.array([-1 if reversed_ else 1 for *_, reversed_ in world.ITEMS])
    factor = np.array([factor for _, factor, *_ in world.ITEMS])
    correlation = wide.corr().to_numpy() * np.outer(sign, sign)
    same = (factor[:, None] == factor) & ~np.eye(len(factor), dtype=bool)
    assert correlation[same].min() > 0.25
    assert np.abs(correlation[factor[:, None] != factor]).mean() < 0.2
    assert 0.15 < len(wide) / ACCOUNTS < 0.5
    assert 0.01 < wide.isna().mean().mean() < 0.06
    assert set(made.frame("from surveys")["score"]) == {1, 2, 3, 4, 5}


def test_campaign_arms_are_random_and_work_differently(made: World) -> None:
    frame = made.frame("from campaigns join truth using (account_id)")
    assert frame["arm"].value_counts(normalize=True).between(0.3, 0.37).all()
    by_arm = frame.groupby("arm")["converted"].mean()
    assert by_arm["discount"] > by_arm["control"]
    assert (frame.loc[frame["arm"] == "control", ["cost", "responded"]] == 0).all(axis=None)
    bargain = frame[frame["latent_type"] == "bargain_hopper"].groupby("arm")["converted"].mean()
    assert bargain["discount"] - bargain["control"] > 2 * (by_arm["discount"] - by_arm["control"])
    shares = pd.crosstab(frame["arm"], frame["latent_type"], normalize="index")
    assert (shares.max() - shares.min()).max() < 0.06


def behaviour(made: World) -> pd.DataFrame:
    """Return some features of each customer as a careful analyst would build them, one row an account."""
    categories = ", ".join(f"avg((category = '{name}')::int) as \"{name}\"" for name in world.CATEGORIES)
    channels = ", ".join(f"avg((channel = '{name}')::int) as {name}" for name in ("shop", "edi", "field"))
    day = "2 * pi() * dayofyear(ordered_at) / 365"
    table = made.frame(
        f"with book as (from orders where ordered_at < date '{demo.AS_OF}'), "
        f"bought as (select account_id, date_diff('day', max(ordered_at), date '{demo.AS_OF}') as recency, "
        "count(distinct order_id)::double as frequency, sum(revenue) as monetary, sum(margin) as margin, "
        "count(*) / frequency as basket, avg((quantity < 0)::int) as returns, avg(quantity) as quantity, "
        f"sqrt(avg(cos({day})) ** 2 + avg(sin({day})) ** 2) as season, "
        "avg((ordered_at >= date '2025-01-01')::int) as lately, "
        f"{categories}, {channels} from book group by 1), "
        "met as (select account_id, count(*) filter (kind = 'web') as web, "
        "count(*) filter (kind = 'email') as email, count(*) filter (kind = 'meeting') as meetings, "
        "count(*) filter (kind = 'ticket') as tickets "
        f"from activities where occurred_at < date '{demo.AS_OF}' group by 1), "
        "firm as (select distinct account_id, employees::double as employees from accounts) "
        "select * from bought join firm using (account_id) left join met using (account_id) "
        "join truth using (account_id) order by account_id"
    ).set_index("account_id")
    table["margin"] = (table["margin"] / table["monetary"]).clip(-0.5, 0.8)
    return table


def standardised(features: pd.DataFrame) -> np.ndarray:
    values = features.astype(float).fillna(features.median(numeric_only=True))
    steps = make_pipeline(StandardScaler(), PowerTransformer(standardize=False), StandardScaler())
    return np.clip(steps.fit_transform(values), -3, 3)


def test_types_show_in_behaviour_not_in_recency_frequency_and_money(made: World) -> None:
    """The demo's reason to be: an RFM grid finds the types in part, a clustering of good features finds more.

    Neither finds all, because types overlap.
    """
    table = behaviour(made)
    kind = table.pop("latent_type")
    rfm = table[["recency", "frequency", "monetary"]]
    fifths = rfm.apply(lambda column: pd.qcut(column.rank(method="first"), 5, labels=False))
    halves = rfm.apply(lambda column: pd.qcut(column.rank(method="first"), 2, labels=False))
    grids = [
        adjusted_rand_score(kind, grid)
        for grid in (fifths @ [25, 5, 1], halves @ [4, 2, 1], fifths.sum(axis=1) // 2)
    ]
    by_rfm = KMeans(6, n_init=5, random_state=0).fit_predict(standardised(rfm))
    by_all = KMeans(6, n_init=5, random_state=0).fit_predict(standardised(table))
    found = adjusted_rand_score(kind, by_all)
    assert 0.02 < max(grids) < 0.25
    assert 0.08 < adjusted_rand_score(kind, by_rfm) < 0.3
    assert 0.45 < found < 0.85
    assert found > max(*grids, adjusted_rand_score(kind, by_rfm)) + 0.2


def test_types_tell_later_revenue(made: World) -> None:
    frame = made.frame(
        f"with later as (select account_id, sum(revenue) as later from orders "
        f"where ordered_at >= date '{demo.AS_OF}' group by 1), "
        f"before as (select distinct account_id from orders where ordered_at < date '{demo.AS_OF}') "
        "select latent_type, log(1 + greatest(coalesce(later, 0), 0)) as later "
        "from before join truth using (account_id) left join later using (account_id)"
    )
    means = frame.groupby("latent_type")["later"].transform("mean")
    explained = means.var() / frame["later"].var()
    assert 0.1 < explained < 0.6
    assert 0.05 < (frame["later"] == 0).mean() < 0.5


def test_prospects_firmographics_tell_the_type_in_part(made: World) -> None:
    frame = made.frame(
        "select distinct a.account_id, coalesce(industry, '?') as industry, "
        "coalesce(ownership, '?') as ownership, coalesce(lead_source, '?') as lead_source, "
        "coalesce(urbanity, '?') as urbanity, "
        "ln(1 + coalesce(employees, 20)) as size, ln(1 + coalesce(visits, 0)) as visits, "
        "a.account_id in (select account_id from orders) as customer, latent_type "
        "from accounts a join truth using (account_id) left join "
        "(select account_id, count(*) as visits from activities where kind = 'web' group by 1) "
        "using (account_id) order by 1"
    )
    levels = (
        OneHotEncoder().fit_transform(frame[["industry", "ownership", "lead_source", "urbanity"]]).toarray()
    )
    X = np.hstack([levels, frame[["size", "visits"]]])
    customer = frame["customer"].to_numpy()
    model = LogisticRegression(max_iter=2000).fit(X[customer], frame["latent_type"][customer])
    majority = frame["latent_type"].value_counts(normalize=True).iloc[0]
    assert majority < 0.33
    assert 0.5 < model.score(X[~customer], frame["latent_type"][~customer]) < 0.85


@pytest.mark.slow
def test_memory_does_not_grow_with_the_accounts(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from pathlib import Path; from segmentwerk.data import demo; "
        "demo.generate(Path(sys.argv[1]), accounts=int(sys.argv[2]), seed=7); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def peak(accounts: int) -> float:
        command = [sys.executable, "-c", program, str(tmp_path / str(accounts)), str(accounts)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return int(done.stdout) / 1e6  # gigabytes: Linux counts in kilobytes

    part = writing.BLOCKS_A_PART * world.BLOCK
    assert peak(5 * part) < min(1.3 * peak(2 * part), 2.0)
