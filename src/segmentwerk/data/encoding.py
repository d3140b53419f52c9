"""In which encoding a file of text is written, packed or not, and its text and lines."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segmentwerk.core.errors import ConfigError, InputError

SAMPLE = 1 << 20
BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # it begins as that of UTF-16 does
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
OTHERS = {
    b"PAR1": ("a Parquet file", ".parquet"),
    b"PK\x03\x04": ("a workbook or another zip archive", ".xlsx"),
    b"\xd0\xcf\x11\xe0": ("an old workbook, or one with a password", ".xls"),
    b"\x1f\x8b": ("packed by gzip", ".csv.gz"),
    b"SQLite": ("a database", ".db"),
    b"%PDF": ("a PDF", ".pdf"),
}
"""How files begin that are no text, what they are, and the ending that they should have."""
FALLBACK = "cp1252"


def is_packed(path: Path) -> bool:
    """Tell whether a file is packed by gzip, by its name."""
    return path.suffix.lower() == ".gz"


def detect(path: Path) -> str:
    """Return the encoding of a file: by its mark, UTF-8 if it is valid to its end, else Windows-1252.

    Detectors that go by the frequency of letters take short German exports in Windows-1252 for a
    Macintosh's (measured); whoever sends another encoding names it: ``inputs.NAME.encoding``.

    Raises
    ------
    InputError
        If the file cannot be opened or unpacked, or is no text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _explaining(path), _bytes(path) as stream:
        chunk = stream.read(SAMPLE)
        _insist_text(path, chunk)
        marked = _marked(chunk)
        try:
            while chunk and marked is None:
                decoder.decode(chunk)
                chunk = stream.read(SAMPLE)
            decoder.decode(b"", final=marked is None)
        except UnicodeDecodeError:
            return FALLBACK
    return marked or "utf-8"


def _insist_text(path: Path, beginning: bytes) -> None:
    for mark, (what, ending) in OTHERS.items():
        if beginning.startswith(mark):
            raise InputError(f"{path} is {what}, not a text.", f"Its name should end in {ending}.")


def _marked(beginning: bytes) -> str | None:
    """Return the encoding that a byte order mark, or the zeros in every other byte, tells."""
    marked = next((name for bom, name in BOMS.items() if beginning.startswith(bom)), None)
    if marked is not None or len(beginning) < 4:
        return marked
    half = len(beginning) // 4  # a Latin letter has one zero in its two bytes
    even, odd = beginning[::2].count(0), beginning[1::2].count(0)
    return "utf-16-be" if even > half > odd else "utf-16-le" if odd > half > even else None


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    """Open a file of text, unpacked; its line ends stay as they are.

    Raises
    ------
    ConfigError
        If there is no such encoding.
    InputError
        If the file is not written in it, cannot be opened or cannot be unpacked.
    """
    with _explaining(path, encoding), _bytes(path) as stream:
        yield io.TextIOWrapper(stream, encoding=encoding, newline="")


def _bytes(path: Path) -> Any:
    return gzip.open(path) if is_packed(path) else path.open("rb")


@contextmanager
def _explaining(path: Path, encoding: str = "") -> Iterator[None]:
    """Turn what a damaged or wrongly decoded file raises into words."""
    try:
        yield
    except LookupError as error:
        known = "Known are utf-8, cp1252, …"
        raise ConfigError(f"There is no encoding called {encoding!r}.", known) from error
    except UnicodeError as error:
        remedy = "Set inputs.NAME.encoding, for instance to cp850."
        raise InputError(f"{path} is not written in {encoding}.", remedy) from error
    except (OSError, EOFError, zlib.error) as error:
        if is_packed(path):
            raise InputError(f"{path} cannot be unpacked: {error}.", "Fetch it again.") from error
        raise InputError(f"{path} cannot be read: {error}.", "Check the file and who may read it.") from error
