"""`segmentwerk score` from raw tables: by the definitions that the model was trained with."""

import json

import pandas as pd

from command_line import in_process, segmentwerk


def test_raw_tables_give_the_assignments_of_the_training(comparison, tmp_path):
    output = tmp_path / "segments.parquet"
    as_of = comparison.summary["inputs"]["as_of"]
    given = ("source=demo", "source.accounts=500", f"as_of={as_of}", f"output={output}")
    done = segmentwerk("score", *given, home=comparison.home)
    assert done.code == 0, done.stderr
    scored = pd.read_parquet(output).set_index("account_id")
    logged = pd.read_parquet(comparison.summary["model"]["assignments"]).set_index("account_id")
    assert set(scored.index) == set(logged.index)
    columns = ["segment_id", "segment_name", "basis", "is_outlier"]
    pd.testing.assert_frame_equal(scored.loc[logged.index, columns], logged[columns], check_dtype=False)


def test_money_in_another_currency_is_refused(comparison, monkeypatch, capsys):
    given = ("source=demo", "source.accounts=500", "source.currency=USD")
    done = in_process("score", *given, home=comparison.home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "is in USD" in done.stderr
    assert "was trained in EUR" in done.stderr


def test_features_that_mean_something_else_are_refused(comparison, monkeypatch, capsys):
    from segmentwerk.features import definitions

    original = definitions._made_up

    def drifted(*given):
        found = original(*given)
        return found | {"frequency": [0.0 for _ in found["frequency"]]}

    monkeypatch.setattr(definitions, "_made_up", drifted)
    given = ("source=demo", "source.accounts=500")
    done = in_process("score", *given, home=comparison.home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "built unlike when the model was trained: frequency." in done.stderr


def test_as_of_goes_with_a_source(comparison, monkeypatch, capsys):
    accounts = comparison.summary["model"]["accounts"]
    given = (f"input={accounts}", "as_of=2025-01-01")
    done = in_process("score", *given, home=comparison.home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "as_of goes with source" in done.stderr


def test_what_features_learned_is_kept_beside_the_catalogue(comparison):
    paths = comparison.home.glob("mlflow/artifacts/models/*/artifacts/artifacts/definitions.json")
    path = min(paths, key=lambda one: one.stat().st_mtime)  # other tests register versions, too
    kept = json.loads(path.read_text())
    assert "peers" in kept["learned"]
    assert len(kept["made_up"]) > 30
