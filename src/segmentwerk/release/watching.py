"""One monitored date: the accounts as they are then, what the version says of them, and all that is asked."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd

from segmentwerk.config import MonitorSettings
from segmentwerk.core.context import Context
from segmentwerk.core.errors import InputError
from segmentwerk.core.monitored import Monitored, Promise, Unasked
from segmentwerk.core.reference import FILE, Measure, Reference
from segmentwerk.core.types import AccountTable
from segmentwerk.monitoring import drift, explained_share, freezing
from segmentwerk.monitoring.assessing import assess, figures, passed_over
from segmentwerk.monitoring.movement import Snapshot
from segmentwerk.monitoring.telling import Told, tell
from segmentwerk.monitoring.today import CLOCKS, Today
from segmentwerk.release.asking import answered, measured, read_table, segments_of
from segmentwerk.release.promising import promised
from segmentwerk.scoring.load import LoadedModel
from segmentwerk.scoring.placing import placed

log = logging.getLogger(__name__)

SAME = 0.01
"""Population stability index up to which accounts that were read again count as those of the training."""
SPENT = ("revenue_12m", "monetary")
"""Features that tell an account's money, the first that is known."""


@dataclass(frozen=True)
class Looked:
    """What was found at a date, and where every account was; the latter is never kept."""

    monitored: Monitored
    snapshot: Snapshot


@dataclass(frozen=True)
class Watched:
    """A version that is watched.

    Attributes
    ----------
    reference
        What it remembers of its training.
    then
        The training's customers, read again from the source, or why that is not possible; None where they
        are not asked for.
    """

    loaded: LoadedModel
    reference: Reference
    then: pd.DataFrame | Unasked | None = None

    @classmethod
    def of(cls, loaded: LoadedModel, settings: MonitorSettings, context: Context) -> Watched:
        """Read what a version remembers; one of before versions remembered is measured on the source again.

        Raises
        ------
        InputError
            If it remembers nothing and the source does not hold the accounts of its training.
        """
        path = loaded.folder / "artifacts" / FILE
        if path.is_file():
            found = cls(loaded, Reference.read(path.read_bytes(), loaded.uri))
            return replace(found, then=_then(found, settings, context)) if settings.monitoring.then else found
        log.warning(
            "%s was registered before versions remembered their training: it is measured again on the "
            "source as of %s, which must hold the accounts of then.",
            loaded.uri,
            loaded.catalogue.meta.get("as_of", "?"),
        )
        table = read_table(loaded, settings, _trained(loaded), context)
        return cls(loaded, _remembered(loaded, table, settings), table.features.loc[table.customers])


def look(watched: Watched, settings: MonitorSettings, as_of: date | None, context: Context) -> Looked:
    """Read the source as of a date, ask the version, and ask every gate.

    Parameters
    ----------
    as_of
        None: the source's own date.
    """
    table = read_table(watched.loaded, settings, as_of, context)
    day = table.window.as_of
    with context.timed("outcome"):
        happened = _happened(watched, day, settings, context)
    return judge(watched, settings, table, context, happened, promised(watched.loaded, settings, day))


def judge(
    watched: Watched,
    settings: MonitorSettings,
    table: AccountTable,
    context: Context,
    happened: Measure | Unasked | None = None,
    promises: tuple[Promise, ...] = (),
) -> Looked:
    """Ask the version about accounts, and every gate.

    Parameters
    ----------
    happened
        What the segments told of the time that ends at the date, or why that is not known.
    promises
        What campaigns promised beside what later ones found.
    """
    loaded, reference = watched.loaded, watched.reference
    with context.timed("score"):
        said = answered(loaded, table)
    with context.timed("measure"):
        found = measured(loaded, table, said, reference, settings)
        told = _told(watched, table, settings)
    if isinstance(happened, Measure):
        found |= {"explained": happened}
    today = Today(
        features=table.features,
        customers=table.customers,
        said=said,
        catalogue=table.catalogue,
        segments=segments_of(loaded),
        reference=reference,
        measures=found,
        told=told,
        no_outcome=None if isinstance(happened, Measure) else happened,
        promises=promises,
    )
    with context.timed("gates"):
        monitored = _monitored(loaded, table, today, settings)
    return Looked(monitored, _snapshot(table, said))


def snapshot(watched: Watched, settings: MonitorSettings, as_of: date, context: Context) -> Snapshot:
    """Return where every account was at a date, from the source as it is now."""
    table = read_table(watched.loaded, settings, as_of, context)
    return _snapshot(table, answered(watched.loaded, table))


def _trained(loaded: LoadedModel) -> date:
    said = loaded.catalogue.meta.get("as_of")
    if said is None:
        raise InputError(
            f"{loaded.uri} does not say when it was trained, and remembers nothing of it.",
            "Register a version anew: segmentwerk compare.",
        )
    return date.fromisoformat(str(said))


