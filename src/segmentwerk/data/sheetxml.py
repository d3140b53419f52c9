"""What a reader of a workbook's values does not tell: how far a sheet reaches, and which zeros it shows."""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from segmentwerk.core.errors import InputError

VAST = 50_000_000
"""Cells from the first to the last one beyond which the reader's memory would not do."""
FAR = re.compile(rb'<(?:\w+:)?c r="([A-Z]{2,3})\d+"')
ROWS = re.compile(rb'<(?:\w+:)?row r="(\d+)"')
UNCOMPUTED = re.compile(rb"</(?:\w+:)?f>(?:<(?:\w+:)?v ?/>|<(?:\w+:)?v></(?:\w+:)?v>)?</(?:\w+:)?c>")
ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')
ZEROS = re.compile("0{2,}")
"""A number format such as ``00000``: the cell holds 123 and shows 00123."""
OVERLAP = 256
"""Bytes that a cell's tag may have."""
NO_XML = (OSError, KeyError, zipfile.BadZipFile)


@dataclass(frozen=True)
class SheetXml:
    """One sheet of a workbook in Open XML; every question to a file of another kind has the answer no."""

    path: Path
    sheet: str

    def refuse_if_vast(self) -> None:
        """Refuse a sheet with a cell so far outside that the rectangle of its cells would fill the memory.

        Raises
        ------
        InputError
            Naming the last column and row.
        """
        column, letters, last = 26, "Z", 1
        for chunk in self._chunks():
            for match in FAR.finditer(chunk):
                if (number := _number(match[1])) > column:
                    column, letters = number, match[1].decode()
            rows = ROWS.findall(chunk)
            last = max(last, int(rows[-1])) if rows else last
        if column * last > VAST:
            raise InputError(
                f"Sheet {self.sheet!r} of {self.path} reaches to column {letters} and row {last}.",
                "Delete the columns and rows that lie outside the table, or save the table as CSV.",
            )

    def padded(self) -> dict[int, dict[int, int]]:
        """Return how many digits each cell shows that pads its number with zeros, by row and column.

        Rows count from 1, columns from 0.
        """
        widths = self._formats()
        cells: dict[int, dict[int, int]] = {}
        for chunk in self._chunks() if widths else ():
            for cell in _tags(chunk, "c"):
                place = re.fullmatch("([A-Z]+)([0-9]+)", cell.get("r", ""))
                if place and cell.get("s") in widths:
                    column = _number(place[1].encode()) - 1
                    cells.setdefault(int(place[2]), {})[column] = widths[cell["s"]]
        return cells

    def is_uncomputed(self) -> bool:
        """Tell whether there are formulas without results, as a program writes them that does not compute."""
        return any(UNCOMPUTED.search(chunk) for chunk in self._chunks())

    def _formats(self) -> dict[str, int]:
        """Return the number of digits of each cell style that pads numbers, by the style's number."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                styles = archive.read("xl/styles.xml")
        except NO_XML:
            return {}
        codes = {
            one.get("numFmtId"): len(one.get("formatCode", ""))
            for one in _tags(styles, "numFmt")
            if ZEROS.fullmatch(one.get("formatCode", ""))
        }
        cells = re.search(rb"<(?:\w+:)?cellXfs.*?</(?:\w+:)?cellXfs>", styles, re.DOTALL)
        used = enumerate(_tags(cells[0], "xf")) if cells else ()
        return {str(i): codes[xf["numFmtId"]] for i, xf in used if xf.get("numFmtId") in codes}

    def _chunks(self) -> Iterator[bytes]:
        """Yield the sheet's XML in pieces that overlap, so that no cell's tag is cut in both."""
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self._member(archive)) as stream:
                rest = b""
                while chunk := stream.read(1 << 20):
                    yield rest + chunk
                    rest = chunk[-OVERLAP:]
        except NO_XML:
            return

    def _member(self, archive: zipfile.ZipFile) -> str:
        """Return the name of the sheet's file inside the archive."""
        parts = _tags(archive.read("xl/_rels/workbook.xml.rels"), "Relationship")
        target = {part.get("Id"): part.get("Target", "") for part in parts}
        for one in _tags(archive.read("xl/workbook.xml"), "sheet"):
            if one.get("name") == self.sheet:
                key = next((value for name, value in one.items() if name.endswith(":id")), "")
                return str(PurePosixPath("/xl", target[key]))[1:]
        raise KeyError(self.sheet)


def _tags(xml: bytes, name: str) -> Iterator[dict[str, str]]:
    """Yield the attributes of the elements of a name, in whichever namespace."""
    for tag in re.finditer(rb"<(?:\w+:)?" + name.encode() + rb"(\s[^<>]*)>", xml):
        yield {
            key: html.unescape(value) for key, value in ATTRIBUTE.findall(tag[1].decode("utf-8", "replace"))
        }


def _number(letters: bytes) -> int:
    """Return the number of a column, A: 1."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number
