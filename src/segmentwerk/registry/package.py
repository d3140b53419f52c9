"""The saved model: ONNX files, the catalogue of features and segments, code, and digests of all of them."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd

from segmentwerk.core.files import atomic_folder
from segmentwerk.core.inventory import bar_byte_code
from segmentwerk.core.paths import PACKAGE
from segmentwerk.core.reference import FILE, Reference
from segmentwerk.core.types import AccountTable, Feature, Segment
from segmentwerk.registry import probe
from segmentwerk.registry.partial import FittedSegmenter, FittedSpace, Partial
from segmentwerk.segmenters.design import signed_log, words
from segmentwerk.segmenters.prospect import ProspectModel
from segmentwerk.shipped.model_catalogue import (
    FORMAT,
    Basis,
    Catalogue,
    EvidenceModel,
    FeatureRecord,
    Limits,
    Matrix,
    ReasonWords,
    SegmentRecord,
    TooLittleKnown,
    plain,
)

SOURCE = PACKAGE / "shipped"
"""Where the code that is copied into the package stands."""
ORDERS = "frequency"
"""The feature that counts orders."""
FEW_ORDERS = 2
"""Accounts with fewer orders count as partial: nothing is known of their rhythm."""
MAX_LEVELS = 200
SLACK = 1e-9
"""By how much a number may lie beyond what is possible: sums of shares are seldom exactly 1."""
COMMON = 5
"""Accounts that share a level which is kept: a rarer one may be somebody's name."""


@dataclass(frozen=True)
class Trained:
    """What was fitted: the reference space, and the three paths that answer.

    Attributes
    ----------
    partial, prospect
        What answers for accounts of which much is unknown, and for those without an order (None: nothing).
    outlier_threshold
        Accounts whose typicality (the segmenter's ``score_samples``) is lower are outliers.
    """

    space: FittedSpace
    segmenter: FittedSegmenter
    partial: Partial
    outlier_threshold: float
    prospect: ProspectModel | None = None


@dataclass(frozen=True)
class About:
    """What a package says beside what was fitted.

    Attributes
    ----------
    wording
        The words of the reasons in one language (`insight.reasons.wording`).
    too_little_known
        What stands where too little is known for any segment.
    meta
        Further facts for the catalogue, such as currency and dates.
    definitions
        What it takes to build the same features from raw tables (`features.definitions.keep`).
    """

    wording: ReasonWords = field(default_factory=ReasonWords)
    too_little_known: TooLittleKnown = field(default_factory=TooLittleKnown)
    meta: Mapping[str, object] = field(default_factory=dict)
    definitions: Mapping[str, object] | None = None


def save(
    folder: Path,
    trained: Trained,
    table: AccountTable,
    labels: pd.Series,
    segments: Sequence[Segment],
    about: About,
) -> Path:
    """Write everything that scoring needs into a folder, whole or not at all.

    Parameters
    ----------
    table, labels
        Features of all accounts and the segment label (0 … k-1) of the customers (index: account
        ids); only summaries of whole segments are written, no account's row.
    segments
        One a label, with stable ids and names.
    """
    from segmentwerk.shipped.segment_model import CODE, ENTRY  # with it comes MLflow

    catalogue = _catalogue(trained, table, labels, segments, about)
    with atomic_folder(folder) as draft:
        _write_onnx(draft / "space.onnx", trained.space.to_onnx())
        _write_onnx(draft / "segmenter.onnx", trained.segmenter.to_onnx())
        if trained.prospect is not None:
            _write_onnx(draft / "prospect.onnx", trained.prospect.to_onnx())
        (draft / "catalogue.json").write_text(catalogue.to_json(), encoding="utf-8")
        made_up = probe.make(
            catalogue,
            space=trained.space,
            segmenter=trained.segmenter,
            partial=trained.partial,
            prospect=trained.prospect,
        )
        (draft / "probe.json").write_text(json.dumps(made_up, allow_nan=False), encoding="utf-8")
        if about.definitions is not None:
            text = json.dumps(plain(about.definitions), ensure_ascii=False, allow_nan=False)
            (draft / "definitions.json").write_text(text, encoding="utf-8")
        for name in (ENTRY, *CODE):
            shutil.copyfile(SOURCE / name, draft / name)
        digests = {path.name: sha256(path) for path in sorted(draft.iterdir())}
        (draft / "digests.json").write_text(json.dumps(digests, indent=1), encoding="utf-8")
        bar_byte_code(draft)
    return folder


def remember(folder: Path, reference: Reference) -> None:
    """Add to a package what it remembers of the accounts of its training; they were assigned by it first."""
    (folder / FILE).write_text(reference.model_dump_json(indent=1), encoding="utf-8")
    digests = json.loads((folder / "digests.json").read_text(encoding="utf-8"))
    digests[FILE] = sha256(folder / FILE)
    (folder / "digests.json").write_text(
        json.dumps(dict(sorted(digests.items())), indent=1), encoding="utf-8"
    )


