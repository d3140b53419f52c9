"""Score with the same model on Spark, for tables that one machine does not hold (extra ``spark``)."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.data.files import PARQUET, TEXT, find, suffix
from segmentwerk.scoring.batch import Summary, wanted_columns
from segmentwerk.scoring.load import Loaded, load
from segmentwerk.scoring.parts import TYPES
from segmentwerk.scoring.source import ID, ROW, check_columns

_SQL = {"string": "string", "int64": "long", "double": "double", "bool": "boolean"}
_CORRUPT = "_corrupt_record"
_COLUMN, _REASON = "_column", "_reason"


def session(master: str = "local[*]", **settings: str) -> Any:
    """Return a Spark session whose workers use this interpreter.

    Raises
    ------
    ConfigError
        If the extra is not installed.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else workers take the system's Python
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigError("Spark is not installed.", "pip install 'segmentwerk[spark]'") from error
    builder = SparkSession.builder.master(master).appName("segmentwerk")
    defaults = {"spark.ui.enabled": "false", "spark.sql.execution.arrow.pyspark.enabled": "true"}
    for name, value in {**defaults, **settings}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


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
    wanted = wanted_columns(columns)
    output = Path(output).resolve()
    if output.suffix:
        raise InputError(f"The output {output} is no folder.", "Name a folder; Spark writes several files.")
    loaded = load(model_uri, tracking_uri)
    table = _Table.read(spark, Path(given).resolve(), loaded)
    checked = table.checked()
    sound = checked.where(checked[_REASON].isNull())
    rejected = checked.where(checked[_REASON].isNotNull())
    assigned = _assign(spark, loaded, table, sound).cache()
    _write(assigned.select(*wanted), output)
    quarantine = output.with_name(f"{output.name}.quarantine")
    n_rejected = rejected.count()
    shutil.rmtree(quarantine, ignore_errors=True)
    if n_rejected:
        names = {ROW: "row", ID: "account_id", _COLUMN: "column", _REASON: "reason"}
        _write(rejected.select(*(rejected[key].alias(name) for key, name in names.items())), quarantine)
    counts = _counts(assigned)
    assigned.unpersist()
    scored = sum(counts["segment_id"].values())
    return Summary(
        output=output,
        quarantine=quarantine if n_rejected else None,
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


@dataclass(frozen=True)
class _Table:
    """The input as Spark sees it and the model's columns."""

    frame: Any
    numeric: list[str]
    categorical: list[str]

    @classmethod
    def read(cls, spark: Any, given: Path, loaded: Loaded) -> _Table:
        """Open the input and number its rows."""
        from pyspark.sql import functions as f

        folder, pattern = (given, "*") if given.is_dir() else (given.parent, given.name)
        files = find(folder, pattern, alone=given.is_dir())
        paths = [str(file) for file in files]
        if suffix(files[0]) in PARQUET:
            frame = spark.read.option("mergeSchema", "true").parquet(*paths).withColumn(_CORRUPT, f.lit(None))
        elif suffix(files[0]) in TEXT:
            names = spark.read.csv(paths[0], header=True).columns
            schema = ", ".join(f"`{name}` string" for name in (*names, _CORRUPT))
            frame = spark.read.csv(paths, header=True, schema=schema, enforceSchema=False)
        else:
            raise InputError(f"{files[0]} is neither CSV nor Parquet.", "Save it as CSV or Parquet.")
        numeric, categorical = loaded.catalogue["numeric"], loaded.catalogue["categorical"]
        check_columns(given, [name for name in frame.columns if name != _CORRUPT], [*numeric, *categorical])
        return cls(frame.withColumn(ROW, f.monotonically_increasing_id()), numeric, categorical)

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns of the model that the input lacks."""
        return tuple(name for name in (*self.numeric, *self.categorical) if name not in self.frame.columns)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns of the input that the model does not know."""
        known = {*self.numeric, *self.categorical, ID, ROW, _CORRUPT}
        return tuple(sorted(set(self.frame.columns) - known))

    def checked(self) -> Any:
        """Return the columns as the model wants them, and why a row cannot be scored."""
        from pyspark.sql import Window
        from pyspark.sql import functions as f

        here = set(self.frame.columns)
        has_id = ID in here
        key = f.nullif(f.trim(f.col(ID).cast("string")), f.lit("")) if has_id else f.col(ROW).cast("string")
        frame = self.frame.withColumn(ID, key)
        faults = [(f.col(_CORRUPT).isNotNull(), "", "has more or fewer fields than the header")]
        if has_id:
            turn = f.row_number().over(Window.partitionBy(ID).orderBy(ROW))
            frame = frame.withColumn("_turn", turn)
            faults += [(f.col(ID).isNull(), ID, "is missing"), (f.col("_turn") > 1, ID, "is there already")]
        for name in self.numeric:
            if name in here:
                number = f.expr(f"try_cast(`{name}` AS double)")
                bad = f.col(name).isNotNull() & (number.isNull() | (f.abs(number) == f.lit(float("inf"))))
                faults.append((bad, name, "is not a finite number"))
        reason, column = f.lit(None).cast("string"), f.lit(None).cast("string")
        for bad, name, text in reversed(faults):
            reason, column = f.when(bad, text).otherwise(reason), f.when(bad, name).otherwise(column)
        values = [f.expr(f"try_cast(`{n}` AS double)").alias(n) for n in self.numeric if n in here]
        values += [f.trim(f.col(n).cast("string")).alias(n) for n in self.categorical if n in here]
        return frame.select(ROW, ID, *values, column.alias(_COLUMN), reason.alias(_REASON))


def _assign(spark: Any, loaded: Loaded, table: _Table, sound: Any) -> Any:
    """Return every sound row with all output columns."""
    import mlflow
    from pyspark.sql import functions as f

    kinds = {name: _SQL[str(kind)] for name, kind in TYPES.items()}
    assign = mlflow.pyfunc.spark_udf(
        spark,
        str(loaded.folder),
        result_type=", ".join(f"{name} {kind}" for name, kind in kinds.items()),
        env_manager="local",
    )
    here = [name for name in (ID, *table.numeric, *table.categorical) if name in sound.columns]
    return sound.select(assign(f.struct(*here)).alias("found")).select("found.*")


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
    return {name: dict(sorted(found.items())) for name, found in counts.items()}
