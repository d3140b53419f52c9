import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from segmentwerk.core.errors import ConfigError, InputError, ModelError
from segmentwerk.scoring import batch
from segmentwerk.scoring.batch import score
from segmentwerk.shipped.model_catalogue import COLUMNS


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(batch, "CHUNK", 500)


@pytest.fixture(scope="module")
def files(accounts, tmp_path_factory):
    """The same accounts in every shape that can be scored."""
    folder = tmp_path_factory.mktemp("inputs")
    accounts.to_parquet(folder / "a.parquet")
    accounts.to_csv(folder / "a.csv", index=False)
    accounts.to_csv(folder / "german.csv", index=False, sep=";", decimal=",", encoding="cp1252")
    accounts.to_csv(folder / "a.csv.gz", index=False)
    accounts.astype({"frequency": "int32", "monetary": "float32"}).to_parquet(folder / "narrow.parquet")
    for kind in ("parquets", "csvs"):
        (folder / kind).mkdir()
    for number, begin in enumerate(range(0, len(accounts), 450)):
        part = accounts.iloc[begin : begin + 450]
        part.to_parquet(folder / "parquets" / f"part-{number}.parquet")
        part.to_csv(folder / "csvs" / f"part-{number}.csv", index=False)
    return folder


@pytest.mark.parametrize("name", ["a.csv", "german.csv", "a.csv.gz", "narrow.parquet", "parquets", "csvs"])
def test_every_shape_of_input_gives_the_same_result(saved, files, tmp_path, name):
    score(str(saved), files / "a.parquet", tmp_path / "expected.parquet")
    done = score(str(saved), files / name, tmp_path / "found.parquet")
    expected, found = (
        pd.read_parquet(tmp_path / "expected.parquet"),
        pd.read_parquet(tmp_path / "found.parquet"),
    )
    pd.testing.assert_frame_equal(
        found.drop(columns=["reason_1", "reason_2", "reason_3"]),
        expected.drop(columns=["reason_1", "reason_2", "reason_3"]),
        check_exact=False,
        rtol=1e-5,
        atol=1e-7,  # money as float32 is rounded, and a margin can be next to nothing
    )
    assert (done.read, done.scored, done.rejected, done.quarantine) == (1200, 1200, 0, None)


def test_it_says_what_the_model_says(saved, model, accounts, files, tmp_path):
    score(str(saved), files / "a.parquet", tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(found, model.predict(accounts), check_dtype=False, check_exact=False)
    assert list(found.columns) == list(COLUMNS)


def test_an_ibis_table(saved, files, tmp_path):
    import ibis

    table = ibis.duckdb.connect().read_parquet(files / "a.parquet")
    done = score(str(saved), table, tmp_path / "out.parquet")
    score(str(saved), files / "a.parquet", tmp_path / "expected.parquet")
    assert done.scored == 1200
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "expected.parquet").read_bytes()


def test_a_csv_result_and_fewer_columns(saved, files, tmp_path):
    score(str(saved), files / "a.parquet", tmp_path / "out.csv", columns=["segment_name", "account_id"])
    assert list(pd.read_csv(tmp_path / "out.csv").columns) == ["segment_name", "account_id"]


def test_nothing_but_the_result_is_left(saved, files, tmp_path):
    score(str(saved), files / "a.parquet", tmp_path / "out.parquet")
    assert [file.name for file in tmp_path.iterdir()] == ["out.parquet"]


def test_the_summary_counts_what_was_written(saved, files, tmp_path):
    seen = []
    done = score(
        str(saved),
        files / "a.parquet",
        tmp_path / "out.parquet",
        progress=lambda n, total: seen.append((n, total)),
    )
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert done.segments == {str(k): int(n) for k, n in found["segment_id"].value_counts().items()}
    assert done.basis == found["basis"].value_counts().to_dict()
    assert done.outliers == found["is_outlier"].sum()
    assert (done.model_version, done.missing, done.ignored, done.resumed) == ("3", (), (), 0)
    assert seen == [(500, 1200), (1000, 1200), (1200, 1200)]


@pytest.fixture
def dirty(accounts, tmp_path):
    """Seven bad rows of eleven, one of them too short."""
    rows = accounts.head(10).astype(object)
    rows.loc[1, "monetary"] = "much"
    rows.loc[2, "employees"] = "inf"
    rows.loc[3, "account_id"] = rows.loc[0, "account_id"]
    rows.loc[4, "account_id"] = None
    rows.loc[5, "account_id"] = "  "
    rows.loc[6, "frequency"] = "n/a"  # a way to say unknown: not bad
    rows.loc[7, "account_id"] = f" {rows.loc[0, 'account_id']} "
    rows.to_csv(tmp_path / "dirty.csv", index=False)
    with (tmp_path / "dirty.csv").open("a") as file:
        file.write("A99,1\n")
    return tmp_path / "dirty.csv"


