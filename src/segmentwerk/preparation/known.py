"""From a source to the account table that a registered model knows; shared by the verbs that ask a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import Progress

from segmentwerk.core.companies import Level
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError, ModelError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.settings import FeatureSettings, QualitySettings, SourceSettings
from segmentwerk.features import definitions
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import called
from segmentwerk.preparation.accounts import Accounts, open_accounts
from segmentwerk.registry.incumbent import segment_name
from segmentwerk.scoring import batch
from segmentwerk.scoring.load import LoadedModel


@dataclass(frozen=True)
class AsTrained:
    """How a source is read for a model: ``kept`` with it, and what of that features are built by."""

    source: SourceSettings
    kept: dict[str, Any]
    wanted: FeatureSettings
    learned: dict[str, Any]

    @property
    def level(self) -> Level:
        """Whether accounts stand for themselves or for company families."""
        level: Level = self.kept.get("level", "account")
        return level


@contextmanager
def open_as_trained(
    source: SourceSettings,
    as_of: date | None,
    rules: QualitySettings,
    loaded: LoadedModel,
    context: Context,
    *,
    home: Path,
    outcome_until: date | None = None,
) -> Iterator[Accounts]:
    """Read a source and build its account table by the definitions that the model was trained with.

    The source's tables can be asked while the block runs.

    Parameters
    ----------
    as_of
        The date to look at; None: the source's own.
    outcome_until
        The end of the window in which it is seen what accounts did after that date; None: nothing is seen.

    Raises
    ------
    ConfigError
        If money is in another currency than the model was trained in.
    ModelError
        If the model does not say how its features are built, or they would be built unlike.
    """
    asked = as_trained(source, as_of, loaded, outcome_until=outcome_until)
    with open_accounts(
        asked.source, rules, asked.wanted, context, home=home, learned=asked.learned, level=asked.level
    ) as accounts:
        definitions.insist(asked.kept, accounts.table)
        active = tuple(loaded.catalogue.meta.get("active", ()))
        yield replace(accounts, table=replace(accounts.table, active=active)) if active else accounts


def as_trained(
    source: SourceSettings,
    as_of: date | None,
    loaded: LoadedModel,
    *,
    outcome_until: date | None = None,
) -> AsTrained:
    """Return how a source is read for a model; parameters and errors as of `open_as_trained`."""
    kept = definitions_of(loaded)
    trained_in = loaded.catalogue.meta.get("currency", source.currency)
    if source.currency != trained_in:
        raise ConfigError(
            f"Source {source.name!r} is in {source.currency}, {loaded.uri} was trained in {trained_in}.",
            f"Convert the money in the source's mapping and set source.currency={trained_in}.",
        )
    if as_of is not None:
        source = source.model_copy(update={"as_of": as_of, "outcome_until": outcome_until})
    return AsTrained(source, kept, *definitions.restore(kept))


def keep_table(accounts: Accounts, folder: Path) -> Path:
    """Write the account table, ids included, as scoring takes it."""
    path = folder / "accounts.parquet"
    with atomic_file(path) as draft:
        accounts.table.features.rename_axis("account_id").reset_index().to_parquet(draft, index=False)
    return path


def scored(
    accounts: Accounts, loaded: LoadedModel, tracking_uri: str, language: Language, context: Context
) -> pd.DataFrame:
    """Return ``segment_id``, ``confidence``, ``basis`` and ``segment`` of every account, by its id.

    ``segment`` is the segment's name in the language.
    """
    output = context.output / "segments.parquet"
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Scoring", total=None)
        batch.score(
            loaded.uri,
            keep_table(accounts, context.output),
            output,
            tracking_uri=tracking_uri,
            columns=["account_id", "segment_id", "confidence", "basis"],
            progress=lambda rows, total: bar.update(task, completed=rows, total=total),
        )
    found = pd.read_parquet(output).set_index("account_id")
    found.index = found.index.astype(str)
    found["segment"] = found["segment_id"].map(segment_names(loaded, language)).astype(object)
    return found


def segment_names(loaded: LoadedModel, language: Language) -> dict[int, str]:
    """Return the names of a model's segments in a language, by number."""
    return {segment.id: called(segment_name(segment), language) for segment in loaded.catalogue.segments}


def definitions_of(loaded: LoadedModel) -> dict[str, Any]:
    """Return how the model's features are built, as `definitions.keep` wrote it.

    Raises
    ------
    ModelError
        If the model does not say it.
    """
    path = loaded.folder / "artifacts" / "definitions.json"
    if not path.is_file():
        raise ModelError(
            f"{loaded.uri} does not say how its features are built.",
            "Give a table that has them (input=…), or register the model anew: segmentwerk compare.",
        )
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
