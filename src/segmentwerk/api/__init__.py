"""The door for Python: the verbs as functions that take frames and return results."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.api import calls, in_memory
from segmentwerk.api.results import ComparisonResult, LoadedSource, ScoringResult
from segmentwerk.config import CompareSettings, DataSettings, ScoreSettings

__all__ = ["ComparisonResult", "LoadedSource", "ScoringResult", "compare", "load_source", "score"]

Frames = pd.DataFrame | Mapping[str, pd.DataFrame]
_SCORING = (calls.CONFIG_DIR, "home", "source", "quality")
"""Settings of a source that scoring takes over; features are built as the model's own."""


def load_source(source: str | Frames = "demo", **overrides: Any) -> LoadedSource:
    """Read a source, check it and build one row an account, as `compare` would.

    Parameters
    ----------
    source
        Name of a file in ``conf/source``; or a table of accounts or of order lines in our columns; or
        several tables by name. Where there are no orders, ``source__as_of`` says of which day the accounts
        are.
    overrides
        Any key of `segmentwerk data --cfg job`: ``source__accounts=400``, ``quality={"orphans": False}``.
        ``config_dir`` names a folder with files of your own, such as ``source/shop.yaml``.

    Raises
    ------
    SegmentwerkError
        If the source, or a setting, cannot be used.
    """
    from segmentwerk.preparation.accounts import read_accounts

    given = _with_source(source, calls.flat(overrides))
    with calls.in_process("data"):
        settings = calls.settings("data", DataSettings, given)
        accounts = read_accounts(
            settings.source,
            settings.quality,
            settings.features,
            calls.context("data", settings.home, given),
            home=settings.home,
        )
    table = accounts.table
    described = ["name", "kind", "unit", "approach", "description"]
    finding_columns = ["code", "severity", "table", "message", "rows"]
    return LoadedSource(
        name=table.source,
        as_of=table.window.as_of,
        features=table.features,
        catalogue=pd.DataFrame([vars(one) for one in table.catalogue], columns=described),
        findings=pd.DataFrame([vars(one) for one in accounts.report.failed], columns=finding_columns),
        customers=table.customers,
        absent=accounts.absent,
        overrides=given,
    )


def compare(source: str | Frames | LoadedSource = "demo", **overrides: Any) -> ComparisonResult:
    """Tune and judge all segmenters on one scorecard and register the best, as `segmentwerk compare`.

    Parameters
    ----------
    source
        As of `load_source`, or what that returned.
    overrides
        Any key of `segmentwerk compare --cfg job`, nested (``tuning={"n_trials": 5}``) or with two
        underscores for the dot (``tuning__n_trials=5``); a text for a config group chooses one of its
        files (``goal="retention"``).

    Raises
    ------
    SegmentwerkError
        If the source or a setting cannot be used, or no segmenter can be fitted.
    """
    given = _with_source(source, calls.flat(overrides))
    return ComparisonResult.read(calls.run("compare", CompareSettings, given))


def score(
    accounts: pd.DataFrame | str | PathLike[str] | LoadedSource | None = None, **overrides: Any
) -> ScoringResult:
    """Assign accounts to the segments of a registered model, as `segmentwerk score`.

    Parameters
    ----------
    accounts
        One row an account with the model's features: a frame, a CSV or Parquet file, or a folder of them.
        Or what `load_source` returned: the features are then built from its raw tables.
    overrides
        Any key of `segmentwerk score --cfg job`: ``model="models:/b2b-segments/3"``, ``output="out.csv"``.

    Raises
    ------
    SegmentwerkError
        If the accounts, the model or a setting cannot be used.
    """
    given = calls.flat(overrides)
    if isinstance(accounts, LoadedSource):
        kept = {key: value for key, value in accounts.overrides.items() if key.split(".")[0] in _SCORING}
        given = kept | given
    elif isinstance(accounts, pd.DataFrame):
        given["input"] = str(in_memory.as_file(accounts, calls.home_of(given)))
    elif accounts is not None:
        given["input"] = str(Path(accounts))
    return ScoringResult.read(calls.run("score", ScoreSettings, given))


def _with_source(source: str | Frames | LoadedSource, given: dict[str, Any]) -> dict[str, Any]:
    """Put the source before the overrides, which may say more of it."""
    if isinstance(source, LoadedSource):
        return {**source.overrides, **given}
    if isinstance(source, str):
        return {"source": source, **given}
    if not in_memory.is_frames(source):
        raise in_memory.no_frames(source)
    return in_memory.as_source(source, calls.home_of(given)) | given
