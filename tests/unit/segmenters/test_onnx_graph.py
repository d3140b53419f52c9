from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from segmentwerk.segmenters.onnx_graph import DOUBLE, Graph


def run(graph: Graph, output: str, shape: list[int | str], x: np.ndarray) -> np.ndarray:
    model = graph.model({"x": (DOUBLE, ["n", x.shape[1]])}, {"y": (output, (DOUBLE, shape))})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    result: np.ndarray = session.run(["y"], {"x": x})[0]
    return result


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, 3)) * 1e3


def test_reductions_keep_or_drop_their_axis(x: np.ndarray) -> None:
    graph = Graph("g")
    np.testing.assert_allclose(run(graph, graph.sum("x", 1), ["n", 1], x)[:, 0], x.sum(axis=1))
    graph = Graph("g")
    np.testing.assert_array_equal(run(graph, graph.max("x", 1, keep=False), ["n"], x), x.max(axis=1))


def test_constants_are_double_precision_or_64_bit() -> None:
    graph = Graph("g")
    for value in (np.float32(1.5), np.int32(3), [1, 2], 2.5):
        graph.constant(value)
    kinds = [constant.data_type for constant in graph._constants]
    assert kinds == [11, 7, 7, 11]
