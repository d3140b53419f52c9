"""What a version is asked about the accounts of a source at a date; nothing of it is kept."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from segmentwerk.config import MonitorSettings
from segmentwerk.core.context import Context
from segmentwerk.core.reference import Measure, Reference
from segmentwerk.core.types import AccountTable
from segmentwerk.preparation.known import open_as_trained
from segmentwerk.registry.conceivable import conceivable
from segmentwerk.release.remembering import ASKED
from segmentwerk.release.standing import MOST_ROWS, measures
from segmentwerk.scoring.load import LoadedModel
from segmentwerk.scoring.placing import placed


def segments_of(loaded: LoadedModel) -> tuple[int, ...]:
    """Return the ids of a version's segments."""
    return tuple(sorted(segment.id for segment in loaded.catalogue.segments))


def read_table(
    loaded: LoadedModel,
    settings: MonitorSettings,
    as_of: date | None,
    context: Context,
    *,
    until: date | None = None,
) -> AccountTable:
    """Read the source as of a date, with the features that the version knows."""
    rules, home = settings.quality, settings.home
    with open_as_trained(
        settings.source, as_of, rules, loaded, context, home=home, outcome_until=until
    ) as accounts:
        return accounts.table


def answered(loaded: LoadedModel, table: AccountTable) -> pd.DataFrame:
    """Return what a version says of every account, by id."""
    features = conceivable(table.features, loaded.catalogue)
    rows = features.rename_axis("account_id").reset_index()
    return loaded.assign(rows, ASKED).set_index("account_id")


def measured(
    loaded: LoadedModel,
    table: AccountTable,
    said: pd.DataFrame,
    reference: Reference,
    settings: MonitorSettings,
) -> dict[str, Measure]:
    """Measure how well segments stand on the customers that have one, and could have been learned from."""
    ids = said.loc[table.learnable, "segment_id"]
    known = ids[ids.isin(segments_of(loaded))]
    some = _some(known, settings.seed)
    if some.empty:
        return {}
    x = pd.DataFrame(
        placed(loaded, table.features.loc[some.index]), index=some.index, columns=list(reference.columns)
    )
    labels = np.searchsorted(segments_of(loaded), some.to_numpy())
    discrete = {name: list(columns) for name, columns in reference.discrete.items()}
    return measures(x, discrete, labels.astype(np.int64), seed=settings.seed)


def _some(known: pd.Series, seed: int) -> pd.Series:
    """Return as many customers as are looked at, drawn at random: of all only their answers are needed."""
    rows = np.random.default_rng(seed).permutation(len(known))[:MOST_ROWS]
    return known.iloc[np.sort(rows)]