def test_bad_rows_are_quarantined_with_reasons_and_no_account_is_lost(saved, accounts, dirty, tmp_path):
    done = score(str(saved), dirty, tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert list(found["account_id"]) == [accounts.loc[i, "account_id"] for i in (0, 6, 8, 9)]
    assert list(found["basis"])[1] == "partial"
    rejected = pd.read_csv(done.quarantine)
    assert done.quarantine == tmp_path / "out.quarantine.csv"
    assert (done.read, done.scored, done.rejected) == (11, 4, 7)
    assert list(rejected["row"][:6]) == [2, 3, 4, 5, 6, 8]
    assert list(rejected["column"][:6]) == ["monetary", "employees", *["account_id"] * 4]
    assert list(rejected["reason"][:4]) == [
        "is not a finite number",
        "is not a finite number",
        "is there already, in row 1",
        "is missing",
    ]
    assert "dirty.csv line 12" in rejected["reason"][6]


def test_a_clean_run_removes_the_quarantine_of_the_one_before(saved, files, dirty, tmp_path):
    score(str(saved), dirty, tmp_path / "out.parquet")
    score(str(saved), files / "a.csv", tmp_path / "out.parquet")
    assert not (tmp_path / "out.quarantine.csv").exists()


def test_ids_that_come_twice_far_apart_are_found(saved, accounts, tmp_path):
    twice = pd.concat([accounts, accounts.head(3)])
    twice.to_parquet(tmp_path / "twice.parquet")
    done = score(str(saved), tmp_path / "twice.parquet", tmp_path / "out.parquet")
    assert (done.scored, done.rejected) == (1200, 3)
    assert pd.read_parquet(tmp_path / "out.parquet")["account_id"].is_unique


def test_columns_that_are_missing_or_unknown_are_told(saved, accounts, tmp_path):
    accounts.drop(columns=["discount_share", "account_id"]).assign(colour="red").to_csv(
        tmp_path / "in.csv", index=False
    )
    done = score(str(saved), tmp_path / "in.csv", tmp_path / "out.parquet")
    assert (done.missing, done.ignored) == (("discount_share",), ("colour",))
    assert list(pd.read_parquet(tmp_path / "out.parquet")["account_id"][:3]) == ["1", "2", "3"]


def test_unknown_numbers_in_parquet_are_unknown(saved, accounts, tmp_path):
    rows = accounts.head(4).copy()
    rows["employees"] = [np.nan, None, 3.0, np.inf]
    rows.to_parquet(tmp_path / "in.parquet")
    done = score(str(saved), tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert (done.scored, done.rejected) == (3, 1)


def test_a_table_without_rows(saved, accounts, tmp_path):
    accounts.head(0).to_parquet(tmp_path / "in.parquet")
    done = score(str(saved), tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert (done.read, done.scored) == (0, 0)
    assert list(pd.read_parquet(tmp_path / "out.parquet").columns) == list(COLUMNS)


KILLED = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from segmentwerk.scoring import batch

    batch.CHUNK = 500
    model, given, output = sys.argv[1:]
    def progress(done, total):
        print(done, flush=True)
        time.sleep(0.2)
    batch.score(model, Path(given), Path(output), progress=progress)
    """
)


@pytest.fixture(scope="module")
def many(accounts, tmp_path_factory):
    path = tmp_path_factory.mktemp("many") / "many.parquet"
    copies = [accounts.assign(account_id=accounts["account_id"] + f"-{i}") for i in range(8)]
    pd.concat([*copies, accounts.assign(account_id=None).head(5)]).to_parquet(path)
    return path


def test_killed_in_the_middle_it_goes_on_to_the_same_result(saved, many, tmp_path):
    worker = subprocess.Popen(
        [sys.executable, "-c", KILLED, saved, many, tmp_path / "out.parquet"],
        stdout=subprocess.PIPE,
        text=True,
    )
    while int(worker.stdout.readline()) < 3000:
        pass
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    assert not (tmp_path / "out.parquet").exists()
    done = score(str(saved), many, tmp_path / "out.parquet")
    expected = score(str(saved), many, tmp_path / "undisturbed.parquet")
    assert 3000 <= done.resumed < 9605
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "undisturbed.parquet").read_bytes()
    assert (tmp_path / "out.quarantine.csv").read_bytes() == (
        tmp_path / "undisturbed.quarantine.csv"
    ).read_bytes()
    kept = {"output": None, "quarantine": None, "resumed": None}
    assert dataclasses.replace(done, **kept) == dataclasses.replace(expected, **kept)


def test_parts_of_another_input_are_not_taken_over(saved, many, files, tmp_path, monkeypatch):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(str(saved), many, tmp_path / "out.parquet", progress=stop)
    done = score(str(saved), files / "a.parquet", tmp_path / "out.parquet")
    assert (done.resumed, done.scored) == (0, 1200)
    with pytest.raises(KeyboardInterrupt):
        score(str(saved), files / "a.csv", tmp_path / "out.parquet", progress=stop)
    os.utime(files / "a.csv", (time.time() + 10, time.time() + 10))
    assert score(str(saved), files / "a.csv", tmp_path / "out.parquet").resumed == 0


def test_an_output_that_exists_stays_until_the_new_one_is_whole(saved, many, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    (tmp_path / "out.parquet").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        score(str(saved), many, tmp_path / "out.parquet", progress=stop)
    assert (tmp_path / "out.parquet").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.csv", r"nowhere\.csv"),
        ("empty.csv", r"empty\.csv"),
        ("other.csv", r"none of the model's columns; it has: x, y.*Expected some of: frequency"),
        ("misspelt.csv", r"no column 'account_id'.*Rename 'acount_id'"),
        ("broken.parquet", r"broken\.parquet cannot be read"),
        ("letter.txt", "none of the model's columns"),
        ("picture.png", "is neither .*CSV"),
    ],
)
def test_inputs_that_cannot_be_used_are_named(saved, accounts, tmp_path, given, message):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "other.csv").write_text("x,y\n1,2\n")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing PAR1")
    (tmp_path / "letter.txt").write_text("Dear customer\nhello\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    accounts.rename(columns={"account_id": "acount_id"}).to_csv(tmp_path / "misspelt.csv", index=False)
    with pytest.raises(InputError, match=message):
        score(str(saved), tmp_path / given, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("output", ["/proc/nothing/out.parquet", "out.xlsx", "folder.csv"])
def test_outputs_that_cannot_be_written_are_named(saved, files, tmp_path, output):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=output.rpartition("/")[2].split(".")[0]):
        score(str(saved), files / "a.csv", tmp_path / output)


def test_an_unknown_output_column_is_named_with_the_nearest(saved, files, tmp_path):
    with pytest.raises(ConfigError, match=r"no output column 'segmentid'.*Did you mean 'segment_id'"):
        score(str(saved), files / "a.csv", tmp_path / "out.csv", columns=["segmentid"])


def test_a_full_disk_is_told_and_leaves_no_output(saved, files, tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(InputError, match="No space left on device"):
        score(str(saved), files / "a.csv", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_models_that_do_not_exist_are_named_with_what_does(home, packaged, files, tmp_path):
    from segmentwerk.registry.publish import register
    from segmentwerk.tracking.writer import Store

    store = Store(None, home)
    with store.run("e", "r") as run:
        register(run, packaged.folder, model_name="b2b-segments", metrics={}, description="")

    def fail(uri):
        with pytest.raises(ModelError) as caught:
            score(uri, files / "a.csv", tmp_path / "out.csv", tracking_uri=store.uri)
        return str(caught.value)

    assert "Did you mean 'b2b-segments'?" in fail("models:/b2b-segment@champion")
    assert 'Known: 1, "@challenger".' in fail("models:/b2b-segments@champion")
    assert 'Known: 1, "@challenger".' in fail("models:/b2b-segments/7")
    assert "Give models:/NAME@champion" in fail("champion")
    assert "holds no segmentation model" in fail(str(tmp_path))
    done = score(
        "models:/b2b-segments@challenger", files / "a.csv", tmp_path / "o.csv", tracking_uri=store.uri
    )
    assert (done.model, done.model_version) == ("models:/b2b-segments/1", "1")


def test_a_model_changed_behind_the_registry_is_refused(home, packaged, files, tmp_path):
    """Whoever changes a file and its digest still does not change the digest in the registry."""
    import hashlib
    import json

    from segmentwerk.registry.publish import register
    from segmentwerk.tracking.writer import Store

    store = Store(None, home)
    with store.run("e", "r") as run:
        register(run, packaged.folder, model_name="m", metrics={}, description="")
    (digests,) = (home / "mlflow" / "artifacts").rglob("digests.json")
    catalogue = digests.with_name("catalogue.json")
    before = digests.read_bytes()
    catalogue.write_text(catalogue.read_text().replace("Segment 0", "Segment X"))
    changed = {**json.loads(before), "catalogue.json": hashlib.sha256(catalogue.read_bytes()).hexdigest()}
    digests.write_text(json.dumps(changed, indent=1))
    (mlmodel,) = (home / "mlflow" / "artifacts").rglob("MLmodel")
    mlmodel.write_text(
        mlmodel.read_text().replace(
            hashlib.sha256(before).hexdigest(), hashlib.sha256(digests.read_bytes()).hexdigest()
        )
    )
    with pytest.raises(ModelError, match="MLmodel is not the one that was registered"):
        score("models:/m/1", files / "a.csv", tmp_path / "o.csv", tracking_uri=store.uri)
    store.client.delete_model_version_tag("m", "1", "files")
    with pytest.raises(ModelError, match=r"digests\.json is not the one that was saved"):
        score("models:/m/1", files / "a.csv", tmp_path / "o.csv", tracking_uri=store.uri)
