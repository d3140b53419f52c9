"""A small world of customers and prospects, and a packaged model of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from segmentwerk.core.types import AccountTable, Feature, Segment, Window
from segmentwerk.insight.language import Language
from segmentwerk.insight.reasons import wording
from segmentwerk.registry import package, partial
from segmentwerk.segmenters import prospect
from segmentwerk.segmenters.base import Segmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.preprocess import ReferenceSpace
from segmentwerk.shipped.model_catalogue import Catalogue, TooLittleKnown

NUMERIC = ["frequency", "monetary", "recency_days", "employees", "discount_share"]
CATEGORICAL = ["industry", "country"]
CATALOGUE = (
    Feature("frequency", "numeric", "orders", "behavioural", "orders", "ever", "Orders."),
    Feature("monetary", "numeric", "money", "value", "orders", "ever", "Revenue net of returns."),
    Feature("recency_days", "numeric", "days", "behavioural", "orders", "ever", "Days since the last order."),
    Feature(
        "employees", "numeric", "people", "firmographic", "accounts", "now", "Number of employees.", True
    ),
    Feature("discount_share", "numeric", "share", "value", "orders", "ever", "Share of discounts."),
    Feature("industry", "categorical", "industry", "firmographic", "accounts", "now", "Industry.", True),
    Feature("country", "categorical", "country", "geographic", "accounts", "now", "Country.", True),
)
INDUSTRIES = np.array(["Retail", "Tech", "Health", "Energy"], dtype=object)


def world(n_rows: int, seed: int = 0) -> tuple[AccountTable, np.ndarray]:
    """Four overlapping types of customers; employees and industry hint at the type."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(4, n_rows, p=[0.4, 0.3, 0.2, 0.1])
    features = pd.DataFrame(
        {
            "frequency": 1.0 + rng.poisson(np.array([1, 6, 20, 3])[kind]),
            "monetary": np.exp(rng.normal(np.array([5.0, 7.0, 9.0, 8.0])[kind], 0.5)),
            "recency_days": np.round(rng.gamma(2, 20, n_rows) * np.array([4, 1, 0.5, 2])[kind]),
            "employees": np.round(np.exp(rng.normal(np.array([2.0, 4.0, 6.0, 4.0])[kind], 0.7))) + 1,
            "discount_share": rng.beta(2, 8, n_rows),
            "industry": INDUSTRIES[np.where(rng.random(n_rows) < 0.7, kind, rng.integers(0, 4, n_rows))],
            "country": rng.choice(["DE", "FR", "AT"], n_rows).astype(object),
        },
        index=pd.Index([f"A{i:07d}" for i in range(n_rows)], name="account_id"),
    )
    features.loc[rng.random(n_rows) < 0.1, "employees"] = np.nan
    features.loc[rng.random(n_rows) < 0.05, "industry"] = None
    table = AccountTable(
        features=features,
        outcomes=pd.DataFrame(index=features.index),
        orders=features["frequency"].astype("int64"),
        catalogue=CATALOGUE,
        window=Window(date(2025, 1, 1)),
        source="test",
        digest="0" * 32,
    )
    return table, kind


@dataclass(frozen=True)
class Packaged:
    """A package on disk and everything that it was made of."""

    folder: Path
    table: AccountTable
    space: ReferenceSpace
    segmenter: Segmenter
    prospect: prospect.ProspectModel
    partial: partial.Partial
    labels: pd.Series

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue.from_json((self.folder / "catalogue.json").read_bytes())


def pack(
    folder: Path,
    segmenter: Segmenter | None = None,
    n_rows: int = 1200,
    seed: int = 0,
    active: tuple[str, ...] = (),
) -> Packaged:
    """Fit on the small world and save; segment ids are 11, 12, … by label."""
    table = replace(world(n_rows, seed)[0], active=active)
    approaches = {feature.name: feature.approach for feature in CATALOGUE}
    weights = {approach: float(not active or approach in active) for approach in approaches.values()}
    space = ReferenceSpace(NUMERIC, CATEGORICAL, approaches, weights).fit(table.features)
    x = space.transform(table.features)
    segmenter = (segmenter or KMeansSegmenter(n_segments=4)).fit(x, np.log(table.features["monetary"]))
    labels = pd.Series(segmenter.predict(x), index=table.features.index)
    second = prospect.fit(table, labels, numeric=NUMERIC, categorical=CATEGORICAL, seed=seed)
    held_out = world(n_rows // 2, seed + 1)[0].features
    third = partial.fit(space, segmenter, table.features, held_out, seed=seed)
    package.save(
        folder,
        package.Trained(
            space, segmenter, third, float(np.quantile(segmenter.score_samples(x), 0.01)), second
        ),
        table,
        labels,
        [
            Segment(
                11 + k, f"Segment {k}", k, int((labels == k).sum()), float((labels == k).mean()), ("big",), ""
            )
            for k in range(segmenter.n_segments_)
        ],
        package.About(
            wording=wording(CATALOGUE, Language("en", "EUR")),
            too_little_known=TooLittleKnown("too little known", "Too little is known."),
            meta={"currency": "EUR"},
        ),
    )
    return Packaged(folder, table, space, segmenter, second, third, labels)
