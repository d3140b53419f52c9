"""The contracts as pandera schemas, from the same declaration that the rules come from.

`contracts.check` does not filter with pandera: its Ibis backend cannot drop rows (0.35), pulls every
row of a failed check into pandas, and passes over ``unique``. So the rules split the rows where they
lie, and pandera proves what came out.
"""

from __future__ import annotations

from typing import Any

import ibis
import pandera.ibis as pa
from pandera.errors import SchemaErrors

from segmentwerk.core.errors import InputError
from segmentwerk.data.casting import DTYPES
from segmentwerk.data.cleaning import outside
from segmentwerk.data.columns import COLUMNS, ColumnSpec
from segmentwerk.data.contracts import Checked


def schema(table: str) -> pa.DataFrameSchema:
    """Return the pandera schema of one of our tables; units and descriptions are in its metadata."""
    columns = COLUMNS[table]
    keys = [name for name, column in columns.items() if column.key]
    checks = [pa.Check(lambda data, key=key: _unique(data.table, key), name=f"unique {key}") for key in keys]
    return pa.DataFrameSchema(
        {name: _column(name, column) for name, column in columns.items()},
        checks=checks or None,
        strict=True,
        name=table,
    )


def _unique(table: ibis.Table, key: str) -> Any:
    return table[key].nunique() == table.count()


def _column(name: str, column: ColumnSpec) -> pa.Column:
    return pa.Column(
        DTYPES[column.kind],
        checks=list(_checks(name, column)),
        nullable=not column.required,
        required=column.required,
        description=column.description,
        metadata={"unit": column.unit, "personal": column.personal},
    )


def _checks(name: str, column: ColumnSpec) -> Any:
    if column.kind == "number":
        yield pa.Check(lambda data: ~(data.table[name].isinf() | data.table[name].isnan()), name="finite")
    bad = outside(name, column)
    if bad is not None:
        yield pa.Check(lambda data: ~bad(data.table), name="possible")


def verify(checked: Checked) -> None:
    """Prove that the valid rows keep their contracts.

    Raises
    ------
    InputError
        Naming the table, the column and the check that fails.
    """
    for name, table in checked.tables.items():
        if checked.rejected.get(name) == checked.rows.get(name, -1):
            continue  # pandera takes a column without rows for one with nulls
        try:
            schema(name).validate(table, lazy=True)
        except SchemaErrors as error:
            first = error.schema_errors[0]
            raise InputError(
                f"Table {name!r} breaks its contract: {first.reason_code.name} {first.check}."
            ) from None