def _catalogue(
    trained: Trained, table: AccountTable, labels: pd.Series, segments: Sequence[Segment], about: About
) -> Catalogue:
    space, prospect = trained.space, trained.prospect
    numeric, categorical = list(space.numeric), list(space.categorical)
    return Catalogue(
        format=FORMAT,
        written_by=version("segmentwerk"),
        numeric=tuple(numeric),
        categorical=tuple(categorical),
        features=_features(table, [*numeric, *categorical], space.active_),
        segments=tuple(_segment(segment) for segment in sorted(segments, key=lambda s: s.label)),
        outlier_threshold=trained.outlier_threshold,
        prospect_outlier_threshold=None if prospect is None else prospect.outlier_threshold,
        basis=_basis(table, numeric, categorical),
        partial=trained.partial.record(space, _shares(labels, len(segments))),
        too_little_known=about.too_little_known,
        evidence=_evidence(table.features.loc[labels.index], labels, numeric, categorical),
        wording=about.wording,
        meta=dict(about.meta),
    )


def sha256(path: Path) -> str:
    """Return the digest of a file's content, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_onnx(path: Path, model: onnx.ModelProto) -> None:
    path.write_bytes(model.SerializeToString(deterministic=True))


def _segment(segment: Segment) -> SegmentRecord:
    return SegmentRecord(**asdict(segment))


def _features(table: AccountTable, names: Sequence[str], active: Sequence[str]) -> dict[str, FeatureRecord]:
    """Return what is known of each feature: its declaration, its usual value, and what it can be at all."""
    known = {feature.name: feature for feature in table.catalogue}
    described = {}
    for name in names:
        feature, column = known[name], table.features[name]
        described[name] = FeatureRecord(
            **asdict(feature),
            active=name in active,
            typical=_usual(column.loc[table.customers]),
            possible=_possible(feature, column) if feature.kind == "numeric" else None,
        )
    return described


def _possible(feature: Feature, column: pd.Series) -> Limits:
    """Return a number's limits, and why a smaller or larger one is refused.

    Where accounts at hand go beyond what is declared, so may others: the next power of ten is the limit,
    since the exact value would be a single account's.
    """
    (least, most), low, high = feature.possible, column.min(), column.max()
    if low < least - SLACK:
        least = -(10.0 ** math.ceil(math.log10(-low))) if low < 0 else 0.0
    if high > most + SLACK:
        most = 10.0 ** math.ceil(math.log10(high)) if high > 0 else 0.0
    percent = ": 85% of something is 0.85" if feature.unit == "share" else ""
    return Limits(
        least=least - SLACK,
        most=most + SLACK,
        below=f"cannot be below {least:,.6g}",
        above=f"cannot be above {most:,.6g}{percent}",
    )


def _usual(column: pd.Series) -> float | str | None:
    """Return the median or the most frequent level; None where nothing is known."""
    known = column.dropna()
    if known.empty:
        return None
    if pd.api.types.is_numeric_dtype(known):
        return float(known.median())
    return str(known.astype(str).value_counts().sort_index().idxmax())


def _basis(table: AccountTable, numeric: list[str], categorical: list[str]) -> Basis:
    """Return how scoring tells customers from prospects and complete rows from sparse ones."""
    own = (name for name in table.own if name in {*numeric, *categorical})
    orders = ORDERS if ORDERS in numeric and not table.active else None
    return Basis(orders, tuple(own), FEW_ORDERS, led=bool(table.active))


def _shares(labels: pd.Series, n_segments: int) -> list[float]:
    """Return the share of the customers in each segment, by label."""
    return list(np.bincount(labels, minlength=n_segments) / len(labels))


def _evidence(
    features: pd.DataFrame, labels: pd.Series, numeric: list[str], categorical: list[str]
) -> EvidenceModel:
    """Return segment means of standardised numbers and log lifts of levels (see `shipped.evidence`)."""
    target = labels.to_numpy(np.int64)
    shares = np.eye(int(target.max()) + 1)[target]
    logs = signed_log(features[numeric].to_numpy(np.float64).reshape(len(features), len(numeric)))
    known = ~np.isnan(logs)
    z = np.where(known, logs, 0.0)
    n_known = np.maximum(known.sum(axis=0), 1)
    centre = z.sum(axis=0) / n_known
    spread = np.sqrt((np.where(known, z - centre, 0.0) ** 2).sum(axis=0) / n_known)
    scale = np.where(spread > 0, spread, 1.0)
    z = np.where(known, (z - centre) / scale, 0.0)
    means = (shares.T @ z) / (shares.T @ known + 1.0)  # one further account at the centre
    levels, lifts = {}, {}
    for name in categorical:
        levels[name], lifts[name] = _lifts(words(features[name]), shares)
    return EvidenceModel(centre.tolist(), scale.tolist(), means.tolist(), levels, lifts)


def _lifts(texts: Any, shares: Any) -> tuple[tuple[str, ...], Matrix]:
    """Return the frequent levels and how much likelier each is in each segment (k, levels + 1), in nats.

    The last column belongs to every other text and says nothing.
    """
    common, counts = np.unique(texts[texts != ""].astype(str), return_counts=True)
    common, counts = common[counts >= COMMON], counts[counts >= COMMON]
    levels = np.sort(common[np.argsort(-counts, kind="stable")[:MAX_LEVELS]])
    codes = pd.Index(levels, dtype=object).get_indexer(texts)
    present = np.eye(len(levels) + 1)[codes][:, :-1]
    overall = (present.sum(axis=0) + 1.0) / (len(texts) + len(levels) + 1.0)
    within = (shares.T @ present + overall) / (shares.sum(axis=0)[:, None] + 1.0)
    lifts = np.column_stack([np.log(within / overall), np.zeros(shares.shape[1])])
    return tuple(str(level) for level in levels), tuple(tuple(row) for row in lifts.tolist())
