"""The present champion as a retrain needs it: its assignments, its names, and the ids that are taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from segmentwerk.core.errors import ModelError
from segmentwerk.core.types import Name, Trait
from segmentwerk.registry.conceivable import conceivable
from segmentwerk.registry.promotion import champion
from segmentwerk.registry.publish import ModelStore
from segmentwerk.shipped.model_catalogue import Catalogue, SegmentRecord

NEXT_ID = "next_segment_id"
"""Tag of a version: the first segment id that neither it nor any version before it used."""


class OpenModel(Protocol):
    """An open model, each file of which is what was registered (`scoring.load.LoadedModel`)."""

    @property
    def catalogue(self) -> Catalogue:
        """What it knows."""

    def assign(self, frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
        """Return one row an account with these columns."""


@dataclass(frozen=True)
class Incumbent:
    """What the champion says of some accounts.

    ``ids`` (n_accounts,) are stable segment ids by account id, ``names`` what each id is called, in no
    language; ``params`` are those of the run that made it.
    """

    version: int
    ids: pd.Series
    names: dict[int, Name]
    params: dict[str, str]


def incumbent(
    store: ModelStore, name: str, features: pd.DataFrame, open_model: Callable[[str], OpenModel]
) -> Incumbent | None:
    """Ask the champion for its segments of these accounts; None where there is no champion.

    Parameters
    ----------
    features
        Raw features (n_accounts, n_features), index: account ids. Columns that the champion knows
        and that are no longer there count as missing, as do numbers that it refuses.
    open_model
        Returns the model at an address.

    Raises
    ------
    ModelError
        If the champion cannot be loaded, or knows none of these features.
    """
    registered = champion(store, name)
    if registered is None:
        return None
    from mlflow.exceptions import MlflowException

    try:
        opened = open_model(registered.uri)
        rows = conceivable(features, opened.catalogue).rename_axis("account_id").reset_index()
        found = opened.assign(rows, ["segment_id"])["segment_id"].to_numpy()
    except (ModelError, MlflowException) as error:
        raise ModelError(
            f"The champion {registered.uri} cannot score the present accounts: {error}",
            "Register under another registry.model_name, or roll back to a version that works.",
        ) from error
    names = {segment.id: segment_name(segment) for segment in opened.catalogue.segments}
    ids = pd.Series(found, features.index)
    ids = ids[ids.isin(list(names))]  # of others it knows too little
    params = store.client.get_run(registered.run_id).data.params if registered.run_id else {}
    return Incumbent(registered.version, ids, names, params)


def segment_name(segment: SegmentRecord) -> Name:
    """Return the name of a segment of the catalogue; a version of before names had traits holds a text."""
    keys = segment.called
    if not keys:
        return Name(text=segment.name)
    traits = tuple(Trait(**{**trait, "parts": tuple(trait["parts"])}) for trait in keys["traits"])
    return Name(traits, int(keys["number"]), str(keys["text"]))


def next_segment_id(store: ModelStore, name: str, run_id: str = "") -> int:
    """Return the first segment id that no version of this model ever used; 1 where there is none.

    What a run registered before it was interrupted does not count for that run: it will be the same again.
    """
    versions = store.client.search_model_versions(f"name = '{name}'")
    others = [version for version in versions if not run_id or version.run_id != run_id]
    return max((int(version.tags.get(NEXT_ID, 1)) for version in others), default=1)
