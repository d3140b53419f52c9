"""Personal data: which columns hold it, how ids are pseudonymised, how samples are shown."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.hidden import HiddenColumns
from segmentwerk.data.mapping import Private

ENVIRONMENT = "SEGMENTWERK_KEY"
KEY_FILE = "pseudonym.key"
KEY_BYTES = 32
SHORTEST = 16

EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
INTERNATIONAL = r"(^|[^0-9A-Za-z])(\+|00)[1-9][0-9 ()./-]{6,}[0-9]($|[^0-9])"
NATIONAL = r"\(0[0-9]+\)[0-9 /-]{5,}|^0[0-9]{1,4}[ /-][0-9 -]{5,}$"
CONTACT = f"{EMAIL}|{INTERNATIONAL}|{NATIONAL}"
"""E-mail addresses and telephone numbers, in the syntax that RE2 and PostgreSQL share."""

NAMED = re.compile(
    r"(?i)(first|last|full|contact|sur|given|vor|nach)[ _-]?name|^name$|e-?mail|phone|mobile|telefon|^fax|"
    r"(customer|company|account|client|firm\w*|kunden|reseller|supplier)[ _-]?name|"
    r"ansprech|kontakt|contact[ _-]?person|(owner|agent|sales[ _-]?rep|manager|vertreter|betreuer)$|"
    r"street|stra(ss|ß)e|address|adresse|birth|geburt|iban|passport|(^|_)ip($|_)|comment|remark|note|notiz"
)
SHARE = 0.2
SAMPLE = 1000
FREE_TEXT = 60
"""Mean length from which a text is taken for free text, which may name people."""


def key(home: Path) -> bytes:
    """Return the key for pseudonyms: from the environment, else from a file below ``home``, made once.

    Raises
    ------
    ConfigError
        If the key in the environment is short, or others may read the file.
    """
    given = os.environ.get(ENVIRONMENT)
    if given is not None:
        if len(given) < SHORTEST:
            raise ConfigError(
                f"{ENVIRONMENT} is shorter than {SHORTEST} characters.", "Choose a longer secret."
            )
        return hashlib.blake2b(given.encode(), digest_size=KEY_BYTES).digest()
    path = home / KEY_FILE
    if path.exists():
        return _stored(path)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=home) as draft:  # readable by the owner only
            draft.write(os.urandom(KEY_BYTES))
            draft.flush()
            with suppress(FileExistsError):  # another process was faster: its key counts
                os.link(draft.name, path)
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror}.", "Choose another home.") from error
    return _stored(path)


def _stored(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"Others may read the key in {path}.", f"Run: chmod 600 {path}")
    stored = path.read_bytes()
    if len(stored) != KEY_BYTES:
        raise ConfigError(
            f"{path} holds no key of {KEY_BYTES} bytes.", "Restore it; a new one changes all pseudonyms."
        )
    return stored


def pseudonymise(ids: Iterable[object], key: bytes) -> list[str]:
    """Return the pseudonym of each id: 20 hexadecimal digits of keyed BLAKE2b (RFC 7693).

    The same id and key give the same pseudonym; without the key it cannot be computed or reversed.

    Examples
    --------
    >>> pseudonymise(["A-17"], b"0" * 32) == pseudonymise(["A-17"], b"0" * 32)
    True
    """
    return [hashlib.blake2b(str(id_).encode(), key=key, digest_size=10).hexdigest() for id_ in ids]


def personal_columns(table: ibis.Table) -> tuple[str, ...]:
    """Return the columns that hold personal data or free text: declared, named so, or detected by content.

    Columns of text in which a fifth of a sample looks like e-mail addresses or telephone numbers, or
    whose mean length is that of sentences, are detected.
    """
    declared = {name for columns in COLUMNS.values() for name, column in columns.items() if column.personal}
    texts = [name for name in HiddenColumns.of(table.columns).shown if table[name].type().is_string()]
    names = {name for name in table.columns if name in declared or NAMED.search(name)}
    others = [name for name in texts if name not in names]
    sample = table.select(others).limit(SAMPLE).to_pyarrow() if others else pa.table({})
    names |= {name for name in others if _looks_personal(sample[name].drop_null())}
    return tuple(name for name in table.columns if name in names)


def _looks_personal(texts: pa.ChunkedArray) -> bool:
    if not len(texts):
        return False
    contacts = pc.sum(pc.match_substring_regex(texts, CONTACT)).as_py()
    length = pc.mean(pc.utf8_length(texts)).as_py()
    return bool(contacts >= SHARE * len(texts) or length >= FREE_TEXT)


def preview(table: ibis.Table, private: Private | None = None, rows: int = 5) -> pd.DataFrame:
    """Return the first rows with personal data hidden and ids reduced to their `shape`.

    ``private`` names columns that the mapping reads ids or personal data from (`Source.private`).
    """
    private = private or Private()
    shown = HiddenColumns.of(table.columns).shown
    frame: pd.DataFrame = table.select(shown).limit(rows).to_pandas()
    hidden = personal_columns(table)
    for name in shown:
        if name in hidden or name.lower() in private.personal:
            frame[name] = frame[name].map(lambda value: None if pd.isna(value) else "•••")
        elif name.lower().endswith("id") or name.lower() in private.ids:
            frame[name] = frame[name].map(lambda value: None if pd.isna(value) else shape(str(value)))
    return frame


def shape(text: str) -> str:
    """Return a text with letters and digits replaced by A and 9.

    Examples
    --------
    >>> shape("AW-0017")
    'AA-9999'
    """
    return "".join("9" if letter.isdigit() else "A" if letter.isalpha() else letter for letter in text)
