"""`segmentwerk refresh`: split a segment or compare anew, and propose a new version only if it is due."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from segmentwerk.config import RefreshSettings
from segmentwerk.contest.holding import Chosen, Held, held
from segmentwerk.contest.seeding import continuing, presently, seeded
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError, FitError, ModelError
from segmentwerk.core.escaping import escape
from segmentwerk.core.monitored import Monitored
from segmentwerk.core.records import Description, Metric, Tag
from segmentwerk.insight.language import Language
from segmentwerk.monitoring import renewal
from segmentwerk.monitoring.renewal import Renewal
from segmentwerk.pipelines import compare
from segmentwerk.preparation.prepare import Prepared
from segmentwerk.registry.incumbent import incumbent
from segmentwerk.registry.promotion import Registered, champion
from segmentwerk.release.describing import Described, describe
from segmentwerk.release.release import PATIENCE, registry_of
from segmentwerk.reporting import pages, renewal_words
from segmentwerk.scoring.load import load
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)

MONITORED = "monitoring"
"""Below home: what was found at the monitored dates."""


def run(settings: RefreshSettings, context: Context) -> dict[str, Any]:
    """Split the segment that newcomers have joined, or compare anew; register only what is to be proposed.

    Raises
    ------
    ModelError
        If there is no champion, or the registry does not answer.
    InputError, ConfigError, FitError
        As `compare.run`.
    """
    store = _store(settings)
    present = champion(store, settings.registry.model_name)
    if present is None:
        raise ModelError(
            f"{settings.registry.model_name} has no champion to start from.",
            "Make the first one: segmentwerk compare.",
        )
    monitored = renewal.last_monitored(
        settings.home / MONITORED, present.tags.get("digest", ""), settings.source.name
    )

    try:
        found = _split(store, present, monitored, settings, context)
        return found or _compared(store, present, monitored, settings, context)
    except _FaultyRecordsError as stop:
        language = Language(settings.report.language, settings.source.currency)
        return _tell(present, stop.found, renewal_words.faulty(stop.found, present.version, language))


def _store(settings: RefreshSettings) -> Store:
    if not settings.tracking.enabled:
        raise ConfigError("A refresh needs the registry.", "Set tracking.enabled=true.")
    store = Store(settings.tracking.uri, settings.home)
    if not store.answers(PATIENCE):
        raise ModelError(
            "The tracking store does not answer, so the champion is not known.",
            "Give the same command again when it does.",
        )
    store.prepare(settings.tracking.experiment)
    return store


class _FaultyRecordsError(Exception):
    """Ends a refresh before its contest: nothing went wrong, but nothing is to be learned either."""

    def __init__(self, found: Renewal) -> None:
        super().__init__(found.cause)
        self.found = found


def _insist_on_records(monitored: Monitored | None, prepared: Prepared) -> None:
    """End the refresh where monitoring found these records to be wrong: a contest would take long."""
    findings = renewal.calling(monitored, prepared.table.window.as_of)
    if monitored is not None and renewal.faulty(findings):
        raise _FaultyRecordsError(Renewal("faulty", findings, monitored.as_of))


def _split(
    store: Store,
    present: Registered,
    monitored: Monitored | None,
    settings: RefreshSettings,
    context: Context,
) -> dict[str, Any] | None:
    """Propose the champion with one segment split; None where nothing calls for that, or it is not enough.

    The customers of all other segments keep theirs, which a comparison anew grants nobody.
    """
    if monitored is None or not (settings.renewal.split_first and renewal.changed(monitored)):
        return None
    joined = renewal.joined(monitored)

    def start(prepared: Prepared, _: Chosen) -> tuple[Prepared, Chosen]:
        _insist_on_records(monitored, prepared)
        return _continued(store, prepared, settings, joined)

    try:
        with held(settings, context, "refresh", pages.segmenter, start) as contest:
            decided, described, words = _decide(contest, present, monitored, settings)
            if decided.propose:
                return _conclude(contest, present, decided, described, words)
            contest.parent.write([Description(escape(words)), *_records(decided, present)])
            reason = str(decided.cause)
    except FitError as error:
        reason = str(error)
    log.info("To split a segment of version %d is not enough (%s).", present.version, reason)
    return None


def _continued(
    store: Store, prepared: Prepared, settings: RefreshSettings, joined: Sequence[int]
) -> tuple[Prepared, Chosen]:
    """Let the contest know which segment each customer has; those joined, else all, are split in turn."""
    customers = prepared.table.features.loc[prepared.table.learnable]
    name = settings.registry.model_name
    known = incumbent(store, name, customers, lambda uri: load(uri, store.uri))
    assert known is not None  # there is a champion
    view = presently(prepared.view, known.ids)
    present = sorted(known.ids.unique().tolist())
    return replace(prepared, view=view), continuing([one for one in present if one in joined] or present)


def _compared(
    store: Store,
    present: Registered,
    monitored: Monitored | None,
    settings: RefreshSettings,
    context: Context,
) -> dict[str, Any]:
    """Compare anew, starting from the champion."""

    def start(prepared: Prepared, chosen: Chosen) -> tuple[Prepared, Chosen]:
        _insist_on_records(monitored, prepared)
        return prepared, _seeded(store, present, chosen)

    with held(settings, context, "refresh", pages.segmenter, start) as contest:
        return _conclude(contest, present, *_decide(contest, present, monitored, settings))


def _seeded(store: Store, present: Registered, chosen: Chosen) -> Chosen:
    """Let the contest start from what the champion was made with."""
    tags, params = _made(store, present)
    found, point = seeded(chosen, tags, params)
    if point is not None:
        told = ", ".join(f"{name}={value}" for name, value in point.items())
        log.info("Starting from version %d: %s.", present.version, told)
    return found


def _made(store: Store, present: Registered) -> tuple[dict[str, str], dict[str, str]]:
    """Return tags and parameters of the run that made the champion; none where it was deleted."""
    from mlflow.exceptions import MlflowException

    try:
        data = store.client.get_run(present.run_id).data
    except MlflowException:
        return {}, {}
    return dict(data.tags), dict(data.params)


def _decide(
    contest: Held, present: Registered, monitored: Monitored | None, settings: RefreshSettings
) -> tuple[Renewal, Described, str]:
    """Return what is to be done with the winner, what is known of it, and the paragraph that says so."""
    registry = registry_of(contest.store, contest.parent)
    described = describe(contest.prepared, contest.found.winner, settings, registry, contest.parent.id)
    if described.comparison is None or described.comparison.champion != present.version:
        raise ModelError(
            f"The champion of {settings.registry.model_name} changed meanwhile, or cannot be asked any more.",
            "Give the same command again: finished trials are kept.",
        )
    as_of = contest.prepared.table.window.as_of
    decided = renewal.decide(
        described.comparison,
        contest.found.winner.card.gates,
        monitored,
        as_of=as_of,
        least_gain=settings.renewal.least_gain,
    )
    words = renewal_words.paragraph(
        decided, present.version, contest.found, described, as_of, described.language
    )
    return decided, described, words


def _conclude(
    contest: Held, present: Registered, decided: Renewal, described: Described, words: str
) -> dict[str, Any]:
    """Tell what was decided; the winner is registered only if it is proposed."""
    contest.parent.write(_records(decided, present))
    page = escape(words)
    told = compare.publish(contest, described, page) if decided.propose else _keep(contest, page)
    return told | _tell(present, decided, words, described)


def _keep(contest: Held, page: str) -> dict[str, Any]:
    """Write down the contest; nothing is registered."""
    contest.parent.write([Description(page), *compare.records(contest)])
    return compare.summary(contest) | {"run_id": contest.parent.id}


def _records(decided: Renewal, present: Registered) -> list[Metric | Tag]:
    numbers = asdict(decided.overall) if decided.overall else {}
    return [
        Tag("refresh", "propose" if decided.propose else "keep"),
        Tag("refresh.cause", decided.cause),
        Tag("refresh.champion", present.uri),
        *(Metric(f"succession/{name}", numbers[name]) for name in ("value", "low", "high") if numbers),
    ]


def _tell(
    present: Registered, decided: Renewal, words: str, described: Described | None = None
) -> dict[str, Any]:
    """Log the paragraph and return what `summary.json` says of the decision."""
    log.info("%s: %s", "PROPOSE" if decided.propose else "KEEP", words)
    comparison = described.comparison if described else None
    return {
        "refresh": {
            "decision": "propose" if decided.propose else "keep",
            "cause": decided.cause,
            "champion": present.version,
            "monitored": decided.monitored,
            "findings": [one.code for one in decided.findings],
            "comparison": asdict(comparison) if comparison else None,
            "words": words,
        }
    }
