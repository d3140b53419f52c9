"""Passwords typed into addresses are kept from Hydra, which writes all that it is told into files.

It gets each address without its secrets; `segmentwerk.config` puts them back where the settings are made.
What the environment holds, ``${oc.env:PASSWORD}``, needs no such care: Hydra writes it as it stands here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from segmentwerk.config import Sealed
from segmentwerk.core.addresses import redacted, secrets_in
from segmentwerk.core.veil import remember

_OVERRIDE = re.compile(r"(?P<key>\+{0,2}(?P<name>[^+~@=-][^@=]*)(?:@[^=]*)?=)(?P<value>.*)", re.DOTALL)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_ADDRESS = re.compile(r"[^,\s\[\]{}:]+://[^,\[\]{}]*")
_NAMES = ("url", "uri", "storage", "database")
"""Keys that hold addresses; others do where there is a ``://``."""


def seal(overrides: Sequence[str]) -> tuple[list[str], Sealed]:
    """Return the overrides with addresses that hold no secrets, and what stood there.

    Examples
    --------
    >>> seal(["seed=3", "source.url='postgres://me:secret@host/db'"])
    (['seed=3', "source.url='postgres://host/db'"], {'source.url': {'postgres://host/db': 'postgres://me:secret@host/db'}})
    """
    sealed: dict[str, dict[str, str]] = {}
    return [_sealed(text, sealed) for text in overrides], sealed


def _sealed(override: str, sealed: dict[str, dict[str, str]]) -> str:
    match = _OVERRIDE.fullmatch(override)
    if not match:
        return override
    name = match["name"]

    def hide(address: str) -> str:
        if not secrets_in(address) or not ("://" in address or name.endswith(_NAMES)):
            return address
        remember(address)
        whole, shown = sealed.setdefault(name, {}), redacted(address)
        while whole.get(shown, address) != address:  # another user of the same database
            shown += "*"
        whole[shown] = address
        return shown

    value = _QUOTED.sub(lambda piece: _requoted(piece[0], hide), match["value"])
    if value == match["value"]:
        value = _ADDRESS.sub(lambda piece: hide(piece[0]), value)
    return match["key"] + value


def _requoted(piece: str, hide: Callable[[str], str]) -> str:
    """Do that to the text within quotes, as Hydra reads it."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import Quote, QuotedString
    from hydra.errors import OverrideParseException

    try:
        text = str(OverridesParser.create().parse_override(f"key={piece}").value())
    except OverrideParseException:  # Hydra itself will say so
        return piece
    shown = hide(text)
    return piece if shown == text else QuotedString(shown, Quote.single).with_quotes()
