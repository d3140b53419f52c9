"""MLflow's server as a process of its own that ends with us."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.ports import reserve
from segmentwerk.core.watchdog import watchdog
from segmentwerk.tracking.address import VARIABLE

if TYPE_CHECKING:
    import requests

PATIENCE = 120.0
"""Seconds to wait for a server that starts; the first start makes its tables."""
MIN_PASSWORD = 12
USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"

_END = "kill -s TERM -- -$1; sleep 10; kill -s KILL -- -$1"
"""Ends a group of processes."""
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # three more processes that nothing here needs
}


@dataclass(frozen=True)
class Account:
    """Whom the server lets in; the same two environment variables serve MLflow's clients."""

    name: str
    password: str

    @classmethod
    def from_environment(cls) -> Account:
        """Read user name and password.

        Raises
        ------
        ConfigError
            If one is missing, or the password is too short for MLflow.
        """
        name, password = os.environ.get(USERNAME, ""), os.environ.get(PASSWORD, "")
        if not name or not password:
            raise ConfigError(
                f"{USERNAME} and {PASSWORD} are not set: the server must know whom to let in.",
                "Set both, here and wherever you run segmentwerk with tracking.uri=http://…",
            )
        if len(password) < MIN_PASSWORD:
            raise ConfigError(f"{PASSWORD} is too short.", f"MLflow asks for {MIN_PASSWORD} characters.")
        return cls(name, password)


def environment(database: str, account: Account, scratch: Path) -> dict[str, str]:
    """Return what tells MLflow its database and its administrator; nothing of it is seen in `ps`.

    Parameters
    ----------
    scratch
        A folder that only we can read, for the settings of MLflow's basic authentication.
    """
    settings = scratch / "basic_auth.ini"
    lines = ["[mlflow]", "default_permission = READ", f"database_uri = {database.replace('%', '%%')}"]
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {
        "MLFLOW_BACKEND_STORE_URI": database,
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_USERNAME": account.name,
        "MLFLOW_AUTH_ADMIN_PASSWORD": account.password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
    }


@contextmanager
def served(
    arguments: Sequence[str], host: str, port: int, more: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Start ``mlflow ARGUMENTS`` and wait until it answers; it ends with the block, its workers too.

    Parameters
    ----------
    more
        Environment variables besides our own.
    log
        Where MLflow writes a line for each request.

    Raises
    ------
    InputError
        If the port is taken, or the server ends at once or never answers.
    """
    reserve(host, port).close()  # else whoever has the port would be taken for ours
    command = [sys.executable, "-m", "mlflow", *arguments, "--host", host, "--port", str(port)]
    variables = {**os.environ, **_QUIET, **more}
    variables.pop(VARIABLE, None)  # a server has its own store
    with open(log, "w", opener=_for_us_alone) as words:
        server = subprocess.Popen(  # noqa: S603 (our own words, no shell)
            command, env=variables, stdout=words, stderr=words, start_new_session=True, umask=0o077
        )
    try:
        with watchdog(["/bin/sh", "-c", _END, "end", str(server.pid)]):
            _await(server, f"http://{host}:{port}", log)
            yield server
    finally:
        _end(server)


def _for_us_alone(path: str, flags: int) -> int:
    file = os.open(path, flags, 0o600)
    os.fchmod(file, 0o600)  # one of an earlier release, too
    return file


def check_login(address: str, account: Account) -> None:
    """Make sure that the server lets the account in.

    Raises
    ------
    ConfigError
        If it does not: the account was made at the first start, with another password.
    """
    url = f"{address}/api/2.0/mlflow/experiments/search?max_results=1"
    answer = _ask(url, auth=(account.name, account.password), timeout=30)
    if answer.status_code in (401, 403):
        raise ConfigError(
            f"The server's database knows {account.name} with another password than {PASSWORD}.",
            "Use the one of the first start; docs/how-to/server.md says how to change it.",
        )


def names(hosts: Sequence[str]) -> dict[str, str]:
    """Return what tells MLflow the names it answers to besides this machine's own; nothing if there are none.

    A page that a browser opened under one of them may also change what the server keeps.
    """
    if not hosts:
        return {}
    from mlflow.server.security_utils import get_default_allowed_hosts

    known = [*get_default_allowed_hosts(), *hosts, *(f"{host}:*" for host in hosts)]
    pages = [f"{scheme}://{host}" for host in hosts for scheme in ("https", "http")]
    return {
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(known),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join([*pages, *(f"{page}:*" for page in pages)]),
    }


def _ask(url: str, *, timeout: float, auth: tuple[str, str] | None = None) -> requests.Response:
    """Ask the server on this machine; a proxy in the environment leads elsewhere."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, auth=auth, timeout=timeout)


def _await(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    import requests

    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if server.poll() is not None:
            raise InputError(
                f"MLflow on {address} ended with code {server.returncode}.",
                f"Is the port taken? Use port=5001. Its own words: {log}",
            )
        try:
            if _ask(f"{address}/health", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.3)
    raise InputError(
        f"MLflow on {address} did not answer within {PATIENCE:.0f} seconds.", f"Its own words: {log}"
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and its workers, which it starts as children and leaves behind when killed."""
    for word, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, None)):
        try:
            os.killpg(server.pid, word)
            server.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
