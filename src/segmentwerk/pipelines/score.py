"""`segmentwerk score`: assign accounts to segments with a registered model."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from segmentwerk.config import ScoreSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError
from segmentwerk.data import cluster
from segmentwerk.preparation import account_file
from segmentwerk.scoring import batch, spark
from segmentwerk.scoring.batch import Summary
from segmentwerk.scoring.load import load
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
    with _engine(settings):
        return _scored(settings, context, store)


@contextmanager
def _engine(settings: ScoreSettings) -> Iterator[None]:
    """Keep one session of Spark for features and scoring."""
    if settings.scoring.engine != "spark":
        yield
        return
    url = settings.source.url if settings.source is not None else None
    from_source = url is not None and url.startswith("spark://")
    master = (url if url != "spark://" else "") if from_source else settings.scoring.master
    with cluster.opened(master or ""):
        yield


def _scored(settings: ScoreSettings, context: Context, store: Store) -> dict[str, Any]:
    model, given, families = settings.model, settings.input, None
    if settings.source is not None:
        loaded = load(settings.model, store.uri)
        model = loaded.uri
        given, families = account_file.write(
            settings.source, settings.as_of, settings.quality, loaded, context, home=settings.home
        )
    assert given is not None
    with context.timed("score"):
        way = _on_spark if settings.scoring.engine == "spark" else _on_this_machine
        done = way(settings, model, given, store.uri, context.output)
    log.info("%d accounts scored by version %s, %d rejected.", done.scored, done.model_version, done.rejected)
    log.info("Result: %s", done.output)
    return {
        "inputs": {"input": given, "families": families},
        "model_version": done.model_version,
        "result": asdict(done),
    }


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
    output = settings.output or folder / "segments"
    return spark.score(
        model, given, output, spark=cluster.session(), tracking_uri=tracking_uri, columns=settings.columns
    )
