"""Whether the second path's confidence can be believed, on the demo world whose truth is known.

    python experiments/benchmarks/calibration.py [--accounts 5000]

segments    Segments of customers by k-means; the second path is fitted on seven tenths of the customers and
            asked about the others, from what is known before the first order.
types       The same with the latent types of the demo, which no pipeline reads, in place of the segments.
prospects   Fitted on the types of customers and asked about the accounts that never ordered. These are of
            some types more often than customers are, which no model can know from customers alone.

Printed is the expected calibration error (Guo et al. 2017) beside that of naming the shares of the segments.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from lib.lines import bench

from segmentwerk.core.paths import config_root
from segmentwerk.core.settings import FeatureSettings, GoalSettings, QualitySettings, SourceSettings
from segmentwerk.core.types import AccountTable, Window
from segmentwerk.data import contracts, sources
from segmentwerk.features import table as features
from segmentwerk.preparation.prepare import fit_space, split
from segmentwerk.segmenters import prospect
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.logistic import expected_calibration_error

GOAL = 0.05
HELD_OUT = 0.3


def read(accounts: int, cache: Path) -> tuple[AccountTable, pd.Series]:
    """Return the demo's account table and every account's latent type."""
    conf = yaml.safe_load((config_root() / "conf" / "source" / "demo.yaml").read_text())
    settings = SourceSettings(**{**conf, "accounts": accounts})
    with sources.open_source(settings, cache) as source:
        checked = contracts.check(source.tables, QualitySettings())
        assert settings.as_of is not None
        window = Window(settings.as_of, settings.outcome_until)
        table = features.build(
            checked.tables, window, FeatureSettings(), source=source.name, digest=source.digest
        )
    (truth,) = cache.rglob("latent_types.parquet")
    types = pd.read_parquet(truth).set_index("account_id")["latent_type"]
    return table, types.reindex(table.features.index)


def segments(table: AccountTable, train: pd.Index, k: int = 6) -> pd.Series:
    """Return the segment of every customer, learned on some."""
    space = fit_space(table, train, FeatureSettings(), GoalSettings())
    customers = table.features.loc[table.customers]
    model = KMeansSegmenter(n_segments=k, random_state=0).fit(space.transform(customers.loc[train]))
    return pd.Series(model.predict(space.transform(customers)), index=customers.index)


def errors(table: AccountTable, learned: pd.Series, judged: pd.Series) -> tuple[float, float]:
    """Return the calibration error of the second path and of naming the shares."""
    fitted = prospect.fit(
        table, learned, numeric=table.names("numeric"), categorical=table.names("categorical"), seed=0
    )
    truth = judged.to_numpy(np.int64)
    shares = np.bincount(learned, minlength=truth.max() + 1) / len(learned)
    ours = expected_calibration_error(fitted.predict_proba(table.features.loc[judged.index]), truth)
    return ours, expected_calibration_error(np.tile(shares, (len(truth), 1)), truth)


def cases(table: AccountTable, types: pd.Series) -> dict[str, tuple[float, float]]:
    """Return both errors of every case."""
    train, held_out = split(table.customers, HELD_OUT, 0)
    names = pd.Series(pd.factorize(types, sort=True)[0], types.index)
    predicted = segments(table, train)
    never = names.drop(table.customers)
    return {
        "segments": errors(table, predicted.loc[train], predicted.loc[held_out]),
        "types": errors(table, names.loc[train], names.loc[held_out]),
        "prospects": errors(table, names.loc[table.customers], never[never >= 0]),
    }


def main() -> None:
    """Read, fit, ask, and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=5000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        table, types = read(arguments.accounts, Path(scratch))
    print(
        f"# {len(table.customers)} customers, {len(types) - len(table.customers)} accounts that never ordered"
    )
    for name, (ours, peer) in cases(table, types).items():
        bench(f"calibration/{name}", ours, peer, f"ours<={GOAL}", ok=ours <= GOAL)


if __name__ == "__main__":
    main()
