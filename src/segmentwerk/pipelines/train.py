"""`segmentwerk train`: fit and judge one segmenter with given parameters."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from segmentwerk.config import TrainSettings
from segmentwerk.contest import run_records
from segmentwerk.contest.candidates import insist_on_fit, judge_one, short_name
from segmentwerk.core.context import Context
from segmentwerk.core.threads import threads
from segmentwerk.core.types import Scorecard
from segmentwerk.preparation.prepare import Prepared, prepare
from segmentwerk.tracking import provenance
from segmentwerk.tracking.writer import Store

log = logging.getLogger(__name__)


def run(settings: TrainSettings, context: Context) -> dict[str, Any]:
    """Fit one segmenter on the training accounts, judge it on the others, save it and log the run.

    Without parameters in `segmenter.params` the first starting point of its yaml is used.
    """
    name = short_name(settings.segmenter)
    prepared = prepare(settings, context)
    insist_on_fit(settings.segmenter, prepared.table)
    store = Store(settings.tracking.uri, settings.home, enabled=settings.tracking.enabled)
    spec = settings.segmenter
    start = {key: value for key, value in (spec.start or [{}])[0].items() if key not in spec.params}
    with (
        _parent(store, settings, prepared, context) as parent,
        store.run(settings.tracking.experiment, name, parent=parent, tags={"verb": "train"}) as run,
    ):
        run.write(
            [*run_records.of_table(prepared.table), *run_records.of_settings(settings), *provenance.tags()]
        )
        with context.timed("judge"), threads():
            candidate = judge_one(
                name, name, spec, start, prepared.view, settings.evaluation, seed=settings.seed
            )
        candidate.model.save(context.output / "segmenter")
        run.write([*run_records.of_scorecard(candidate.card), *run_records.of_training(candidate.model)])
    show(candidate.card)
    return {
        "inputs": {"source": prepared.table.source, "digest": prepared.table.digest},
        "scores": {score.key: score.value for score in candidate.card.scores},
        "decision": {"gates_passed": candidate.card.passed, "n_segments": candidate.card.n_segments},
        "params": candidate.card.params,
        "segmenter": context.output / "segmenter",
        "run_id": run.id,
    }


@contextmanager
def _parent(
    store: Store, settings: TrainSettings, prepared: Prepared, context: Context
) -> Iterator[str | None]:
    """Yield the run that the runs of one multirun are nested in; None for a single run."""
    if context.sweep is None or not store.enabled:
        yield None
        return
    title = f"train {prepared.table.source}"
    experiment = settings.tracking.experiment
    with store.run(experiment, title, key=context.sweep, tags={"verb": "train"}) as parent:
        yield parent.id


def show(card: Scorecard) -> None:
    """Print one candidate's scores and gates to the terminal."""
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"[bold]{card.candidate}[/] with {card.n_segments} segments")
    for score in card.scores:
        interval = f"  [{score.low:.3f}, {score.high:.3f}]" if score.low == score.low else ""
        console.print(f"  {score.key:38} {score.value:10.3f}", end="")
        console.print(interval, markup=False)
    failed = [
        f"- {card.candidate} failed {gate.code} ({gate.title}): {gate.message}"
        for gate in card.gates
        if gate.status == "failed"
    ]
    console.print("\n".join(failed) if failed else "All gates passed.", markup=False)
