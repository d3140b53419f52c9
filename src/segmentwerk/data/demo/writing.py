"""Write the demo world to Parquet, block by block, in memory that does not grow with the accounts."""

from __future__ import annotations

import json
import logging
from collections import Counter
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from segmentwerk.core.errors import InputError
from segmentwerk.core.files import atomic_folder
from segmentwerk.data.demo import scenarios, world
from segmentwerk.data.demo.calendar import Calendar
from segmentwerk.data.demo.crm import accounts as account_rows
from segmentwerk.data.demo.firms import Firms, draw, truth
from segmentwerk.data.demo.orders import orders
from segmentwerk.data.demo.responses import activities, campaigns, surveys
from segmentwerk.data.demo.rows import Rows

logger = logging.getLogger(__name__)

BLOCKS_A_PART = 20
MOST_ACCOUNTS = 40_000_000
"""Ids from here on belong to second records and to orders without an account."""
MANIFEST = "manifest.json"
_FORMAT = {"compression": "zstd"}


def generate(
    folder: Path,
    *,
    accounts: int,
    seed: int,
    as_of: date | None = None,
    scenario: str | None = None,
) -> Path:
    """Write the demo world's tables below ``folder``, or keep them where they already lie there.

    Account number i is the same whatever ``accounts`` is, and the same arguments give the same bytes.

    Parameters
    ----------
    folder
        Becomes the folder of the tables; replaced if it holds another demo world.
    accounts
        Number of firms. The accounts table has about 2% more rows: second records and plain copies.
    seed
        Any integer.
    as_of
        The date that the world looks back from, a first of a month; None: its own, `world.AS_OF`.
    scenario
        What is unlike usual, one of `scenarios.SCENARIOS`; None: nothing.

    Returns
    -------
    Path
        ``folder``.

    Raises
    ------
    InputError
        If ``accounts`` is out of range, or ``folder`` holds something else or cannot be written.
    """
    folder = Path(folder)
    if not 1 <= accounts <= MOST_ACCOUNTS:
        raise InputError(f"source.accounts={accounts} is out of range.", f"Give 1 to {MOST_ACCOUNTS}.")
    calendar = Calendar.at(as_of)
    scenarios.insist(scenario)
    wanted = {"world": "segmentwerk demo", "version": world.VERSION, "accounts": accounts, "seed": seed}
    wanted |= {"as_of": str(as_of)} if as_of else {}
    wanted |= {"scenario": scenario} if scenario else {}
    if _holds(folder, wanted):
        logger.info("Demo world of %d accounts, seed %d: found in %s", accounts, seed, folder)
        return folder
    with atomic_folder(folder) as draft:
        rows = _write(draft, accounts, seed, calendar, scenario)
        manifest = json.dumps(wanted | {"bytes": _sizes(draft)}, indent=2)
        (draft / MANIFEST).write_text(manifest + "\n", encoding="utf-8")
    logger.info("Demo world of %d accounts, seed %d: %s", accounts, seed, _summary(rows))
    return folder


def _holds(folder: Path, wanted: dict[str, object]) -> bool:
    """Return whether the world that is wanted lies in ``folder`` whole; refuse a folder of something else."""
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return False
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["world"] != wanted["world"]:
            raise KeyError("world")
    except (OSError, ValueError, TypeError, KeyError) as error:
        problem = f"{folder} is not a folder that the demo world wrote."
        raise InputError(problem, "Name a new or an empty folder.") from error
    return bool(manifest == wanted | {"bytes": _sizes(folder)})


def _sizes(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*.parquet"))
        if not path.name.startswith(".")  # a file viewer's
    }


def _write(draft: Path, accounts: int, seed: int, calendar: Calendar, scenario: str | None) -> Counter[str]:
    """Write the world part by part and return the number of rows of each table."""
    rows: Counter[str] = Counter()
    (draft / "orders").mkdir()
    (draft / "truth").mkdir()
    n_parts = -(-accounts // (BLOCKS_A_PART * world.BLOCK))
    with ExitStack() as stack:
        writers: dict[str, pq.ParquetWriter] = {}
        for part in range(n_parts):
            tables = _part(seed, part, accounts, calendar, scenario)
            rows.update({name: table.num_rows for name, table in tables.items()})
            pq.write_table(tables.pop("orders"), draft / f"orders/part-{part:05d}.parquet", **_FORMAT)
            for name, table in tables.items():
                if name not in writers:
                    writer = pq.ParquetWriter(draft / f"{name}.parquet", table.schema, **_FORMAT)
                    writers[name] = stack.enter_context(writer)
                writers[name].write_table(table)
            done = min((part + 1) * BLOCKS_A_PART * world.BLOCK, accounts)
            logger.info("Demo world: %d of %d accounts, %d order lines", done, accounts, rows["orders"])
    return rows


def _part(
    seed: int, part: int, accounts: int, calendar: Calendar, scenario: str | None
) -> dict[str, pa.Table]:
    """Return the tables of `BLOCKS_A_PART` blocks, the last one cut where the world ends."""
    first = part * BLOCKS_A_PART
    last = min(first + BLOCKS_A_PART, -(-accounts // world.BLOCK))
    blocks = [
        _block(draw(seed, block, calendar, scenario), seed, block, accounts - block * world.BLOCK)
        for block in range(first, last)
    ]
    return {name: pa.concat_tables([tables[name] for tables in blocks]) for name in blocks[0]}


def _block(firms: Firms, seed: int, block: int, wanted: int) -> dict[str, pa.Table]:
    """Return the tables of one block, cut to its first firms if the world ends within it."""
    rows: dict[str, Rows] = {
        "accounts": account_rows(seed, block, firms),
        "orders": orders(seed, block, firms),
        "activities": activities(seed, block, firms),
        "surveys": surveys(seed, block, firms),
        "campaigns": campaigns(seed, block, firms),
        "truth/latent_types": truth(firms),
    }
    rows = scenarios.applied(rows, firms.calendar, firms.scenario)
    return {name: part.first(wanted) for name, part in rows.items()}


def _summary(rows: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in rows.items() if not name.startswith("truth"))
