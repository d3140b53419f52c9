"""Judging the finalists of several segmenters in turns, by other processes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from segmentwerk.contest.candidates import (
    JUDGE,
    Candidate,
    judge_finalists,
    look_at_one,
    numbered,
    refit_one,
)
from segmentwerk.contest.shared_view import SharedView
from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.errors import FitError
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings, GoalSettings, SegmenterSettings
from segmentwerk.core.threads import threads
from segmentwerk.core.types import Selection
from segmentwerk.evaluation.stability import Again
from segmentwerk.evaluation.turns import Standing, Turn, finish, next_turn

Told = tuple[list[Again], list[FloatArray]]
"""What pairs of halves and bootstrap samples told of one candidate."""


@dataclass(frozen=True, eq=False)
class Examined:
    """A candidate after its first turn: its scorecard lacks the stability, which ``standing`` has in part."""

    candidate: Candidate
    standing: Standing

    def after(self, told: Told) -> Examined:
        """Return the candidate after another turn."""
        pairs, bootstraps = told
        standing = Standing(
            self.standing.card, (*self.standing.pairs, *pairs), (*self.standing.bootstraps, *bootstraps)
        )
        return replace(self, standing=standing)

    def named(self, name: str) -> Examined:
        """Return the candidate under another name."""
        card = replace(self.standing.card, candidate=name)
        candidate = replace(self.candidate, name=name, card=replace(self.candidate.card, candidate=name))
        return Examined(candidate, replace(self.standing, card=card))


Looked = tuple[list[Examined], float]
"""Candidates after their first turn, and the seconds that took."""


def get_ready() -> None:
    """Do nothing: a process that is asked for it has imported what judging needs, which takes seconds."""


def first_turn(
    name: str,
    spec: SegmenterSettings,
    finalists: Sequence[dict[str, Any]],
    view: SharedView,
    evaluation: EvaluationSettings,
    seed: int,
) -> Looked:
    """Look at finalists in a process that does nothing else; also return the seconds that took.

    Each is refitted on one pair of halves; the baseline, whose figures are shown anyway, and all of them
    where judging in turns is switched off, on everything.
    """
    begin = perf_counter()
    whole = not evaluation.in_turns or name == evaluation.baseline
    looked = []
    with threads():
        table = view.open()
        finalists_looked_at = judge_finalists(
            name, spec, finalists, table, evaluation, seed=seed, how=look_at_one
        )
        for candidate in finalists_looked_at:
            standing = Standing(candidate.card, ())
            turn = standing.missing(evaluation) if whole else Turn(pairs=(0,))
            told = refit_one(candidate, table, evaluation, turn, seed=seed)
            looked.append(Examined(candidate, standing).after(told))
    return looked, perf_counter() - begin


def together(name: str, parts: Iterable[Future[Looked]]) -> Looked:
    """Wait for the finalists of a segmenter that were looked at side by side; name them in their order.

    Raises
    ------
    FitError
        If none of them could be fitted.
    """
    looked: list[Examined] = []
    seconds, reasons = 0.0, []
    for part in parts:
        try:
            found, spent = part.result()
        except FitError as error:
            reasons.append(error.remedy or error.problem)
        else:
            looked += found
            seconds += spent
    if not looked:
        raise FitError(f"No finalist of {name} could be judged.", " ".join(dict.fromkeys(reasons)))
    return [one.named(numbered(name, i)) for i, one in enumerate(looked)], seconds


def further_turns(
    looked: Sequence[Examined],
    judges: Executor,
    view: SharedView,
    evaluation: EvaluationSettings,
    goal: GoalSettings,
    seed: int,
) -> tuple[list[Candidate], Selection, dict[str, float]]:
    """Measure candidates until the contest is decided.

    Returns
    -------
    candidates, selection, seconds
        With their scorecards, in the order given; who won; and the seconds of refits by algorithm.
    """
    known = {one.candidate.name: one for one in looked}
    seconds: dict[str, float] = defaultdict(float)
    judge_seed = derive(seed, JUDGE)
    field = {name: one.standing for name, one in known.items()}
    while turns := next_turn(field, evaluation, goal, seed=judge_seed):
        for task in _shared_out(turns, known, judges, view, evaluation, seed):
            told, spent = task.result()
            for name, one in told.items():
                known[name] = known[name].after(one)
                seconds[known[name].candidate.card.algorithm] += spent / len(told)
        field = {name: one.standing for name, one in known.items()}
    cards, selection = finish(field, evaluation, goal, seed=judge_seed)
    candidates = [replace(known[card.candidate].candidate, card=card) for card in cards]
    return candidates, selection, seconds


def _shared_out(
    turns: Mapping[str, Turn],
    known: Mapping[str, Examined],
    judges: Executor,
    view: SharedView,
    evaluation: EvaluationSettings,
    seed: int,
) -> list[Future[tuple[dict[str, Told], float]]]:
    """Give each pair and each bootstrap sample to a judge, for all candidates of an algorithm at once.

    Networks that several of them begin with are trained once a process.
    """
    parts: dict[tuple[str, Turn], list[Candidate]] = defaultdict(list)
    for name, turn in turns.items():
        candidate = known[name].candidate
        single = [Turn(pairs=(i,)) for i in turn.pairs] + [Turn(bootstraps=(i,)) for i in turn.bootstraps]
        for part in single:
            parts[candidate.card.algorithm, part].append(candidate)
    dearest_first = sorted(parts, key=lambda part: -parts[part][0].card.complexity)
    given = {
        part: judges.submit(_refit, parts[part], view, evaluation, part[1], seed) for part in dearest_first
    }
    return [given[part] for part in sorted(given, key=lambda part: (part[1].pairs, part[1].bootstraps))]


def _refit(
    candidates: Sequence[Candidate],
    view: SharedView,
    evaluation: EvaluationSettings,
    turn: Turn,
    seed: int,
) -> tuple[dict[str, Told], float]:
    """Refit in a process that does nothing else, on one thread: several of these run side by side."""
    begin = perf_counter()
    table = view.open()
    told = {one.name: refit_one(one, table, evaluation, turn, seed=seed) for one in candidates}
    return told, perf_counter() - begin
