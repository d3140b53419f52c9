"""A saved model that gives a customer away is found out."""

import json
import shutil

import pytest

from segmentwerk.registry import disclosure


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "model")


def change(folder, **entries):
    path = folder / "artifacts" / "catalogue.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def check(folder, *ids):
    return disclosure.check(folder, lambda words: [word in ids for word in words])


def test_a_sound_model_passes(copy):
    gate = check(copy, "A0000001", "12")
    assert (gate.code, gate.status) == ("P006", "passed"), gate.message
    assert "could not be compared" in disclosure.check(copy, None).message


@pytest.mark.parametrize("text", ["A0000001", "such as A0000001, a seller", "(A0000001)"])
def test_the_id_of_an_account(copy, text):
    change(copy, meta={"note": text})
    gate = check(copy, "A0000001")
    assert gate.status == "failed"
    assert "ids of 1 accounts" in gate.message
    assert "A0000001" not in gate.message
    assert "features.exclude" in gate.message


@pytest.mark.parametrize("text", ["ada@example.com", "+49 30 1234567"])
def test_a_contact(copy, text):
    change(copy, meta={"note": text})
    gate = check(copy)
    assert gate.status == "failed"
    assert text not in gate.message


def test_a_personal_column(copy):
    change(copy, features={"email": {}})
    assert "'email' is personal" in check(copy).message


def test_a_table_or_a_pickle(copy):
    (copy / "rows.parquet").write_bytes(b"x")
    assert "rows.parquet" in check(copy).message
