import numpy as np
import onnxruntime
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raw_feed import feed
from segmentwerk.segmenters.design import Design, signed_log
from segmentwerk.segmenters.onnx_graph import DOUBLE, Graph, raw_inputs

ROWS = pd.DataFrame(
    {
        "employees": [1.0, 2.0, 4.0, 8.0, 16.0, np.nan] * 5,
        "frequency": [3.0] * 30,
        "industry": (["Tech", "Tech", "Retail", None, "Tech", "Rare"] * 5),
    }
).astype({"industry": object})


@pytest.fixture(scope="module")
def design():
    return Design.learn(ROWS, ["frequency", "employees"], ["industry"], ["employees", "industry"])


def test_terms_are_learned_from_the_features_that_are_used(design):
    (number,) = design.numbers
    logs = np.log1p([1, 2, 4, 8, 16])
    assert number.column == 1
    assert number.centre == pytest.approx(logs.mean())
    assert number.scale == pytest.approx(logs.std())
    assert number.edges == (1.0, 2.0, 4.0, 8.0)
    (category,) = design.categories
    assert category.levels == ("", "Rare", "Retail", "Tech")


def test_the_matrix_of_one_account_by_hand(design):
    row = pd.DataFrame({"frequency": [1.0], "employees": [5.0], "industry": ["Tech"]})
    logs = np.log1p([1, 2, 4, 8, 16])
    z = (np.log(6) - logs.mean()) / logs.std()
    np.testing.assert_allclose(design.matrix(row), [[z, 0, 1, 1, 1, 0, 0, 0, 0, 1]])
    share = (15 + 0.5) / (25 + 0.5 * 4)
    np.testing.assert_allclose(design.typicality(row), [-0.5 * z**2 + np.log(share)])


def test_unknown_values_and_levels(design):
    row = pd.DataFrame({"frequency": [1.0], "employees": [np.nan], "industry": ["Never seen"]})
    np.testing.assert_allclose(design.matrix(row), [[0, 1, 0, 0, 0, 0, 0, 0, 0, 0]])
    np.testing.assert_allclose(design.typicality(row), [-0.5 + np.log(0.5 / 27)])
    row["industry"] = None
    shares = np.array([5.5, 5.5, 15.5, 0.5]) / 27
    np.testing.assert_allclose(design.typicality(row), [-0.5 + shares @ np.log(shares)])


def test_freak_values_are_clipped(design):
    row = pd.DataFrame({"frequency": [1.0], "employees": [1e300], "industry": ["Tech"]})
    assert design.matrix(row)[0, 0] == 4.0
    assert design.typicality(row)[0] < -1000


def test_columns_that_say_nothing_make_no_term():
    rows = pd.DataFrame({"a": [np.nan] * 6, "b": [2.0] * 6})
    design = Design.learn(rows, ["a", "b"], [], ["a", "b"])
    assert design.numbers == ()
    assert design.matrix(rows).shape == (6, 0)


NUMBERS = st.one_of(st.just(np.nan), st.floats(allow_nan=False, allow_infinity=False, width=64))
TEXTS = st.one_of(st.none(), st.sampled_from(["Tech", "Retail", "Rare", "", "tech "]), st.text(max_size=5))


@pytest.fixture(scope="module")
def drawn(design):
    """The design's logits for three segments, as ONNX, and the weights in them."""
    weights = np.random.default_rng(0).normal(size=(3, design.matrix(ROWS).shape[1]))
    graph = Graph("g")
    logits, score = design.add_to(graph, weights)
    model = graph.model(
        raw_inputs(2, 1),
        {"logits": (logits, (DOUBLE, ["n", 3])), "score": (score, (DOUBLE, ["n"]))},
    )
    return onnxruntime.InferenceSession(model.SerializeToString()), weights


@settings(deadline=None, max_examples=100)
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS, TEXTS), min_size=1, max_size=20))
def test_onnx_says_the_same_on_any_row(design, drawn, rows):
    session, weights = drawn
    frame = pd.DataFrame(rows, columns=["frequency", "employees", "industry"]).astype(
        {"frequency": float, "employees": float, "industry": object}
    )
    found = session.run(["logits", "score"], feed(frame, ["frequency", "employees"], ["industry"]))
    np.testing.assert_allclose(found[0], design.matrix(frame) @ weights.T, atol=1e-9)
    np.testing.assert_allclose(found[1], design.typicality(frame), rtol=1e-9, atol=1e-9)


def test_signed_log_is_odd_and_monotone():
    values = np.array([-1e9, -1.0, 0.0, 1.0, 1e9])
    np.testing.assert_allclose(signed_log(values), -signed_log(-values))
    assert (np.diff(signed_log(values)) > 0).all()
