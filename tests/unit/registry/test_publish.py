import getpass
import json
import shutil
import socket
import sys
import tempfile
import threading
from pathlib import Path

import mlflow
import pytest

from segmentwerk.core.errors import ConfigError, ModelError
from segmentwerk.registry import promotion, publish
from segmentwerk.shipped.model_catalogue import OUTPUTS
from segmentwerk.tracking.writer import Store


@pytest.fixture
def store(home):
    return Store(None, home)


def register(store, folder, **kwargs):
    with store.run("e", "winner") as run:
        given = {"model_name": "m", "metrics": {"separation/gain": 0.1}, "description": "# Card"} | kwargs
        return publish.register(run, folder, **given), run.id


def test_a_registered_model_scores_and_knows_its_version(store, packaged):
    first, _ = register(store, packaged.folder)
    second, _ = register(store, packaged.folder)
    assert (first, second) == (1, 2)
    accounts = packaged.table.features.reset_index().head(5)
    for number in (1, 2):
        found = mlflow.pyfunc.load_model(f"models:/m/{number}").predict(accounts)
        assert set(found["model_version"]) == {str(number)}
    assert promotion.by_alias(store, "m", "challenger").version == 2


def test_what_a_run_has_registered_is_not_registered_again(store, packaged):
    with store.run("e", "winner", key="contest") as run:
        given = {"model_name": "m", "metrics": {}, "description": ""}
        assert publish.register(run, packaged.folder, **given) == 1
        store.client.delete_registered_model_alias("m", "challenger")  # as after a kill before it was given
        assert publish.register(run, packaged.folder, **given) == 1
    assert promotion.by_alias(store, "m", "challenger").version == 1
    assert len(store.client.search_model_versions("name = 'm'")) == 1


def test_the_version_says_where_it_comes_from(store, packaged):
    version, run_id = register(store, packaged.folder, tags={"algorithm": "kmeans"})
    found = promotion.get(store, "m", version)
    assert found.run_id == run_id
    assert found.description == "# Card"
    assert found.tags["algorithm"] == "kmeans"
    logged = store.client.get_logged_model(found.model_id)
    assert logged.source_run_id == run_id
    assert {metric.key: metric.value for metric in logged.metrics} == {"separation/gain": 0.1}
    run = store.client.get_run(run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [found.model_id]


def test_what_is_saved_holds_no_pickle_and_no_project_code(saved):
    names = {file.name for file in Path(saved).rglob("*") if file.is_file()}
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]
    assert "segment_model.py" in names
    requirements = (saved / "requirements.txt").read_text().split()
    assert [line.split("==")[0] for line in requirements] == list(publish.REQUIREMENTS)
    assert "pyproject.toml" not in names


def test_no_file_tells_where_and_by_whom_it_was_made(store, packaged, tmp_path):
    version, _ = register(store, packaged.folder)
    place = Path(mlflow.artifacts.download_artifacts(f"models:/m/{version}", dst_path=str(tmp_path / "got")))
    files = [file for file in place.rglob("*") if file.is_file()]
    assert {"MLmodel", "catalogue.json", "space.onnx", "conda.yaml"} <= {file.name for file in files}
    told = [str(packaged.folder), tempfile.gettempdir(), str(tmp_path), str(Path.home()), "file:", "/home/"]
    told += [
        sys.prefix,
        str(Path.cwd()),
        socket.gethostname(),
        f"{getpass.getuser()}/",
        f"={getpass.getuser()}",
    ]
    for file in files:
        content = file.read_bytes()
        for words in told:
            assert words.encode() not in content, f"{file.name} tells {words}"
    assert mlflow.pyfunc.load_model(f"models:/m/{version}").input_example is not None


@pytest.fixture(scope="module")
def saved(packaged, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "pyfunc"
    publish.save_pyfunc(path, packaged.folder, packaged.catalogue, 1)
    return path


def test_the_example_is_made_up_from_usual_values(saved, packaged):
    example = mlflow.pyfunc.load_model(str(saved)).input_example
    frame = example[0] if isinstance(example, tuple) else example
    assert frame["account_id"].tolist() == ["example"]
    assert frame["employees"].tolist() == [packaged.table.features["employees"].median()]
    assert frame["industry"].tolist() == [packaged.table.features["industry"].mode()[0]]


def test_the_signature_lets_every_column_be_missing(saved):
    signature = mlflow.models.get_model_info(str(saved)).signature
    assert all(not column.required for column in signature.inputs.inputs)
    kinds = {column.name: column.type.to_dict() for column in signature.inputs.inputs}
    assert {"account_id", "employees", "industry"} < set(kinds)
    assert all(kind == {"type": "any"} for kind in kinds.values())  # the model's own code checks the values
    assert [column.name for column in signature.outputs.inputs] == list(OUTPUTS)


def test_a_damaged_package_is_not_registered(store, packaged, tmp_path):
    shutil.copytree(packaged.folder, tmp_path / "model")
    catalogue = json.loads((tmp_path / "model" / "catalogue.json").read_text())
    catalogue["outlier_threshold"] = 0
    (tmp_path / "model" / "catalogue.json").write_text(json.dumps(catalogue))
    with pytest.raises(ModelError, match=r"does not score its own example.*catalogue\.json is not the one"):
        register(store, tmp_path / "model")
    assert store.client.search_registered_models() == []
    experiment = store.client.get_experiment_by_name("e").experiment_id
    states = [model.status.name for model in store.client.search_logged_models([experiment])]
    assert states == ["FAILED"]


def test_without_tracking_nothing_can_be_registered(tmp_path, packaged):
    with pytest.raises(ConfigError, match=r"Set tracking\.enabled=true"):
        register(Store(None, tmp_path, enabled=False), packaged.folder)


def test_a_number_taken_meanwhile_by_another_machine(store, packaged, monkeypatch):
    register(store, packaged.folder)
    monkeypatch.setattr(publish._Draft, "next_version", lambda self: 1)
    version, _ = register(store, packaged.folder)
    found = mlflow.pyfunc.load_model(f"models:/m/{version}").predict(packaged.table.features.head(1))
    assert found["model_version"].tolist() == ["2"] == [str(version)]


def test_registrations_at_once_get_numbers_of_their_own(store, packaged):
    store.prepare("e")
    versions: list[int] = []
    threads = [
        threading.Thread(target=lambda: versions.append(register(store, packaged.folder)[0]))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(versions) == [1, 2, 3]


def test_a_home_of_any_name_holds_a_model(empty_database, packaged, tmp_path):
    home = tmp_path / 'it\'s "a" 100% #1 ?x [y] {z} $w ä&;=+,@é*'
    (home / "mlflow").mkdir(parents=True)
    shutil.copy(empty_database, home / "mlflow" / "mlflow.db")
    folder = shutil.copytree(packaged.folder, home / "outputs" / "model")
    store = Store(None, home)
    version, _ = register(store, folder)
    found = mlflow.pyfunc.load_model(f"models:/m/{version}").predict(
        packaged.table.features.reset_index().head(3)
    )
    assert len(found) == 3
    assert [path.name for path in tmp_path.iterdir()] == [home.name], "nothing lies beside it"
