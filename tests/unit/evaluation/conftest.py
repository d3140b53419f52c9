import pandas as pd
import pytest

from segmentwerk.core.types import Gate, Score, Scorecard

NAMES = {
    "gain": ("separation", "gain"),
    "purity": ("separation", "purity"),
    "agreement": ("stability", "agreement"),
    "prediction_strength": ("stability", "prediction_strength"),
    "explained": ("value", "explained"),
    "n_segments_score": ("substance", "n_segments"),
}


def _card(candidate, *, k=3, complexity=1, failed=(), warned=(), algorithm=None, **values):
    """A scorecard of given scores: a number, or (number, draws)."""
    scores, samples = [], {}
    for name, given in values.items():
        value, draws = given if isinstance(given, tuple) else (given, [given] * 4)
        family, short = NAMES[name]
        scores.append(Score(family, short, value, higher_is_better=short != "n_segments"))
        samples[f"{family}/{short}"] = list(draws)
    gates = [Gate(code, "a gate", "failed", f"{code} says no.") for code in failed]
    gates += [Gate(code, "a gate", "failed", f"{code} says no.", "warning") for code in warned]
    return Scorecard(
        candidate=candidate,
        algorithm=algorithm or candidate.rstrip("-0123456789"),
        n_segments=k,
        params={},
        scores=tuple(scores),
        gates=tuple(gates),
        per_segment=pd.DataFrame({"accounts": [10] * k}),
        samples=samples,
        complexity=complexity,
    )


@pytest.fixture
def make_card():
    return _card
