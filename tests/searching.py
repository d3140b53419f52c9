"""Look for a text in files, also inside what is packed: a plain search would miss nearly all of it."""

from __future__ import annotations

import base64
import gzip
import io
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

INLINE = re.compile(rb"data:[\w/+.-]+;base64,([A-Za-z0-9+/=]{40,})|\"bdata\":\s*\"([A-Za-z0-9+/=]+)\"")


def places(path: Path, word: str) -> list[str]:
    """Say where in a file the word stands, in any case and in UTF-8 or UTF-16."""
    found = []
    for place, content in parts(path.read_bytes(), path.name):
        plain = content.lower()
        if any(word.lower().encode(code) in plain for code in ("utf-8", "utf-16-le", "utf-16-be")):
            found.append(place)
    return found


def parts(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield everything that a file holds: its bytes, and its rows, members or chunks unpacked."""
    yield name, content
    if content[:6] == b"\x93NUMPY":
        yield f"{name} array", "\n".join(map(str, np.load(io.BytesIO(content)).ravel())).encode()
    elif content[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(content))
        yield f"{name} metadata", str(table.schema.metadata).encode()
        for column in table.column_names:
            texts = table[column].to_pylist()
            yield f"{name} column {column}", "\n".join(str(text) for text in [column, *texts]).encode()
    elif content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield from parts(archive.read(member), f"{name}/{member}")
    elif content[:2] == b"\x1f\x8b":
        yield from parts(gzip.decompress(content), f"{name} unpacked")
    elif content[:8] == b"\x89PNG\r\n\x1a\n":
        yield from _chunks(content, name)
    elif content[:15] == b"SQLite format 3":
        yield from _rows(content, name)
    else:
        for number, groups in enumerate(INLINE.findall(content)):
            yield from parts(base64.b64decode(groups[0] or groups[1]), f"{name} inline {number}")


def _chunks(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    position = 8
    while position < len(content):
        (length,) = struct.unpack(">I", content[position : position + 4])
        kind = content[position + 4 : position + 8]
        data = content[position + 8 : position + 8 + length]
        if kind == b"zTXt":
            yield f"{name} zTXt", zlib.decompress(data.split(b"\0", 1)[1][1:])
        elif kind == b"iTXt" and data.split(b"\0", 1)[1][:1] == b"\1":
            yield f"{name} iTXt", zlib.decompress(data.split(b"\0", 4)[4])
        position += 12 + length


def _rows(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    database = sqlite3.connect(":memory:")
    database.deserialize(content)
    try:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
            cells = (cell for row in rows for cell in row)
            yield (
                f"{name} table {table}",
                b"\n".join(c if isinstance(c, bytes) else str(c).encode() for c in cells),
            )
    finally:
        database.close()
