"""The figures of the candidates: each title says the finding, each axis its unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from segmentwerk.core.types import Scorecard, Selection, StudyResult, TrialRecord
from segmentwerk.insight.figure import Dots, Figure, Line, Lines
from segmentwerk.insight.language import ENGLISH, Language

AGREEMENT, STRENGTH = "stability/agreement", "stability/prediction_strength"


def criterion(key: str, language: Language = ENGLISH) -> str:
    """Return the words for a score ``family/name``."""
    return str(language.find("criteria", key) or key.partition("/")[2].replace("_", " "))


def ranked(
    selection: Selection, cards: Sequence[Scorecard], key: str, language: Language = ENGLISH
) -> Figure:
    """One criterion of all candidates with intervals, in the order of the ranking."""
    found = {card.candidate: card.score(key) for card in cards}
    order = [str(name) for name in selection.ranking["candidate"] if found[str(name)] is not None]
    scores = [score for name in order if (score := found[name]) is not None]
    best = max(scores, key=lambda score: score.value if score.higher_is_better else -score.value)
    leader = next(name for name in order if found[name] is best)
    words, unit = criterion(key, language), language.find("criteria", best.unit) or best.unit
    told = {"criterion": words, "value": language.decimal(best.value, 3), "winner": selection.winner}
    title = "figures.leads_and_won" if leader == selection.winner else "figures.leads"
    return Figure(
        f"scores_{key.replace('/', '_')}",
        language.text(title, leader=leader, **told),
        language.text("figures.interval_unit" if unit else "figures.interval", criterion=words, unit=unit),
        language.text("figures.candidate"),
        Dots(order, [s.value for s in scores], [s.low for s in scores], [s.high for s in scores]),
    )


def side_by_side(
    selection: Selection, cards: Sequence[Scorecard], keys: Sequence[str], language: Language = ENGLISH
) -> Figure:
    """All criteria of all candidates as parallel coordinates, each scaled from worst (0) to best (1).

    Those on the Pareto front over the families are named so.
    """
    names = [str(name) for name in selection.ranking["candidate"]]
    values = np.array([[_value(card, key) for key in keys] for card in cards])
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    scaled = (values - low) / np.where(high > low, high - low, 1.0)
    row = {card.candidate: scaled[i] for i, card in enumerate(cards)}
    words = {name: language.text("figures.on_front", candidate=name) for name in selection.pareto}
    places = [float(x) for x in range(len(keys))]
    lines = [Line(words.get(name, name), places, row[name].tolist()) for name in names]
    wins = int(sum(row[selection.winner] >= np.nanmax(scaled, axis=0)))
    return Figure(
        "side_by_side",
        language.text("figures.best_in", winner=selection.winner, wins=wins, total=len(keys)),
        language.text("figures.criterion"),
        language.text("figures.worst_to_best"),
        Lines(lines, [criterion(key, language) for key in keys]),
    )


def _value(card: Scorecard, key: str) -> float:
    score = card.score(key)
    return float("nan") if score is None else score.value


def by_segments(
    studies: Mapping[str, StudyResult], chosen: Scorecard, language: Language = ENGLISH
) -> Figure:
    """Objective against the number of segments: the best trial of each algorithm at each number.

    The band shows how stable the chosen algorithm's best trials are: from prediction strength (the worst
    segment) to the agreement of refits (all accounts).
    """
    best = {name: best_by_segments(study) for name, study in studies.items()}
    lines = [
        Line(name, list(trials), [trial.value for trial in trials.values()]) for name, trials in best.items()
    ]
    own = {
        k: trial
        for k, trial in best.get(chosen.algorithm, {}).items()
        if {AGREEMENT, STRENGTH} <= trial.scores.keys()
    }
    if own:
        edges = np.sort([[trial.scores[key] for key in (STRENGTH, AGREEMENT)] for trial in own.values()])
        name = language.text("figures.stability_band", algorithm=chosen.algorithm)
        lines.append(Line(name, list(own), [], edges[:, 0].tolist(), edges[:, 1].tolist()))
    mark = best.get(chosen.algorithm, {}).get(float(chosen.n_segments))
    return Figure(
        "by_segments",
        language.text("figures.by_segments", k=chosen.n_segments, algorithm=chosen.algorithm),
        language.text("figures.n_segments"),
        language.text("figures.objective"),
        Lines(
            lines,
            mark=(float(chosen.n_segments), mark.value) if mark else None,
            mark_name=language.text("figures.chosen"),
        ),
    )


def best_by_segments(study: StudyResult) -> dict[float, TrialRecord]:
    """Return the best complete trial at each number of segments, in order."""
    found: dict[float, list[TrialRecord]] = defaultdict(list)
    for trial in study.trials:
        k = trial.scores.get("substance/n_segments", float("nan"))
        if trial.state == "complete" and isfinite(k):
            found[k].append(trial)
    return {k: max(found[k], key=lambda trial: trial.value) for k in sorted(found)}


def history(studies: Mapping[str, StudyResult], language: Language = ENGLISH) -> Figure:
    """Best objective so far against the number of trials."""
    lines, last = [], 1
    for name, study in studies.items():
        values = [trial.value if trial.state == "complete" else np.nan for trial in study.trials]
        best = np.fmax.accumulate(np.array(values, dtype=float))
        lines.append(Line(name, [float(i + 1) for i in range(len(best))], best.tolist()))
        last = max(last, 1 + int(np.nanargmax(best)) if np.isfinite(best).any() else 1)
    leader = max(lines, key=lambda line: line.y[-1])
    told = {"best": leader.name, "value": language.decimal(leader.y[-1])}
    return Figure(
        "history",
        language.text("figures.history", last=last, **told),
        language.text("figures.trial"),
        language.text("figures.best_so_far"),
        Lines(lines),
    )


def training(curve: Sequence[float], language: Language = ENGLISH) -> Figure:
    """Draw the validation loss of the autoencoder by epoch."""
    best = int(np.argmin(curve))
    epochs = [float(i + 1) for i in range(len(curve))]
    loss = language.text("figures.validation_loss")
    mark = (best + 1.0, float(curve[best]))
    return Figure(
        "training",
        language.text("figures.training", best=best + 1, total=len(curve)),
        language.text("figures.epoch"),
        loss,
        Lines([Line(loss, epochs, list(curve))], mark=mark, mark_name=language.text("figures.chosen")),
    )
