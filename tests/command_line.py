"""The command line in a process of its own, and the smallest comparison that does everything."""

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SMALL = [
    "source.accounts=500",
    "tuning.n_trials=2",
    "segmenters.gaussian_mixture.n_trials=2",
    "+segmenters.autoencoder.params.epochs=4",
    "segmenters.kmeans.n_trials=3",
    "evaluation.n_finalists=1",
    "evaluation.n_splits=2",
    "evaluation.n_bootstrap=40",
    "evaluation.null_copies=2",
]
"""Everything that a full comparison does, with as little of it as possible."""


MAIN = "import sys; from segmentwerk.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Finished:
    """A verb that ended: its exit code, what it printed, and its summary where there is one."""

    code: int
    stdout: str
    stderr: str
    home: Path

    @property
    def summary(self) -> dict:
        return json.loads(Path(self.stdout.strip().splitlines()[-1]).read_text())


def surroundings() -> dict[str, str]:
    """Return the environment without a store that MLflow was told of in this process."""
    return {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}


def segmentwerk(*arguments: str, home: Path, cwd: Path | None = None, **environment: str) -> Finished:
    """Run the command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        cwd=cwd or home,
        env={**surroundings(), "SEGMENTWERK_HOME": str(home), **environment},
    )
    return Finished(done.returncode, done.stdout, done.stderr, home)


def in_process(*arguments: str, home: Path, monkeypatch, capsys) -> Finished:
    """Run the command line in this process: faster, for what ends before any work starts."""
    from segmentwerk.cli import main

    monkeypatch.setenv("SEGMENTWERK_HOME", str(home))
    monkeypatch.setattr(sys, "argv", ["segmentwerk", *arguments])
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        code = main()
    finally:  # Hydra's handlers write to streams that end with this test
        for handler in set(root.handlers) - set(handlers):
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
    printed = capsys.readouterr()
    return Finished(code, printed.out, printed.err, home)
