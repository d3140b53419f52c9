"""Made-up accounts and what the training side says of them, kept with the model.

Whoever gets the model can then tell, without the training code and without any customer's row, whether it
still says what was trained.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from segmentwerk.core.arrays import BoolArray
from segmentwerk.registry import partial as third_path
from segmentwerk.registry.partial import FittedSegmenter, FittedSpace, Partial
from segmentwerk.segmenters.prospect import ProspectModel
from segmentwerk.shipped.model_catalogue import Catalogue

ROWS = 200
UNKNOWN = 0.15
"""Share of unknown cells."""
UNSEEN = "never seen"


def make(
    catalogue: Catalogue,
    *,
    space: FittedSpace,
    segmenter: FittedSegmenter,
    partial: Partial,
    prospect: ProspectModel | None,
) -> dict[str, Any]:
    """Return made-up accounts by column, their segment ids, their memberships, and who gets no answer.

    Parameters
    ----------
    catalogue
        The package's catalogue; values are drawn around the means and from the levels that it states.
    """
    rows = _made_up(catalogue)
    known = third_path.known_of(space, rows)
    whole = partial.whole(known)
    proba = np.asarray(segmenter.predict_proba(space.transform(rows)))
    if not whole.all():
        proba[~whole] = partial.predict_proba(space, segmenter, rows[~whole])
    share = partial.share(known)
    firmographic = _without_orders(catalogue, rows)
    beforehand = partial.usual & ~np.isin([*space.numeric, *space.categorical], catalogue.basis.own)
    if prospect is not None and firmographic.any() and beforehand.any():
        proba[firmographic] = prospect.predict_proba(rows[firmographic])
        share[firmographic] = known[firmographic][:, beforehand].mean(axis=1)
    return {
        "columns": {name: [None if pd.isna(v) else v for v in column] for name, column in rows.items()},
        "segment_ids": [segment.id for segment in catalogue.segments],
        "memberships": proba.tolist(),
        "unanswered": (share < third_path.MIN_KNOWN).tolist(),
    }


def _made_up(catalogue: Catalogue) -> pd.DataFrame:
    """Return `ROWS` random accounts; the last quarter lacks everything that only customers have."""
    rng = np.random.default_rng(0)
    evidence, basis = catalogue.evidence, catalogue.basis
    assert evidence is not None
    columns: dict[str, Any] = {}
    numbers = zip(catalogue.numeric, evidence.centre, evidence.scale, catalogue.possible, strict=True)
    for name, centre, scale, possible in numbers:
        logs = rng.normal(centre, 2.0 * scale, ROWS)
        values = np.sign(logs) * np.expm1(np.abs(logs))
        values = np.clip(values, possible.least, possible.most)
        columns[name] = np.where(rng.random(ROWS) < UNKNOWN, np.nan, values)
    for name in catalogue.categorical:
        levels = np.array([*evidence.levels[name], UNSEEN, None], dtype=object)
        columns[name] = rng.choice(levels, ROWS)
    if basis.orders is not None:
        columns[basis.orders] = basis.few_orders + np.floor(rng.exponential(10.0, ROWS))
    rows = pd.DataFrame(columns)[[*catalogue.inputs]]
    for name in basis.own:
        rows.loc[rows.index >= ROWS * 3 // 4, name] = None
    return rows


def _without_orders(catalogue: Catalogue, rows: pd.DataFrame) -> BoolArray:
    own = list(catalogue.basis.own)
    if not own:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(rows[own].isna().all(axis=1))
