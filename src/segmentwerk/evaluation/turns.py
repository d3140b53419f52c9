"""Judging in turns: who is measured further, until nobody else can win.

Refits are what judging costs (docs/decisions/0019-judging-in-turns.md). Every candidate gets a first look
and one pair of halves. The likely winner, its runner-up and the baseline get all refits. Each other one is
completed many times over with pairs made up from what is known, and the rule is asked each time: one that
wins in none of the `COMPLETIONS` is measured no further, the others get one more pair (a race with a stated
error: Maron & Moore 1994, "Hoeffding races"; Audibert, Bubeck & Munos 2010, "Best arm identification in
multi-armed bandits"). By the rule of three none of 200 says: a chance below 1.5%, with 95% certainty.

A made-up pair is the mean of the candidate's own pairs and a deviation drawn from those of all candidates
with two pairs or more, in units of sqrt(m (1 - m)) with m the candidate's mean, as shares spread. As many
drawn deviations as it has pairs are taken off, since its own mean may lie as far from the truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from segmentwerk.core.arrays import FloatArray
from segmentwerk.core.seeds import derive
from segmentwerk.core.settings import EvaluationSettings, GoalSettings
from segmentwerk.core.types import Scorecard, Selection
from segmentwerk.evaluation import gates
from segmentwerk.evaluation.ranking import criteria_of
from segmentwerk.evaluation.scorecard import with_stability
from segmentwerk.evaluation.selection import against_baseline, choose, select
from segmentwerk.evaluation.stability import FAMILY, Again, draws, n_bootstraps

COMPLETIONS = 200
"""How often a candidate's missing pairs are made up."""
PREFIX = f"{FAMILY}/"
LEAST = "stability/jaccard_min"
EDGE = 0.05
"""Means nearer to 0 or 1 than this spread as this one does: a perfect pair says little of the next."""


@dataclass(frozen=True, eq=False)
class Standing:
    """What is known of a candidate: its first look, and what its refits told so far."""

    card: Scorecard
    pairs: tuple[Again, ...]
    bootstraps: tuple[FloatArray, ...] = ()

    def estimate(self, settings: EvaluationSettings, seed: int) -> Scorecard:
        """Return the scorecard with the stability as far as it is known."""
        return with_stability(self.card, self.pairs, self.bootstraps, settings, seed=seed)

    def missing(self, settings: EvaluationSettings) -> Turn:
        """Return all that it has not been measured on."""
        return Turn(
            tuple(range(len(self.pairs), settings.n_splits)),
            tuple(range(len(self.bootstraps), n_bootstraps(settings))),
        )


@dataclass(frozen=True)
class Turn:
    """Which pairs of halves and which bootstrap samples a candidate is measured on next."""

    pairs: tuple[int, ...] = ()
    bootstraps: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.pairs or self.bootstraps)


Field = Mapping[str, Standing]
"""All candidates of a contest by name."""


def next_turn(
    field: Field, settings: EvaluationSettings, goal: GoalSettings, *, seed: int
) -> dict[str, Turn]:
    """Say who is measured on what next; empty when the contest is decided.

    Parameters
    ----------
    field
        Each with one pair at least.
    seed
        With which all candidates are judged.
    """
    cards = {name: standing.estimate(settings, seed) for name, standing in field.items()}
    missing = {name: standing.missing(settings) for name, standing in field.items()}
    shown = _shown(select(list(cards.values()), settings, goal), cards, settings)
    if any(missing[name] for name in shown):
        return {name: missing[name] for name in shown if missing[name]}
    undecided = [name for name in field if missing[name].pairs]
    winning = _can_win(field, cards, undecided, settings, goal, seed) if undecided else set()
    return {name: Turn(missing[name].pairs[:1]) for name in undecided if name in winning}


def finish(
    field: Field, settings: EvaluationSettings, goal: GoalSettings, *, seed: int
) -> tuple[list[Scorecard], Selection]:
    """Return the scorecards and the selection of a contest that is decided.

    Candidates that were not measured to the end stand in the others' mean ranks with what was measured of
    them; of themselves no stability, no rank and no place on the Pareto front is told.
    """
    cards = [standing.estimate(settings, seed) for standing in field.values()]
    cards = against_baseline(cards, settings, goal)
    selection = select(cards, settings, goal)
    halted = {name for name, standing in field.items() if len(standing.pairs) < settings.n_splits}
    told = [_halted(card, field[card.candidate]) if card.candidate in halted else card for card in cards]
    return told, _without(selection, halted, {card.candidate: card for card in told})


def _shown(selection: Selection, cards: Mapping[str, Scorecard], settings: EvaluationSettings) -> list[str]:
    """Return those of whom a reviewer is shown everything: winner, runner-up and baseline."""
    opponents = [item.candidate for item in selection.comparisons]
    baselines = [name for name, card in cards.items() if card.algorithm == settings.baseline]
    return list(dict.fromkeys([selection.winner, *opponents, *baselines]))


