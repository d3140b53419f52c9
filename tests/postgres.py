"""A throw-away PostgreSQL server for tests, from the binaries of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

FOLDERS = "/usr/lib/postgresql/*/bin"
USERS = ("postgres", "nobody")


def binaries() -> Path | None:
    """Return the folder of the newest server binaries, or None."""
    found = [folder for folder in Path("/").glob(FOLDERS.lstrip("/")) if (folder / "initdb").exists()]
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    return max(
        found, default=None, key=lambda folder: [int(n) for n in folder.parent.name.split(".") if n.isdigit()]
    )


def _unprivileged() -> list[str]:
    """Return the prefix that runs a command as an ordinary user; the server refuses root."""
    if os.geteuid() != 0:
        return []
    for user in USERS:
        if subprocess.run(["id", user], capture_output=True, check=False).returncode == 0:
            return ["runuser", "-u", user, "--"]
    pytest.skip("PostgreSQL refuses root, and there is no other user to run it as")


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, f"{command[-1]}: {done.stdout}{done.stderr}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres_server() -> Iterator[str]:
    """Yield the URL of an empty database ``postgresql://…/postgres``; the server is gone afterwards.

    Skips the test where the binaries are missing.
    """
    folder = binaries()
    if folder is None:
        pytest.skip("PostgreSQL's server binaries are not installed")
    home = Path(tempfile.mkdtemp(prefix="segmentwerk-postgres-"))
    prefix = _unprivileged()
    if prefix:
        shutil.chown(home, user=prefix[2])
    home.chmod(0o700)
    data, port = home / "data", _free_port()
    started = False
    try:
        _run(
            [
                *prefix,
                folder / "initdb",
                "-D",
                data,
                "-A",
                "trust",
                "-U",
                "tester",
                "-E",
                "UTF8",
                "--locale=C",
            ]
        )
        options = f"-p {port} -h 127.0.0.1 -k {home} -c fsync=off -c full_page_writes=off"
        log = home / "server.log"
        _run([*prefix, folder / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start"])
        started = True
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        if started:
            _run([*prefix, folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"])
        shutil.rmtree(home, ignore_errors=True)
