"""Addresses of databases and servers: as providers write them, shown without their secrets, and compared."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from segmentwerk.core.paths import expanded

SQLITE = "sqlite:///"
_SQLITE = re.compile(r"sqlite(\+pysqlite)?:///")
_POSTGRES = "pip install 'segmentwerk[postgres]'"
_OTHERS = {"mysql": "pymysql", "mariadb": "pymysql"}
"""Drivers of databases that MLflow and Optuna know, too."""
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
_SECRET = re.compile(r"(?i)((?:password|passwd|pwd|token|secret)=)[^&\s]+")


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
    found = next((driver for driver in drivers if importlib.util.find_spec(driver)), None)
    return address.replace(":", f"+{found}:", 1) if found else address


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
    """Return the address without user, password and other secrets.

    Examples
    --------
    >>> redacted("postgresql://user:sec@ret@host/db?password=too")
    'postgresql://host/db?password=***'
    """
    scheme, _, rest = address.partition("://")
    return _SECRET.sub(r"\1***", f"{scheme}://{rest.rpartition('@')[2]}")


def veiled(text: str) -> str:
    """Return a text without the passwords in the addresses that it holds.

    Examples
    --------
    >>> veiled("source.url=postgres://me:secret@host/db")
    'source.url=postgres://me:***@host/db'
    """
    return _SECRET.sub(r"\1***", re.sub(r"(://[^:/@\s'\"]*):[^\s'\"]*@", r"\1:***@", text))


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
