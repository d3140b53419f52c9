"""The door for Python, end to end: frames in, results out, the process as it was; and the notebook."""

import asyncio
import logging
import os
import signal
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from hydra.core.global_hydra import GlobalHydra
from nbclient import NotebookClient

import segmentwerk as sw
from command_line import segmentwerk, surroundings
from segmentwerk.data import demo

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"
FILES = {"accounts": "accounts.parquet", "orders": "orders"}
DATES = {"source__as_of": "2026-01-01", "source__outcome_until": "2026-07-01"}
JUDGING = {"n_finalists": 1, "n_splits": 2, "n_bootstrap": 20, "null_copies": 0, "max_rows": 200}
QUICK = {"candidates": ["kmeans"], "segmenters": {"kmeans": {"n_trials": 1}}, "evaluation": JUDGING}
"""As little as there can be; no gate is asked, since they rehearse how a model answers."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = demo.generate(tmp_path_factory.mktemp("demo"), accounts=300, seed=7)
    return {name: pd.read_parquet(folder / found) for name, found in FILES.items()}


def state():
    signals = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    logger = logging.getLogger()
    logs = (logger.handlers[:], logger.level, logging.getLogRecordFactory())
    stores = [os.environ.get(name) for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")]
    return signals, logs, stores, GlobalHydra.instance().is_initialized()


def shown_ids(page, accounts):
    return [account for account in accounts.astype(str) if account in page]


def test_frames_are_compared_and_scored_in_a_notebooks_loop(home, tables, capfd):
    before = state()

    async def cells():
        loaded = sw.load_source(tables, home=home, **DATES)
        compared = sw.compare(loaded, registry__gates=[], **QUICK)
        return loaded, compared, sw.score(loaded, model=compared.model_uri)

    loaded, compared, scored = asyncio.run(cells())
    assert state() == before
    assert capfd.readouterr().out == ""

    assert compared.winner in compared.ranking["candidate"].tolist()
    assert compared.model_uri == "models:/b2b-segments@champion"
    assert compared.segments["accounts"].sum() == len(loaded.customers)
    assert compared.run_id
    assert set(compared.assignments.index) == set(loaded.features.index)
    columns = ["segment_id", "segment_name", "basis", "is_outlier"]
    pd.testing.assert_frame_equal(
        scored.assignments.loc[compared.assignments.index, columns],
        compared.assignments[columns],
        check_dtype=False,
    )
    assert scored.segments["accounts"].sum() == len(scored.assignments)

    again = sw.score(loaded.features, model=compared.model_uri, home=home)
    assert (again.assignments["segment_id"] == scored.assignments["segment_id"]).all()
    for result in (loaded, compared, scored, again):
        kept = result._repr_html_() + repr(result)
        assert shown_ids(kept, tables["accounts"]["account_id"]) == []
    page = compared._repr_html_()
    assert compared.winner in page
    assert "Segments" in page


def test_a_comparison_of_the_command_line_is_read(comparison):
    output = Path(comparison.summary["model"]["assignments"]).parent
    result = sw.ComparisonResult.read(output)
    assert result.reason == comparison.summary["decision"]["reason"]
    assert result.ranking["candidate"].iloc[0] == result.winner
    assert result.segments["accounts"].sum() == comparison.summary["inputs"]["customers"]
    assert shown_ids(result._repr_html_() + repr(result), result.assignments.index) == []
    assert result.winner in result._repr_html_()


@pytest.mark.slow
def test_python_and_the_command_line_assign_alike(home, tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, frame in tables.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    result = sw.compare(tables, home=home, **QUICK, **DATES)
    words = [
        "candidates=[kmeans]",
        "segmenters.kmeans.n_trials=1",
        *(f"evaluation.{name}={value}" for name, value in JUDGING.items()),
        *(f"{name.replace('__', '.')}={value}" for name, value in DATES.items()),
    ]
    given = ("source=csv_folder", f"source.path={folder}", "source.name=frame")
    done = segmentwerk("compare", *given, *words, home=tmp_path_factory.mktemp("home"))
    assert done.code == 0, done.stderr
    other = pd.read_parquet(done.summary["model"]["assignments"]).set_index("account_id")
    pd.testing.assert_frame_equal(result.assignments, other, check_exact=True)
    assert result.summary["scores"].keys() == done.summary["scores"].keys()


@pytest.mark.slow
def test_the_notebook_runs(home, monkeypatch):
    for name in set(os.environ) - set(surroundings()):
        monkeypatch.delenv(name)
    monkeypatch.setenv("SEGMENTWERK_HOME", str(home))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": home}}
    NotebookClient(notebook, timeout=280, kernel_name="python3", resources=resources).execute()
    pages = [
        output["data"]["text/html"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "text/html" in output.get("data", {})
    ]
    assert sum('class="segmentwerk"' in page for page in pages) == 3, "source, comparison and scoring"
    printed = [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stdout"
    ]
    assert printed == []


def test_the_notebook_holds_no_outputs():
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert [cell for cell in cells if cell.outputs or cell.execution_count] == []