def _remembered(loaded: LoadedModel, table: AccountTable, settings: MonitorSettings) -> Reference:
    """Measure again what a version would have remembered; its space's columns have no names any more."""
    said, customers = answered(loaded, table), table.features.loc[table.customers]
    width = placed(loaded, customers.iloc[:1]).shape[1]
    blank = Reference(
        as_of=str(table.window.as_of),
        accounts=len(table.orders),
        customers=len(customers),
        numbers=freezing.numbers(customers, table.catalogue),
        levels=freezing.levels(customers, table.catalogue),
        parts=freezing.parts(customers, table.catalogue),
        answers=freezing.answers(said, table.customers, segments_of(loaded)),
        columns=tuple(f"x{place}" for place in range(width)),
        discrete={},
    )
    found = measured(loaded, table, said, blank, settings)
    found.pop("gain", None)  # which columns belong to one category is not known
    return blank.model_copy(update={"measures": found})


def _then(watched: Watched, settings: MonitorSettings, context: Context) -> pd.DataFrame | Unasked:
    """Read the training's customers again; the source must still hold them as they were."""
    reference = watched.reference
    try:
        with context.timed("then"):
            table = read_table(watched.loaded, settings, date.fromisoformat(reference.as_of), context)
    except InputError as error:
        log.info("The accounts of %s cannot be read again: %s", reference.as_of, error.problem)
        return Unasked(reason="not_held", named={"day": reference.as_of})
    rows = table.features.loc[table.customers]
    drifts = drift.features(rows, reference)
    if len(rows) != reference.customers or any(one.psi > SAME for one in drifts):
        return Unasked(reason="held_otherwise", named={"day": reference.as_of})
    return rows


def _told(watched: Watched, table: AccountTable, settings: MonitorSettings) -> Told | Unasked | None:
    then = watched.then
    if not isinstance(then, pd.DataFrame):
        return then
    if str(table.window.as_of) == watched.reference.as_of:
        return Unasked(reason="training_date")
    now = table.features.loc[table.customers]
    return tell(then, now, max_rows=settings.monitoring.max_rows, seed=settings.seed, without=CLOCKS)


def _happened(
    watched: Watched, as_of: date, settings: MonitorSettings, context: Context
) -> Measure | Unasked:
    """Measure what segments told of the time that ends at the date and is as long as was promised for."""
    reference, days = watched.reference, watched.reference.outcome_days
    if not settings.monitoring.outcome:
        return Unasked(reason="outcome_off")
    if not reference.outcome or days is None:
        return Unasked(reason="no_promise")
    since = as_of - timedelta(days=days)
    if since < date.fromisoformat(reference.as_of):
        first = date.fromisoformat(reference.as_of) + timedelta(days=days)
        return Unasked(reason="too_early", named={"days": str(days), "day": str(first)})
    table = read_table(watched.loaded, settings, since, context, until=as_of)
    if reference.outcome not in table.outcomes:
        return Unasked(reason="outcome_untold", named={"outcome": reference.outcome})
    ids = answered(watched.loaded, table).loc[table.learnable, "segment_id"]
    known = ids[ids.isin(segments_of(watched.loaded))]
    found = explained_share.explained(known, table.outcomes[reference.outcome], seed=settings.seed)
    return found or Unasked(reason="too_few_outcomes")


def _monitored(
    loaded: LoadedModel, table: AccountTable, today: Today, settings: MonitorSettings
) -> Monitored:
    findings = assess(today, settings.monitoring)
    if str(table.window.as_of) < today.reference.as_of:
        findings = passed_over(findings)
    return Monitored(
        model=loaded.uri if loaded.uri.startswith("models:/") else loaded.folder.name,
        version=loaded.version,
        digest=loaded.digest,
        trained_as_of=today.reference.as_of,
        as_of=table.window.as_of,
        source=table.source,
        source_digest=table.digest,
        accounts=len(table.orders),
        customers=len(table.customers),
        findings=findings,
        figures=figures(today),
        drifts=today.drifts,
        telling=today.told.features if isinstance(today.told, Told) else {},
        promises=today.promises,
    )


def _snapshot(table: AccountTable, said: pd.DataFrame) -> Snapshot:
    money = next((name for name in SPENT if name in table.features), None)
    return Snapshot(
        table.window.as_of,
        pd.DataFrame(
            {
                "segment_id": said["segment_id"].reindex(table.orders.index),
                "confidence": said["confidence"].reindex(table.orders.index),
                "revenue": 0.0 if money is None else table.features[money].fillna(0.0),
                "customer": table.orders.index.isin(table.customers),
            },
            index=table.orders.index,
        ),
    )
