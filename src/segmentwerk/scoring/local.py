"""Score with a package on disk, before or without a registry."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from segmentwerk.core.errors import ModelError


def score_package(folder: Path, features: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Assign accounts with the package's own code, exactly as MLflow would run it.

    Parameters
    ----------
    folder
        What `registry.package.save` wrote.
    features
        Raw features (n_accounts, n_features), index: account ids.
    columns
        Columns of the result, in this order.

    Returns
    -------
    DataFrame
        One row an account, in the order of ``features``.

    Raises
    ------
    ModelError
        If the package has no code.
    """
    code = folder / "segment_model.py"
    spec = importlib.util.spec_from_file_location("segment_model", code)
    if spec is None or spec.loader is None or not code.is_file():
        raise ModelError(f"{folder} holds no packaged model.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    named = json.loads((folder / "digests.json").read_text(encoding="utf-8"))
    paths = [folder / name for name in (*named, "digests.json") if name != code.name]
    files = {path.stem: str(path) for path in paths if path.is_file()}
    model = module.SegmentModel()
    model.load_context(SimpleNamespace(artifacts=files, model_config={}))
    rows = features.rename_axis("account_id").reset_index()
    assigned: pd.DataFrame = model.predict(None, rows, {"columns": columns})
    return assigned
