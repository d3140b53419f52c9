"""What the business asks of the winner's segments: money, potential, prospects, and who moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.core.types import AccountTable, Identity, Segment
from segmentwerk.features import peers
from segmentwerk.insight.cards import Prospects
from segmentwerk.insight.language import Language
from segmentwerk.insight.migration import Migration
from segmentwerk.insight.words import called
from segmentwerk.registry.incumbent import Incumbent
from segmentwerk.segmenters.prospect import ProspectModel
from segmentwerk.shipped.model_catalogue import NO_SEGMENT


def potential(table: AccountTable) -> pd.Series | None:
    """Return what each customer would spend more in a year if it spent like its peers, in money.

    None where the table does not tell: no peers were learned, or the features they need are left out.
    """
    learned: Any = table.definitions.get(peers.STEP.name)
    if not learned or not set(peers.STEP.reads) <= set(table.features):
        return None
    rows = table.features.loc[table.customers]
    return (peers.spending(rows, learned) - rows["revenue_12m"]).clip(lower=0.0).fillna(0.0)


def prospects(assignments: Path, table: AccountTable, path: ProspectModel | None) -> Prospects | None:
    """Return the segments of the accounts that none was made of; None where there are none.

    They are those without an order; where a goal puts features in the lead, those of whom none is known.

    Parameters
    ----------
    assignments
        File with the segment of every account.
    path
        How such accounts are assigned; without it they take the path of customers, which knows too little.
    """
    assigned = pd.read_parquet(assignments, columns=["account_id", "segment_id", "confidence"])
    everyone = assigned[~assigned["account_id"].isin(table.learnable)]
    if everyone.empty or path is None:
        return None
    placed = everyone[everyone["segment_id"] != NO_SEGMENT]
    by_segment = placed.groupby("segment_id").agg(
        accounts=("account_id", "size"), confidence=("confidence", "mean")
    )
    left_out = len(everyone) - len(placed)
    return Prospects(
        by_segment, path.accuracy, path.majority, path.calibration_error, left_out, bool(table.active)
    )


def moves(
    identity: Identity,
    present: Incumbent | None,
    labels: pd.Series,
    segments: tuple[Segment, ...],
    table: AccountTable,
    language: Language,
) -> Migration | None:
    """Return who moves from the champion's segments to the new ones; None without a champion."""
    if present is None:
        return None
    return Migration.of(
        identity,
        present.ids,
        labels.map(identity.ids),
        before={number: called(name, language) for number, name in present.names.items()},
        after={segment.id: segment.name for segment in segments},
        revenue=table.features.get("monetary"),
    )
