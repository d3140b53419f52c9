import pandas as pd
import pytest

from segmentwerk.core.types import Score
from segmentwerk.evaluation import gates
from segmentwerk.evaluation.view import Case
from small_worlds import SETTINGS, Labelled, blobs, split


def ask(sizes, *, k=None, gain=(0.1, 0.05), jaccard=0.9, accuracy=None, **settings):
    """Statuses by code for segments of the given sizes."""
    X, _ = blobs(sum(sizes))
    labels = pd.Series([label for label, size in enumerate(sizes) for _ in range(size)], index=X.index)
    labels = labels.sample(frac=1, random_state=0).set_axis(X.index)
    case = Case.of(Labelled(labels, k), split(X), SETTINGS.model_copy(update=settings), 0)
    scores = [
        Score("separation", "gain", gain[0], low=gain[1], high=1.0),
        Score("stability", "jaccard_min", jaccard),
    ]
    if accuracy:
        scores.append(Score("identifiability", "balanced_accuracy", accuracy[0], low=accuracy[1], high=1.0))
    return {gate.code: gate for gate in gates.check(case, {score.key: score for score in scores})}


def failed(found):
    return {code for code, gate in found.items() if gate.status == "failed"}


def test_good_candidate_passes_every_gate():
    found = ask([60, 60], accuracy=(0.8, 0.7))
    assert [gate.status for gate in found.values()] == ["passed"] * 6


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("G001", {"sizes": [118, 2]}),
        ("G002", {"sizes": [60, 60], "jaccard": 0.59}),
        ("G003", {"sizes": [60, 60], "k": 3}),
        ("G005", {"sizes": [40, 40, 40], "max_segments": 2}),
        ("G006", {"sizes": [60, 60], "gain": (0.1, -0.001)}),
    ],
)
def test_each_gate_fails_alone(code, change):
    found = ask(**change)
    assert failed(found) == {code}
    assert found[code].severity == "error"


def test_prospects_at_chance_are_a_warning():
    found = ask([60, 60], accuracy=(0.55, 0.49))
    assert failed(found) == {"G004"}
    assert found["G004"].severity == "warning"
    assert "0.55" in found["G004"].message


def test_no_prospect_features_is_not_passed():
    assert ask([60, 60])["G004"].status == "not_applicable"


def test_messages_name_the_numbers():
    found = ask([118, 2])
    assert "1.7%" in found["G001"].message
    assert "2.0%" in found["G001"].message
