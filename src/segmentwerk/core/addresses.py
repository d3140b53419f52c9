"""Addresses of databases and servers: as providers write them, shown without their secrets, and compared."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from segmentwerk.core.paths import expanded

SQLITE = "sqlite:///"
_SQLITE = re.compile(r"sqlite(\+pysqlite)?:///")
_POSTGRES = "pip install 'segmentwerk[postgres]'"
_OTHERS = {"mysql": "pymysql", "mariadb": "pymysql"}
"""Drivers of databases that MLflow and Optuna know, too."""
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
_FILES = ("sqlite", "duckdb", "file")
"""Kinds of addresses that name a file and nobody's account."""
_NAMED_USERS = ("postgres", "mysql", "mariadb")
"""Kinds of addresses in which a user without a password is a name, not a token."""
_HARMLESS = frozenset(
    {"access_mode", "application_name", "channel_binding", "charset", "check_same_thread", "connect_timeout"}
    | {"database", "dbname", "driver", "gssencmode", "host", "isolation_level", "mode", "port", "read_only"}
    | {"region", "role", "schema", "search_path", "ssl", "sslmode", "target_session_attrs", "timeout", "tls"}
    | {"uri", "warehouse"}
)
"""Options of an address whose values may be shown; what else there is may be a password."""
_USERS = ("user", "username", "uid")
_REFERENCE = re.compile(r"\$\{oc\.env:\w+\}")


def sound(address: str) -> str:
    """Return an address with the scheme that SQLAlchemy knows; providers write ``postgres://``.

    Examples
    --------
    >>> sound("postgres+psycopg2://me@host/db")
    'postgresql+psycopg2://me@host/db'
    """
    return re.sub(r"^postgres(?=[:+])", "postgresql", address)


def with_driver(address: str, *drivers: str) -> str:
    """Return a PostgreSQL address with the first of these drivers that is installed, unless it names one."""
    if not address.startswith("postgresql:"):
        return address
    driver_name = next((driver for driver in drivers if importlib.util.find_spec(driver)), None)
    return address.replace(":", f"+{driver_name}:", 1) if driver_name else address


def is_sqlite(address: str) -> bool:
    """Return whether an address names a SQLite file."""
    return _SQLITE.match(address) is not None


def sqlite(address: str, folder: Path) -> str:
    """Return the address of a SQLite file with its absolute path, below ``folder`` where it was relative.

    Examples
    --------
    >>> sqlite("sqlite:///a%20b.db", Path("/data"))
    'sqlite:////data/a b.db'
    """
    path, mark, options = address.partition(":///")[2].partition("?")
    return sqlite_at((folder / expanded(Path(unquote(path)))).resolve()) + mark + options


def sqlite_at(path: Path) -> str:
    """Return the address of the SQLite database in a file, whatever signs are in its path.

    Examples
    --------
    >>> sqlite_at(Path("/a/b 1.db"))
    'sqlite:////a/b 1.db'
    >>> sqlite_at(Path("/100%/b.db"))
    'sqlite+pysqlite:////100%25/b.db'
    """
    escaped = re.sub(r"[%?#]", lambda sign: quote(sign[0]), str(path))
    # MLflow makes the folder of an address that begins with `sqlite:///`, and takes it without unescaping.
    return SQLITE + escaped if escaped == str(path) else f"sqlite+pysqlite:///{escaped}"


def redacted(address: str) -> str:
    """Return the address without user and password, and without the values of options that may be secret.

    Examples
    --------
    >>> redacted("postgresql://user:sec@ret@host/db?password=too&sslmode=require")
    'postgresql://host/db?password=***&sslmode=require'
    """
    parts = _parts(address)
    options = "".join(
        mark + (_shown(name, value) if name or value else "") for mark, name, value in parts.options
    )
    return parts.scheme + parts.place + options


