"""Score a table of any size: streamed, resumable, whole or not at all, and no account lost or doubled."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from segmentwerk.core.errors import ConfigError, InputError, nearest
from segmentwerk.core.files import locked
from segmentwerk.data.hidden import ROW
from segmentwerk.scoring.cells import ID, Wanted
from segmentwerk.scoring.load import LoadedModel, load
from segmentwerk.scoring.parts import PLAN, Parts, quarantine
from segmentwerk.scoring.source import Chunk, files_of, open_source
from segmentwerk.shipped.model_catalogue import OUTPUTS

CHUNK = 131_072
"""Rows scored at once; each chunk becomes one part, so that a killed run goes on after the last one."""
SCRATCH = "scratch"
"""Folder of what only the running process needs."""
Progress = Callable[[int, int], None]
"""Told the number of rows done and of all rows."""


@dataclass(frozen=True)
class Summary:
    """What a batch did.

    Attributes
    ----------
    quarantine
        File of the rejected rows with reasons; None where there are none.
    segments, basis
        Number of accounts by segment id and by basis.
    missing, ignored
        Columns of the model that the input lacks; columns of the input that the model does not know.
    resumed
        Rows that an interrupted run before this one had already scored.
    """

    output: Path
    quarantine: Path | None
    model: str
    model_version: str
    read: int
    scored: int
    rejected: int
    outliers: int
    segments: dict[str, int]
    basis: dict[str, int]
    missing: tuple[str, ...]
    ignored: tuple[str, ...]
    resumed: int


def score(
    model_uri: str,
    given: Path | Any,
    output: Path,
    *,
    tracking_uri: str | None = None,
    columns: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Assign every account of a table to its segment.

    Parameters
    ----------
    model_uri
        ``models:/NAME@champion``, ``models:/NAME/VERSION`` or the folder of a saved model.
    given
        CSV or Parquet file, folder of them, or an Ibis table. One row an account.
    output
        ``.parquet`` or ``.csv``. Rejected rows go to ``NAME.quarantine.csv`` beside it.
    columns
        The output columns wanted; None: all.

    Raises
    ------
    InputError
        If the input cannot be read, or the output cannot be written or would replace the input.
    ModelError
        If there is no such model, or its files are not those that were registered.
    ConfigError
        If an output column does not exist.
    """
    output = _writable(Path(output), given)
    loaded = load(model_uri, tracking_uri)
    wanted = wanted_columns(columns, loaded)
    with _workplace(output) as work:
        scratch = work / SCRATCH
        source = open_source(given, Wanted.of(loaded.catalogue), scratch)
        parts = Parts(work, wanted)
        done = parts.adopt(_plan(loaded, given, wanted, source.rows))
        for number, chunk in enumerate(source.chunks(CHUNK, done), done):
            parts.write(number, chunk, _assign(loaded, chunk, wanted))
            if progress:
                progress(min((number + 1) * CHUNK, source.rows), source.rows)
        rejected = parts.join(output, source.unreadable)
        totals = parts.totals()
    return Summary(
        output=output,
        quarantine=rejected,
        model=loaded.uri,
        model_version=loaded.version,
        read=source.rows + len(source.unreadable),
        scored=totals["scored"],
        rejected=totals["rejected"] + len(source.unreadable),
        outliers=totals["outliers"],
        segments=totals["segments"],
        basis=totals["basis"],
        missing=source.missing,
        ignored=source.ignored,
        resumed=min(done * CHUNK, source.rows),
    )


def wanted_columns(columns: Sequence[str] | None, loaded: LoadedModel) -> list[str]:
    """Return the output columns asked for, all that the model has by default, or refuse an unknown one."""
    offered = [name for name in OUTPUTS if name in loaded.outputs]
    for name in columns or ():
        if name not in offered:
            raise ConfigError(f"There is no output column {name!r}.", nearest(name, offered))
    return list(columns or offered)


def _writable(output: Path, given: Path | Any) -> Path:
    """Refuse an output that cannot be written, or would be in the input's way, before any work is done."""
    if output.suffix not in (".parquet", ".csv"):
        raise InputError(
            f"The output {output} is neither .parquet nor .csv.", "Name a file with such an ending."
        )
    if output.is_dir():
        raise InputError(f"The output {output} is a folder.", "Name a file.")
    output = output.resolve()
    if isinstance(given, Path):
        insist_apart(output, given)
    return output


def insist_apart(output: Path, given: Path) -> None:
    """Refuse an output that would replace the input, or lie among the files to score."""
    given = given.resolve()
    replaced = (output, quarantine(output), output.with_name(f"{output.name}.quarantine"))
    if any(given.is_relative_to(path) for path in replaced):
        raise InputError(f"The output {output} would replace the input {given}.", "Name another output.")
    if output.is_relative_to(given):
        raise InputError(f"The output {output} lies in the folder to score.", "Name another folder.")


@contextmanager
def _workplace(output: Path) -> Iterator[Path]:
    """Yield the folder of the parts; it stays when the block fails, so that the next run goes on from it."""
    work = output.with_name(f".{output.name}.parts")
    with locked(output.with_name(f".{output.name}.lock")):
        (work / SCRATCH).mkdir(parents=True, exist_ok=True)
        try:
            yield work
            (work / PLAN).unlink()
        finally:
            shutil.rmtree(work / SCRATCH)
            if not (work / PLAN).is_file():
                shutil.rmtree(work)
    output.with_name(f".{output.name}.lock").unlink(missing_ok=True)


def _plan(loaded: LoadedModel, given: Any, wanted: list[str], rows: int) -> dict[str, Any]:
    """Return what must be the same for a run to go on where another one was killed."""
    files: list[Any] = [rows]
    if isinstance(given, Path):
        files = [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files_of(given)]
    model = [loaded.uri, loaded.digest]
    return {"model": model, "input": files, "columns": wanted, "chunk": CHUNK}


def _assign(loaded: LoadedModel, chunk: Chunk, wanted: list[str]) -> pd.DataFrame:
    """Score the sound rows of a chunk."""
    rows = chunk.frame.drop(index=list(chunk.faults)).drop(columns=ROW)
    if ID not in rows:
        rows[ID] = chunk.frame[ROW].astype(str)
    columns = list(dict.fromkeys([*wanted, "segment_id", "basis", "is_outlier"]))
    from mlflow.exceptions import MlflowException

    try:
        return loaded.assign(rows, columns)
    except MlflowException as error:
        raise InputError(error.message) from error
