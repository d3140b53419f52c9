"""Tables that are computed once, where they lie, and go with the connection."""

from __future__ import annotations

from typing import Any, Literal

import ibis


def kept(table: ibis.Table) -> ibis.Table:
    """Compute a table once, where it lies, into a temporary table that goes with the connection."""
    return made(table.get_backend(), "TABLE", str(ibis.to_sql(table)))


def dropped(table: ibis.Table) -> None:
    """Give back the room of a table that `kept` made."""
    con, name = table.get_backend(), table.get_name()
    if con.name == "pyspark":
        con.raw_sql(f"UNCACHE TABLE `{name}`")
        con._session.catalog.dropTempView(name)
    elif con.name == "postgres":
        with con.begin() as cursor:
            cursor.execute("SET TRANSACTION READ WRITE")
            cursor.execute(f'DROP TABLE "{name}"')
    else:
        con.raw_sql(f'DROP TABLE "{name}"')


def gathered(table: ibis.Table, by: str = "account_id") -> ibis.Table:
    """Compute a table once on a cluster, rows of an account on one worker; elsewhere return it as it is.

    Spark computes anew whatever a query names twice, and sends rows through the network for each grouping and
    join. Rows that lie together need neither. All tables get the same number of parts, so that joins match
    them part by part.
    """
    con = table.get_backend()
    if con.name != "pyspark":
        return table
    parts = int(con._session.conf.get("spark.sql.shuffle.partitions"))
    hint = f"/*+ REPARTITION({parts}, {by}) */"
    return made(con, "TABLE", f"SELECT {hint} * FROM ({ibis.to_sql(table)}) AS given")


def made(con: Any, kind: Literal["VIEW", "TABLE"], native: str) -> ibis.Table:
    """Return a temporary view or table of a query in the connection's own dialect."""
    name = ibis.util.gen_name("segmentwerk")
    if con.name == "pyspark":
        begin = "CACHE TABLE" if kind == "TABLE" else "CREATE TEMPORARY VIEW"
        con.raw_sql(f"{begin} `{name}` AS {native}")
        return con.table(name)
    statement = f'CREATE TEMPORARY {kind} "{name}" AS {native}'
    if con.name == "postgres":
        with con.begin() as cursor:  # nothing of the company's is read where something may be written
            cursor.execute("SET TRANSACTION READ WRITE")
            cursor.execute(f"{statement} WITH NO DATA" if kind == "TABLE" else statement)
        if kind == "TABLE":
            with con.begin() as cursor:
                cursor.execute(f'INSERT INTO "{name}" {native}')
    else:
        con.raw_sql(statement)
    return con.table(name)


def strange(value: Any, known: Any) -> Any:
    """Tell the values that a column of another table does not hold; an unknown value is one of them.

    Not by ``NOT IN``: as a null among the known ones would change its answer, Spark compares each value with
    all of them, and broadcasts these.
    """
    return ~value.isin(known).fill_null(False)
