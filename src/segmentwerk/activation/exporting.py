"""Hand over what changed: one folder for each export, whole or not there, kept so that changes are known.

Below ``exports/SINK`` each export is a folder NUMBER-DIGEST with the files for the tool and ``state/``: what
the tool holds after they are imported. The same again is no further export.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv  # pa.csv
import pyarrow.parquet as pq

from segmentwerk.activation import formats
from segmentwerk.activation.changes import CHANGE, CHANGED, NEW, REMOVED, UNCHANGED, since
from segmentwerk.activation.mapped_rows import ACCOUNT
from segmentwerk.activation.sink import Ready
from segmentwerk.core.errors import InputError
from segmentwerk.core.files import atomic_folder, locked
from segmentwerk.core.sink_settings import SinkFileSettings, SinkSettings

BELOW_HOME = Path("activation", "exports")
STATE, SAID = "state", "export.json"


@dataclass(frozen=True)
class Exported:
    """What was handed over.

    ``new``, ``changed``, ``removed`` and ``unchanged`` count records over all files; ``left_out``,
    ``withheld`` and ``shared`` are those of `sink.Ready`; ``files`` lie in ``folder``.
    """

    folder: Path
    files: tuple[Path, ...]
    new: int
    changed: int
    removed: int
    unchanged: int
    left_out: dict[str, int]
    withheld: dict[str, int]
    shared: dict[str, int]


def export(ready: Ready, root: Path) -> Exported:
    """Write the files of what changed since the last export to this tool.

    Parameters
    ----------
    root
        The folder of all exports, which holds customers' data.

    Raises
    ------
    InputError
        If a file or a table cannot be written, or an earlier export is damaged; nothing is written then.
    """
    found, folder = digest(ready), root / ready.sink.name
    with locked(folder / ".lock"):
        _tidy(folder)
        last = _last(folder)
        if last is not None and _said(last)["digest"] == found:
            return _told(last, ready)
        number = _number(last)[0] + 1 if last is not None else 1
        target = folder / f"{number:05d}-{found[:12]}"
        with atomic_folder(target) as draft:
            counts: Counter[str] = Counter()
            for name, file in ready.sink.files.items():
                before = _state(last, name) if last is not None else None
                table = since(ready.tables[name], before, file)
                counts.update(table[CHANGE].to_pylist())
                _deliver(table, draft, name, ready.sink)
            _say(draft, {"digest": found, "counts": counts, "sink": _plain(ready.sink)})
    return _told(target, ready)


def digest(ready: Ready) -> str:
    """Return a digest of all that the tool should hold and of how it is written, without its address."""
    settings = ready.sink.model_dump_json(exclude={"url", "description"})
    found = hashlib.sha256(settings.encode())
    for name, table in ready.tables.items():
        found.update(name.encode())
        text = (
            pa.BufferOutputStream()
        )  # the values only: how Arrow keeps them depends on where they came from
        pa.csv.write_csv(table, text)
        found.update(text.getvalue())
    return found.hexdigest()


def forget(account: str, root: Path) -> list[Path]:
    """Remove an account from every export below ``root``, and return the exports that held it.

    Raises
    ------
    InputError
        If an export is damaged or cannot be written.
    """
    changed = []
    for folder in sorted(path for path in root.glob("*") if path.is_dir()):
        with locked(folder / ".lock"):
            _tidy(folder)
            changed += [one for one in _exports(folder) if _forgotten(one, account)]
    return changed


def _forgotten(folder: Path, account: str) -> bool:
    """Write an export anew without an account, if it holds it."""
    said = _said(folder)
    sink = SinkSettings.model_validate({**said["sink"], "url": "forgotten://"})
    found = {name: _state(folder, name) for name in sink.files}
    tables = {name: table for name, table in found.items() if table is not None}
    kept = {name: table.filter(pc.not_equal(table[ACCOUNT], account)) for name, table in tables.items()}
    if all(kept[name].num_rows == tables[name].num_rows for name in tables):
        return False
    counts: Counter[str] = Counter()
    with atomic_folder(_revised(folder)) as draft:
        for name, table in kept.items():
            counts.update(table[CHANGE].to_pylist())
            _deliver(table, draft, name, sink, local=True)
        now = {name: _now(table) for name, table in kept.items()}
        _say(draft, {**said, "digest": digest(Ready(sink, now, {}, {}, {})), "counts": counts})
    shutil.rmtree(folder)  # a kill before this leaves both, of which the revised one counts
    return True


def _deliver(table: pa.Table, folder: Path, name: str, sink: SinkSettings, *, local: bool = False) -> None:
    """Write one file's state, and what is handed over of it."""
    file = sink.files[name]
    (folder / STATE).mkdir(exist_ok=True)
    pq.write_table(table, folder / STATE / f"{name}.parquet", compression="zstd")
    if file.format == "table":
        if not local:
            assert sink.url is not None  # the settings see to it
            formats.store(_cells(_now(table), file), sink.url, name)
        return
    left = [REMOVED] if file.change or file.removed else []
    asked = pa.array([NEW, CHANGED, *left, *([UNCHANGED] if sink.full else [])])
    rows = table.filter(pc.is_in(table[CHANGE], asked))
    if rows.num_rows:
        formats.write(_cells(rows, file), folder, name, file)


