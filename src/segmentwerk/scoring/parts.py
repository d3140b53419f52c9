"""The parts of a batch: written one by one, adopted by the next run after a kill, joined at the end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from segmentwerk.core.files import atomic_file
from segmentwerk.data.hidden import ROW
from segmentwerk.scoring.cells import ID
from segmentwerk.scoring.source import Chunk
from segmentwerk.shipped.model_catalogue import OUTPUTS

_ARROW = {"string": pa.string(), "long": pa.int64(), "double": pa.float64(), "boolean": pa.bool_()}
TYPES: dict[str, pa.DataType] = {name: _ARROW[kind] for name, kind in OUTPUTS.items()}
REJECTED = pa.schema(
    {"row": pa.int64(), "account_id": pa.string(), "column": pa.string(), "reason": pa.string()}
)
PLAN = "plan.json"
NUMBER = "[0-9]" * 6


def quarantine(output: Path) -> Path:
    """Return the file of the rejected rows that belongs to an output."""
    return output.with_name(f"{output.stem}.quarantine.csv")


@dataclass(frozen=True)
class Parts:
    """The parts below one folder. Part n is there when its ``.json`` is, which is written last.

    Parameters
    ----------
    columns
        Output columns, in order.
    """

    folder: Path
    columns: list[str]

    def adopt(self, plan: dict[str, Any]) -> int:
        """Return how many parts of an interrupted run with the same plan are whole; remove all others."""
        path = self.folder / PLAN
        same = path.is_file() and json.loads(path.read_text(encoding="utf-8")) == plan
        done = 0
        while same and self._file(done, "json").is_file():
            done += 1
        for file in self._files():
            if int(file.name.split(".")[0]) >= done:
                file.unlink()
        with atomic_file(path) as draft:
            draft.write_text(json.dumps(plan), encoding="utf-8")
        return done

    def write(self, number: int, chunk: Chunk, assigned: pd.DataFrame) -> None:
        """Write one part: the assigned rows, the rejected rows and their counts."""
        rejected = _rejected(chunk)
        for kind, table in (("rows", _table(assigned, self.columns)), ("rejected", rejected)):
            with atomic_file(self._file(number, f"{kind}.parquet")) as draft:
                pq.write_table(table, draft)
        counts = {
            "scored": len(assigned),
            "rejected": len(rejected),
            "outliers": int(assigned["is_outlier"].sum()),
            "segments": {str(key): int(n) for key, n in assigned["segment_id"].value_counts().items()},
            "basis": {str(key): int(n) for key, n in assigned["basis"].value_counts().items()},
        }
        with atomic_file(self._file(number, "json")) as draft:
            draft.write_text(json.dumps(counts), encoding="utf-8")

    def totals(self) -> dict[str, Any]:
        """Return the counts of all parts together."""
        all_counts = [json.loads(file.read_text(encoding="utf-8")) for file in self._files("json")]
        totals: dict[str, Any] = {
            key: sum(counts[key] for counts in all_counts) for key in ("scored", "rejected", "outliers")
        }
        for key in ("segments", "basis"):
            total: Counter[str] = Counter()
            for counts in all_counts:
                total.update(counts[key])
            totals[key] = dict(sorted(total.items()))
        return totals

    def join(self, output: Path, unreadable: Sequence[str]) -> Path | None:
        """Write the output, and the quarantine beside it where there is anything to say.

        Returns
        -------
        Path or None
            The quarantine file.
        """
        beside = quarantine(output)
        lines = pa.Table.from_pylist([{"reason": reason} for reason in unreadable], schema=REJECTED)
        rejected = pa.concat_tables([*self._tables("rejected"), lines])
        if len(rejected):
            with atomic_file(beside) as draft, draft.open("wb") as stream:
                pyarrow.csv.write_csv(rejected, stream)
        else:
            beside.unlink(missing_ok=True)
        schema = pa.schema({name: TYPES[name] for name in self.columns})
        with atomic_file(output) as draft, draft.open("wb") as stream:  # a name may look like an address
            writer = pyarrow.csv.CSVWriter if output.suffix == ".csv" else pq.ParquetWriter
            with writer(stream, schema) as target:
                for table in self._tables("rows"):
                    target.write_table(table)
        return beside if len(rejected) else None

    def _tables(self, kind: str) -> Iterator[pa.Table]:
        for file in self._files(f"{kind}.parquet"):
            yield pq.read_table(file)

    def _files(self, kind: str = "*") -> list[Path]:
        """Return the parts' files in order, without the copies that backups and viewers make of them."""
        return sorted(self.folder.glob(f"{NUMBER}.{kind}"))

    def _file(self, number: int, kind: str) -> Path:
        return self.folder / f"{number:06d}.{kind}"


def _table(assigned: pd.DataFrame, columns: list[str]) -> pa.Table:
    schema = pa.schema({name: TYPES[name] for name in columns})
    return pa.Table.from_pandas(
        assigned[columns], schema=schema, preserve_index=False
    ).replace_schema_metadata()


def _rejected(chunk: Chunk) -> pa.Table:
    frame = chunk.frame
    ids = frame[ID] if ID in frame else pd.Series(None, index=frame.index, dtype=object)
    rows = [
        {
            "row": int(frame[ROW].iloc[at]),
            "account_id": _known(ids.iloc[at]),
            "column": column,
            "reason": reason,
        }
        for at, (column, reason) in sorted(chunk.faults.items())
    ]
    return pa.Table.from_pylist(rows, schema=REJECTED)


def _known(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)
