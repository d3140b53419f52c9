import pytest

from segmentwerk.contest.objective import SegmenterObjective
from segmentwerk.contest.shared_view import SharedView
from segmentwerk.core.settings import EvaluationSettings, GoalSettings, SegmenterSettings
from segmentwerk.tuning.samplers import LAST_STEP
from small_worlds import blobs, split


@pytest.mark.parametrize(
    ("target", "params", "steps"),
    [
        ("kmeans.KMeansSegmenter", {}, [LAST_STEP]),
        ("autoencoder.AutoencoderSegmenter", {"epochs": 6}, [5, LAST_STEP]),
    ],
)
def test_a_trial_reports_its_epochs_and_then_what_it_reached_before_its_refits(
    tmp_path, target, params, steps
):
    X, _ = blobs(90)
    view = SharedView.store(split(X), tmp_path / "view.joblib")
    spec = SegmenterSettings(_target_=f"segmentwerk.segmenters.{target}", params=params)
    seen = {}
    objective = SegmenterObjective("a", spec, view, EvaluationSettings(), GoalSettings(), 0)
    found = objective({"n_segments": 3}, seen.__setitem__)
    assert list(seen) == steps
    assert seen[LAST_STEP] == pytest.approx(found["separation/gain"])
