import pickle

import numpy as np
import pandas as pd
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.tuning.shared import SharedFrame


@pytest.fixture
def frame():
    values = np.random.default_rng(0).normal(size=(200, 5))
    return pd.DataFrame(
        values, index=pd.Index([f"A{i:04}" for i in range(200)], name="account_id"), columns=list("abcde")
    )


def test_comes_back_equal(frame, tmp_path):
    pd.testing.assert_frame_equal(SharedFrame.store(frame, tmp_path / "x").open(), frame)


def test_whole_numbers_and_positions_come_back_as_float(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": [True, False]})
    pd.testing.assert_frame_equal(SharedFrame.store(frame, tmp_path / "x").open(), frame.astype(float))


def test_is_mapped_not_copied(frame, tmp_path):
    opened = SharedFrame.store(frame, tmp_path / "x").open()
    values = opened.to_numpy()
    base = values
    while not isinstance(base, np.memmap) and base.base is not None:
        base = base.base
    assert isinstance(base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0] = 1


def test_pickles_as_its_path(frame, tmp_path):
    shared = SharedFrame.store(frame, tmp_path / "x")
    pickled = pickle.dumps(shared)
    assert len(pickled) < 300
    pd.testing.assert_frame_equal(pickle.loads(pickled).open(), frame)


def test_text_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="Column 'industry' is not numeric"):
        SharedFrame.store(pd.DataFrame({"a": [1.0], "industry": ["x"]}), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_an_empty_table(tmp_path):
    frame = pd.DataFrame(np.empty((0, 2)), columns=["a", "b"])
    assert SharedFrame.store(frame, tmp_path / "x").open().shape == (0, 2)
