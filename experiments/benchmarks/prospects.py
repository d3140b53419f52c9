"""How well lead data alone tell the segment that a prospect later belongs to, on real sellers (Olist).

    python experiments/benchmarks/prospects.py [--segments 4]

`olist_b2b_sellers` is looked for in $SEGMENTWERK_DATA, default ../shared/data. Segments are learned by
k-means from the sellers that sold something and were no deal of the sales team. The sellers that were (380
with sales) get the segment of their sales afterwards, by the model's full path. What is asked: which segment
would the model have named on the day of the deal, from the lead alone (line and type of business, kind of
lead, declared revenue, origin)? The second path is fitted on the other sellers and four fifths of the deals,
and asked about the fifth left out.

Peers, on the same folds: the most frequent segment of the deals fitted on, and a plain logistic regression
(one-hot, medians). ``accuracy`` is the share put right, ``log_loss`` the mean negative log probability of the
right segment, ``calibration`` the expected calibration error of the second path beside that of the plain one.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from lib.lines import bench
from numpy.typing import NDArray
from sets.labelled import DATA
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.paths import config_root
from segmentwerk.core.settings import FeatureSettings, GoalSettings, QualitySettings, SourceSettings
from segmentwerk.core.types import AccountTable, Window
from segmentwerk.data import contracts, sources
from segmentwerk.features import table as features
from segmentwerk.preparation.prepare import fit_space
from segmentwerk.segmenters import prospect
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.logistic import expected_calibration_error

AS_OF = date(2018, 10, 1)
"""After the last sale."""
LEAD = ["industry", "subindustry", "ownership", "annual_revenue", "size_class", "lead_source"]
N_FOLDS = 5


def read(folder: Path, cache: Path) -> tuple[AccountTable, pd.Index]:
    """Return the sellers as of the end and the ids of the deals, through the product's own source."""
    conf = yaml.safe_load((config_root() / "conf" / "source" / "olist_sellers.yaml").read_text())
    settings = SourceSettings(**{**conf, "path": folder, "as_of": AS_OF, "outcome_until": None})
    with sources.open_source(settings, cache) as source:
        checked = contracts.check(source.tables, QualitySettings())
        table = features.build(
            checked.tables, Window(AS_OF), FeatureSettings(), source=source.name, digest=source.digest
        )
    known = [replace(feature, prospect=feature.name in LEAD) for feature in table.catalogue]
    deals = table.features.index[table.features["subindustry"].notna() | table.features["industry"].notna()]
    return replace(table, catalogue=tuple(known)), deals.intersection(table.customers)


def segments(table: AccountTable, others: pd.Index, k: int) -> pd.Series:
    """Learn segments from the other sellers and return the segment of every seller."""
    space = fit_space(table, others, FeatureSettings(), GoalSettings())
    model = KMeansSegmenter(n_segments=k, random_state=0).fit(space.transform(table.features.loc[others]))
    everyone = table.features.loc[table.customers]
    return pd.Series(model.predict(space.transform(everyone)), index=everyone.index)


def second_path(table: AccountTable, labels: pd.Series, judged: pd.Index, k: int) -> FloatArray:
    """Return the second path's probabilities (n, k)."""
    fitted = prospect.fit(
        table, labels, numeric=table.names("numeric"), categorical=table.names("categorical"), seed=0
    )
    proba = fitted.predict_proba(table.features.loc[judged])
    return np.pad(proba, ((0, 0), (0, k - proba.shape[1])))


def plain_model(features: pd.DataFrame) -> Pipeline:
    """Build the plain model for raw prospect features: numbers with NaN, categories as object."""
    numeric = features.select_dtypes("number").columns.tolist()
    categorical = [column for column in features if column not in numeric]
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    preparation = make_column_transformer(
        (make_pipeline(imputer, StandardScaler()), numeric),
        (OneHotEncoder(handle_unknown="ignore", min_frequency=0.01), categorical),
    )
    return make_pipeline(preparation, LogisticRegression(max_iter=300))


def plain(table: AccountTable, labels: pd.Series, judged: pd.Index, k: int) -> FloatArray:
    """Return the plain logistic regression's probabilities (n, k), fitted on the deals alone."""
    rows = table.features[[name for name in LEAD if name in table.features]]
    model = plain_model(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows.loc[labels.index], labels)
    proba = np.zeros((len(judged), k))
    proba[:, model.classes_] = model.predict_proba(rows.loc[judged])
    return proba


def shares(labels: pd.Series, judged: pd.Index, k: int) -> FloatArray:
    """Return the segments' shares for everyone (n, k)."""
    counts = np.bincount(labels, minlength=k)
    return np.tile(counts / counts.sum(), (len(judged), 1))


def cross(table: AccountTable, labels: pd.Series, deals: pd.Index, k: int) -> dict[str, FloatArray]:
    """Ask every deal once, by models that were not fitted on it; return the probabilities (n_deals, k)."""
    proba = {name: np.zeros((len(deals), k)) for name in ("ours", "plain", "majority")}
    truth, others = labels.loc[deals], labels.drop(deals)
    for learned, judged in StratifiedKFold(N_FOLDS, shuffle=True, random_state=0).split(deals, truth):
        known = truth.iloc[learned]
        proba["ours"][judged] = second_path(table, pd.concat([others, known]), deals[judged], k)
        proba["plain"][judged] = plain(table, known, deals[judged], k)
        proba["majority"][judged] = shares(known, deals[judged], k)
    return proba


def report(found: dict[str, FloatArray], truth: NDArray[np.int64]) -> None:
    """Print the figures of the second path next to those of its peers."""
    right = {name: float((proba.argmax(axis=1) == truth).mean()) for name, proba in found.items()}
    rows = np.arange(len(truth))
    loss = {name: float(-np.log(np.maximum(p[rows, truth], 1e-12)).mean()) for name, p in found.items()}
    for peer in ("majority", "plain"):
        ok = right["ours"] >= right[peer]
        bench(f"prospects/accuracy_against_{peer}", right["ours"], right[peer], ">=1", ok=ok)
        ok = loss["ours"] <= loss[peer]
        bench(f"prospects/log_loss_against_{peer}", loss["ours"], loss[peer], "<=1", ok=ok, unit="nats")
    errors = {name: expected_calibration_error(found[name], truth) for name in ("ours", "plain")}
    bench("prospects/calibration", errors["ours"], errors["plain"], "stated", ok=True)


def main() -> None:
    """Read, learn, ask, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--segments", type=int, nargs="+", default=[3, 4, 6])
    arguments = parser.parse_args()
    folder = DATA / "olist_b2b_sellers"
    if not folder.is_dir():
        print(f"prospects: skipped, there is no {folder}; name its folder in SEGMENTWERK_DATA.")
        return
    with tempfile.TemporaryDirectory() as scratch:
        table, deals = read(folder, Path(scratch))
    for k in arguments.segments:
        labels = segments(table, table.customers.difference(deals), k)
        truth = labels.loc[deals].to_numpy()
        counts = np.bincount(truth, minlength=k).tolist()
        print(f"# {k} segments of {len(labels)} sellers; the {len(deals)} deals are in {counts}", flush=True)
        report(cross(table, labels, deals, k), truth)


if __name__ == "__main__":
    main()
