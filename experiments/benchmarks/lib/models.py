"""One model twice: as segmentwerk registers it, and as a pickled scikit-learn pipeline."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer

from segmentwerk.core.types import AccountTable, Feature, Segment, Window
from segmentwerk.insight.language import ENGLISH
from segmentwerk.insight.reasons import wording
from segmentwerk.registry import package, partial
from segmentwerk.registry.publish import save_pyfunc
from segmentwerk.segmenters import prospect
from segmentwerk.segmenters.base import Segmenter
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter
from segmentwerk.segmenters.preprocess import ReferenceSpace
from segmentwerk.shipped.model_catalogue import Catalogue

NUMERIC = ["frequency", *(f"number_{i:02d}" for i in range(19))]
CATEGORICAL = [f"category_{i}" for i in range(4)]
K = 8


def accounts(n_rows: int, seed: int = 0) -> pd.DataFrame:
    """Draw accounts of eight overlapping kinds, a twentieth of the cells unknown."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, K, n_rows)
    centres = np.random.default_rng(1).normal(0, 1, (K, len(NUMERIC)))
    values = np.exp(centres[kind] + rng.normal(0, 0.8, (n_rows, len(NUMERIC))))
    values[rng.random(values.shape) < 0.05] = np.nan
    frame = pd.DataFrame(values, columns=NUMERIC)
    frame["frequency"] = np.ceil(frame["frequency"].fillna(2.0)) + 1
    levels = np.array([f"level {i}" for i in range(12)], dtype=object)
    for name in CATEGORICAL:
        drawn = levels[np.where(rng.random(n_rows) < 0.5, kind, rng.integers(0, 12, n_rows))]
        drawn[rng.random(n_rows) < 0.05] = None
        frame[name] = drawn
    frame.insert(0, "account_id", [f"A{i + seed * 10_000_000:09d}" for i in range(n_rows)])
    return frame


def features() -> tuple[Feature, ...]:
    """Declare the features; four numbers and all categories are known of prospects."""
    numbers = [
        Feature(name, "numeric", "units", "behavioural", "orders", "ever", f"Measure {name}.", i > 15)
        for i, name in enumerate(NUMERIC)
    ]
    words = [
        Feature(name, "categorical", "level", "firmographic", "accounts", "now", f"Kind {name}.", True)
        for name in CATEGORICAL
    ]
    return (*numbers, *words)


def ours(folder: Path, segmenter: Segmenter, train: pd.DataFrame) -> Path:
    """Fit, package and save the registered model's files; return the pyfunc's folder."""
    table = AccountTable(
        features=train.set_index("account_id"),
        outcomes=pd.DataFrame(index=train["account_id"]),
        orders=train.set_index("account_id")["frequency"].astype("int64"),
        catalogue=features(),
        window=Window(date(2025, 1, 1)),
        source="bench",
        digest="0" * 32,
    )
    space = ReferenceSpace(NUMERIC, CATEGORICAL, rare_share=0.02).fit(table.features)
    x = space.transform(table.features)
    labels = pd.Series(segmenter.fit(x).predict(x), index=table.features.index)
    package.save(
        folder / "model",
        package.Trained(
            space=space,
            segmenter=segmenter,
            partial=partial.fit(space, segmenter, table.features, table.features, seed=0),
            outlier_threshold=float(np.quantile(segmenter.score_samples(x), 0.01)),
            prospect=prospect.fit(table, labels, numeric=NUMERIC, categorical=CATEGORICAL, seed=0),
        ),
        table,
        labels,
        [Segment(k, f"Segment {k}", k, 1, 0.1, (), "") for k in range(segmenter.n_segments_)],
        package.About(wording(table.catalogue, ENGLISH)),
    )
    catalogue = Catalogue.from_json((folder / "model" / "catalogue.json").read_bytes())
    save_pyfunc(folder / "pyfunc", folder / "model", catalogue, 1)
    return folder / "pyfunc"


def theirs(folder: Path, head: Any, train: pd.DataFrame) -> Path:
    """Fit and pickle the scikit-learn pipeline; return the pyfunc's folder."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), PowerTransformer())
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    pipeline = make_pipeline(make_column_transformer((numbers, NUMERIC), (words, CATEGORICAL)), head)
    pipeline.fit(train)
    mlflow.sklearn.save_model(
        pipeline,
        folder / "peer",
        serialization_format="cloudpickle",
        signature=mlflow.models.infer_signature(train.head(5), np.arange(5)),
        pip_requirements=["scikit-learn"],
    )
    return folder / "peer"


def pair(folder: Path, name: str, train: pd.DataFrame) -> tuple[Path, Path]:
    """Return the folders of our model and of its peer, for k-means or a full mixture of eight."""
    (folder / name).mkdir(exist_ok=True)
    if (folder / name / "pyfunc").is_dir():
        return folder / name / "pyfunc", folder / name / "peer"
    if name == "kmeans":
        segmenter, head = KMeansSegmenter(n_segments=K), KMeans(K, n_init=3, random_state=0)
    else:
        segmenter, head = (
            GaussianMixtureSegmenter(n_segments=K),
            GaussianMixture(K, random_state=0, reg_covar=1e-3),
        )
    return ours(folder / name, segmenter, train), theirs(folder / name, head, train)
