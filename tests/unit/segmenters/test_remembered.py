"""What is remembered is the same as what would be computed, and has its limits."""

from __future__ import annotations

import numpy as np
import pytest

from segmentwerk.segmenters import _device, _remembered
from segmentwerk.segmenters._embedder import Embedder, FoldedMLP
from segmentwerk.segmenters._neighbors import neighbor_graph
from segmentwerk.segmenters._remembered import Memory, RememberingMLP, digest
from segmentwerk.segmenters._variables import Variables
from segmentwerk.segmenters.autoencoder import AutoencoderSegmenter

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(40, 6))
LAYERS = (
    (RNG.normal(size=(5, 6)), RNG.normal(size=5)),
    (RNG.normal(size=(6, 5)), RNG.normal(size=6)),
)


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    _remembered._mapped.clear()


def test_what_was_asked_for_longest_ago_is_forgotten_first() -> None:
    memory: Memory[str] = Memory(5, len)
    for key, result in (("a", "11"), ("b", "22")):
        assert memory.get(key, lambda result=result: result) == result
    assert memory.find("a") == "11"
    memory.keep("c", "33")
    assert [memory.find(key) for key in "abc"] == ["11", None, "33"]
    memory.keep("a", "4444")
    assert [memory.find(key) for key in "abc"] == ["4444", None, None]
    memory.keep("d", "too long for it")
    assert [memory.find(key) for key in "abcd"] == [None] * 4
    memory.clear()
    assert memory.get("a", lambda: "5") == "5"


def test_a_digest_tells_content_type_shape_and_order() -> None:
    same = ROWS.copy()
    others = [np.nextafter(ROWS, 9), ROWS.astype(np.float32), ROWS.reshape(20, 12), np.asfortranarray(ROWS)]
    assert digest(ROWS) == digest(same)
    assert len({digest(rows) for rows in (ROWS, *others)}) == 1 + len(others)


def test_a_network_maps_the_same_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = FoldedMLP(LAYERS).forward(ROWS)
    first = RememberingMLP(LAYERS).forward(ROWS)
    np.testing.assert_array_equal(first, wanted)
    assert RememberingMLP(LAYERS).forward(ROWS.copy()) is first
    assert RememberingMLP(LAYERS[:1]).forward(ROWS) is not first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_few_rows_are_remembered_and_errors_do_not_change_what_is() -> None:
    columns = ["a", "b", "c", "d=x", "d=y", "d=z"]
    levels = np.column_stack([ROWS[:, :3], np.eye(3)[RNG.integers(3, size=len(ROWS))]])
    plain = Embedder(FoldedMLP(LAYERS[:1]), FoldedMLP(LAYERS[1:]), Variables.read(columns, levels))
    remembering = _device.to_device(plain, len(levels))
    assert isinstance(remembering.encoder, RememberingMLP)
    assert _device.to_device(plain, _device.MANY) is plain
    for _ in range(2):
        for found, wanted in zip(
            remembering.embed_and_judge(levels), plain.embed_and_judge(levels), strict=True
        ):
            np.testing.assert_array_equal(found, wanted)


def test_a_graph_is_looked_for_once() -> None:
    assert neighbor_graph(ROWS, 40, 3) is neighbor_graph(ROWS.copy(), 40, 3)
    assert neighbor_graph(ROWS, 40, 4).shape == (40, 4)


def test_rows_in_other_units_get_a_network_of_their_own():
    """Both are alike in standard form, in which the training is done."""
    rows = np.random.default_rng(0).normal(size=(200, 4))
    quick = {"n_segments": 2, "epochs": 2, "n_restarts": 1}
    models = [AutoencoderSegmenter(**quick).fit(rows * unit) for unit in (1.0, 2.0**-30)]
    first, second = (
        model.transform(rows * unit) for model, unit in zip(models, (1.0, 2.0**-30), strict=True)
    )
    np.testing.assert_allclose(first, second, rtol=1e-6)
