"""Kill -9 what writes ledger and exports at random moments: the same again ends as if it never happened."""

import multiprocessing
import random
import signal
import time

import pytest

from handing_over import hand_over
from segmentwerk.activation import ledger

SINKS = ("csv", "xlsx")
ACCOUNTS = 300
PRELOADED = ["xlsxwriter", *(f"segmentwerk.activation.{name}" for name in ("consent", "exporting", "ledger"))]
"""What the processes find imported, so that kills hit the work."""


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def tree(home):
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def start(processes, home):
    process = processes.Process(target=hand_over, args=(str(home), ACCOUNTS, *SINKS))
    process.start()
    return process


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_any_moment_and_typed_again(kills, processes, tmp_path):
    warm = start(processes, tmp_path / "warm")  # the first one starts the server and imports everything
    warm.join(60)
    begin = time.monotonic()
    undisturbed = start(processes, tmp_path / "undisturbed")
    undisturbed.join(60)
    assert undisturbed.exitcode == 0
    seconds = time.monotonic() - begin
    wanted = tree(tmp_path / "undisturbed")
    assert len(wanted) == 11
    choice = random.Random(kills)
    unfinished = 0
    for at in range(kills):
        home = tmp_path / str(at)
        process = start(processes, home)
        time.sleep(choice.uniform(0, seconds))
        process.kill()
        process.join(60)
        assert process.exitcode in (0, -signal.SIGKILL)
        assert len(ledger.read(home / "ledger")) in (0, ACCOUNTS)
        left = tree(home)
        unfinished += left != wanted
        whole = {name for name in left if not any(part.startswith(".") for part in name.split("/"))}
        assert all(left[name] == wanted[name] for name in whole)
        again = start(processes, home)
        again.join(60)
        assert again.exitcode == 0
        assert tree(home) == wanted
    assert unfinished > kills // 3, "most kills came too late to tell anything"


def test_two_at_once_write_once(processes, tmp_path):
    together = [start(processes, tmp_path / "home") for _ in range(3)]
    for process in together:
        process.join(60)
    assert [process.exitcode for process in together] == [0, 0, 0]
    hand_over(tmp_path / "alone", ACCOUNTS, *SINKS)
    assert tree(tmp_path / "home") == tree(tmp_path / "alone")
