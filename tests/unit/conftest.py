"""A small world with planted kinds, and two scorecards, for the tests of what is told of segments."""

import pandas as pd
import pytest

from packaged import world
from segmentwerk.core.types import Gate, Score, Scorecard
from segmentwerk.segmenters.preprocess import ReferenceSpace


def scorecard(name, lift, *, passed, jaccards):
    keys = (("separation", "gain", "nats per variable"), ("stability", "agreement", ""))
    scores = [
        Score(family, key, lift + i / 10, lift + i / 10 - 0.05, lift + i / 10 + 0.05, 0.02, unit)
        for i, (family, key, unit) in enumerate(keys)
    ]
    scores += [Score("substance", "smallest_share", 0.1), Score("stability", "jaccard_min", min(jaccards))]
    return Scorecard(
        candidate=name,
        algorithm=name,
        n_segments=4,
        params={},
        scores=tuple(scores),
        gates=(
            Gate("G001", "Segments are large enough", "passed", "", facts={"measured": 0.1, "limit": 0.02}),
            Gate(
                "G002",
                "Every segment comes back",
                "passed" if passed else "failed",
                "",
                facts={"measured": min(jaccards), "limit": 0.6},
            ),
            Gate("G004", "Prospects can be told apart", "not_applicable", "Unknown.", "warning"),
        ),
        per_segment=pd.DataFrame(
            {"accounts": [480, 360, 240, 120], "share": [0.4, 0.3, 0.2, 0.1], "jaccard": jaccards}
        ),
    )


@pytest.fixture(scope="session")
def scorecards():
    return [
        scorecard("kmeans", 0.3, passed=True, jaccards=[0.9, 0.5, 0.8, 0.85]),
        scorecard("rfm_grid", 0.1, passed=False, jaccards=[0.4, 0.5, 0.6, 0.7]),
    ]


@pytest.fixture(scope="session")
def small_world():
    """Accounts, their reference space and labels; names that must never show are among the columns."""
    table, kind = world(400)
    table.features.index = pd.Index([f"Planted GmbH {i:04d}" for i in range(400)], name="account_id")
    table.orders.index = table.features.index
    space = ReferenceSpace(table.names("numeric"), table.names("categorical")).fit(table.features)
    x = space.transform(table.features)
    return table, x, pd.Series(kind, index=table.features.index)
