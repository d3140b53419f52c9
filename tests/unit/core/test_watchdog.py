"""What must not outlive us is ended by somebody else, however we end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from segmentwerk.core.watchdog import watchdog
from segmentwerk.tracking.serving import _END

OWNER = """
import signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup would have it ignored
from segmentwerk.core.watchdog import watchdog
with watchdog(["touch", sys.argv[1]]):
    print("inside", flush=True)
    time.sleep(60)
"""


def wait_for(path, seconds=10.0):
    until = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return path.exists()


@pytest.mark.parametrize("word", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_the_command_runs_when_we_are_ended(tmp_path, word):
    command = [sys.executable, "-c", OWNER, str(tmp_path / "done")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as owner:
        assert owner.stdout.readline() == b"inside\n"
        os.killpg(owner.pid, word)  # as a terminal that closes does
    assert wait_for(tmp_path / "done")


def test_the_words_that_end_a_group_are_understood_by_any_shell():
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as group:
        words = _END.replace("sleep 10; ", "")
        subprocess.run(["/bin/sh", "-c", words, "end", str(group.pid)], check=False)
        assert group.wait(5) in (-signal.SIGTERM, -signal.SIGKILL)


def test_nothing_runs_where_the_block_is_left(tmp_path):
    with watchdog(["touch", str(tmp_path / "left")]):
        pass
    with pytest.raises(KeyError), watchdog(["touch", str(tmp_path / "raised")]):
        raise KeyError
    time.sleep(0.3)
    assert list(tmp_path.iterdir()) == []
