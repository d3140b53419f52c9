"""One table for several processes: stored once, memory-mapped by each, never copied."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from segmentwerk.core.errors import InputError
from segmentwerk.core.files import atomic_folder


@dataclass(frozen=True)
class SharedFrame:
    """A numeric DataFrame on disk; as small as its path when it is pickled to a worker.

    Examples
    --------
    >>> import tempfile
    >>> frame = pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"])
    >>> shared = SharedFrame.store(frame, Path(tempfile.mkdtemp()) / "frame")
    >>> shared.open().equals(frame)
    True
    """

    folder: Path

    @classmethod
    def store(cls, frame: pd.DataFrame, folder: Path) -> SharedFrame:
        """Write ``frame`` to ``folder`` and return its handle.

        Raises
        ------
        InputError
            If a column is not numeric, or the folder cannot be written.
        """
        textual = [
            str(name) for name, kind in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)
        ]
        if textual:
            raise InputError(f"Column {textual[0]!r} is not numeric.", "Share the reference space only.")
        with atomic_folder(folder) as draft:
            np.save(draft / "values.npy", frame.to_numpy(dtype=np.float64))
            # Labels alone: a parquet file keeps their types, which an array of objects would not.
            frame.iloc[:, :0].to_parquet(draft / "index.parquet", index=True)
            frame.columns.to_frame().to_parquet(draft / "columns.parquet")
        return cls(Path(folder))

    def open(self) -> pd.DataFrame:
        """Return the table; its values (n_rows, n_columns) float64 stay on disk and are read-only."""
        values = np.load(self.folder / "values.npy", mmap_mode="r")
        index = pd.read_parquet(self.folder / "index.parquet").index
        columns = pd.read_parquet(self.folder / "columns.parquet").index
        return pd.DataFrame(values, index=index, columns=columns, copy=False)
