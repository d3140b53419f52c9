import pickle
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from segmentwerk.contest.shared_view import SharedView
from segmentwerk.core.errors import InputError
from segmentwerk.evaluation.view import View


@pytest.fixture
def view():
    rng = np.random.default_rng(0)
    ids = pd.Index([f"A{i:04}" for i in range(200)], name="account_id")
    table = pd.DataFrame(rng.normal(size=(200, 5)), index=ids, columns=["a", "b", "kind=x", "kind=y", "c"])
    known = pd.DataFrame({"size": rng.normal(size=200), "industry": ["x", None] * 100}, index=ids)
    outcome = pd.Series(rng.normal(size=200), index=ids)
    return View(
        table[:150], table[150:], {"kind": ["kind=x", "kind=y"]},
        outcome_train=outcome[:150], outcome_test=outcome[150:],
        prospect_train=known[:150], prospect_test=known[150:],
    )  # fmt: skip


def test_comes_back_equal(view, tmp_path):
    view.everyone.mean()  # known by now, but not worth a place on disk
    opened = SharedView.store(view, tmp_path / "view.joblib").open()
    assert set(vars(opened)) == {field.name for field in fields(View)}
    for half in ("train", "test"):
        assert_frame_equal(getattr(opened, half), getattr(view, half))
        assert_series_equal(getattr(opened, f"outcome_{half}"), getattr(view, f"outcome_{half}"))
        assert_frame_equal(getattr(opened, f"prospect_{half}"), getattr(view, f"prospect_{half}"))
    assert opened.discrete == view.discrete
    assert opened.revenue_train is None


def test_is_mapped_not_copied(view, tmp_path):
    values = SharedView.store(view, tmp_path / "view.joblib").open().train.to_numpy()
    base = values
    while not isinstance(base, np.memmap) and base.base is not None:
        base = base.base
    assert isinstance(base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0] = 1


def test_is_opened_once_a_process(view, tmp_path):
    shared = SharedView.store(view, tmp_path / "view.joblib")
    pickled = pickle.dumps(shared)
    assert len(pickled) < 400
    assert pickle.loads(pickled).open() is shared.open()


def test_a_file_that_cannot_be_written_is_named(view, tmp_path):
    (tmp_path / "views").touch()
    with pytest.raises(InputError, match=r"view\.joblib"):
        SharedView.store(view, tmp_path / "views" / "view.joblib")
