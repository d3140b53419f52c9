"""Whom the movement between two monitored dates names: lists of accounts, handed to the tools of sales."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from segmentwerk.activation import exporting, ledger, list_export
from segmentwerk.activation.list_export import ListContext, ListWords
from segmentwerk.config import MonitorSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import called
from segmentwerk.monitoring import lists
from segmentwerk.monitoring.lists import Lists
from segmentwerk.monitoring.movement import Snapshot
from segmentwerk.preparation.account_rows import people_of
from segmentwerk.preparation.known import open_as_trained
from segmentwerk.registry.incumbent import segment_name
from segmentwerk.scoring.load import LoadedModel

log = logging.getLogger(__name__)


def insist(loaded: LoadedModel, settings: MonitorSettings) -> None:
    """Refuse best segments that the model does not have.

    Raises
    ------
    ConfigError
        Naming those that it has.
    """
    known = [segment.id for segment in loaded.catalogue.segments]
    for one in settings.best or ():
        if one not in known:
            raise ConfigError(
                f"best={one} is no segment of {loaded.uri}.", f"Known: {', '.join(map(str, sorted(known)))}."
            )


def hand_over(
    loaded: LoadedModel, before: Snapshot, after: Snapshot, settings: MonitorSettings, context: Context
) -> dict[str, Any]:
    """Write the lists for the sink below home, and return how many accounts stand in each, without an id.

    Raises
    ------
    ConfigError, InputError
        If sink or source cannot be used; the lists are then not written.
    """
    best = settings.best or _richest(after)
    found = lists.since(before, after, best)
    known = _reading(loaded, after, settings, context)
    assert settings.sink is not None
    words = _words(after, Language(settings.report.language))
    done = list_export.hand_over(
        found.rows(), known, settings.sink, words, settings.home / exporting.BELOW_HOME
    )
    counts = {str(name): len(ids) for name, ids in found.accounts().items()}
    log.info(
        "Lists since %s, best segment %s: %d left, %d new, %d about to leave; %d are in a campaign and left "
        "out. Files in %s.",
        before.as_of, ", ".join(map(str, best)), counts["left"], counts["entered"], counts["leaving"],
        done.busy, done.exported.folder,
    )  # fmt: skip
    return (
        {"best": list(best), "since": before.as_of, **counts, "busy": done.busy}
        | _signal(found)
        | {
            "folder": done.exported.folder,
            "files": done.exported.files,
        }
    )


def _richest(after: Snapshot) -> tuple[int, ...]:
    found = lists.richest(after)
    return () if found is None else (found,)


def _signal(found: Lists) -> dict[str, Any]:
    """Say whether low confidence foretold leaving, which decides whether anybody is said to be leaving."""
    if found.signal is None:
        return {}
    told = found.signal
    return {"foretold": told.tells, "left_wavering": told.wavering, "left_others": told.others}


def _reading(
    loaded: LoadedModel, after: Snapshot, settings: MonitorSettings, context: Context
) -> ListContext:
    with open_as_trained(
        settings.source, after.as_of, settings.quality, loaded, context, home=settings.home
    ) as accounts:
        people = people_of(accounts)
    place = ledger.place_of(settings.activation, settings.home / "activation" / "ledger")
    language = Language(settings.report.language, settings.source.currency)
    names = {segment.id: called(segment_name(segment), language) for segment in loaded.catalogue.segments}
    return ListContext(
        after.as_of, people, _segments(after, names), ledger.read(place), settings.source.currency
    )


def _segments(after: Snapshot, names: dict[int, str]) -> pd.DataFrame:
    """Return what a sink takes of each account's segment."""
    rows = after.accounts[["segment_id", "confidence"]].copy()
    rows.index = rows.index.astype(str)
    rows["segment_id"] = rows["segment_id"].fillna(-1).astype("int64")
    rows["segment"] = rows["segment_id"].map(names).astype(object)
    rows["basis"] = None
    return rows.rename_axis("account_id")


def _words(after: Snapshot, language: Language) -> ListWords:
    names = {key: language.text(f"movement.list_{key}") for key in ("left", "entered", "leaving")}
    return ListWords(language.text("movement.lists", as_of=after.as_of), names)
