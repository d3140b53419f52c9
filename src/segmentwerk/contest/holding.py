"""A comparison up to its winner: what `compare` and `refresh` have in common."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from segmentwerk.config import CompareSettings
from segmentwerk.contest import run_records
from segmentwerk.contest.candidates import Candidate, build, refitter, unfit
from segmentwerk.contest.contest import Contest, identity
from segmentwerk.contest.outcome import Outcome
from segmentwerk.contest.race import Race
from segmentwerk.contest.turn_taking import get_ready
from segmentwerk.contest.unfinished import unfinished
from segmentwerk.core.context import Context
from segmentwerk.core.errors import ConfigError, nearest
from segmentwerk.core.processes import processes
from segmentwerk.core.records import Description
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import SegmenterSettings
from segmentwerk.core.threads import threads
from segmentwerk.core.types import Scorecard, Selection, StudyResult, Verdict
from segmentwerk.evaluation.structure import verdict
from segmentwerk.insight.language import Language
from segmentwerk.preparation.prepare import Prepared, prepare
from segmentwerk.tracking import provenance
from segmentwerk.tracking.writer import Run, Store

log = logging.getLogger(__name__)


class PageWriter(Protocol):
    """Writes the page of a segmenter."""

    def __call__(
        self,
        cards: Sequence[Scorecard],
        winner: Scorecard,
        study: StudyResult,
        selection: Selection,
        language: Language,
    ) -> str:
        """Return it as Markdown."""


@dataclass(frozen=True)
class Held:
    """A contest that was held: what a decision and a release need. The run is still open."""

    settings: CompareSettings
    context: Context
    store: Store
    prepared: Prepared
    parent: Run
    found: Outcome


Chosen = dict[str, SegmenterSettings]
"""The candidates by name."""
Seeding = Callable[[Prepared, Chosen], tuple[Prepared, Chosen]]
"""Says before a contest what it starts from, and what is tried first."""


@contextmanager
def held(
    settings: CompareSettings,
    context: Context,
    verb: str,
    write: PageWriter,
    seeding: Seeding | None = None,
) -> Iterator[Held]:
    """Tune and judge all segmenters, choose, and keep the run open for what is done with the winner.

    Parameters
    ----------
    verb
        Names the run.
    write
        Writes the page of a segmenter (`reporting.pages.segmenter`), which is told to people and so not
        known here.
    seeding
        Says before the contest what it starts from, and what is tried first.

    Raises
    ------
    InputError, ConfigError
        If the source or the config cannot be used; nothing was logged then.
    FitError
        If no segmenter could be fitted.
    """
    chosen = _chosen(settings)
    store = Store(settings.tracking.uri, settings.home, enabled=settings.tracking.enabled)
    with processes() as helpers:
        helpers.warm_up(get_ready)  # while tables are read a core is free
        with store.preparing(settings.tracking.experiment):
            prepared = prepare(settings, context)
        left_out = {name: why for name, spec in chosen.items() if (why := unfit(spec, prepared.table))}
        chosen = {name: spec for name, spec in chosen.items() if name not in left_out}
        if seeding is not None:
            prepared, chosen = seeding(prepared, chosen)
        title = f"{verb} {prepared.table.source}"
        with (
            unfinished(settings.home, verb, *identity(prepared, settings, chosen)) as key,
            store.run(settings.tracking.experiment, title, tags={"verb": verb}, key=key) as parent,
            threads(),
            ThreadPoolExecutor(1, thread_name_prefix="verdict") as beside,
            closing(helpers),  # before ``beside``: then nobody waits for what they were doing
        ):
            parent.write([*run_records.of_table(prepared.table), *run_records.of_settings(settings)])
            parent.write(provenance.tags())
            with Contest.open(prepared, settings, settings.tuning, context, store, key, parent) as contest:
                race = Race(contest, parent, helpers, left_out=left_out)
                found = _hold(race, chosen, settings, beside, write)
            yield Held(settings, context, store, prepared, parent, found)


def _chosen(settings: CompareSettings) -> Chosen:
    """Return the candidates by name, each checked to be buildable before anything runs."""
    names = settings.candidates or list(settings.segmenters)
    for name in names:
        if name not in settings.segmenters:
            raise ConfigError(f"There is no segmenter {name!r}.", nearest(name, settings.segmenters))
        build(settings.segmenters[name], {}, min_share=settings.evaluation.min_segment_share, seed=0)
    return {name: settings.segmenters[name] for name in names}


def _hold(
    race: Race, chosen: Chosen, settings: CompareSettings, beside: Executor, write: PageWriter
) -> Outcome:
    """Find the winner; the verdict on structure is worked on beside what is done with it."""
    contest = race.contest
    race.run(chosen)
    selection, studies = race.selection, race.studies
    assert selection is not None
    candidates = {found.name: found for own in race.candidates.values() for found in own}
    language = Language.of(
        settings.report.language, settings.source.currency, contest.prepared.table.catalogue
    )
    _conclude(race, candidates, selection, studies, partial(write, language=language))
    judged = beside.submit(_verdict, contest, candidates[selection.winner], settings, race.judges)
    cards = [candidate.card for candidate in candidates.values()]
    return Outcome(candidates, cards, studies, selection, judged, race.left_out)


def _conclude(
    race: Race,
    candidates: dict[str, Candidate],
    selection: Selection,
    studies: dict[str, StudyResult],
    write: Callable[[Sequence[Scorecard], Scorecard, StudyResult, Selection], str],
) -> None:
    """Write on each segmenter's run how it stands beside the others, which only now is known."""
    winner = candidates[selection.winner].card
    for name, study in studies.items():
        own = [found.card for found in candidates.values() if found.card.algorithm == name]
        page = write(own, winner, study, selection)
        race.runs[name].write([*run_records.of_gates(candidates[name].card), Description(page)])


def _verdict(contest: Contest, winner: Candidate, settings: CompareSettings, helpers: Executor) -> Verdict:
    log.info("Asking whether there is any structure, against data without groups ...")
    share = settings.evaluation.min_segment_share
    params = winner.params | winner.model.reduced
    with contest.context.timed("structure"):
        return verdict(
            refitter(winner.spec, params, contest.prepared.view, min_share=share),
            contest.prepared.view,
            settings.evaluation,
            seed=derive(settings.seed, "verdict"),
            card=winner.card,
            spread=helpers.map,
        )
