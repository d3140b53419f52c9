"""Raw features as the ONNX models of a package take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def feed(frame: pd.DataFrame, numeric: list[str], categorical: list[str]) -> dict[str, Any]:
    """Return the inputs; what there are no features for is left out."""
    inputs: dict[str, Any] = {"numeric": frame[numeric].to_numpy(dtype=np.float64)} if numeric else {}
    if categorical:
        texts = frame[categorical].astype(object).where(frame[categorical].notna(), "").to_numpy(object)
        codes, words = pd.factorize(texts.ravel())
        inputs |= {"words": words, "codes": codes.reshape(texts.shape)}
    return inputs
