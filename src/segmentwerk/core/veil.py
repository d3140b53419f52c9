"""Passwords are hidden in what is said and logged: known ones wherever they stand, others by their looks."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from segmentwerk.core.addresses import secrets_in

_ADDRESS = re.compile(r"[\w+.-]+://[^\s'\"<>]+")
_NAMED = re.compile(
    r"(?i)([\w-]*(?:passw|passphrase|pwd|token|secret|credential|signature|api_?key|access_?key)[\w-]*\s*=\s*)"
    r"(?:'[^']*'|\"[^\"]*\"|[^\s&;,'\"<>]+)"
)
_SHORTEST = 4
"""Signs of a secret that is looked for in any text; a shorter one would be found in words."""
_known: set[str] = set()


def remember(address: str) -> None:
    """Let `veiled` hide the secrets of this address wherever they stand, however they are spelt."""
    for secret in secrets_in(address):
        # Libraries that part an address elsewhere quote a part of the password.
        for text in (secret, unquote(secret), *re.split(r"[@/?#:&;\s]", secret)):
            spelt = {text, quote(text, safe=""), quote_plus(text), repr(text)[1:-1]}
            _known.update(one for one in spelt if len(one) >= _SHORTEST)


def veiled(text: str) -> str:
    """Return a text without the secrets of remembered addresses, and without all that look like some.

    Examples
    --------
    >>> veiled("source.url=postgres://me:secret@host/db and password=other")
    'source.url=postgres://***@host/db and password=***'
    """
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _NAMED.sub(r"\1***", _ADDRESS.sub(lambda match: _without_user(match[0]), text))


@contextmanager
def discreet() -> Iterator[None]:
    """Veil whatever is logged while the block runs; its secrets are known that long."""
    make, before = logging.getLogRecordFactory(), set(_known)
    _veil_logs()
    try:
        yield
    finally:
        logging.setLogRecordFactory(make)
        _known.clear()
        _known.update(before)


def remembered() -> frozenset[str]:
    """Return what `veiled` hides, for `share` in a process that works for this one."""
    return frozenset(_known)


def share(secrets: Iterable[str]) -> None:
    """Hide ``secrets`` and veil whatever this process logs, until it ends."""
    _known.update(secrets)
    _veil_logs()


def _veil_logs() -> None:
    make = logging.getLogRecordFactory()

    def discreetly(*args: Any, **more: Any) -> logging.LogRecord:
        record = make(*args, **more)
        try:
            record.msg, record.args = veiled(record.getMessage()), ()
        except (TypeError, ValueError):  # logging itself tells of words that do not fit their values
            return record
        if record.exc_info:
            record.exc_text = veiled(logging.Formatter().formatException(record.exc_info))
        return record

    logging.setLogRecordFactory(discreetly)


def _without_user(address: str) -> str:
    """Hide what stands before the ``@`` of an address, but not before one in its path."""
    scheme, _, rest = address.partition("://")
    authority = rest.partition("/")[0]
    hidden = "@" in rest and ("@" in authority or ":" in authority)
    return f"{scheme}://***@{rest.rpartition('@')[2]}" if hidden else address
