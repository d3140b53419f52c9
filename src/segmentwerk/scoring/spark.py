"""Score with the same model on Spark, for tables that one machine does not hold (extra ``spark``)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segmentwerk.core.errors import InputError
from segmentwerk.data.cluster import session
from segmentwerk.data.hidden import REASON, ROW
from segmentwerk.scoring.batch import Summary, insist_apart, wanted_columns
from segmentwerk.scoring.cells import ID, Wanted
from segmentwerk.scoring.load import LoadedModel, load
from segmentwerk.scoring.sparkfiles import COLUMN, Table, reading
from segmentwerk.shipped.model_catalogue import OUTPUTS

__all__ = ["score", "session"]


def score(
    model_uri: str,
    given: Path,
    output: Path,
    *,
    spark: Any,
    tracking_uri: str | None = None,
    columns: Sequence[str] | None = None,
) -> Summary:
    """Assign every account of a table with MLflow's Spark UDF.

    Segments equal those of `scoring.batch.score`. Numbers in texts must be written plainly (1234.5).

    Parameters
    ----------
    given
        CSV or Parquet file, or folder of them.
    output
        Folder of Parquet files; rejected rows go to the folder ``NAME.quarantine`` beside it.
    spark
        What `session` returned, or the cluster's own session.

    Raises
    ------
    InputError, ModelError, ConfigError
        As `scoring.batch.score`.
    """
    output = Path(output).resolve()
    if output.suffix:
        raise InputError(f"The output {output} is no folder.", "Name a folder; Spark writes several files.")
    given = Path(given).resolve()
    insist_apart(output, given)
    loaded = load(model_uri, tracking_uri)
    wanted = wanted_columns(columns, loaded)
    table = Table.read(spark, given, Wanted.of(loaded.catalogue))
    with reading(given):
        checked = table.checked()
        sound = checked.where(checked[REASON].isNull())
        rejected = checked.where(checked[REASON].isNotNull())
        assigned = _assign(spark, loaded, table, sound).cache()
        _write(assigned.select(*wanted), output)
        n_rejected = rejected.count()
        quarantine = _set_aside(rejected, n_rejected, output)
    counts = _counts(assigned)
    assigned.unpersist()
    scored = sum(counts["segment_id"].values())
    return Summary(
        output=output,
        quarantine=quarantine,
        model=loaded.uri,
        model_version=loaded.version,
        read=scored + n_rejected,
        scored=scored,
        rejected=n_rejected,
        outliers=counts["is_outlier"].get("true", 0),
        segments=counts["segment_id"],
        basis=counts["basis"],
        missing=table.missing,
        ignored=table.ignored,
        resumed=0,
    )


def _set_aside(rejected: Any, n_rejected: int, output: Path) -> Path | None:
    """Write the rejected rows beside the output; return the folder, None where there are none."""
    quarantine = output.with_name(f"{output.name}.quarantine")
    shutil.rmtree(quarantine, ignore_errors=True)
    if not n_rejected:
        return None
    names = {ROW: "row", ID: "account_id", COLUMN: "column", REASON: "reason"}
    _write(rejected.select(*(rejected[key].alias(name) for key, name in names.items())), quarantine)
    return quarantine


def _assign(spark: Any, loaded: LoadedModel, table: Table, sound: Any) -> Any:
    """Return every sound row with all output columns."""
    import mlflow
    from pyspark.sql import functions as f

    assign = mlflow.pyfunc.spark_udf(
        spark,
        str(loaded.folder),
        result_type=", ".join(f"{name} {kind}" for name, kind in OUTPUTS.items()),
        env_manager="local",
    )
    features = [f.col(place).alias(name) for place, name in table.features.items()]
    return sound.select(assign(f.struct(ID, *features)).alias("found")).select("found.*")


def _write(frame: Any, folder: Path) -> None:
    """Write a folder of Parquet files, whole or not at all."""
    draft = folder.with_name(f".{folder.name}.draft")
    try:
        frame.write.mode("overwrite").parquet(str(draft))
        shutil.rmtree(folder, ignore_errors=True)
        draft.replace(folder)
    except OSError as error:
        raise InputError(f"Cannot write {folder}: {error}.", "Name a folder where you may write.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _counts(assigned: Any) -> dict[str, dict[str, int]]:
    """Count the accounts by segment, basis and outlier in one pass."""
    names = ("segment_id", "basis", "is_outlier")
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    for *values, n in assigned.groupBy(*names).count().collect():
        for name, value in zip(names, values, strict=True):
            key = str(value).lower() if name == "is_outlier" else str(value)
            counts[name][key] = counts[name].get(key, 0) + n
    return {name: dict(sorted(counted.items())) for name, counted in counts.items()}
