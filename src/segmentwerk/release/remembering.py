"""What a version is given to remember of its training's accounts (`core.reference`)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segmentwerk.config import CompareSettings
from segmentwerk.core.reference import Reference
from segmentwerk.monitoring import explained_share, freezing
from segmentwerk.preparation.prepare import Prepared, outcome_name
from segmentwerk.release.describing import Described
from segmentwerk.release.standing import measures

ASKED = ["account_id", "segment_id", "confidence", "basis", "is_outlier"]
"""What is remembered of answers."""


def remember(
    described: Described, prepared: Prepared, said: pd.DataFrame, settings: CompareSettings
) -> Reference:
    """Return the numbers that later accounts are compared with.

    Parameters
    ----------
    said
        What the package says of every account, with `ASKED`.
    """
    table, ids = prepared.table, described.identity.ids
    customers = table.features.loc[table.customers]
    labels = described.labels
    space = prepared.space.transform(table.features.loc[labels.index])
    found = measures(space, prepared.space.discrete_, labels.to_numpy(dtype=np.int64), seed=settings.seed)
    name = outcome_name(settings.goal)
    told = (
        explained_share.explained(labels, table.outcomes[name], seed=settings.seed)
        if name in table.outcomes
        else None
    )
    window = table.window
    return Reference(
        as_of=str(window.as_of),
        outcome_days=(window.outcome_until - window.as_of).days if window.outcome_until else None,
        outcome=name if told else "",
        accounts=len(table.orders),
        customers=len(customers),
        numbers=freezing.numbers(customers, table.catalogue),
        levels=freezing.levels(customers, table.catalogue),
        parts=freezing.parts(customers, table.catalogue),
        answers=freezing.answers(said.set_index("account_id"), table.customers, sorted(ids.values())),
        columns=tuple(space.columns),
        discrete={variable: tuple(columns) for variable, columns in prepared.space.discrete_.items()},
        measures=found | ({"explained": told} if told else {}),
    )
