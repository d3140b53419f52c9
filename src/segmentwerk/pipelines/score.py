"""`segmentwerk score`: assign accounts to segments with a registered model."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from segmentwerk.config import ScoreSettings
from segmentwerk.core.errors import ConfigError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.settings import FeatureSettings
from segmentwerk.pipelines.accounts import read_accounts
from segmentwerk.pipelines.context import Context
from segmentwerk.scoring import batch
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)


def run(settings: ScoreSettings, context: Context) -> dict[str, Any]:
    """Score a table of accounts, or the accounts of a source, into one file.

    Raises
    ------
    ConfigError
        If neither or both of `input` and `source` are given.
    InputError, ModelError
        If the input, the output or the model cannot be used; no output is written then.
    """
    if (settings.input is None) == (settings.source is None):
        raise ConfigError("Give either input or source.", "input=accounts.parquet, or source=NAME.")
    given = settings.input if settings.input is not None else _account_table(settings, context)
    output = settings.output or context.output / "segments.parquet"
    store = Store(settings.tracking.uri, settings.home)
    store.prepare(settings.tracking.experiment)
    with context.timed("score"), Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Scoring", total=None)
        done = batch.score(
            settings.model,
            given,
            output,
            tracking_uri=store.uri,
            columns=settings.columns,
            progress=lambda rows, total: bar.update(task, completed=rows, total=total),
        )
    log.info("%d accounts scored by version %s, %d rejected.", done.scored, done.model_version, done.rejected)
    log.info("Result: %s", done.output)
    return {"inputs": {"input": given}, "model_version": done.model_version, "result": asdict(done)}


def _account_table(settings: ScoreSettings, context: Context) -> Path:
    """Build the account table of a source as of its date."""
    assert settings.source is not None
    accounts = read_accounts(
        settings.source, settings.quality, FeatureSettings(), context, home=settings.home
    )
    path = context.output / "accounts.parquet"
    with atomic_file(path) as draft:
        accounts.table.features.rename_axis("account_id").reset_index().to_parquet(draft, index=False)
    return path
