"""The figures of the candidates: each title says the finding, each axis its unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from segmentwerk.core.types import Scorecard, Selection, StudyResult, TrialRecord
from segmentwerk.insight.figure import Bars, Dots, Figure, Line, Lines, Panel
from segmentwerk.insight.language import ENGLISH, Language
from segmentwerk.insight.words import candidate, criterion

NAN = float("nan")


def scores(
    selection: Selection, cards: Sequence[Scorecard], keys: Sequence[str], language: Language = ENGLISH
) -> Figure:
    """Every criterion of every candidate with its interval, in the order of the ranking.

    The title names the criteria in which the winner leads those that could win.
    """
    by_name = {card.candidate: card for card in cards}
    order = [str(name) for name in selection.ranking["candidate"]]
    rivals = _ranked(selection) or order
    led = [
        key for key in keys if max(rivals, key=lambda name: _value(by_name[name], key)) == selection.winner
    ]
    title = "figures.leads" if led else "figures.leads_nowhere"
    names = [criterion(key, language) for key in led]
    words = {name: candidate(name, language) for name in order}
    return Figure(
        "scores",
        language.text(title, winner=words[selection.winner], criteria=names),
        language.text("figures.intervals"),
        "",
        Dots(
            [words[name] + _out(by_name[name], language) for name in order],
            [_panel(key, [by_name[name] for name in order], language) for key in keys],
        ),
    )


def _out(card: Scorecard, language: Language) -> str:
    """Say on a line of its own why a candidate is out; empty where it is not."""
    if card.passed:
        return ""
    return f"\n({language.text('figures.halted' if card.halted else 'figures.failed_gate')})"


def _ranked(selection: Selection) -> list[str]:
    """Return the candidates that could win: one that fails a gate which others pass has no rank."""
    ranks = selection.ranking.set_index("candidate")["rank"]
    return [str(name) for name in ranks.index[ranks.notna()]]


def _panel(key: str, cards: Sequence[Scorecard], language: Language) -> Panel:
    measured = [card.score(key) for card in cards]
    unit = next((score.unit for score in measured if score is not None), "")
    title = criterion(key, language) + (f" ({language.find('criteria', unit) or unit})" if unit else "")
    ends = [
        [NAN if score is None else getattr(score, end) for score in measured]
        for end in ("value", "low", "high")
    ]
    return Panel(title, *ends)


def _value(card: Scorecard, key: str) -> float:
    """Return what orders candidates, larger is better."""
    score = card.score(key)
    if score is None:
        return -np.inf
    return score.value if score.higher_is_better else -score.value


def by_segments(
    studies: Mapping[str, StudyResult], chosen: Scorecard, language: Language = ENGLISH
) -> Figure:
    """Objective against the number of segments: the best trial of each algorithm at each number."""
    best = {name: best_by_segments(study) for name, study in studies.items()}
    lines = [
        Line(candidate(name, language), list(trials), [trial.value for trial in trials.values()])
        for name, trials in best.items()
    ]
    mark = best.get(chosen.algorithm, {}).get(float(chosen.n_segments))
    return Figure(
        "by_segments",
        language.text(
            "figures.by_segments", k=chosen.n_segments, algorithm=candidate(chosen.algorithm, language)
        ),
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
    trials: dict[float, list[TrialRecord]] = defaultdict(list)
    for trial in study.trials:
        k = trial.scores.get("substance/n_segments", float("nan"))
        if trial.state == "complete" and isfinite(k):
            trials[k].append(trial)
    return {k: max(trials[k], key=lambda trial: trial.value) for k in sorted(trials)}


def history(studies: Mapping[str, StudyResult], language: Language = ENGLISH) -> Figure:
    """Best objective so far against the number of trials."""
    lines, last = [], 1
    for name, study in studies.items():
        values = [trial.value if trial.state == "complete" else np.nan for trial in study.trials]
        best = np.fmax.accumulate(np.array(values, dtype=float))
        lines.append(Line(candidate(name, language), [float(i + 1) for i in range(len(best))], best.tolist()))
        last = max(last, 1 + int(np.nanargmax(best)) if np.isfinite(best).any() else 1)
    leader = max(lines, key=lambda line: line.y[-1])
    return Figure(
        "history",
        language.text("figures.history", last=last, best=leader.name, value=leader.y[-1]),
        language.text("figures.trial"),
        language.text("figures.best_so_far"),
        Lines(lines),
    )


def importance(name: str, shares: Mapping[str, float], language: Language = ENGLISH) -> Figure:
    """Share of the objective's variance that each parameter of a search explains, largest first."""
    words = language.text("figures.importance")
    parameter, share = next(iter(shares.items()))
    study = candidate(name, language)
    return Figure(
        f"importance_{name}",
        language.text("figures.decides", study=study, parameter=parameter, share=share),
        language.text("figures.parameter"),
        words,
        Bars(list(shares), {words: list(shares.values())}, percent=True),
    )
