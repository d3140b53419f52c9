"""`import segmentwerk` costs nothing, and offers what it says; the segmenters are scikit-learn's kind."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import segmentwerk as sw
from small_worlds import blobs

SEGMENTERS = sorted(
    yaml.safe_load(path.read_text())["_target_"].rpartition(".")[2]
    for path in (Path(__file__).parents[3] / "conf" / "segmenter").glob("*.yaml")
)
QUICK = {
    "AutoencoderSegmenter": {"n_segments": 3, "epochs": 3},
    "GaussianMixtureSegmenter": {"n_segments": 3},
    "KMeansSegmenter": {"n_segments": 3},
}


def test_the_import_loads_nothing_heavy():
    code = (
        "import sys, segmentwerk as sw\n"
        "names = dir(sw)\n"
        "heavy = {'torch', 'mlflow', 'sklearn', 'pandas', 'numpy', 'hydra', 'onnx'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "print({'compare', 'score', 'load_source', 'KMeansSegmenter'} <= set(names))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split("\n")[:2] == ["[]", "True"]


def test_every_name_that_is_offered_is_there():
    for name in sw.__all__:
        assert getattr(sw, name) is not None


def test_type_checkers_and_editors_know_the_same_names():
    tree = ast.parse(Path(sw.__file__).read_text(encoding="utf-8"))
    (typed,) = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    imports = [node for node in typed.body if isinstance(node, ast.ImportFrom)]
    known = {alias.name: node.module for node in imports for alias in node.names}
    assert set(known) == set(sw.__all__) - {"__version__"}
    for name, module in known.items():
        assert getattr(importlib.import_module(module), name) is getattr(sw, name)
    assert (Path(sw.__file__).parent / "py.typed").is_file()


def test_a_name_that_is_not_offered_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="'segmentwerk' has no attribute 'comapre'"):
        sw.comapre  # noqa: B018 it is the access that is tested


@pytest.mark.parametrize("name", SEGMENTERS)
def test_every_segmenter_that_can_be_configured_is_offered(name):
    assert name in sw.__all__


@pytest.mark.parametrize("name", QUICK)
def test_a_segmenter_works_in_a_pipeline(name):
    frame, truth = blobs(n=150, k=3)
    segmenter = getattr(sw, name)(**QUICK[name])
    pipeline = make_pipeline(StandardScaler(), clone(segmenter))
    labels = pipeline.fit_predict(frame)
    assert labels.shape == (150,)
    np.testing.assert_array_equal(labels, pipeline.predict(frame))
    assert set(labels) == set(range(pipeline[-1].n_segments_))
    assert not hasattr(segmenter, "labels_"), "a clone was fitted"
    assert clone(pipeline).get_params()[f"{name.lower()}__n_segments"] == 3
    if name != "AutoencoderSegmenter":  # three epochs are too few to find them
        assert pd.crosstab(labels, truth.to_numpy()).max().sum() >= 145


def test_raw_features_of_mixed_kind_go_through_the_reference_space():
    frame, _ = blobs(n=150, k=3)
    frame["industry"] = np.where(np.arange(150) % 2, "steel", None)
    frame.iloc[0, 0] = np.nan
    space = sw.ReferenceSpace(numeric=["x0", "x1", "x2"], categorical=["industry"])
    labels = make_pipeline(space, sw.KMeansSegmenter(n_segments=3)).fit_predict(frame)
    assert len(np.unique(labels)) == 3
