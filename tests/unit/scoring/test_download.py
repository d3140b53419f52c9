"""Opening a model writes nothing to it, and what others left beside it does not count."""

import gc
import json
import shutil
import sys

import mlflow
import pytest
import yaml

from segmentwerk.core.errors import ModelError
from segmentwerk.core.inventory import NOTE, bar_byte_code
from segmentwerk.registry import disclosure, publish
from segmentwerk.registry.incumbent import incumbent
from segmentwerk.registry.package import sha256
from segmentwerk.scoring.load import load
from segmentwerk.scoring.local import score_package
from segmentwerk.tracking.writer import Store

URI = "models:/m/1"
LEFT = ["__pycache__/segment_model.cpython-311.pyc", ".DS_Store", "artifacts/Thumbs.db", "desktop.ini"]
LEFT += [".segment_model.py.swp", "artifacts/catalogue.json~", "._MLmodel"]


@pytest.fixture(autouse=True)
def _byte_code_is_written(monkeypatch):
    """As on any machine that was not told otherwise."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.fixture
def store(home):
    return Store(None, home)


def register(store, folder):
    """Register a package and return the registry's own folder of it."""
    with store.run("e", "winner") as run:
        publish.register(run, folder, model_name="m", metrics={}, description="")
    store.client.set_registered_model_alias("m", "champion", "1")
    (model,) = store.home.rglob("MLmodel")
    return model.parent


def opener(store):
    return lambda uri: load(uri, store.uri)


