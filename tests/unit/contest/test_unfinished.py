"""A killed run is gone on with; one that ended, however it did, is not."""

import os
import subprocess
import sys

import pytest

from segmentwerk.contest.unfinished import unfinished

KILLED = """
import os, sys
from pathlib import Path
from segmentwerk.contest.unfinished import unfinished
with unfinished(Path(sys.argv[1]), "compare", {"seed": 1}) as key:
    print(key, flush=True)
    os._exit(9)
"""


def key_of(home, *what):
    with unfinished(home, *what) as key:
        return key


def test_a_killed_run_of_the_same_is_gone_on_with(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert killed.returncode == 9
    assert key_of(tmp_path, "compare", {"seed": 2}) != killed.stdout.strip()
    assert key_of(tmp_path, "compare", {"seed": 1}) == killed.stdout.strip()
    assert key_of(tmp_path, "compare", {"seed": 1}) != killed.stdout.strip()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_run_that_ended_in_an_error_begins_anew(tmp_path, error):
    with pytest.raises(error), unfinished(tmp_path, "compare") as key:
        raise error
    assert key_of(tmp_path, "compare") != key
    assert not list((tmp_path / "unfinished").glob("*.key"))
