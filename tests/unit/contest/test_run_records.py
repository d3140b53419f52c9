import math

from segmentwerk.contest.run_records import of_trial
from segmentwerk.core.records import Metric, Tag
from segmentwerk.core.types import TrialRecord


def test_a_trial_tells_what_it_was_valued_by():
    found = list(of_trial(TrialRecord(3, "complete", {"n_segments": 4}, 0.25, 1.0, "", {"a/b": 0.5})))
    assert Metric("objective", 0.25) in found
    assert Metric("a/b", 0.5) in found


def test_a_trial_that_was_given_up_has_no_value_but_a_reason():
    found = list(of_trial(TrialRecord(3, "pruned", {}, math.nan, 1.0, "among the worst", {})))
    assert Tag("trial_reason", "among the worst") in found
    assert not [record for record in found if isinstance(record, Metric) and record.name == "objective"]
