import math

from segmentwerk.contest.run_records import about_trial, of_trial
from segmentwerk.core.records import Metric, Tag
from segmentwerk.core.types import StudyResult, TrialRecord
from segmentwerk.insight.language import Language


def test_a_trial_tells_what_it_was_valued_by():
    found = list(of_trial(TrialRecord(3, "complete", {"n_segments": 4}, 0.25, 1.0, "", {"a/b": 0.5})))
    assert Metric("objective", 0.25) in found
    assert Metric("a/b", 0.5) in found


def test_a_trial_that_was_given_up_has_no_value_but_a_reason():
    found = list(of_trial(TrialRecord(3, "pruned", {}, math.nan, 1.0, "among the worst", {})))
    assert Tag("trial_reason", "among the worst") in found
    assert not [record for record in found if isinstance(record, Metric) and record.name == "objective"]


def test_a_trial_is_set_against_the_best():
    best = TrialRecord(3, "complete", {"n_segments": 4}, 0.25, 1.0, "", {})
    other = TrialRecord(5, "complete", {"n_segments": 6}, 0.125, 1.0, "", {})
    failed = TrialRecord(6, "failed", {}, math.nan, 1.0, "<b>2</b> rows", {})
    study = StudyResult("s", (best, other, failed), (best,), 1.0, False)
    told = [about_trial("kmeans", trial, study, Language("en")).markdown for trial in study.trials]
    assert told[0].startswith(
        "Trial 3 of the search for the parameters of kmeans: n_segments = 4.\n\n**It is"
    )
    assert told[1].endswith("Its objective is 0.1250; the best trial, number 3, reached 0.2500.")
    assert "It failed (&#60;b>2&#60;/b> rows)" in told[2].replace("&#62;", ">")
    german = about_trial("kmeans", other, study, Language("de")).markdown
    assert german.endswith("Sein Zielwert ist 0,1250; der beste Versuch, Nummer 3, erreichte 0,2500.")
