"""Download public data sets, verified by what they hold."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pooch

from segmentwerk.core.errors import InputError, nearest
from segmentwerk.core.files import atomic_file
from segmentwerk.core.interruption import stoppable
from segmentwerk.core.settings import InputSettings
from segmentwerk.data import sqltext
from segmentwerk.data import workbook as excel
from segmentwerk.data.hidden import ROW

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublicSet:
    """A data set with a public home.

    ``digest`` is of the content, not of the download: `content_digest` of the converted table. It
    stays the same however the publisher packs the file.
    """

    url: str
    page: str
    member: str
    table: str
    convert: Callable[[Path, Path], None]
    digest: str
    licence: str


def fetch(name: str, folder: Path) -> Path:
    """Download a public data set into ``folder/name`` and return the path of its table.

    A table that is already there and whole is not downloaded again.

    Raises
    ------
    InputError
        If the set is unknown, the download fails, or its content is not the expected one.
    """
    if name not in SETS:
        raise InputError(f"There is no public data set called {name!r}.", nearest(name, SETS))
    wanted = SETS[name]
    target = folder / name / wanted.table
    if target.is_file() and content_digest(target) == wanted.digest:
        return target
    with tempfile.TemporaryDirectory(prefix="segmentwerk-") as scratch:
        source = _download(wanted, Path(scratch))
        log.info("Converting %s ...", source.name)
        converted = Path(scratch) / wanted.table
        wanted.convert(source, converted)
        if content_digest(converted) != wanted.digest:
            raise InputError(
                f"What {wanted.url} holds is not the expected {name}.",
                f"See {wanted.page}, or read your copy as it is: source.path=FILE",
            )
        with atomic_file(target) as draft:
            shutil.copyfile(converted, draft)
    log.info("%s (%s) lies in %s", name, wanted.licence, target)
    return target


def _download(wanted: PublicSet, scratch: Path) -> Path:
    log.info("Downloading %s ...", wanted.url)
    unzip = pooch.Unzip(members=[wanted.member])
    try:
        files = pooch.retrieve(
            wanted.url, known_hash=None, fname="download.zip", path=scratch, processor=unzip
        )
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        raise InputError(
            f"{wanted.url} cannot be downloaded: {type(error).__name__}.",
            f"Without a network: download it elsewhere, unpack it, and set source.path={wanted.member}",
        ) from error
    return Path(files[0])


def _online_retail(workbook: Path, target: Path) -> None:
    """Turn the published workbook into one Parquet file with the types of its columns."""
    con = stoppable(duckdb.connect())
    sheet = excel.read(workbook, InputSettings())
    excel.store(con, sheet, sheet.header, "cells")
    con.execute(
        f"""COPY (SELECT InvoiceNo, StockCode, Description, CAST(Quantity AS INTEGER) AS Quantity,
        date_trunc('minute', CAST(InvoiceDate AS TIMESTAMP) + INTERVAL 30 SECOND) AS InvoiceDate,
        CAST(UnitPrice AS DOUBLE) AS UnitPrice, CAST(CustomerID AS INTEGER) AS CustomerID, Country
        FROM cells ORDER BY {ROW}) TO {sqltext.literal(str(target))} (FORMAT parquet)"""
    )


def content_digest(table: Path) -> str:
    """Return a hash of the rows of an Online Retail table, whatever their order and the file's packing.

    The texts of the descriptions, which no mapping reads, are left out; prices count to a tenth of a
    penny.
    """
    rows = duckdb.sql(
        f"""SELECT concat_ws('|', InvoiceNo, StockCode, Quantity, strftime(InvoiceDate, '%Y-%m-%d %H:%M'),
        CAST(round(1000 * UnitPrice) AS BIGINT), coalesce(CAST(CAST(CustomerID AS BIGINT) AS VARCHAR), ''),
        trim(Country)) AS row FROM read_parquet({sqltext.file(table)}) ORDER BY row"""
    )
    total = hashlib.sha256()
    while batch := rows.fetchmany(50_000):
        total.update("\n".join(row for (row,) in batch).encode() + b"\n")
    return total.hexdigest()


SETS = {
    "online_retail": PublicSet(
        url="https://archive.ics.uci.edu/static/public/352/online+retail.zip",
        page="https://doi.org/10.24432/C5BW33",
        member="Online Retail.xlsx",
        table="online_retail.parquet",
        convert=_online_retail,
        digest="7b0722d34b6e58308cbec3b1df8d30c1ac430bdfc36cf46ad84767c8035c376a",
        licence="CC BY 4.0",
    ),
}