def _can_win(
    field: Field,
    cards: Mapping[str, Scorecard],
    undecided: Sequence[str],
    settings: EvaluationSettings,
    goal: GoalSettings,
    seed: int,
) -> set[str]:
    """Return the candidates with missing pairs that win with some of the pairs made up for all of them."""
    rng = np.random.default_rng(derive(seed, "turns"))
    deviations = _deviations(field.values())
    whole = [card for name, card in cards.items() if name not in undecided]
    known = {card.candidate: card for card in against_baseline(whole, settings, goal)}
    keys = {LEAST, *(key for key in criteria_of(whole, settings, goal) if key.startswith(PREFIX))}
    winners: set[str] = set()
    for _ in range(COMPLETIONS):
        completed = {}
        for name in undecided:
            pairs = _completed(field[name].pairs, deviations, settings.n_splits, rng)
            completed[name] = _made_up(cards[name], pairs, keys, settings, seed)
        everyone = [completed.get(name) or known[name] for name in field]
        winners.add(choose(everyone, settings, goal).winner.candidate)
        if winners.issuperset(undecided):
            break
    return winners.intersection(undecided)


def _made_up(
    card: Scorecard, pairs: Sequence[Again], keys: Iterable[str], settings: EvaluationSettings, seed: int
) -> Scorecard:
    """Return a card with what pairs tell of some scores, as far as the rule looks at it."""
    values = {key: draws(pairs, key.removeprefix(PREFIX), seed) for key in keys}
    scores = [
        replace(score, value=float(values[score.key][0])) if score.key in values else score
        for score in card.scores
    ]
    jaccard = next(score for score in scores if score.key == LEAST)
    return replace(
        card,
        scores=tuple(scores),
        samples=card.samples | {key: drawn[1:].tolist() for key, drawn in values.items()},
        gates=gates.asked_again(card.gates, jaccard, settings.min_jaccard),
    )


def _deviations(field: Iterable[Standing]) -> FloatArray:
    """Return how far pairs lie from their candidate's mean (n, 3): agreement, strength, least overlap."""
    found = [np.zeros((0, 3))]
    for standing in field:
        n = len(standing.pairs)
        if n > 1:
            means, values = _means(standing.pairs)
            found.append((values - means) / _spread(means) * np.sqrt(n / (n - 1)))
    return np.concatenate(found)


def _means(pairs: tuple[Again, ...]) -> tuple[FloatArray, FloatArray]:
    """Return the mean (3,) and each pair's (n, 3) agreement, strength and overlap of the worst segment."""
    overlaps = np.stack([pair.overlaps[:, 0] for pair in pairs])
    worst = overlaps[:, overlaps.mean(axis=0).argmin()]
    values = np.column_stack(
        [[pair.agreement[0] for pair in pairs], [pair.strength[0] for pair in pairs], worst]
    )
    return values.mean(axis=0), values


def _spread(means: FloatArray) -> FloatArray:
    shares = means.clip(EDGE, 1 - EDGE)
    return np.asarray(np.sqrt(shares * (1 - shares)))


def _completed(
    pairs: tuple[Again, ...], deviations: FloatArray, n_splits: int, rng: np.random.Generator
) -> tuple[Again, ...]:
    """Return the pairs and made-up ones for those that are missing."""
    n, missing = len(pairs), n_splits - len(pairs)
    drawn = deviations[rng.integers(len(deviations), size=n + missing)]
    shifts = drawn[n:] - drawn[:n].mean(axis=0)
    agreement, strength, overlaps = (
        np.mean([getattr(pair, name) for pair in pairs], axis=0)
        for name in ("agreement", "strength", "overlaps")
    )
    return pairs + tuple(
        Again(
            np.minimum(agreement + shift[0] * _spread(agreement[:1]), 1.0),
            (strength + shift[1] * _spread(strength[:1])).clip(0, 1),
            (overlaps + shift[2] * _spread(overlaps[:, :1])).clip(0, 1),
            pairs[0].seconds,
        )
        for shift in shifts
    )


def _halted(card: Scorecard, standing: Standing) -> Scorecard:
    """Return the first look's scorecard, with what was not measured saying so."""
    answers = tuple(
        gates.unmeasured(item) if item.code in (gates.STABILITY_CODE, gates.BASELINE_CODE) else item
        for item in card.gates
    )
    return replace(standing.card, gates=answers, halted=True)


def _without(selection: Selection, halted: set[str], cards: Mapping[str, Scorecard]) -> Selection:
    """Return a selection that tells of halted candidates only what was measured of them."""
    ranking = selection.ranking.copy()
    rows = ranking["candidate"].isin(halted)
    ranking.loc[rows, ["rank", "rank_se"]] = np.nan
    ranking.loc[rows, [name for name in ranking if str(name).startswith(PREFIX)]] = np.nan
    ranking.loc[rows, ["passed", "pareto"]] = False
    for row in ranking.index[rows]:
        gone = [item.code for item in cards[ranking["candidate"][row]].gates if item.status == "failed"]
        ranking.loc[row, "failed"] = " ".join(gone)
    ranking = ranking.loc[[*ranking.index[~rows], *ranking.index[rows]]].reset_index(drop=True)
    return replace(
        selection,
        ranking=ranking,
        pareto=tuple(name for name in selection.pareto if name not in halted),
        near_ties=tuple(name for name in selection.near_ties if name not in halted),
    )
