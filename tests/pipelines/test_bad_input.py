"""What bad input gets: one message with the place and the remedy, an exit code, nothing half done."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from command_line import SMALL, in_process, segmentwerk

ACCOUNTS, ORDERS = "accounts.csv", "orders.csv"


@pytest.fixture
def book(tmp_path) -> Path:
    """A small but sound company: 120 accounts and their orders of two years."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "book"
    folder.mkdir()
    ids = [f"K{number:03d}" for number in range(120)]
    pd.DataFrame(
        {
            "account_id": ids,
            "industry": rng.choice(["Retail", "Crafts", "Health"], 120),
            "employees": rng.integers(1, 500, 120),
            "country": "DE",
        }
    ).to_csv(folder / ACCOUNTS, index=False)
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700, 900), unit="D")
    pd.DataFrame(
        {
            "order_id": [f"O{number:04d}" for number in range(900)],
            "account_id": rng.choice(ids[:110], 900),
            "ordered_at": days.strftime("%Y-%m-%d"),
            "revenue": np.round(rng.lognormal(5, 1, 900), 2),
        }
    ).to_csv(folder / ORDERS, index=False)
    return folder


def change(path: Path, edit) -> None:
    frame = pd.read_csv(path, dtype=str)
    result = edit(frame)
    (frame if result is None else result).to_csv(path, index=False)


def put(column: str, row: int, value: str):
    def edit(frame):
        frame.loc[row, column] = value

    return edit


def drop_orders_of_all_but(count: int):
    return lambda frame: frame[frame["account_id"].isin([f"K{number:03d}" for number in range(count)])]


def alike(frame):
    first = frame.drop_duplicates("account_id").copy()
    return first.assign(ordered_at="2024-01-01", revenue="10")


BROKEN = {
    "a misspelt column": (ORDERS, lambda f: f.rename(columns={"revenue": "revenu"}), ["revenu", "revenue"]),
    "a missing column": (ORDERS, lambda f: f.drop(columns="account_id"), ["account_id"]),
    "an empty table": (ORDERS, lambda f: f.iloc[:0], ["orders"]),
    "a text where a number belongs": (ORDERS, put("revenue", 4, "plenty"), ["revenue", "5"]),
    "a date that cannot be": (ORDERS, put("ordered_at", 2, "2024-02-31"), ["ordered_at", "3"]),
    "an infinite value": (ORDERS, put("revenue", 7, "inf"), ["revenue", "8"]),
    "duplicate account ids": (ACCOUNTS, put("account_id", 3, "K001"), ["account_id"]),
    "all values of a column missing": (ORDERS, lambda f: f.assign(revenue=""), ["revenue"]),
    "fewer accounts than segments need": (ORDERS, drop_orders_of_all_but(5), ["5", "40"]),
}


def compare(book, home, monkeypatch, capsys, *more):
    return in_process(
        "compare",
        "source=csv_folder",
        f"source.path={book}",
        *more,
        home=home,
        monkeypatch=monkeypatch,
        capsys=capsys,
    )


def assert_refused(done, words, home):
    assert done.code == 2, done.stderr
    assert "Traceback" not in done.stderr
    message = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in message
    assert_nothing_half_done(home)


def assert_nothing_half_done(home):
    """No run is open, nothing is registered, and no draft or shared view lies about."""
    assert not list(home.glob("cache/views/*"))
    drafts = [path for path in home.rglob(".*.*") if path.suffix in (".parquet", ".csv", ".json")]
    assert not drafts
    if (home / "mlflow" / "mlflow.db").exists():
        store = f"sqlite:///{home}/mlflow/mlflow.db"
        client = mlflow.MlflowClient(store, registry_uri=store)
        assert not client.search_model_versions()
        for experiment in client.search_experiments():
            assert not client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'")


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_table_is_refused_by_place(case, book, tmp_path, monkeypatch, capsys):
    name, edit, words = BROKEN[case]
    change(book / name, edit)
    done = compare(book, tmp_path / "home", monkeypatch, capsys)
    assert_refused(done, words, tmp_path / "home")


def test_a_missing_file_is_refused(book, tmp_path, monkeypatch, capsys):
    done = compare(book.with_name("bok"), tmp_path / "home", monkeypatch, capsys)
    assert_refused(done, ["bok", "book"], tmp_path / "home")


def test_one_account_is_refused(book, tmp_path, monkeypatch, capsys):
    change(book / ACCOUNTS, lambda frame: frame.iloc[:1])
    change(book / ORDERS, lambda frame: frame[frame["account_id"] == "K000"])
    done = compare(book, tmp_path / "home", monkeypatch, capsys)
    assert_refused(done, ["one account"], tmp_path / "home")


def test_accounts_that_are_all_alike_are_refused(book, tmp_path, monkeypatch, capsys):
    change(book / ORDERS, alike)
    change(book / ACCOUNTS, lambda frame: frame.assign(industry="Retail", employees="10"))
    done = compare(book, tmp_path / "home", monkeypatch, capsys, "tracking.enabled=false")
    assert_refused(done, ["No feature varies"], tmp_path / "home")


