"""What a comparison found."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from segmentwerk.contest.candidates import Candidate
from segmentwerk.core.types import Scorecard, Selection, StudyResult, Verdict


@dataclass(frozen=True)
class Outcome:
    """What a comparison found.

    ``judged`` is the verdict on structure, which other processes still work on when the winner is known;
    ``left_out`` says of each segmenter that could not take part why.
    """

    candidates: dict[str, Candidate]
    cards: list[Scorecard]
    studies: dict[str, StudyResult]
    selection: Selection
    judged: Future[Verdict]
    left_out: dict[str, str]

    @property
    def winner(self) -> Candidate:
        """The selected candidate."""
        return self.candidates[self.selection.winner]

    @property
    def verdict(self) -> Verdict:
        """Whether the data holds groups; waits until that is known."""
        return self.judged.result()
