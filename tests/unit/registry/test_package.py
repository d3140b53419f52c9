import dataclasses
import hashlib
import json

import numpy as np
import pytest

from packaged import CATALOGUE, CATEGORICAL, NUMERIC, pack
from segmentwerk.registry import package


def test_the_files_of_a_package_and_their_digests(packaged):
    names = {file.name for file in packaged.folder.iterdir()}
    assert names == {
        "space.onnx",
        "segmenter.onnx",
        "prospect.onnx",
        "catalogue.json",
        "segment_model.py",
        "model_catalogue.py",
        "frames.py",
        "evidence.py",
        "partial_answers.py",
        "assigning.py",
        "probe.json",
        "digests.json",
        "__pycache__",
    }
    digests = json.loads((packaged.folder / "digests.json").read_text())
    assert digests == {
        name: hashlib.sha256((packaged.folder / name).read_bytes()).hexdigest()
        for name in names - {"digests.json", "__pycache__"}
    }


def test_nothing_of_any_single_customer_is_in_it(packaged):
    content = b"".join(file.read_bytes() for file in packaged.folder.iterdir())
    for account in packaged.table.features.index:
        assert account.encode() not in content


def test_the_catalogue_says_what_people_and_scoring_need(packaged):
    catalogue = packaged.catalogue
    assert catalogue.numeric == tuple(NUMERIC)
    assert catalogue.categorical == tuple(CATEGORICAL)
    assert [segment.id for segment in catalogue.segments] == [11, 12, 13, 14]
    assert catalogue.basis.orders == "frequency"
    assert catalogue.basis.own == ("frequency", "monetary", "recency_days", "discount_share")
    employees = catalogue.features["employees"]
    assert employees.typical == packaged.table.features["employees"].median()
    assert catalogue.wording.features["monetary"].subject == "Revenue so far"
    assert catalogue.wording.features["recency_days"].units == ("\u00a0day", "\u00a0days")
    assert catalogue.features["industry"].typical == packaged.table.features["industry"].mode()[0]


def test_evidence_by_hand(packaged):
    evidence, features, labels = packaged.catalogue.evidence, packaged.table.features, packaged.labels
    logs = np.log1p(features["employees"].dropna())
    at = NUMERIC.index("employees")
    assert evidence.centre[at] == pytest.approx(logs.mean())
    assert evidence.scale[at] == pytest.approx(logs.std(ddof=0))
    z = (logs - logs.mean()) / logs.std(ddof=0)
    mine = z[labels.loc[z.index] == 2]
    assert evidence.means[2][at] == pytest.approx(mine.sum() / (len(mine) + 1))
    tech = (features["industry"] == "Tech").to_numpy()
    n, n_levels, segment = len(tech), 4, (labels == 1).to_numpy()
    overall = (tech.sum() + 1) / (n + n_levels + 1)
    within = ((tech & segment).sum() + overall) / (segment.sum() + 1)
    at = evidence.levels["industry"].index("Tech")
    assert evidence.lifts["industry"][1][at] == pytest.approx(np.log(within / overall))
    assert evidence.lifts["industry"][1][-1] == 0


def test_the_same_inputs_give_the_same_bytes(packaged, tmp_path):
    again = pack(tmp_path / "again")
    for file in packaged.folder.iterdir():
        assert (again.folder / file.name).read_bytes() == file.read_bytes(), file.name


def test_a_failing_export_leaves_nothing_behind(packaged, tmp_path):
    class Broken:
        def to_onnx(self):
            raise RuntimeError("no converter")

    with pytest.raises(RuntimeError, match="no converter"):
        package.save(
            tmp_path / "model",
            package.Trained(packaged.space, Broken(), packaged.partial, 0.0),
            packaged.table,
            packaged.labels,
            (),
            package.About(),
        )
    assert list(tmp_path.iterdir()) == []


def test_features_of_which_nothing_is_known(packaged, tmp_path):
    features = packaged.table.features.copy()
    features["employees"], features["country"] = np.nan, None
    table = dataclasses.replace(packaged.table, features=features)
    package.save(
        tmp_path / "model",
        package.Trained(packaged.space, packaged.segmenter, packaged.partial, 0.0),
        table,
        packaged.labels,
        (),
        package.About(),
    )
    catalogue = json.loads((tmp_path / "model" / "catalogue.json").read_text())
    assert catalogue["features"]["employees"]["typical"] is None
    assert catalogue["evidence"]["levels"]["country"] == []
    assert len(CATALOGUE) == len(catalogue["features"])
