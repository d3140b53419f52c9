"""The code in a saved model: none of it runs before its digest agrees, and models do not mix."""

import ast
import json
import shutil
import sys
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from segmentwerk.core.errors import ModelError
from segmentwerk.registry.package import sha256
from segmentwerk.scoring.load import load
from segmentwerk.scoring.local import score_package
from segmentwerk.shipped import segment_model
from segmentwerk.shipped.segment_model import CODE, ENTRY

ALLOWED = {"numpy", "pandas", "onnxruntime", "mlflow"}


@pytest.mark.parametrize("name", CODE)
def test_changed_code_never_runs(saved, packaged, tmp_path, name):
    copy, package = tmp_path / "model", tmp_path / "package"
    shutil.copytree(saved, copy)
    shutil.copytree(packaged.folder, package)
    trace = tmp_path / "was-run"
    for file in (copy / "artifacts" / name, package / name):
        file.write_text(f"import pathlib\npathlib.Path({str(trace)!r}).touch()\n{file.read_text()}")
    with pytest.raises(MlflowException, match=f"{name} is not the one that was saved"):
        mlflow.pyfunc.load_model(str(copy))
    with pytest.raises(ModelError, match=f"{name} is not the one that was saved"):
        load(str(copy))
    with pytest.raises(MlflowException, match=f"{name} is not the one that was saved"):
        score_package(package, packaged.table.features.head(2), ["segment_id"])
    assert not trace.exists()


def test_two_releases_in_one_process_run_each_its_own_code(packaged, tmp_path):
    other = shutil.copytree(packaged.folder, tmp_path / "other")
    code = (
        (other / "assigning.py")
        .read_text()
        .replace('"firmographic", "too little', '"beforehand", "too little')
    )
    (other / "assigning.py").write_text(code)
    digests = json.loads((other / "digests.json").read_text()) | {
        "assigning.py": sha256(other / "assigning.py")
    }
    (other / "digests.json").write_text(json.dumps(digests))
    lead = packaged.table.features.head(1)[["employees", "industry", "country"]].fillna({"employees": 9})
    found = [
        score_package(folder, lead, ["basis"])["basis"].item() for folder in (packaged.folder, other) * 2
    ]
    assert found == ["firmographic", "beforehand"] * 2


def test_it_needs_nothing_of_the_project_and_few_packages():
    folder = Path(segment_model.__file__).parent
    assert {file.name for file in folder.glob("*.py")} == {"__init__.py", ENTRY, *CODE}
    for name in (ENTRY, *CODE):
        tree = ast.parse((folder / name).read_text())
        typing_only = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in set(ast.walk(tree)) - typing_only:
            if isinstance(node, ast.ImportFrom) and node.level:
                before = CODE[: CODE.index(name)]
                assert f"{node.module}.py" in before, "files are run in the order of CODE"
            elif isinstance(node, ast.ImportFrom | ast.Import):
                names = (
                    [node.module] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
                )
                outside = {each.partition(".")[0] for each in names} - set(sys.stdlib_module_names)
                assert outside <= ALLOWED
