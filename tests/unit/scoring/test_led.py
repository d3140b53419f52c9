"""A model whose segments are made of some features only: who has none of them is told from the others."""

import numpy as np
import pandas as pd
import pytest

from packaged import pack
from segmentwerk.shipped.segment_model import CODE, ENTRY, imported

LEADING = ["monetary", "discount_share"]


@pytest.fixture(scope="module")
def led(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("led") / "model", active=("value",))


@pytest.fixture(scope="module")
def assigner(led):
    contents = {path.name: path.read_bytes() for path in led.folder.iterdir() if path.is_file()}
    assert {ENTRY, *CODE} <= set(contents)
    return imported(contents).Assigner(contents, "1")


def test_the_model_says_what_leads(led):
    catalogue = led.catalogue
    assert [name for name, feature in catalogue.features.items() if feature.active] == LEADING
    assert catalogue.basis.led
    assert list(catalogue.basis.own) == LEADING
    assert catalogue.basis.orders is None


def test_what_only_describes_moves_nobody(led, assigner):
    rows = led.table.features.iloc[:50].copy()
    before = assigner.predict(rows)
    rows["frequency"], rows["recency_days"] = 1.0, 999.0
    after = assigner.predict(rows)
    assert (before["segment_id"] == after["segment_id"]).all()
    assert set(before["basis"]) <= {"full", "partial"}


def test_without_what_leads_the_rest_tells(led, assigner):
    rows = led.table.features.iloc[:80].copy()
    rows[LEADING] = np.nan
    found = assigner.predict(rows)
    likely = led.prospect.predict_proba(rows)
    assert (found["segment_id"] == 11 + likely.argmax(axis=1)).all()
    np.testing.assert_allclose(found["confidence"], likely.max(axis=1), atol=1e-6)
    assert set(found["basis"]) == {"partial"}
    right = found["segment_id"].to_numpy() == 11 + led.labels.iloc[:80].to_numpy()
    assert right.mean() > led.prospect.majority  # frequency tells of money


def test_reasons_of_a_guess_name_what_it_was_made_from(led, assigner):
    rows = led.table.features.iloc[:80].copy()
    rows[LEADING] = np.nan
    told = assigner.predict(rows, columns=["reason_1", "reason_2", "reason_3"]).to_numpy().ravel()
    words = " ".join(told)
    assert "revenue" not in words.lower()
    assert "order" in words


def test_of_whom_nothing_is_known_nothing_is_said(led, assigner):
    nobody = pd.DataFrame({name: [None] for name in led.table.features})
    assert assigner.predict(nobody)["basis"].tolist() == ["too little known"]
