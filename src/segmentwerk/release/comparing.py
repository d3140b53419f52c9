"""How the winner does against the champion, on accounts that are new to both."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.core.proposal import Comparison
from segmentwerk.core.types import Identity
from segmentwerk.evaluation.succession import Assigned, differences
from segmentwerk.evaluation.view import Fitted
from segmentwerk.preparation.prepare import Prepared, split
from segmentwerk.registry.approval import LEAST_HELD_OUT
from segmentwerk.registry.incumbent import Incumbent
from segmentwerk.shipped.model_catalogue import NO_SEGMENT


def compare_with(
    present: Incumbent,
    winner: Fitted,
    labels: pd.Series,
    identity: Identity,
    prepared: Prepared,
    settings: CompareSettings,
) -> Comparison:
    """Compare the winner with the champion: who moves, and how both do on accounts new to both.

    Parameters
    ----------
    labels
        The winner's label of each customer (n_customers,).
    """
    before = present.ids.reindex(labels.index, fill_value=NO_SEGMENT)
    share = float(present.params.get("holdout_share", settings.evaluation.holdout_share))
    _, theirs = split(prepared.table.customers, share, int(present.params.get("seed", settings.seed)))
    held_out = np.flatnonzero(prepared.view.test.index.isin(theirs))
    view = prepared.view.take(np.arange(len(prepared.view.train)), held_out)
    each, overall = (
        differences(winner, Assigned(before), view, settings.evaluation, seed=settings.seed)
        if len(held_out) >= LEAST_HELD_OUT
        else ((), None)
    )
    moved = labels.map(identity.ids) != before
    spent = prepared.table.features.loc[labels.index].get("monetary")
    total, moving = (None, None) if spent is None else (float(spent.sum()), float(spent[moved].sum()))
    return Comparison(
        present.version, len(labels), len(held_out), float(moved.mean()), total, moving, each, overall
    )
