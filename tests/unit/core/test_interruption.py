"""SIGTERM ends a run within seconds, wherever it is."""

import signal
import subprocess
import sys
import time

import pytest

from segmentwerk.core.interruption import EXIT_CODE

START = """
import signal, sys, time
from segmentwerk.core.interruption import interruptible, is_interruption, stoppable
def begun():
    print("begun", flush=True)
"""
IN_A_QUERY = """
import duckdb
con = stoppable(duckdb.connect())
con.execute("SET enable_progress_bar = false")
try:
    with interruptible(2.0):
        begun()
        con.execute("SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) % 7 = 3").fetchall()
except BaseException as error:
    con.close()
    sys.exit(130 if is_interruption(error) else 1)
"""
DEAF = """
with interruptible(1.0):
    begun()
    while True:
        try:
            time.sleep(0.1)
        except BaseException:
            pass
"""
IN_A_LIBRARY = """
import hashlib
with interruptible(1.0):
    begun()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes in C, without a look at signals
"""
IN_PYTHON = """
from segmentwerk.core.interruption import Terminated
try:
    with interruptible(60.0):
        begun()
        time.sleep(20)
except Terminated:
    sys.exit(7)
"""

AFTER_ITS_CONNECTION = """
import duckdb
from segmentwerk.core.interruption import Terminated
con = stoppable(duckdb.connect())
con.close()
try:
    with interruptible(60.0):
        begun()
        time.sleep(20)
except Terminated:
    sys.exit(7)
"""


def ended(code):
    """Return exit code, seconds from SIGTERM to the end, and what was said."""
    command = [sys.executable, "-c", START + code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        time.sleep(0.3)
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    return process.returncode, time.monotonic() - begin, said


@pytest.mark.parametrize("code", [IN_A_QUERY, DEAF, IN_A_LIBRARY], ids=["query", "deaf", "library"])
def test_the_end_comes_within_seconds(code):
    returned, seconds, _ = ended(code)
    assert returned == EXIT_CODE
    assert seconds < 5


def test_the_last_words_say_that_something_may_be_left():
    assert b"segmentwerk: Ended before everything was tidied up" in ended(DEAF)[2]


def test_the_block_is_left_by_an_exception():
    returned, seconds, _ = ended(IN_PYTHON)
    assert returned == 7
    assert seconds < 5


def test_a_connection_that_was_closed_is_no_obstacle():
    code, _, words = ended(AFTER_ITS_CONNECTION)
    assert (code, words) == (7, b"")
