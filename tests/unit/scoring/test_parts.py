"""The parts of a batch are told from the copies that backups and viewers make of them."""

import json
import shutil

import pandas as pd

from segmentwerk.data.hidden import ROW
from segmentwerk.scoring.parts import Parts
from segmentwerk.scoring.source import Chunk

COLUMNS = ["account_id", "segment_id", "basis", "is_outlier"]


def test_a_copy_of_a_part_counts_for_nothing(tmp_path):
    parts = Parts(tmp_path, COLUMNS)
    parts.adopt({"input": 1})
    assigned = pd.DataFrame(
        {"account_id": ["1"], "segment_id": [11], "basis": ["full"], "is_outlier": [False]}
    )
    parts.write(0, Chunk(pd.DataFrame({ROW: [0]}), {}), assigned)
    for name in ("000000.json", "000000.rows.parquet"):
        stem, _, ending = name.partition(".")
        shutil.copy(tmp_path / name, tmp_path / f"{stem} (conflicted copy).{ending}")
        shutil.copy(tmp_path / name, tmp_path / f"._{name}")
    assert parts.adopt({"input": 1}) == 1
    assert parts.totals()["scored"] == 1
    assert parts.join(tmp_path / "out.csv", []) is None
    assert len(pd.read_csv(tmp_path / "out.csv")) == 1
    assert json.loads((tmp_path / "plan.json").read_text()) == {"input": 1}
