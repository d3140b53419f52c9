"""`segmentwerk activate`: from the champion's segments to priorities, measures, hold-outs and files."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.activation import (
    campaign,
    consent,
    exporting,
    figures,
    ledger,
    offers,
    playbook,
    priorities,
    sink,
)
from segmentwerk.activation.exporting import Exported
from segmentwerk.activation.ledger import Written
from segmentwerk.activation.plans import Plan, Situation
from segmentwerk.activation.sink import Ready
from segmentwerk.config import ActivateSettings
from segmentwerk.core.activation_settings import ActivationSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ModelError
from segmentwerk.core.paths import config_root
from segmentwerk.core.records import Artifact
from segmentwerk.data import privacy
from segmentwerk.features.table import catalogue
from segmentwerk.insight import profiles
from segmentwerk.insight.language import Language
from segmentwerk.insight.words import trait
from segmentwerk.measurement import learned_effects
from segmentwerk.preparation.account_rows import people_of
from segmentwerk.preparation.accounts import Accounts
from segmentwerk.preparation.known import open_as_trained, scored
from segmentwerk.release import portrait
from segmentwerk.reporting import plan as pages
from segmentwerk.reporting import plan_records
from segmentwerk.reporting.plan_records import Version
from segmentwerk.scoring.load import LoadedModel, load
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)

FOLDER = "activation"
"""Below home: the ledger and the exports, which hold ids of accounts."""
TRAITS = 5


def run(settings: ActivateSettings, context: Context) -> dict[str, Any]:
    """Plan what is done with each segment, draw who is left alone, and write it down for people and tools.

    Everything is checked before anything is written; the same command again changes nothing.

    Raises
    ------
    ConfigError, InputError, ModelError
        If playbook, goal, sink, source or model cannot be used.
    """
    store = Store(settings.tracking.uri, settings.home, enabled=settings.tracking.enabled)
    store.prepare(settings.tracking.experiment)
    priorities.insist(settings.goal.priorities)
    loaded = load(settings.model, store.uri)
    _insist_on_playbook(settings, loaded)
    ledger.insist(_ledger(settings))
    with open_as_trained(
        settings.source, settings.as_of, settings.quality, loaded, context, home=settings.home
    ) as accounts:
        _insist_on_age(loaded, accounts.table.window.as_of, settings.activation.max_age_days)
        return _activate(settings, accounts, loaded, store, context)


def _activate(
    settings: ActivateSettings, accounts: Accounts, loaded: LoadedModel, store: Store, context: Context
) -> dict[str, Any]:
    """Plan and write, while the source is open."""
    language = Language.of(settings.report.language, settings.source.currency, accounts.table.catalogue)
    with context.timed("score"):
        segments = scored(accounts, loaded, store.uri, language, context)
    with context.timed("plan"):
        people = people_of(accounts)
        situation = _situation(accounts, people, segments, settings, language)
        made = campaign.make(
            situation,
            settings.playbook,
            settings.goal,
            _capable(settings),
            language=settings.report.language,
            key=privacy.key(settings.home),
            seed=settings.seed,
            drawn=ledger.read(_ledger(settings)),
        )
    with context.timed("files"):
        ready = _ready(made, people, situation, settings)
        return _write(made, ready, accounts, loaded, store, settings, language, context)


def _ledger(settings: ActivateSettings) -> ledger.Place:
    return ledger.place_of(settings.activation, settings.home / FOLDER / "ledger")


def _capable(settings: ActivateSettings) -> ActivationSettings:
    """Return the settings with the source's own capacity where none is given."""
    asked, own = settings.activation, settings.source.capacity
    if asked.capacity is not None or own is None:
        return asked
    return asked.model_copy(update={"capacity": float(own), "capacity_unit": "accounts"})


def _insist_on_playbook(settings: ActivateSettings, loaded: LoadedModel) -> None:
    goals = {path.stem for path in (config_root() / "conf" / "goal").glob("*.yaml")}
    playbook.insist(
        settings.playbook,
        features=[feature.name for feature in catalogue()],
        segments=[segment.id for segment in loaded.catalogue.segments],
        goals=goals | {settings.goal.name},
        currency=settings.source.currency,
    )


def _insist_on_age(loaded: LoadedModel, as_of: date, most: int) -> None:
    said = loaded.catalogue.meta.get("as_of")
    if said is None:
        return
    age = (as_of - date.fromisoformat(said)).days
    if age > most:
        raise ModelError(
            f"{loaded.uri} was learned as of {said}, {age} days before {as_of}; at most {most} are allowed.",
            "Compare anew (segmentwerk compare), or allow it: activation.max_age_days=…",
        )