def _cells(table: pa.Table, file: SinkFileSettings) -> pa.Table:
    """Return the columns that the tool gets."""
    cells = table.drop_columns([name for name in (ACCOUNT, CHANGE) if name in table.column_names])
    return (
        cells.append_column(file.change, table[CHANGE])
        if file.change and CHANGE in table.column_names
        else cells
    )


def _now(table: pa.Table) -> pa.Table:
    """Return what the tool holds after an import."""
    return table.filter(pc.not_equal(table[CHANGE], REMOVED)).drop_columns([CHANGE])


def _plain(sink: SinkSettings) -> dict[str, Any]:
    return sink.model_dump(mode="json", exclude={"url"})  # it may hold a password


def _tidy(folder: Path) -> None:
    """Remove what killed processes left; we hold the lock, so that nobody is writing."""
    for draft in folder.glob(".*"):
        if draft.is_dir():
            shutil.rmtree(draft)


def _exports(folder: Path) -> list[Path]:
    """Return the exports, the last one last."""
    return sorted((path for path in folder.glob("[0-9]*-*") if path.is_dir()), key=_number)


def _number(folder: Path) -> tuple[int, int]:
    number, _, rest = folder.name.partition("-")
    return int(number), int(rest.partition(".")[2] or 0)


def _revised(folder: Path) -> Path:
    return folder.with_name(f"{folder.name.partition('.')[0]}.{_number(folder)[1] + 1}")


def _last(folder: Path) -> Path | None:
    exports = _exports(folder)
    return exports[-1] if exports else None


def _say(folder: Path, said: dict[str, Any]) -> None:
    (folder / SAID).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _said(folder: Path) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads((folder / SAID).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(folder) from error
    return said


def _state(folder: Path, name: str) -> pa.Table | None:
    path = folder / STATE / f"{name}.parquet"
    if not path.exists():
        return None  # the sink did not have this file then
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(folder) from error


def _damaged(folder: Path) -> InputError:
    return InputError(
        f"The earlier export {folder} is damaged.", "Restore it, or remove it: then more is new to the tool."
    )


def _told(folder: Path, ready: Ready) -> Exported:
    counts: dict[str, int] = _said(folder)["counts"]
    return Exported(
        folder=folder,
        files=tuple(sorted(path for path in folder.iterdir() if path.suffix in (".csv", ".xlsx"))),
        new=counts.get(NEW, 0),
        changed=counts.get(CHANGED, 0),
        removed=counts.get(REMOVED, 0),
        unchanged=counts.get(UNCHANGED, 0),
        left_out=ready.left_out,
        withheld=ready.withheld,
        shared=ready.shared,
    )
