"""Predicted customer value against the figures of the papers, on the CDNOW data."""

import importlib.util
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy.special import gammaln, logsumexp

from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import Window
from segmentwerk.features import lifetime
from segmentwerk.features.declare import CannotLearnError
from segmentwerk.features.table import absent, build

PURCHASES = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
SPEND = {"p": 6.25, "q": 3.74, "v": 15.44}

installed = pytest.mark.skipif(
    importlib.util.find_spec("pymc_marketing") is None, reason="the extra 'clv' is not installed"
)


def history(x, t_x, age, m=0.0):
    values = {"frequency": [x], "recency": [t_x], "T": [age], "monetary_value": [m]}
    return pd.DataFrame(values, dtype="float64")


def test_expected_purchases_as_published():
    """Fader and Hardie, Implementing the BG/NBD model in Excel: customer 0001, the next 39 weeks."""
    found = lifetime.expected_purchases(history(2, 30.43, 38.86), PURCHASES, weeks=39)
    assert found[0] == pytest.approx(1.226, abs=5e-4)


def test_expected_spend_is_the_weighted_mean_of_own_and_population():
    p, q, v = SPEND.values()
    population, weight = p * v / (q - 1), 2 * p / (2 * p + q - 1)
    found = lifetime.expected_spend(history(1, 1, 1, m=22.35), SPEND)  # two purchases in all
    assert found[0] == pytest.approx(weight * 22.35 + (1 - weight) * population)


@pytest.mark.parametrize("x", [0, 1, 50, 5000])
def test_predictions_stay_finite_for_heavy_buyers(x):
    found = lifetime.expected_purchases(history(x, 200.0 if x else 0.0, 300.0), PURCHASES)
    assert np.isfinite(found[0])
    assert 0 <= found[0] <= 52 / 300 * (x + 1)


def test_long_silence_lowers_the_prediction():
    recent, silent = (lifetime.expected_purchases(history(10, t, 40), PURCHASES)[0] for t in (39, 5))
    assert recent > 100 * silent > 0


def test_histories_are_read_from_features(table):
    rows = table.features.assign(orders=table.orders)
    known = lifetime.histories(rows)
    assert known.index.to_list() == ["A", "B"]
    # A bought on three days: 450, 306 and 122 are its days before the date; o3 and o4 share a day.
    assert known.loc["A"].to_list() == pytest.approx([2, (396 - 122) / 7, 396 / 7, 700 / 3])
    assert known.loc["B"].to_list() == pytest.approx([0, 0, 1 / 7, 0.3])


def test_too_few_repeat_buyers(table):
    with pytest.raises(CannotLearnError, match="1 customers bought again"):
        lifetime.learn(table.features.assign(orders=table.orders))


def test_kept_parameters_need_no_extra(book, window):
    tables = {"orders": ibis.memtable(book["orders"])}
    kept = {"lifetime": {"purchases": PURCHASES, "spend": SPEND}}
    found = build(tables, window, FeatureSettings(), source="book", digest="0", learned=kept)
    value = found.features["predicted_value_12m"]
    assert value.loc[["A", "B"]].gt(0).all()
    assert np.isnan(value["F"])
    assert found.definitions == kept


@pytest.mark.skipif(importlib.util.find_spec("pymc_marketing") is not None, reason="the extra is installed")
def test_without_the_extra_the_feature_says_so(book):
    reason = absent({"orders": ibis.memtable(book["orders"])}, FeatureSettings())["predicted_value_12m"]
    assert reason == "pymc_marketing is not installed (pip install 'segmentwerk[clv]')"


@pytest.fixture(scope="module")
def cdnow():
    """The folder with the CDNOW sample, which the package `lifetimes` carries."""
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or spec.origin is None:
        pytest.skip("the CDNOW sample is not here (pip install --no-deps lifetimes)")
    return Path(spec.origin).parent / "datasets"


def log_likelihood(known, r, alpha, a, b):
    """Equation 6 of Fader, Hardie and Lee (2005), summed over customers."""
    x, t_x, age = (known[name].to_numpy() for name in ("frequency", "recency", "T"))
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    common += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    alive = -(r + x) * np.log(alpha + age)
    gone = np.log(a / (b + np.maximum(x, 1) - 1)) - (r + x) * np.log(alpha + t_x)
    return (common + np.where(x > 0, logsumexp([alive, gone], axis=0), alive)).sum()


@installed
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")  # those of pymc and its dependencies
class TestFitting:
    def test_published_parameters(self, cdnow):
        known = pd.read_csv(cdnow / "cdnow_customers_summary.csv")
        fitted = lifetime.fit_purchases(known)
        assert fitted == pytest.approx(PURCHASES, rel=0.02)
        assert log_likelihood(known, **fitted) == pytest.approx(-9582.4, abs=0.1)

    def test_published_parameters_of_the_spend(self, cdnow):
        known = pd.read_csv(cdnow / "cdnow_customers_summary_with_transactions.csv")
        known = known.rename(columns={"x": "frequency", "zbar": "monetary_value"})
        assert lifetime.fit_spend(known[known["frequency"] > 0]) == pytest.approx(SPEND, rel=0.02)

    def test_from_the_order_lines(self, cdnow):
        """The whole way: order lines, account table, histories, parameters."""
        names = ["all", "account_id", "day", "pieces", "revenue"]
        lines = pd.read_csv(cdnow / "CDNOW_sample.txt", sep=r"\s+", names=names, dtype={"account_id": str})
        lines["ordered_at"] = pd.to_datetime(lines["day"], format="%Y%m%d")
        lines["order_id"] = lines["account_id"] + "-" + lines["day"].astype(str)
        # Records that cost nothing count as purchases in the papers, not here: give them a cent.
        lines["revenue"] = lines["revenue"].clip(lower=0.01)
        columns = ["account_id", "order_id", "ordered_at", "revenue"]
        tables = {"orders": ibis.memtable(lines[columns])}
        window = Window(date(1997, 10, 1))
        table = build(tables, window, FeatureSettings(), source="cdnow", digest="0")
        assert len(table.customers) == 2357
        assert table.definitions["lifetime"]["purchases"] == pytest.approx(PURCHASES, rel=0.05)
        assert table.features["predicted_value_12m"].notna().all()