def everything(folder):
    """Return the content by path; MLflow's note says '1' or 1, after the address that was read."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {
        path: content.replace(b"'", b"") if path.name == NOTE else content for path, content in files.items()
    }


def leave(folder, names):
    """Leave files in a folder as readers do; where Python was barred, somebody removed the bar."""
    for name in names:
        if name.startswith("__pycache__"):
            (folder / "__pycache__").unlink(missing_ok=True)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")


def judged(uri, store=None):
    loaded = load(uri, store.uri if store else None)  # its folder goes with it
    return disclosure.check(loaded.folder, None)


def test_opening_a_registered_model_changes_nothing_in_the_registry(store, packaged):
    folder = register(store, packaged.folder)
    before = everything(folder)
    accounts = packaged.table.features.head(3)
    for _ in range(2):
        mlflow.pyfunc.load_model(URI).predict(accounts.reset_index())
        mlflow.pyfunc.load_model("models:/m@champion").predict(accounts.reset_index())
        mlflow.pyfunc.load_model(str(folder)).predict(accounts.reset_index())
        load(URI, store.uri)
        assert incumbent(store, "m", accounts, opener(store)) is not None
        assert everything(folder) == before


def test_opening_a_package_changes_nothing_in_it(packaged):
    before = everything(packaged.folder)
    score_package(packaged.folder, packaged.table.features.head(3), ["segment_id"])
    assert everything(packaged.folder) == before


def test_without_the_bar_python_would_leave_byte_code(saved, tmp_path):
    copy = shutil.copytree(saved, tmp_path / "model")
    (copy / "__pycache__").unlink()
    mlflow.pyfunc.load_model(str(copy))
    assert list(copy.rglob("*.pyc"))
    shutil.rmtree(copy / "__pycache__")
    bar_byte_code(copy)
    mlflow.pyfunc.load_model(str(copy))
    assert not list(copy.rglob("*.pyc"))


def test_what_readers_left_beside_a_model_changes_no_verdict(store, packaged):
    folder = register(store, packaged.folder)
    leave(folder, [*LEFT, "artifacts/copy of customers.xlsx"])
    loaded = load(URI, store.uri)
    assert disclosure.check(loaded.folder, None).status == "passed"
    assert not [path for path in loaded.folder.rglob("*") if path.suffix in (".pyc", ".db", ".ini", ".xlsx")]
    rows = packaged.table.features.head(3).reset_index()
    assert len(loaded.model.predict(rows)) == 3


def test_what_readers_left_in_a_folder_changes_no_verdict(saved, packaged, tmp_path):
    copy = shutil.copytree(saved, tmp_path / "model")
    leave(copy, LEFT)
    assert judged(str(copy)).status == "passed"
    leave(copy, ["artifacts/customers.xlsx"])
    assert "customers.xlsx" in judged(str(copy)).message
    package = shutil.copytree(packaged.folder, tmp_path / "package")
    leave(package, ["._catalogue.json", "other.onnx"])
    assert len(score_package(package, packaged.table.features.head(3), ["segment_id"])) == 3


@pytest.mark.parametrize("name", ["rows.parquet", "Thumbs.db"])
def test_a_foreign_file_of_the_package_is_refused(store, packaged, tmp_path, name):
    package = shutil.copytree(packaged.folder, tmp_path / "package")
    (package / name).write_bytes(b"x")
    digests = json.loads((package / "digests.json").read_text()) | {name: sha256(package / name)}
    (package / "digests.json").write_text(json.dumps(digests))
    register(store, package)
    gate = judged(URI, store)
    assert gate.status == "failed"
    assert f"It holds the file {name}." in gate.message


def test_a_foreign_file_that_was_uploaded_with_the_model_is_refused(store, packaged, monkeypatch):
    def save(path, *arguments):
        original(path, *arguments)
        (path / "segmenter.pkl").write_bytes(b"x")

    original = publish.save_pyfunc
    monkeypatch.setattr(publish, "save_pyfunc", save)
    register(store, packaged.folder)
    assert "It holds the file segmenter.pkl." in judged(URI, store).message


@pytest.mark.parametrize(
    "name",
    ["MLmodel", "requirements.txt", "segment_model.py", "artifacts/assigning.py", "artifacts/space.onnx"],
)
@pytest.mark.parametrize("change", [lambda file: file.unlink(), lambda file: file.write_bytes(b"# 1")])
def test_a_registered_file_that_was_changed_is_named(store, packaged, name, change):
    change(register(store, packaged.folder) / name)
    with pytest.raises(ModelError, match=rf"{name} is not the one|MLmodel"):
        load(URI, store.uri)


def test_a_list_of_files_that_was_changed_by_hand_is_named(store, packaged):
    register(store, packaged.folder)
    store.client.set_model_version_tag("m", "1", publish.FILES, "[]")
    with pytest.raises(ModelError, match="tag 'files'"):
        load(URI, store.uri)


def test_the_copy_is_gone_with_the_model_and_when_it_does_not_open(store, packaged, tmp_path, monkeypatch):
    folder = register(store, packaged.folder)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    loaded = load(URI, store.uri)
    assert [path.name for path in (tmp_path / "temporary").iterdir()]
    del loaded
    gc.collect()
    (folder / "MLmodel").write_text("x")
    with pytest.raises(ModelError):
        load(URI, store.uri)
    assert not list((tmp_path / "temporary").iterdir())


def test_a_folder_without_a_model_is_not_copied(tmp_path):
    with pytest.raises(ModelError, match="holds no segmentation model"):
        load(str(tmp_path))


FOREIGN = {
    "another loader": {"loader_module": "foreign"},
    "a pickled model": {"python_model": "model.pkl", "loader_module": "mlflow.pyfunc.model"},
    "a folder of code": {"code": "code"},
    "another code file": {"model_code_path": "foreign.py"},
}


@pytest.fixture
def changed(tmp_path):
    """Return a function that makes a model's `MLmodel` ask for code that leaves a trace."""

    def change(folder, told):
        trace = tmp_path / "was-run"
        run = f"import pathlib\npathlib.Path({str(trace)!r}).touch()\n"
        (folder / "code").mkdir(exist_ok=True)
        for name in ("foreign.py", "code/foreign.py", "model.pkl"):
            (folder / name).write_text(run)
        path = folder / "MLmodel"
        said = yaml.safe_load(path.read_text())
        said["flavors"]["python_function"] |= told
        path.write_text(yaml.safe_dump(said))
        return trace

    return change


@pytest.mark.parametrize("told", FOREIGN.values(), ids=FOREIGN)
def test_a_registered_model_whose_mlmodel_alone_was_changed_runs_nothing(store, packaged, changed, told):
    trace = changed(register(store, packaged.folder), told)
    accounts = packaged.table.features
    ways = [lambda: load(URI, store.uri), lambda: incumbent(store, "m", accounts, opener(store))]
    for way in ways:
        with pytest.raises(ModelError, match="MLmodel"):
            way()
    assert not trace.exists()


@pytest.mark.parametrize("told", FOREIGN.values(), ids=FOREIGN)
def test_a_folder_whose_mlmodel_alone_was_changed_runs_nothing(saved, changed, tmp_path, told):
    copy = tmp_path / "model"
    shutil.copytree(saved, copy)
    trace = changed(copy, told)
    with pytest.raises(ModelError, match="MLmodel"):
        load(str(copy))
    assert not trace.exists()
