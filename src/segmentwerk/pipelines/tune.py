"""`segmentwerk tune`: search the parameters of one segmenter; the same command resumes."""

from __future__ import annotations

from typing import Any

from segmentwerk.config import TuneSettings
from segmentwerk.contest import run_records
from segmentwerk.contest.candidates import insist_on_fit, judge_finalists, short_name
from segmentwerk.contest.contest import Contest, identity
from segmentwerk.contest.unfinished import unfinished
from segmentwerk.core.context import Context
from segmentwerk.core.threads import threads
from segmentwerk.pipelines.train import show
from segmentwerk.preparation.prepare import prepare
from segmentwerk.tracking import provenance
from segmentwerk.tracking.writer import Store


def run(settings: TuneSettings, context: Context) -> dict[str, Any]:
    """Tune one segmenter and judge its best parameters on held-out accounts."""
    name = short_name(settings.segmenter)
    chosen = {name: settings.segmenter}
    prepared = prepare(settings, context)
    insist_on_fit(settings.segmenter, prepared.table)
    store = Store(settings.tracking.uri, settings.home, enabled=settings.tracking.enabled)
    title = f"tune {name} on {prepared.table.source}"
    with (
        unfinished(settings.home, "tune", *identity(prepared, settings, chosen)) as key,
        store.run(settings.tracking.experiment, title, tags={"verb": "tune"}, key=key) as parent,
        threads(),
        Contest.open(prepared, settings, settings.tuning, context, store, key, parent) as contest,
        contest.run(name, parent) as run,
    ):
        parent.write([*run_records.of_table(prepared.table), *run_records.of_settings(settings)])
        parent.write(provenance.tags())
        study = contest.tune(name, settings.segmenter, run)
        with context.timed(f"judge {name}"):
            params = [trial.params for trial in study.finalists]
            candidates = judge_finalists(
                name, settings.segmenter, params, prepared.view, settings.evaluation, seed=settings.seed
            )
        contest.write(candidates[0], study, run)
    best = candidates[0]
    show(best.card)
    return {
        "inputs": {"source": prepared.table.source, "digest": prepared.table.digest},
        "scores": {score.key: score.value for score in best.card.scores},
        "decision": {"params": best.params, "gates_passed": best.card.passed},
        "run_id": parent.id,
    }
