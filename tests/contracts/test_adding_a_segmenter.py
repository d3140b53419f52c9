"""The page about adding a segmenter is all there is to it: its code and yaml make one that works."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import MAIN, surroundings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "add-a-segmenter.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w/]+\.(?:py|yaml))`:\n\n```\w+\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
AGREEMENT = """
import json, sys
import numpy as np, onnxruntime
from segmentwerk.segmenters.base import Segmenter

model = Segmenter.load(sys.argv[1])
rows = np.random.default_rng(0).normal(size=(500, model.n_features_in_))
frame = __import__("pandas").DataFrame(rows, columns=model.feature_names_in_)
session = onnxruntime.InferenceSession(model.to_onnx().SerializeToString())
proba, score = session.run(["proba", "score"], {"x": rows})
print(json.dumps({
    "class": type(model).__name__,
    "n_segments": model.n_segments_,
    "labels": bool((proba.argmax(axis=1) == model.predict(frame)).all()),
    "different_labels": len(set(model.predict(frame))),
    "proba": float(np.abs(proba - model.predict_proba(frame)).max()),
    "score": float(np.abs(score - model.score_samples(frame)).max()),
}))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """Return a copy of the product to which the files of the page were added."""
    copy = tmp_path_factory.mktemp("checkout")
    for part in ("src/segmentwerk", "conf", "experiments"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "tests/contracts/test_segmenters.py"):
        (copy / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, copy / part)
    for name, text in FILES.items():
        assert not (copy / name).exists()
        (copy / name).write_text(text, encoding="utf-8")
    return copy


def python(checkout: Path, *arguments: str) -> str:
    """Run Python on the copy; return what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        cwd=checkout,
        env={
            **surroundings(),
            "PYTHONPATH": os.pathsep.join([str(checkout / "src"), str(ROOT / "tests")]),
            "SEGMENTWERK_HOME": str(checkout / "home"),
        },
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_page_shows_one_file_and_one_yaml_of_less_than_80_lines() -> None:
    assert {Path(name).parent.as_posix() for name in FILES} == {
        "src/segmentwerk/segmenters",
        "conf/segmenter",
    }
    assert len({Path(name).stem for name in FILES}) == 1
    assert sum(len(text.splitlines()) for text in FILES.values()) < 80


def test_what_the_page_shows_is_trained_saved_and_exported(checkout: Path) -> None:
    (yaml,) = (Path(name).stem for name in FILES if name.endswith(".yaml"))
    arguments = [
        f"segmenter={yaml}",
        "source.accounts=400",
        "evaluation.n_splits=2",
        "evaluation.n_bootstrap=20",
    ]
    told = python(checkout, "-c", MAIN, "train", *arguments, "tracking.enabled=false")
    summary = json.loads(Path(told.strip().splitlines()[-1]).read_text())
    found = json.loads(python(checkout, "-c", AGREEMENT, str(Path(summary["segmenter"]))))
    assert found["class"] in FILES[f"src/segmentwerk/segmenters/{yaml}.py"]
    assert found["n_segments"] == summary["decision"]["n_segments"] >= 2
    assert found["labels"]
    assert found["different_labels"] >= 2
    assert found["proba"] < 1e-9
    assert found["score"] < 1e-6


@pytest.mark.slow
def test_what_the_page_shows_passes_the_contract_suite(checkout: Path) -> None:
    (name,) = (Path(name).stem for name in FILES if name.endswith(".yaml"))
    suite = [
        "tests/contracts/test_segmenters.py",
        "-q",
        "-k",
        f"{name} or every_segmenter",
        "-p",
        "no:cacheprovider",
        "-o",
        "pythonpath=",
    ]
    told = python(checkout, "-m", "pytest", *suite)
    assert int(re.search(r"(\d+) passed", told)[1]) >= 30
