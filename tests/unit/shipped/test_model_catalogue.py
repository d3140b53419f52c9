"""What a saved model knows: typed, checked on reading, and the columns of its answers declared once."""

import ast
import dataclasses
import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import mlflow
import pyarrow as pa
import pytest

from segmentwerk.core.errors import ModelError
from segmentwerk.core.types import Feature, Segment
from segmentwerk.registry.package import sha256
from segmentwerk.scoring.load import load
from segmentwerk.scoring.parts import TYPES
from segmentwerk.shipped import model_catalogue
from segmentwerk.shipped.model_catalogue import (
    OUTPUTS,
    REASONS,
    Catalogue,
    FeatureRecord,
    Limits,
    SegmentRecord,
    TooLittleKnown,
)


@pytest.fixture
def content(packaged):
    return json.loads((packaged.folder / "catalogue.json").read_text())


def test_what_is_written_is_what_is_read(packaged):
    catalogue = packaged.catalogue
    assert Catalogue.from_json(catalogue.to_json()) == catalogue
    assert catalogue.written_by == version("segmentwerk")
    assert isinstance(catalogue.partial.expectation.loadings[0], tuple)
    assert catalogue.possible[catalogue.numeric.index("discount_share")].most == pytest.approx(1)
    assert catalogue.features["industry"].possible is None


def test_numbers_that_are_none_become_null(packaged, content):
    assert content["segments"][0]["rule_precision"] is None
    assert packaged.catalogue.segments[0].rule_precision is None


def test_models_of_earlier_releases_are_read(content):
    for key in ("partial", "too_little_known", "wording", "written_by", "evidence"):
        del content[key]
    for feature in content["features"].values():
        for key in ("possible", "active", "parts"):
            feature.pop(key, None)
    for segment in content["segments"]:
        del segment["called"]
    content["what is no longer there"] = 1
    old = Catalogue.from_json(json.dumps(content))
    assert old.partial is None
    assert old.too_little_known == TooLittleKnown()
    assert old.possible == (Limits(),) * len(old.numeric)
    assert old.segments[0].called is None


def test_a_newer_format_says_what_is_needed(content):
    newer = json.dumps(content | {"format": model_catalogue.FORMAT + 1, "written_by": "9.1.0"})
    with pytest.raises(
        ValueError, match=r"format 2, and this segmentwerk reads 1 at most\. Install segmentwerk 9\.1\.0"
    ):
        Catalogue.from_json(newer)


def test_a_newer_model_is_refused_by_its_format(saved, tmp_path):
    copy = shutil.copytree(saved, tmp_path / "model")
    change(copy, "catalogue.json", lambda text: text.replace('"format": 1', '"format": 2'))
    with pytest.raises(ModelError, match=r"catalogue\.json has format 2"):
        load(str(copy))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "segments": 3}', "null"])
def test_what_is_no_catalogue_is_refused(text):
    with pytest.raises(ValueError, match=r"^catalogue\.json .*[Rr]egister the model again\.$"):
        Catalogue.from_json(text)


def test_it_needs_the_standard_library_only():
    tree = ast.parse(Path(model_catalogue.__file__).read_text())
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_records_have_every_field_of_what_they_record():
    for record, recorded in ((SegmentRecord, Segment), (FeatureRecord, Feature)):
        fields = {field.name for field in dataclasses.fields(record)}
        assert {field.name for field in dataclasses.fields(recorded)} <= fields


def test_every_way_declares_the_same_output_columns(model, accounts):
    answer = model.predict(accounts.head(3))
    assert list(answer.columns) == list(OUTPUTS) == list(TYPES)
    schema = model.metadata.get_output_schema()
    assert {column.name: column.type.name for column in schema.inputs} == OUTPUTS
    arrow = pa.Table.from_pandas(answer, schema=pa.schema(TYPES), preserve_index=False)
    assert arrow.schema.names == list(OUTPUTS)
    assert REASONS == ("reason_1", "reason_2", "reason_3")


@pytest.fixture
def model(saved):
    return mlflow.pyfunc.load_model(str(saved))


@pytest.fixture
def accounts(packaged):
    return packaged.table.features.reset_index()


def change(folder, name, edit):
    """Change one file of a saved model, and every digest so that it agrees."""
    artifacts = folder / "artifacts"
    file = artifacts / name
    file.write_text(edit(file.read_text()))
    digests = json.loads((artifacts / "digests.json").read_text()) | {name: sha256(file)}
    before = sha256(artifacts / "digests.json")
    (artifacts / "digests.json").write_text(json.dumps(digests))
    description = folder / "MLmodel"
    description.write_text(description.read_text().replace(before, sha256(artifacts / "digests.json")))
