"""The reason for a selection, in plain sentences with numbers."""

from __future__ import annotations

from collections.abc import Sequence

from segmentwerk.core.types import Scorecard
from segmentwerk.evaluation.gates import NOISE_CODE
from segmentwerk.evaluation.ranking import Contest

WORDS = {
    "separation/gain": "held-out gain",
    "separation/purity": "neighbourhood purity",
    "separation/silhouette": "simplified silhouette",
    "stability/agreement": "agreement of refits",
    "stability/prediction_strength": "prediction strength",
    "stability/jaccard_min": "overlap of the least stable segment",
    "value/explained": "explained outcome",
}


def reason(
    ranked: Sequence[Scorecard],
    contest: Contest,
    tied: Sequence[int],
    cards: Sequence[Scorecard],
    criteria: dict[str, float],
    comparisons: Sequence[dict[str, object]],
    *,
    rule_of_thumb: bool = False,
) -> str:
    """Write why the first of the ranked candidates won, and how sure that is.

    ``rule_of_thumb``: it is the baseline, taken because nobody is better than noise.
    """
    opening = (
        [_thumb(ranked[0])] if rule_of_thumb
        else [_gates(ranked, cards), _rank(ranked[0], contest, tied, criteria)]
    )  # fmt: skip
    sentences = [
        *opening,
        *(_comparison(item) for item in comparisons),
        *_out(cards),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _gates(ranked: Sequence[Scorecard], cards: Sequence[Scorecard]) -> str:
    winner = ranked[0]
    if winner.passed:
        return f"{len(ranked)} of {len(cards)} candidates passed every gate."
    failed = [gate for gate in winner.gates if gate.status == "failed" and gate.severity == "error"]
    messages = " ".join(f"{gate.code}: {gate.message}" for gate in failed)
    return (
        f"No candidate passed every gate; the {len(ranked)} of {len(cards)} that fail the fewest were "
        f"ranked, so treat the winner as a convenient cut, not as a finding. It fails: {messages}"
    )


def _thumb(winner: Scorecard) -> str:
    noise = next(gate for gate in winner.gates if gate.code == NOISE_CODE)
    return (
        f"No candidate passed every gate: none is surely better than noise. So the rule of thumb, "
        f"{winner.candidate} ({winner.n_segments} segments), was taken: a cut that comes back and that "
        f"anybody understands, not groups that were found. {noise.code}: {noise.message}"
    )


def _rank(winner: Scorecard, contest: Contest, tied: Sequence[int], criteria: dict[str, float]) -> str:
    names = [WORDS.get(key, key) for key in criteria]
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    own = float(contest.rank[contest.names.index(winner.candidate)])
    opening = f"{winner.candidate} ({winner.n_segments} segments) has mean rank {own:.2f} by {listed}"
    others = [i for i in tied if contest.names[i] != winner.candidate]
    if not others:
        return (
            f"{opening}, the best by more than one standard error."
            if len(contest.names) > 1
            else f"{opening}."
        )
    listed = ", ".join(f"{contest.names[i]} ({contest.rank[i]:.2f})" for i in others)
    return (
        f"{opening}. Within one standard error of the best rank lie also {listed}: a near tie, "
        "decided by fewer segments, then by the simpler algorithm, then by rank."
    )


def _comparison(item: dict[str, object]) -> str:
    role, name, share = item["role"], item["candidate"], float(str(item["ahead"]))
    sure = "clearly" if share >= 0.95 else "probably" if share >= 0.8 else "not surely"
    if share < 0.5:
        sure = "not"
    return f"It is {sure} better than the {role} {name}: ahead in {share:.0%} of the paired bootstrap draws."


def _out(cards: Sequence[Scorecard]) -> list[str]:
    lines = [
        f"{card.candidate} ({', '.join(gate.code for gate in card.gates if gate.status == 'failed')})"
        for card in cards
        if not card.passed
    ]
    return [f"Gates failed by: {', '.join(lines)}."] if lines else []
