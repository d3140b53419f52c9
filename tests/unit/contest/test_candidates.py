import pytest

from segmentwerk.contest import candidates
from segmentwerk.core.errors import FitError
from segmentwerk.core.settings import EvaluationSettings, SegmenterSettings

SPEC = SegmenterSettings(_target_="segmentwerk.segmenters.kmeans.KMeansSegmenter")


@pytest.fixture
def judge(monkeypatch):
    """Judge finalists, of which some cannot be fitted; return the names that candidates got."""

    def judge_one(title, name, spec, params, view, evaluation, *, seed):
        if "error" in params:
            raise params["error"]
        return title, params["n"]

    monkeypatch.setattr(candidates, "judge_one", judge_one)
    return lambda *finalists: candidates.judge_finalists(
        "kmeans", SPEC, finalists, None, EvaluationSettings(), seed=0
    )


@pytest.mark.parametrize("error", [FitError("No row."), MemoryError(), RuntimeError("out of memory")])
def test_a_finalist_that_fails_leaves_the_others(judge, error):
    assert judge({"n": 1}, {"error": error}, {"n": 3}) == [("kmeans", 1), ("kmeans #2", 3)]
    assert judge({"error": error}, {"n": 2}) == [("kmeans", 2)]


def test_without_any_finalist_the_reasons_are_told_without_a_customers_data(judge):
    with pytest.raises(FitError, match=r"No finalist of kmeans.*No row\. ValueError in") as told:
        judge({"error": FitError("No row.")}, {"error": ValueError("not a number: 'Jane Doe'")})
    assert "Jane" not in str(told.value)


def test_defects_are_not_hidden(judge):
    with pytest.raises(TypeError):
        judge({"n": 1}, {"error": TypeError()})


def test_every_verb_calls_a_segmenter_by_its_module():
    assert candidates.short_name(SPEC) == "kmeans"
