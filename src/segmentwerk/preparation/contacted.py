"""The segment that accounts had when they were contacted: by a model, on what was known on that day."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.core.errors import SegmentwerkError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.core.types import Window
from segmentwerk.features import definitions
from segmentwerk.features import table as features
from segmentwerk.preparation.accounts import Accounts
from segmentwerk.preparation.known import definitions_of
from segmentwerk.scoring import batch
from segmentwerk.scoring.load import LoadedModel

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
NOBODY = -1
"""Segment of an account that has none."""


@dataclass(frozen=True)
class PastSegments:
    """Asks a model for the segments of accounts as of any day, while a source is open."""

    accounts: Accounts
    loaded: LoadedModel
    store: str
    folder: Path
    kept: Mapping[str, Any]
    wanted: FeatureSettings
    learned: Mapping[str, Any]

    @classmethod
    def of(cls, accounts: Accounts, loaded: LoadedModel, store: str, folder: Path) -> PastSegments:
        """Make ready to ask; ``store`` is the address of the tracking store."""
        kept = definitions_of(loaded)
        wanted, learned = definitions.restore(kept)
        return cls(accounts, loaded, store, folder, kept, wanted, learned)

    def on(self, day: date, ids: Iterable[str], progress: Progress | None = None) -> pd.Series:
        """Return the segment of each account on a day, -1 where it had none, by id.

        An account has none if it was not there yet; nobody has where features cannot be built as in training.
        """
        asked = pd.Index(sorted(set(ids)), name="account_id")
        nobody = pd.Series(NOBODY, index=asked, name="segment_id", dtype="int64")
        try:
            rows = self._features(day)
        except SegmentwerkError as error:
            log.warning("Nobody has a segment as of %s: %s", day, error)
            return nobody
        rows = rows[rows.index.isin(asked)]
        if rows.empty:
            return nobody
        found = self._scored(rows, day, progress)
        return found.reindex(asked).fillna(NOBODY).astype("int64")

    def _features(self, day: date) -> pd.DataFrame:
        table = features.build(
            self.accounts.checked.tables,
            Window(day),
            self.wanted,
            source=self.accounts.table.source,
            digest=self.accounts.table.digest,
            learned=self.learned,
        )
        definitions.insist(self.kept, table)
        rows = table.features
        return rows.set_axis(rows.index.astype(str), axis=0)

    def _scored(self, rows: pd.DataFrame, day: date, progress: Progress | None) -> pd.Series:
        path = self.folder / f"accounts-{day}.parquet"
        with atomic_file(path) as draft:
            rows.rename_axis("account_id").reset_index().to_parquet(draft, index=False)
        output = self.folder / f"segments-{day}.parquet"
        columns = ["account_id", "segment_id"]
        batch.score(
            self.loaded.uri, path, output, tracking_uri=self.store, columns=columns, progress=progress
        )
        found = pd.read_parquet(output).set_index("account_id")["segment_id"]
        return found.set_axis(found.index.astype(str))
