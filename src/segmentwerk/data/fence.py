"""What the SQL of a source may do: compute from the source's own inputs, and nothing else.

The whole statement is read by DuckDB's own parser before it runs, so that both understand the same. It must
be one SELECT over the inputs, with functions whose results depend on their arguments alone. Behind that
stands DuckDB's own fence (`lock`): it reads files of the source's folder only, whatever the statement says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from segmentwerk.core.errors import ConfigError, nearest
from segmentwerk.data.sqltext import file, literal

SEE = "See docs/how-to/security.md for what a source may do."
_TABLE_FUNCTIONS = frozenset({"unnest", "generate_series", "range"})
_SYNTAX = frozenset({"unnest", "columns", "grouping"})
"""Functions that DuckDB's grammar knows and its catalogue does not."""
_TELLING = re.compile(
    r"__.*|json_(de)?serialize_.*|current_.*|getvariable|version|parse_duckdb_log_message"  # of the machine
)
"""Functions that DuckDB calls consistent and that tell of the machine all the same, or read other SQL."""
_TABLES = frozenset({"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT"})


def insist_on_one_select(query: str, place: str, inputs: Collection[str]) -> None:
    """Make sure that a statement is one SELECT over the inputs.

    Parameters
    ----------
    query
        ``WITH input AS (…), … SELECT …``; what stands in the WITH clause at its head is the product's own.

    Raises
    ------
    ConfigError
        Naming the table or the function that it may not use.
    """
    (node,) = _statements(query, place)
    node["cte_map"] = {"map": []}
    known = {name.lower() for name in inputs} | {name.lower() for name in _named_within(node)}
    for table in _parts(node, "sample", "alias"):  # what only tables have
        _insist_on_table(table, place, known)
    for function in _functions(node):
        if function not in _harmless():
            hint = SEE if function in _catalogue() else nearest(function, _harmless())
            raise ConfigError(f"{place}: the function {function} is none that a source may use.", hint)


def lock(con: duckdb.DuckDBPyConnection, root: Path) -> None:
    """Confine a connection, for good, to the files below a folder (or to one file), beside its own spill."""
    kind = "allowed_directories" if root.is_dir() else "allowed_paths"
    con.execute(f"SET {kind} = [{literal(str(root))}, {file(root)}]")  # patterns are asked for, too
    con.execute("SET python_enable_replacements = false")  # else a table may be a variable of Python's
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def _statements(query: str, place: str) -> list[Any]:
    answer = _parser().cursor().execute("SELECT json_serialize_sql(?)", [query]).fetchone()
    parsed: dict[str, Any] = json.loads(answer[0]) if answer else {"error": True}
    if parsed["error"]:
        reason = str(parsed.get("error_message", "")).splitlines()[0].rstrip(".")
        raise ConfigError(f"{place} is no SELECT in DuckDB's SQL: {reason}.", SEE)
    nodes = [statement["node"] for statement in parsed["statements"]]
    if len(nodes) != 1:
        raise ConfigError(f"{place} holds {len(nodes)} statements.", f"Write one expression. {SEE}")
    return nodes


def _insist_on_table(table: dict[str, Any], place: str, known: Collection[str]) -> None:
    if table["type"] not in _TABLES:
        raise ConfigError(f"{place} asks the database about itself.", SEE)
    if table["type"] == "TABLE_FUNCTION":
        name = table["function"]["function_name"]
        if name not in _TABLE_FUNCTIONS:
            raise ConfigError(f"{place} reads from {name}(…), which is none of the source's inputs.", SEE)
    if table["type"] == "BASE_TABLE":
        name = ".".join(filter(None, (table["catalog_name"], table["schema_name"], table["table_name"])))
        if name.lower() not in known:
            raise ConfigError(
                f"{place} reads from {name!r}, which is none of the source's inputs.", nearest(name, known)
            )


def _named_within(node: Any) -> Iterator[str]:
    """Yield the names that WITH clauses give; others than words could be names of files elsewhere."""
    for part in _parts(node, "cte_map"):
        yield from (
            entry["key"] for entry in part["cte_map"]["map"] if re.fullmatch(r"\w+", str(entry["key"]))
        )


def _functions(node: Any) -> set[str]:
    return {str(part["function_name"]).lower() for part in _parts(node, "function_name")} - _TABLE_FUNCTIONS


def _parts(node: Any, *keys: str) -> Iterator[dict[str, Any]]:
    """Yield every part of a parsed statement that has these keys."""
    if isinstance(node, dict):
        if all(key in node for key in keys):
            yield node
        for inner in node.values():
            yield from _parts(inner, *keys)
    elif isinstance(node, list):
        for inner in node:
            yield from _parts(inner, *keys)


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Return a connection that holds nothing and reaches nothing."""
    con = duckdb.connect(":memory:", config={"enable_external_access": False})
    con.execute("SET lock_configuration = true")
    return con


@cache
def _catalogue() -> dict[str, list[tuple[str, str | None, str | None]]]:
    """Return what DuckDB says of each function: kind, stability and, of macros, definition."""
    rows = (
        _parser()
        .cursor()
        .execute(
            "SELECT lower(function_name), function_type, stability, macro_definition FROM duckdb_functions()"
        )
    )
    functions: dict[str, list[tuple[str, str | None, str | None]]] = {}
    for name, *details in rows.fetchall():
        functions.setdefault(name, []).append((details[0], details[1], details[2]))
    return functions


@cache
def _harmless() -> frozenset[str]:
    """Return the functions whose results depend on their arguments alone, and the macros made of such."""
    names, macros = set(_SYNTAX), {}
    for name, details in _catalogue().items():
        kinds = {kind for kind, _, _ in details}
        if _TELLING.fullmatch(name):
            continue
        if kinds <= {"scalar", "aggregate"} and all(stability == "CONSISTENT" for _, stability, _ in details):
            names.add(name)
        elif kinds == {"macro"}:
            macros[name] = [_statements(f"SELECT {text}", name)[0] for _, _, text in details]
    while more := {
        name for name in macros.keys() - names if all(_is_made_of(one, names) for one in macros[name])
    }:
        names |= more
    return frozenset(names)


def _is_made_of(node: Any, functions: Collection[str]) -> bool:
    tables = {table["type"] for table in _parts(node, "sample", "alias")}
    return tables <= {"EMPTY"} and _functions(node) <= set(functions)
