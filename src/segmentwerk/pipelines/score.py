"""`segmentwerk score`: assign accounts to segments with a registered model."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from segmentwerk.config import ScoreSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError, ModelError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.settings import SourceSettings
from segmentwerk.features import definitions
from segmentwerk.preparation.accounts import read_accounts
from segmentwerk.scoring import batch, spark
from segmentwerk.scoring.batch import Summary
from segmentwerk.scoring.load import LoadedModel, load
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)


def run(settings: ScoreSettings, context: Context) -> dict[str, Any]:
    """Score a table of accounts, or the accounts of a source, into one file.

    Raises
    ------
    ConfigError
        If neither or both of `input` and `source` are given, or money is in another currency.
    InputError, ModelError
        If the input, the output or the model cannot be used; no output is written then.
    """
    if (settings.input is None) == (settings.source is None):
        raise ConfigError("Give either input or source.", "input=accounts.parquet, or source=NAME.")
    if settings.as_of is not None and settings.source is None:
        raise ConfigError("as_of goes with source.", "An input's features stand as of their own date.")
    store = Store(settings.tracking.uri, settings.home)
    store.prepare(settings.tracking.experiment)
    model, given = settings.model, settings.input
    if settings.source is not None:
        loaded = load(settings.model, store.uri)
        model, given = loaded.uri, _account_table(settings, settings.source, loaded, context)
    assert given is not None
    with context.timed("score"):
        way = _on_spark if settings.scoring.engine == "spark" else _on_this_machine
        done = way(settings, model, given, store.uri, context.output)
    log.info("%d accounts scored by version %s, %d rejected.", done.scored, done.model_version, done.rejected)
    log.info("Result: %s", done.output)
    return {"inputs": {"input": given}, "model_version": done.model_version, "result": asdict(done)}


def _on_this_machine(
    settings: ScoreSettings, model: str, given: Path, tracking_uri: str, folder: Path
) -> Summary:
    with Progress(console=Console(stderr=True, force_jupyter=False), transient=True) as bar:
        task = bar.add_task("Scoring", total=None)
        return batch.score(
            model,
            given,
            settings.output or folder / "segments.parquet",
            tracking_uri=tracking_uri,
            columns=settings.columns,
            progress=lambda rows, total: bar.update(task, completed=rows, total=total),
        )


def _on_spark(settings: ScoreSettings, model: str, given: Path, tracking_uri: str, folder: Path) -> Summary:
    session = spark.session(settings.scoring.master)
    try:
        output = settings.output or folder / "segments"
        return spark.score(
            model, given, output, spark=session, tracking_uri=tracking_uri, columns=settings.columns
        )
    finally:
        session.stop()


def _account_table(
    settings: ScoreSettings, source: SourceSettings, loaded: LoadedModel, context: Context
) -> Path:
    """Build the account table of a source by the definitions that the model was trained with."""
    kept = _definitions(loaded)
    trained_in = loaded.catalogue.meta.get("currency", source.currency)
    if source.currency != trained_in:
        raise ConfigError(
            f"Source {source.name!r} is in {source.currency}, {loaded.uri} was trained in {trained_in}.",
            f"Convert the money in the source's mapping and set source.currency={trained_in}.",
        )
    if settings.as_of is not None:
        source = source.model_copy(update={"as_of": settings.as_of, "outcome_until": None})
    wanted, learned = definitions.restore(kept)
    accounts = read_accounts(source, settings.quality, wanted, context, home=settings.home, learned=learned)
    definitions.insist(kept, accounts.table)
    path = context.output / "accounts.parquet"
    with atomic_file(path) as draft:
        accounts.table.features.rename_axis("account_id").reset_index().to_parquet(draft, index=False)
    return path


def _definitions(loaded: LoadedModel) -> dict[str, Any]:
    path = loaded.folder / "artifacts" / "definitions.json"
    if not path.is_file():
        raise ModelError(
            f"{loaded.uri} does not say how its features are built.",
            "Give a table that has them (input=…), or register the model anew: segmentwerk compare.",
        )
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