def _situation(
    accounts: Accounts,
    people: pd.DataFrame,
    segments: pd.DataFrame,
    settings: ActivateSettings,
    language: Language,
) -> Situation:
    """Gather what the plan is made of."""
    table, tables = accounts.table, accounts.checked.tables
    as_of = table.window.as_of
    reachable = consent.reachable(people, settings.activation)
    book = figures.book(
        tables,
        segments.index,
        as_of,
        potential=portrait.potential(table),
        predicted=table.features.get("predicted_value_12m"),
        reachable=reachable if len(people.columns) else None,
    )
    known = segments["segment_id"].reindex(table.customers)
    known = known[known >= 0].astype(int)
    measured = profiles.effects(table, known)
    return Situation(
        book=book,
        segments=segments,
        traits={
            number: tuple(
                trait(one.trait, language) for one in profiles.top_effects(measured, number, TRAITS)
            )
            for number in sorted(set(known))
        },
        effects=pd.DataFrame(
            [(one.label, one.feature.name, one.level, one.effect) for one in measured],
            columns=["segment_id", "feature", "level", "effect"],
        ),
        purchases=offers.bought(tables, as_of),
        recent=figures.recent(tables, segments.index, as_of, campaign.lengths(settings.playbook)),
        reachable=reachable,
    )


def _ready(
    made: Plan, people: pd.DataFrame, situation: Situation, settings: ActivateSettings
) -> Ready | None:
    """Work out the files of the sink, which may still refuse; nothing is written before."""
    if settings.sink is None:
        return None
    assert situation.reachable is not None
    return sink.prepare(
        settings.sink,
        made.assignments,
        people,
        situation.segments,
        situation.reachable,
        currency=settings.source.currency,
    )


def _write(
    made: Plan,
    ready: Ready | None,
    accounts: Accounts,
    loaded: LoadedModel,
    store: Store,
    settings: ActivateSettings,
    language: Language,
    context: Context,
) -> dict[str, Any]:
    """Write plan, ledger and files, and log the run, without any id of an account."""
    key, place = privacy.key(settings.home), _ledger(settings)
    model = Version.of(loaded, store)
    learned = learned_effects.recall(settings.home, model.name or model.shown, accounts.table.source)
    about = pages.PlanOrigin(
        accounts.table.source, accounts.table.digest, model.shown, settings.playbook, learned
    )
    with store.run(
        settings.tracking.experiment,
        f"activation {accounts.table.source} {made.as_of}",
        key=_key(settings, loaded, accounts),
        tags={"verb": "activate", **model.tags},
    ) as run:
        written_pages = pages.write(made, about, context.output / "plan", language, key)
        recorded = ledger.append(place, made.assignments, model=loaded.uri, as_of=made.as_of, key=key)
        exported = exporting.export(ready, settings.home / FOLDER / "exports") if ready is not None else None
        run.write(plan_records.records(made, accounts, settings, language, model, recorded, exported))
        run.write([Artifact(path, "plan") for path in written_pages])
    _tell(made, written_pages[0], recorded, exported)
    where = {"folder": place} if isinstance(place, Path) else {"database": place.shown, "table": place.name}
    return {
        "inputs": {"source": accounts.table.source, "as_of": made.as_of, "digest": accounts.table.digest},
        "model": loaded.uri,
        "plan": {"html": written_pages[0], "markdown": written_pages[1]},
        "ledger": {**where, "new": recorded.rows_new, "known": recorded.rows_known},
        "export": asdict(exported) if exported else None,
        "result": pages.numbers(made),
        "segments": {
            segment.id: {"stance": segment.stance, "rank": int(segment.rank["rank"]), **segment.figures}
            for segment in made.segments
        },
        "run_id": run.id,
    }


def _key(settings: ActivateSettings, loaded: LoadedModel, accounts: Accounts) -> str:
    """Name the run by all that decides it, so that the same command again goes on in the same run."""
    asked = settings.model_dump_json(exclude={"tracking", "home", "debug", "model"})
    told = (asked, loaded.uri, loaded.digest, accounts.table.digest, str(accounts.table.window.as_of))
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


def _tell(made: Plan, page: Path, recorded: Written, exported: Exported | None) -> None:
    numbers = pages.numbers(made)
    log.info(
        "%d accounts are addressed by %d measures, %d are held back; %d rows are new in the ledger.",
        numbers["treated"],
        numbers["measures"],
        numbers["control"],
        recorded.rows_new,
    )
    if exported is not None:
        log.info(
            "Files in %s: %d new, %d changed, %d removed.",
            exported.folder,
            exported.new,
            exported.changed,
            exported.removed,
        )
    log.info("Plan: %s", page)
