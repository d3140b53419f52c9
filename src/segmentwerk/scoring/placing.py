"""Where accounts lie in a version's own reference space, by the graph that the version itself uses."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pandas as pd

from segmentwerk.core.arrays import FloatArray
from segmentwerk.scoring.load import LoadedModel
from segmentwerk.shipped.assigning import _feed
from segmentwerk.shipped.frames import numbers_of, texts_of


def placed(loaded: LoadedModel, features: pd.DataFrame) -> FloatArray:
    """Return accounts in the reference space (n, d).

    Parameters
    ----------
    features
        Raw features (n, n_features) as the version knows them; unknown columns are ignored.
    """
    path = loaded.folder / "artifacts" / "space.onnx"  # compared with its digest when the model was opened
    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = loaded.catalogue
    numeric, texts = numbers_of(features, names.numeric, 0), texts_of(features, names.categorical, 0)
    (x,) = session.run(["x"], _feed(session, numeric, texts))
    return np.asarray(x, dtype=np.float64)
