"""From a source to a file of accounts with the features that a model knows, whatever their number.

On this machine the accounts are taken part by part, so that memory is bounded; on a cluster the rows stay
there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from segmentwerk.core.context import Context
from segmentwerk.core.errors import InputError
from segmentwerk.core.files import atomic_file
from segmentwerk.core.settings import QualitySettings, SourceSettings
from segmentwerk.core.types import Feature
from segmentwerk.features import definitions
from segmentwerk.features import table as features
from segmentwerk.features.completing import Completion
from segmentwerk.preparation import some_accounts
from segmentwerk.preparation.accounts import Records, inspect, open_records
from segmentwerk.preparation.known import AsTrained, as_trained
from segmentwerk.registry.conceivable import conceivable
from segmentwerk.scoring.load import LoadedModel
from segmentwerk.shipped.model_catalogue import Catalogue

ID = "account_id"
TASK = 50_000
"""Rows of the largest table that a worker's task is worth: starting Python for fewer takes longer."""


def write(
    source: SourceSettings,
    as_of: date | None,
    rules: QualitySettings,
    loaded: LoadedModel,
    context: Context,
    *,
    home: Path,
) -> tuple[Path, Path | None]:
    """Write every account of a source, by the definitions that the model was trained with.

    Returns
    -------
    Path
        A Parquet file, or from Spark a folder of them, ids included.
    Path or None
        Where accounts stand for company families, the file of who belongs to whom.

    Raises
    ------
    ConfigError, ModelError, InputError
        As `known.open_as_trained`.
    """
    asked = as_trained(source, as_of, loaded)
    with open_records(asked.source, rules, context, home=home, level=asked.level) as records:
        with context.timed("features"):
            key = records.checked.tables.get("accounts", records.checked.tables.get("orders"))
            on_spark = key is not None and key.get_backend().name == "pyspark"
            path = context.output / ("accounts" if on_spark else "accounts.parquet")
            (_there if on_spark else _here)(records, asked, loaded.catalogue, path)
        inspect(records, context)
    return path, records.companies.families


def _here(records: Records, asked: AsTrained, catalogue: Catalogue, path: Path) -> None:
    """Build the features part by part and write one part after the other."""
    with atomic_file(path) as draft:
        parts = _parts(records, asked, catalogue)
        first = next(parts)
        with ParquetWriter(draft, first.schema) as file:
            file.write_table(first)
            for rows in parts:
                file.write_table(rows.cast(first.schema))


def _parts(records: Records, asked: AsTrained, catalogue: Catalogue) -> Iterator[pa.Table]:
    whole = records.checked.tables
    accounts = some_accounts.count(records.checked, some_accounts.PART)
    for number, of in some_accounts.numbers(accounts):
        with some_accounts.part(whole, number, of) as tables:
            table = features.build(
                tables,
                records.window,
                asked.wanted,
                source=records.opened.name,
                digest=records.companies.digest,
                learned=asked.learned,
                whole=whole,
            )
        definitions.insist(asked.kept, table)
        rows = conceivable(table.features, catalogue).rename_axis(ID).reset_index()
        yield pa.Table.from_pandas(rows, schema=_schema(table.catalogue), preserve_index=False)


def _schema(catalogue: tuple[Feature, ...]) -> pa.Schema:
    kinds = {"numeric": pa.float64(), "categorical": pa.string()}
    return pa.schema([(ID, pa.string()), *((one.name, kinds[one.kind]) for one in catalogue)])


def _there(records: Records, asked: AsTrained, catalogue: Catalogue, folder: Path) -> None:
    """Build the features in the cluster and have its workers write them."""
    whole = records.checked.tables
    query = features.ask(whole, records.window, asked.wanted, learned=asked.learned)
    definitions.insist(asked.kept, query.completion)
    session = query.relation.get_backend()._session
    most = max(session.sparkContext.defaultParallelism, -(-max(records.checked.rows.values()) // TASK))
    rows = session.sql(str(ibis.to_sql(query.relation))).coalesce(most)
    kinds = {"numeric": "double", "categorical": "string"}
    columns = [f"`{one.name}` {kinds[one.kind]}" for one in query.completion.catalogue]
    completed = rows.mapInPandas(
        _Completing(query.completion, catalogue), f"{ID} string, {', '.join(columns)}"
    )
    shutil.rmtree(folder, ignore_errors=True)
    try:
        completed.write.parquet(folder.as_uri())
    except Exception as error:  # Spark's own kind; its message may quote a customer's value
        raise InputError(
            f"The features cannot be computed on Spark ({type(error).__name__}).",
            "Workers need segmentwerk itself (PYSPARK_PYTHON names their Python), and the output folder at "
            "its path; look for impossible values with `segmentwerk data check`.",
        ) from error


class _Completing:
    """Complete rows on a worker, batch by batch."""

    def __init__(self, completion: Completion, catalogue: Catalogue) -> None:
        self.completion, self.catalogue = completion, catalogue

    def __call__(self, batches: Iterator[Any]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            done = self.completion.complete(batch.set_index(ID).sort_index())
            yield conceivable(done.features, self.catalogue).rename_axis(ID).reset_index()
