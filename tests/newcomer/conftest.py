"""A machine that was told nothing: empty home, a user without rights, blank and umlaut in the path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).parent / "segmentwerk"
OTHER = "nobody"


@dataclass(frozen=True)
class Newcomer:
    """Somebody at a terminal in ``folder``; ``prefix`` runs a command as another user than root."""

    folder: Path
    prefix: tuple[str, ...]

    @property
    def home(self) -> Path:
        """The data directory."""
        return self.folder / ".segmentwerk"

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "SEGMENTWERK_HOME": str(self.home),  # else the data would lie in the checkout
        }
        return subprocess.run(
            [*self.prefix, *map(str, command)],
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
        )

    def segmentwerk(self, *arguments: str) -> dict:
        """Give a command, which must end well, and return its summary."""
        done = self.run(PROGRAM, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(Path(done.stdout.strip().splitlines()[-1]).read_text(encoding="utf-8"))

    def hand_over(self) -> None:
        """Let the other user own what the test wrote."""
        if self.prefix:
            for path in [self.folder.parent, self.folder, *self.folder.rglob("*")]:
                shutil.chown(path, OTHER)


@pytest.fixture
def newcomer() -> Iterator[Newcomer]:
    place = Path(
        tempfile.mkdtemp(prefix="segmentwerk-newcomer-")
    )  # pytest's own folders are closed to others
    folder = place / "Größe 1"
    (folder / "home").mkdir(parents=True)
    try:
        somebody = Newcomer(folder, ())
        if os.geteuid() == 0 and shutil.which("runuser"):
            other = Newcomer(folder, ("runuser", "-u", OTHER, "--"))
            other.hand_over()
            if other.run(sys.executable, "-c", "import segmentwerk.cli").returncode == 0:
                somebody = other
        yield somebody
    finally:
        shutil.rmtree(place, ignore_errors=True)
