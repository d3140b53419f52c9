"""A PostgreSQL of the project's own: it listens on a socket only its owner reaches, on no port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from segmentwerk.core.errors import InputError
from segmentwerk.core.watchdog import watchdog

FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin")
"""Where Debian, Fedora and Homebrew put the programs; only some of them on the PATH."""
USERS = ("postgres", "nobody")
OWNER = "segmentwerk"


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Start the PostgreSQL that lives in ``folder``, made at its first use, and stop it after the block.

    Yields
    ------
    str
        The database's URL; no password is in it, since the socket's folder lets nobody else in.

    Raises
    ------
    InputError
        If PostgreSQL is not installed or does not start; with its own words.
    """
    programs, user = _programs(), _ordinary_user()
    sockets = Path(tempfile.mkdtemp(prefix="segmentwerk-"))  # paths of sockets must be short
    folder.mkdir(parents=True, exist_ok=True)
    if user:
        for path in (sockets, folder):
            shutil.chown(path, user=user)
    data = folder / "data"
    control: list[str | Path] = [programs / "pg_ctl", "-D", data]
    options = f"-c listen_addresses='' -k {sockets}"
    try:
        if not data.exists():
            _create(programs, data, user)
        if _try(user, [*control, "status"])[0] == 0:  # left over from a process that was killed
            _run(user, [*control, "-w", "-m", "fast", "stop"])
        _run(user, [*control, "-w", "-l", folder / "postgres.log", "-o", options, "start"])
        stop = [*control, "-w", "-m", "fast", "stop"]
        try:
            with watchdog(_as(user, stop)):
                yield f"postgresql://{OWNER}@/postgres?host={sockets}"
        finally:
            _run(user, stop)
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


def _create(programs: Path, data: Path, user: str | None) -> None:
    draft = data.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    words = ["--auth=trust", f"--username={OWNER}", "--encoding=UTF8", "--locale=C"]
    _run(user, [programs / "initdb", "-D", draft, *words])
    draft.rename(data)


def _programs() -> Path:
    """Return the folder of the newest server programs."""
    folders = [folder for pattern in FOLDERS for folder in Path("/").glob(pattern) if _is_complete(folder)]
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    if not folders:
        raise InputError(
            "PostgreSQL's server programs (initdb, pg_ctl) are not installed.",
            "Install them (Debian: apt-get install postgresql), or name a database: database=postgresql://…",
        )
    return max(folders, key=_version)


def _is_complete(folder: Path) -> bool:
    return (folder / "initdb").exists() and (folder / "pg_ctl").exists()


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(digits) for digits in "".join(c if c.isdigit() else " " for c in str(folder)).split())


def _ordinary_user() -> str | None:
    """Return whom to run PostgreSQL as where we are root, which it refuses; else None: ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for user in USERS:
        if user in known and shutil.which("runuser"):
            return user
    raise InputError("PostgreSQL refuses to run as root.", "Start the server as another user.")


def _run(user: str | None, command: Sequence[str | Path]) -> None:
    code, words = _try(user, command)
    if code:
        raise InputError(
            f"PostgreSQL: {Path(command[0]).name} failed: {words}",
            f"Can {user or 'you'} enter and write that folder? Or name a database: database=postgresql://…",
        )


def _as(user: str | None, command: Sequence[str | Path]) -> list[str]:
    """Return the words that run a command as somebody."""
    prefix = ["runuser", "-u", user, "--"] if user else []
    return [*prefix, *map(str, command)]


def _try(user: str | None, command: Sequence[str | Path]) -> tuple[int, str]:
    """Return the command's exit code and its last words."""
    words = _as(user, command)
    with tempfile.TemporaryFile("w+") as output:  # the server would hold a pipe open for ever
        done = subprocess.run(words, stdout=output, stderr=output, cwd="/", check=False)  # noqa: S603 our own words
        output.seek(0)
        return done.returncode, " ".join(output.read().split()[-60:])
