"""What a comparison found."""

from __future__ import annotations

from dataclasses import dataclass

from segmentwerk.contest.candidates import Candidate
from segmentwerk.core.types import Scorecard, Selection, StudyResult, Verdict


@dataclass(frozen=True)
class Outcome:
    """What a comparison found.

    ``left_out`` says of each segmenter that could not take part why.
    """

    candidates: dict[str, Candidate]
    cards: list[Scorecard]
    studies: dict[str, StudyResult]
    selection: Selection
    verdict: Verdict
    left_out: dict[str, str]

    @property
    def winner(self) -> Candidate:
        """The selected candidate."""
        return self.candidates[self.selection.winner]
