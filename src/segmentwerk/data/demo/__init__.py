"""A generated B2B world: the data that segmentwerk runs on when it is given none."""

from segmentwerk.data.demo.world import AS_OF, OUTCOME_UNTIL, UNIT_BRANCH
from segmentwerk.data.demo.writing import generate

__all__ = ["AS_OF", "OUTCOME_UNTIL", "UNIT_BRANCH", "generate"]
