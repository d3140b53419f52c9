"""Past campaigns reach the judges as they were on their eve, without a trace of what they brought about."""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.settings import FeatureSettings, GoalSettings
from segmentwerk.core.types import Window
from segmentwerk.features import table as features
from segmentwerk.preparation.campaigns import past_campaigns
from segmentwerk.preparation.prepare import fit_space

AS_OF, CONTACT = date(2025, 1, 1), date(2024, 7, 1)
N = 400


@pytest.fixture(scope="module")
def frames():
    """Orders of 400 accounts before the campaign; 30 more accounts order for the first time after it."""
    rng = np.random.default_rng(0)
    ids = [f"K{i:03d}" for i in range(N + 30)]
    place = np.repeat(np.arange(N), 5)
    days = rng.integers(1, 360, size=len(place))
    when = [pd.Timestamp(CONTACT) - timedelta(days=int(day)) for day in days]
    late = [pd.Timestamp(CONTACT) + timedelta(days=30)] * 30
    orders = pd.DataFrame(
        {
            "order_id": [f"o{i}" for i in range(len(place) + 30)],
            "account_id": [ids[i] for i in (*place, *range(N, N + 30))],
            "ordered_at": [*when, *late],
            "revenue": np.round(rng.gamma(2.0, 100.0, len(place) + 30), 2),
        }
    )
    campaigns = pd.DataFrame(
        {
            "account_id": ids,
            "campaign_id": "summer",
            "contacted_at": pd.Timestamp(CONTACT) + timedelta(hours=9),
            "arm": np.array(["Control", "mail", "visit"])[rng.integers(3, size=len(ids))],
            "cost": 1.0,
            "responded": rng.integers(2, size=len(ids)),
            "converted": rng.integers(2, size=len(ids)),
            "revenue": np.round(rng.gamma(2.0, 10.0, len(ids)), 2),
        }
    )
    return {"orders": orders, "campaigns": campaigns}


def read(frames, built_on=None):
    tables = {name: ibis.memtable(frame) for name, frame in frames.items()}
    today = {name: ibis.memtable(frame) for name, frame in (built_on or frames).items()}
    settings = FeatureSettings()
    table = features.build(today, Window(AS_OF), settings, source="s", digest="d")
    space = fit_space(table, table.customers, settings, GoalSettings())
    return past_campaigns(tables, table, settings, space)


def test_accounts_come_with_arm_and_money_net_of_cost(frames):
    (found,) = read(frames)
    assert found.arms == ("Control", "mail", "visit")
    assert (found.control, found.unit) == (0, "money a contact")
    assert list(found.rows.index) == [f"K{i:03d}" for i in range(N)]  # the others were no customers yet
    everyone = frames["campaigns"]
    worth = everyone["revenue"].sum() / everyone["converted"].sum()
    own = everyone.set_index("account_id").loc[found.rows.index]
    assert found.outcome == pytest.approx((own["converted"] * worth - own["cost"]).to_numpy())
    assert [found.arms[code] for code in found.arm] == own["arm"].tolist()


def test_nothing_that_came_after_the_first_contact_is_among_the_features(frames):
    (before,) = read(frames)
    later = (
        frames["orders"]
        .iloc[:N]
        .assign(
            order_id=lambda table: "late" + table["order_id"],
            ordered_at=pd.Timestamp(CONTACT) + timedelta(days=3),
            revenue=1e5,
        )
    )
    answered = frames["campaigns"].assign(responded=1)
    changed = {"orders": pd.concat([frames["orders"], later]), "campaigns": answered}
    (after,) = read(changed, built_on=frames)
    pd.testing.assert_frame_equal(before.rows, after.rows)


def test_what_cannot_be_judged_on_is_left_out(frames):
    two = frames["campaigns"].assign(arm="visit").iloc[:50]
    found = read(frames | {"campaigns": pd.concat([frames["campaigns"], two])})
    assert len(found[0].rows) < N  # an account in two arms belongs to neither
    late = frames["campaigns"].assign(contacted_at=pd.Timestamp(AS_OF))
    assert read(frames | {"campaigns": late}) == ()
    ordered = frames["orders"].groupby("account_id")["revenue"].sum()
    large = frames["campaigns"]["account_id"].map(ordered) > ordered.median()
    unfair = frames["campaigns"].assign(arm=np.where(large, "mail", "Control"))
    assert read(frames | {"campaigns": unfair}) == ()
    assert read({"orders": frames["orders"]}) == ()


def test_without_conversions_money_counts_as_it_came(frames):
    (found,) = read(frames | {"campaigns": frames["campaigns"].drop(columns="converted")})
    own = frames["campaigns"].set_index("account_id").loc[found.rows.index]
    assert found.outcome == pytest.approx((own["revenue"] - own["cost"]).to_numpy())


def test_without_money_conversions_count(frames):
    (found,) = read(frames | {"campaigns": frames["campaigns"].drop(columns=["revenue", "cost"])})
    assert found.unit == "share of contacts"
    assert set(found.outcome) == {0.0, 1.0}
