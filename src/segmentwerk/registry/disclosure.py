"""Whether a saved model gives away anything about a single customer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from segmentwerk.core.types import Gate
from segmentwerk.data.columns import COLUMNS
from segmentwerk.data.privacy import CONTACT

TITLE = "Gives no customer away"
ALLOWED = {".onnx", ".json", ".py", ".yaml", ".yml", ".txt", ""}
"""Endings of what a saved model consists of; no pickle, no table."""
SHORTEST = 5
"""Shorter words are no evidence: an account '12' would be found in every number."""
IsCustomer = Callable[[Sequence[str]], Sequence[bool]]


def check(folder: Path, is_customer: IsCustomer | None) -> Gate:
    """Look for personal columns, contacts, ids of customers and unexpected files (P006).

    Parameters
    ----------
    folder
        The saved model.
    is_customer
        Tells for each text whether it is an account's id; None: they are not known here.
    """
    disclosed = [*dict.fromkeys([*_files(folder), *_texts(folder, is_customer)])]
    facts = {"count": len(disclosed)}
    if disclosed:
        remedy = "Leave the feature out (features.exclude) and run `segmentwerk compare` again."
        return Gate("P006", TITLE, "failed", " ".join([*disclosed, remedy]), facts=facts)
    ids = "no id of an account" if is_customer else "ids could not be compared, the run holds no assignments"
    words = f"No table, no pickle, no personal column, no contact, {ids}."
    return Gate("P006", TITLE, "passed", words, facts=facts)


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in ALLOWED:
            yield f"It holds the file {path.name}."


def _texts(folder: Path, is_customer: IsCustomer | None) -> Iterator[str]:
    catalogue = json.loads((folder / "artifacts" / "catalogue.json").read_text(encoding="utf-8"))
    personal = {name for columns in COLUMNS.values() for name, column in columns.items() if column.personal}
    for name in catalogue["features"]:
        if name in personal:
            yield f"Feature {name!r} is personal."
    words: set[str] = set()
    for path in sorted(folder.rglob("*.json")):
        for text in _strings(json.loads(path.read_text(encoding="utf-8"))):
            if re.search(CONTACT, text):
                yield f"{path.name} holds an e-mail address or a telephone number."
            words |= _words(text)
    ids = sorted(words)
    if is_customer and (n := sum(is_customer(ids))):
        yield f"It holds the ids of {n} accounts."


def _strings(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, the keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield key
            yield from _strings(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _strings(entry)


def _words(text: str) -> set[str]:
    """Return the text and its words, as far as they could only be an id."""
    parts = {part for part in re.split(r"[\s,;:()\"']+", text) if not part.replace(".", "").isdigit()}
    return {part for part in {text, *parts} if len(part) >= SHORTEST}