def test_accounts_without_orders_and_a_column_of_one_value_are_fine(book, tmp_path, monkeypatch, capsys):
    """Ten accounts of the book have no orders, and all are in one country."""
    done = in_process(
        "train",
        "source=csv_folder",
        f"source.path={book}",
        "tracking.enabled=false",
        "evaluation.n_splits=2",
        home=tmp_path / "home",
        monkeypatch=monkeypatch,
        capsys=capsys,
    )
    assert done.code == 0, done.stderr
    assert "10 prospects" in done.stderr


def test_an_unknown_model_is_refused(book, home, monkeypatch, capsys):
    arguments = [
        f"input={book / ACCOUNTS}",
        f"output={home / 's.parquet'}",
        "model=models:/b2b-segmants@champion",
    ]
    done = in_process("score", *arguments, home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert_refused(done, ["b2b-segmants"], home)
    assert not (home / "s.parquet").exists()


@pytest.mark.parametrize("output", ["file/below.parquet", "segments.docx"])
def test_an_output_that_cannot_be_written_is_refused(output, comparison, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("in the way")
    accounts = comparison.summary["model"]["accounts"]
    arguments = [f"input={accounts}", f"output={tmp_path / output}"]
    done = in_process("score", *arguments, home=comparison.home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert output.split("/")[-1] in done.stderr


def test_a_full_disk_leaves_nothing_half_written(comparison, tmp_path):
    """No file may grow beyond 4 KB: what the process sees is what a full disk shows it."""
    accounts = comparison.summary["model"]["accounts"]
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from segmentwerk.cli import main\n"
        "import mlflow, segmentwerk.scoring.batch\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "sys.exit(main())\n"
    )
    output = tmp_path / "segments.parquet"
    done = subprocess.run(
        [sys.executable, "-c", code, "score", f"input={accounts}", f"output={output}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "SEGMENTWERK_HOME": str(comparison.home)},
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()


LONGER = ["segmenters.kmeans.n_trials=9", "candidates=[rfm_grid,kmeans,gaussian_mixture]"]


def interrupted(home, *arguments):
    """Compare, press Ctrl-C in the middle of the study of k-means; return exit code, output and messages."""
    code = "import sys; from segmentwerk.cli import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", code, "compare", *SMALL, *LONGER, *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "SEGMENTWERK_HOME": str(home)},
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "kmeans" in line and "1 of" in line:
                break
        process.send_signal(signal.SIGINT)
        output, words = process.communicate(timeout=120)
    return process.returncode, output, words


def test_ctrl_c_goes_on_with_what_was_found_where_the_config_says_so(tmp_path):
    code, output, words = interrupted(tmp_path / "home", "tuning.keep_on_interrupt=true")
    assert code == 0, words
    summary = json.loads(Path(output.splitlines()[-1]).read_text(encoding="utf-8"))
    assert {name.partition(" ")[0] for name in summary["scores"]} == {"kmeans"}
    waiting = ("rfm_grid", "gaussian_mixture")
    assert summary["decision"]["left_out"] == dict.fromkeys(waiting, "interrupted before it was tuned")
    assert summary["model"]["version"] == 1


def test_ctrl_c_closes_every_run_and_registers_nothing(tmp_path):
    home = tmp_path / "home"
    code, _, words = interrupted(home)
    assert code == 130
    assert "Interrupted" in words
    assert "Traceback" not in words
    assert_nothing_half_done(home)
    client = mlflow.MlflowClient(f"sqlite:///{home}/mlflow/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("segmentwerk").experiment_id])
    unjudged = [
        run for run in runs if "verb" in run.data.tags or run.info.run_name in ("gaussian_mixture", "kmeans")
    ]
    assert {run.info.status for run in unjudged if "separation/gain" not in run.data.metrics} == {"KILLED"}


def test_a_failing_comparison_closes_its_run_as_failed(tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"
    done = in_process(
        "compare",
        "source.accounts=200",
        "candidates=[kmeans]",
        "segmenters.kmeans.search_space.n_segments.low=45",
        "segmenters.kmeans.search_space.n_segments.high=49",
        "segmenters.kmeans.start=[]",
        "evaluation.min_segment_share=0.49",
        home=home,
        monkeypatch=monkeypatch,
        capsys=capsys,
    )
    assert done.code == 2, done.stderr
    assert_nothing_half_done(home)
    client = mlflow.MlflowClient(f"sqlite:///{home}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("segmentwerk")
    (parent,) = client.search_runs([experiment.experiment_id], "tags.verb = 'compare'")
    assert parent.info.status == "FAILED"
    assert parent.data.tags["status_reason"]


def test_score_takes_exactly_one_of_input_and_source(home, monkeypatch, capsys):
    done = in_process("score", home=home, monkeypatch=monkeypatch, capsys=capsys)
    assert done.code == 2
    assert "input" in done.stderr


def test_segmentwerk_runs_as_a_process_too(tmp_path):
    assert segmentwerk("--version", home=tmp_path).code == 0