def secrets_in(address: str) -> frozenset[str]:
    """Return what must not be shown of an address: passwords, tokens, values of unknown options.

    What only names a variable, ``${oc.env:NAME}``, is no secret.

    Examples
    --------
    >>> sorted(secrets_in("postgresql://user:sec@ret@host/db?motherduck_token=abc"))
    ['abc', 'sec@ret']
    >>> secrets_in("postgresql://user:${oc.env:PASSWORD}@host/db")
    frozenset()
    """
    parts = _parts(_REFERENCE.sub("", address))
    user, colon, password = parts.user.partition(":")
    secrets = {password, password.rpartition(":")[2]} if colon else {user}
    if not colon and parts.scheme.startswith(_NAMED_USERS):
        secrets = set()
    for _, name, value in parts.options:
        if name.lower() not in {*_HARMLESS, *_USERS}:
            plain = unquote(value)  # it may be a list of options itself, as ODBC's is
            secrets |= {value, *(secrets_in(plain) if "=" in plain else ())}
    return frozenset(secrets - {""})


class _Parts(NamedTuple):
    """Of an address: ``user`` is all before the last ``@``; options are (mark before it, name, value)."""

    scheme: str
    user: str
    place: str
    options: list[tuple[str, str, str]]


def _parts(address: str) -> _Parts:
    """Part an address at the signs that mean something, also where a password holds such signs itself."""
    before, mark, rest = address.partition("://")
    scheme, rest = (before + mark, rest) if mark else ("", address)
    user, _, rest = ("", "", rest) if _is_file(scheme, rest) else rest.rpartition("@")
    place, *more = re.split(r"([?])" if _is_file(scheme, rest) else r"([?;&#\s])", rest, maxsplit=1)
    if not scheme and "=" in place:  # host=… password=…, as libraries of PostgreSQL write it
        place, more = "", ["", rest]
    pieces = re.split(r"([?;&#\s])", "".join(more))
    options = [(sign, *_option(text)) for sign, text in zip(["", *pieces[1::2]], pieces[::2], strict=True)]
    return _Parts(scheme, user, place, options)


def _is_file(scheme: str, rest: str) -> bool:
    return scheme.startswith(_FILES) or (not scheme and rest.startswith(("/", "~", ".")))


def _option(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    return (name, value) if mark else ("", name)


def _shown(name: str, value: str) -> str:
    word = value if name.lower() in _HARMLESS or not value else "***"
    return f"{name}={word}" if name else word


def missing_driver(address: str) -> str:
    """Return what to do where the driver of a database is not installed."""
    kind = address.partition(":")[0].partition("+")[0]
    if kind == "postgresql":
        return f"Install it: {_POSTGRES}."
    if kind in _OTHERS:
        driver = _OTHERS[kind]
        return f"Install one and name it: pip install {driver}, then {kind}+{driver}://…"
    return "Use PostgreSQL (postgresql://…) or SQLite (sqlite:///…)."


def same_database(one: str, other: str) -> bool:
    """Return whether two addresses lead to one database, whatever user, driver or spelling they name.

    Examples
    --------
    >>> same_database("postgres://me:x@Host/db", "postgresql+psycopg2://host:5432/db")
    True
    """
    return _place(sound(one)) == _place(sound(other))


def _place(address: str) -> tuple[str, ...]:
    kind = address.partition(":")[0].partition("+")[0]
    rest = address.partition("://")[2]
    if kind == "sqlite":
        return kind, sqlite(SQLITE + rest.removeprefix("/"), Path.cwd()).partition("?")[0]
    try:
        parts = urlsplit(f"//{rest.rpartition('@')[2]}")
        host = {"": "localhost", "127.0.0.1": "localhost", "::1": "localhost"}
        name, port = parts.hostname or "", parts.port or _PORTS.get(kind, 0)
    except ValueError:  # whoever opens it will say what is wrong
        return (address,)
    return kind, host.get(name, name), str(port), unquote(parts.path.strip("/")), parts.query
