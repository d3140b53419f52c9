"""Accounts that stand for company families, where that is asked, and the file of who belongs to whom."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import ibis
import pyarrow.parquet as pq

from segmentwerk.core.companies import Companies, Level
from segmentwerk.core.files import atomic_file
from segmentwerk.data.contracts import Checked
from segmentwerk.data.sources import Source
from segmentwerk.features import rollup

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RolledUp:
    """Tables of the accounts that are looked at, and the digest of what was read and how.

    Of company families, ``joined`` counts what was joined, and ``families`` is the file that says which
    account belongs to which.
    """

    tables: dict[str, ibis.Table]
    digest: str
    joined: Companies | None = None
    families: Path | None = None


def roll_up(checked: Checked, level: Level, opened: Source, folder: Path) -> RolledUp:
    """Roll subsidiaries up where that is asked, and write down who belongs to whom, on this machine.

    Raises
    ------
    InputError
        If accounts have no parents to be rolled up to.
    """
    if level == "account":
        return RolledUp(checked.tables, opened.digest)
    tables, joined, belonging = rollup.rolled_up(checked.tables, opened.name)
    path = folder / "families.parquet"
    with atomic_file(path) as draft:
        pq.write_table(belonging.order_by("account_id").to_pyarrow(), draft)
    _tell(joined, path)
    # The same files are another table where they are looked at in another way.
    digest = hashlib.sha256(f"{opened.digest} {level}".encode()).hexdigest()[: len(opened.digest)]
    return RolledUp(tables, digest, joined, path)


def _tell(joined: Companies, path: Path) -> None:
    log.info(
        "%d accounts are %d companies: %d families of several accounts, the largest of %d. "
        "Who belongs to whom: %s",
        joined.records,
        joined.families,
        joined.several,
        joined.largest,
        path,
    )
    if joined.unknown or joined.endless:
        log.warning(
            "%d accounts name a parent that is no account, and %d have parents in a circle: they stand for "
            "themselves.",
            joined.unknown,
            joined.endless,
        )
